"""Reading for the doctor: which runs there are, each of them as a whole, and what Batch has of their jobs.

Owns the order of reading, which keeps what moves meanwhile from looking broken. Reads only.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from batchwright.doctor.job_rules import check_jobs, check_strays, job_ids_of, queues_of
from batchwright.doctor.rules import REPORT, Finding, Patience, Seen, Severity, check
from chalicelib.core.errors import Defect, UserMistake
from chalicelib.core.limits import DESCRIBE_IDS
from chalicelib.core.plan.model import Plan, indexes_in
from chalicelib.core.run.records import Run, Tally, TaskRecord, in_epoch
from chalicelib.core.run.redrive import Kept, kept_endings
from chalicelib.core.states import TaskState
from chalicelib.ports.store import Store

SECOND_LOOK_SECONDS = 5.0
JOBS_MAXIMUM = 20_000
"""How many jobs are described at most, over all runs: at 100 a call, and for their bill is the caller's patience."""
_LOOKS = 3
_ALIVE = ("SUBMITTED", "PENDING", "RUNNABLE", "STARTING", "RUNNING")
_UNREADABLE = (KeyError, ValueError, TypeError, AttributeError)


class Jobs(Protocol):
    """What is asked of Batch."""

    def describe(self, job_ids: Sequence[str]) -> dict[str, Mapping[str, Any]]:
        """As the Batch port's."""
        ...

    def alive(self, queue: str, limit: int) -> list[str]:
        """The ids of up to `limit` jobs of a queue that have not ended; none of a queue that is gone."""
        ...


@dataclass
class Report:
    """What was looked at and what was found. `left_out` says what was too much, `hints` what is not wrong and could be
    better."""

    runs: int = 0
    tasks: int = 0
    jobs: int = 0
    findings: list[Finding] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    hints: list[str] = field(default_factory=list)


class Doctor:
    """Looks at runs. `jobs` may be None: then nothing is asked of Batch."""

    def __init__(self, store: Store, jobs: Jobs | None, patience: Patience, now_ms: Callable[[], int]) -> None:
        self._store = store
        self._jobs = jobs
        self._patience = patience
        self._now_ms = now_ms
        self._plans: dict[str, Plan] = {}

    def look(self, run_ids: Iterable[str]) -> Report:
        """Everything that is wrong with these runs."""
        report = Report()
        runs: dict[str, Run] = {}
        known: dict[str, Seen] = {}
        queues: set[str] = set()
        for run_id in run_ids:
            report.runs += 1
            try:
                epochs = self.read(run_id)
            except _Broken as broken:
                report.findings.append(replace(broken.finding, run_id=run_id))
                continue
            for seen in epochs:
                report.findings += check(seen, self._now_ms(), self._patience)
                self._ask_batch(seen, report)
                queues |= queues_of(seen)
            if epochs:
                report.tasks += len(epochs[-1].plan.tasks)
                runs[run_id], known[run_id] = epochs[-1].run, epochs[-1]
        self._look_for_strays(queues, runs, known, report)
        return report

    def look_twice(self, run_ids: Sequence[str]) -> Report:
        """Look, and if anything is wrong look at that again a few seconds later: what is so no more was on its way."""
        report = self.look(run_ids)
        if not report.findings:
            return report
        time.sleep(SECOND_LOOK_SECONDS)
        again = self.look(dict.fromkeys(finding.run_id for finding in report.findings))
        still = {(finding.run_id, finding.rule, finding.place) for finding in again.findings}
        report.findings = [one for one in report.findings if (one.run_id, one.rule, one.place) in still]
        return report

    def read(self, run_id: str) -> list[Seen]:
        """The run in each of its epochs, the current one last; nothing if it is gone, or never holds still."""
        for _ in range(_LOOKS):
            run = self._run(run_id)
            if run is None:
                return []
            seen = [self._epoch(run, epoch) for epoch in range(run.epoch + 1)]
            after = self._run(run_id)
            # What was read in between belongs to a run in this state.
            if after is not None and (after.epoch, after.state) == (run.epoch, run.state):
                return seen
        return []

    def _run(self, run_id: str) -> Run | None:
        try:
            return self._store.run(run_id)
        except _UNREADABLE as error:
            raise _Broken("a run's record can be read", f"{type(error).__name__}: {error}") from error

    def _epoch(self, run: Run, epoch: int) -> Seen:
        current, over_at_ms = epoch == run.epoch, run.ended_at_ms if run.state.ended else None
        run = in_epoch(run, epoch)
        plan = self._plan(run.plan_digest)
        kept = self._kept(run) if current else ({} if epoch == 0 else None)
        records: list[TaskRecord] = []
        try:
            # One shard more, for whoever wrote beyond the plan.
            for shard in range(plan.shard_count + 1):
                records += self._store.tasks(run.run_id, epoch, shard)
            # After the records: an ending is tallied first, so a record that ended has its entry by now.
            tallies = {shard: self._store.read_tally(run.run_id, epoch, shard) for shard in range(plan.shard_count)}
            records += self._claimed_meanwhile(run, records, tallies, kept)
        except _UNREADABLE as error:
            raise _Broken("tallies and records can be read", f"{type(error).__name__}: {error}") from error
        return Seen(run, plan, tallies, tuple(records), kept, over_at_ms, current)

    def _claimed_meanwhile(
        self, run: Run, records: Sequence[TaskRecord], tallies: Mapping[int, Tally], kept: Kept | None
    ) -> list[TaskRecord]:
        """The records of tasks that ended by their jobs, and had none when the records were read."""
        if kept is None:
            return []
        known = {record.attempt.index for record in records}
        ended = [
            index
            for shard, tally in tallies.items()
            for ending in (TaskState.SUCCEEDED, TaskState.FAILED)
            for index in indexes_in(shard, tally.mask(ending) & ~kept.get(shard, {}).get(ending, 0))
        ]
        found = [self._store.task(run.run_id, run.epoch, index) for index in ended if index not in known]
        return [record for record in found if record is not None]

    def _plan(self, digest: str) -> Plan:
        if digest not in self._plans:
            try:
                self._plans[digest] = self._store.plan(digest)
            except (Defect, zlib.error, *_UNREADABLE) as error:
                raise _Broken("a run's plan can be read", str(error)) from error
        return self._plans[digest]

    def _kept(self, run: Run) -> Kept | None:
        if run.redrive is None:
            return {}
        before = in_epoch(run, run.epoch - 1)
        old = self._plan(before.plan_digest)
        ended = {shard: self._store.read_tally(run.run_id, before.epoch, shard) for shard in range(old.shard_count)}
        try:
            return kept_endings(old, ended, self._plan(run.plan_digest), run.redrive)
        except UserMistake as mistake:
            # It was checked before the epoch began.
            raise _Broken("a redrive keeps what it said", str(mistake)) from mistake

    def _ask_batch(self, seen: Seen, report: Report) -> None:
        if self._jobs is None:
            return
        ids = job_ids_of(seen)
        room = JOBS_MAXIMUM - report.jobs
        if len(ids) > room:
            report.left_out.append(f"{len(ids) - room:,} jobs of run {seen.run.run_id} were not asked about")
        ids = ids[:room]
        report.jobs += len(ids)
        described = self._described(ids)
        report.findings += check_jobs(seen, described, self._now_ms(), self._patience)

    def _described(self, ids: Sequence[str]) -> dict[str, Mapping[str, Any]]:
        assert self._jobs is not None, "whoever describes has somebody to ask"
        found: dict[str, Mapping[str, Any]] = {}
        for at in range(0, len(ids), DESCRIBE_IDS):
            found |= self._jobs.describe(ids[at : at + DESCRIBE_IDS])
        return found

    def _look_for_strays(
        self, queues: Iterable[str], runs: dict[str, Run], known: Mapping[str, Seen], report: Report
    ) -> None:
        if self._jobs is None:
            return
        for queue in sorted(queues):
            ids = self._jobs.alive(queue, JOBS_MAXIMUM)
            if len(ids) == JOBS_MAXIMUM:
                report.left_out.append(f"queue {queue} has more than {JOBS_MAXIMUM:,} jobs; the rest was not looked at")
            listed = list(self._described(ids).values())
            for run_id in _strangers(listed, runs):
                run = self._run(run_id)
                if run is not None:
                    runs[run_id] = run
            report.findings += check_strays(listed, runs, known, self._now_ms(), self._patience)


def _strangers(listed: Iterable[Mapping[str, Any]], runs: Mapping[str, Run]) -> Iterator[str]:
    """The runs of listed jobs that were not looked at."""
    named = {str((job.get("parameters") or {}).get("batchwright_run", "")) for job in listed}
    yield from sorted(named - runs.keys() - {""})


class _Broken(Exception):
    """Something of a run cannot be read at all."""

    def __init__(self, rule: str, value: str) -> None:
        super().__init__(value)
        self.finding = Finding(Severity.ERROR, rule, "", "run", value, REPORT)


class BatchJobs:
    """`Jobs` over boto3's client for Batch."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def describe(self, job_ids: Sequence[str]) -> dict[str, Mapping[str, Any]]:
        return {job["jobId"]: job for job in self._client.describe_jobs(jobs=list(job_ids))["jobs"]}

    def alive(self, queue: str, limit: int) -> list[str]:
        found: dict[str, None] = {}
        known = self._client.describe_job_queues(jobQueues=[queue])["jobQueues"]
        for status in _ALIVE if known else ():
            pages = self._client.get_paginator("list_jobs").paginate(jobQueue=queue, jobStatus=status)
            for page in pages:
                found |= dict.fromkeys(job["jobId"] for job in page["jobSummaryList"])
                if len(found) >= limit:
                    return list(found)[:limit]
        return list(found)


def run_ids_in(dynamodb: Any, table: str, index: str) -> list[str]:
    """The ids of all runs, from the index that holds nothing else. Eventually consistent."""
    pages = dynamodb.get_paginator("scan").paginate(TableName=table, IndexName=index, ProjectionExpression="pk")
    return sorted(item["pk"]["S"].removeprefix("RUN#") for page in pages for item in page["Items"])
