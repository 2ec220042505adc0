"""The store port's part about jobs in memory; a part of tests/memory/store.py."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from chalicelib.core.batch.job_record import EVERY_JOB, JobFilter, JobPlace, JobRecord, JobState, ListedJobs
from chalicelib.core.monitor.counts import Counted


class MemoryJobs:
    """The records of jobs, by id. `kept_until_ms` tells when each would be forgotten; none is."""

    def __init__(self) -> None:
        self._jobs: dict[str, JobRecord] = {}
        self._quiet_since_ms: dict[str, int] = {}
        self.kept_until_ms: dict[str, int] = {}

    def observe_job(self, record: JobRecord, keep_until_ms: int, counted: Counted | None = None) -> JobRecord | None:
        stored = self._jobs.get(record.job_id)
        if stored is not None and stored.order >= record.order:
            return stored
        self._jobs[record.job_id] = record
        self._quiet_since_ms[record.job_id] = record.seen_at_ms
        self.kept_until_ms[record.job_id] = keep_until_ms
        if counted is not None:
            self.count(counted)
        return None

    def count(self, counted: Counted) -> None:
        """Count an ending. The part about monitors has the counts."""
        raise NotImplementedError

    def job(self, job_id: str) -> JobRecord | None:
        return self._jobs.get(job_id)

    def list_jobs(self, limit: int, wanted: JobFilter = EVERY_JOB, *, after: JobPlace | None = None) -> ListedJobs:
        found = sorted(filter(wanted.wants, self._jobs.values()), key=lambda record: record.place.order, reverse=True)
        found = [record for record in found if after is None or record.place.order < after.order]
        return ListedJobs(tuple(found[:limit]), found[limit - 1].place if len(found) > limit else None)

    def open_jobs(
        self, limit: int, states: Sequence[JobState], until_ms: int, *, after: JobPlace | None = None
    ) -> ListedJobs:
        wanted = JobFilter(states=tuple(states), until_ms=until_ms)
        found = sorted(filter(wanted.wants, self._jobs.values()), key=lambda record: record.place.order)
        found = [record for record in found if after is None or record.place.order > after.order]
        return ListedJobs(tuple(found[:limit]), found[limit - 1].place if len(found) > limit else None)

    def silent_jobs(self, before_ms: int, limit: int) -> list[JobRecord]:
        silent = [
            record
            for job_id, record in self._jobs.items()
            if not record.is_over and max(record.created_at_ms, self._quiet_since_ms[job_id]) < before_ms
        ]
        return sorted(silent, key=lambda record: record.place.order)[:limit]

    def job_asked(self, record: JobRecord, at_ms: int, keep_until_ms: int) -> None:
        stored = self._jobs.get(record.job_id)
        if stored is not None and stored.order == record.order:
            self._quiet_since_ms[record.job_id] = at_ms
            self.kept_until_ms[record.job_id] = keep_until_ms

    def job_lost(self, record: JobRecord, at_ms: int) -> bool:
        stored = self._jobs.get(record.job_id)
        if stored is None or stored.is_over or stored.order != record.order:
            return False
        self._jobs[record.job_id] = replace(stored, lost_at_ms=at_ms)
        return True
