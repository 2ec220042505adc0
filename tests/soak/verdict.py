"""What must be so after a soak, and what is not: every run against its oracle, every job of Batch against its attempt.

Reads the table, Batch and the queues. Owns the violations' words, and the counts.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from batchwright.doctor.reader import BatchJobs, Doctor, run_ids_in
from batchwright.doctor.rules import patience_of
from batchwright.local.batch.publisher import EVENTS_TOLD
from batchwright.local.isolation import client
from batchwright.local.stack import LocalAws
from chalicelib.aws.table.items import RUNS_BY_WORKFLOW
from chalicelib.core.ids import Attempt, attempt_from_parameters
from chalicelib.core.plan.model import offset_of, shard_of
from chalicelib.core.states import RunState
from chalicelib.engine.advance.submit import SECOND_JOB_REASON
from chalicelib.ports.services import Clock
from chalicelib.ports.store import Store
from chalicelib.wiring import settings_of
from tests.functional.movie_ratings import films_in
from tests.soak.plays import Play
from tests.soak.stage import LEASE, messages_in

LATER_MS = 86_400_000
"""The doctor looks as if a day had passed, so that nothing counts as under way. Nothing is, for every run is over."""

Job = Mapping[str, Any]


class Verdict:
    """What came out of a soak. `violations` are for people, one each."""

    def __init__(self, aws: LocalAws, store: Store, plays: Sequence[Play], clock: Clock) -> None:
        self.violations: list[str] = []
        self.counts: Counter[str] = Counter(
            {"runs": len(plays), "tasks": 0, "attempts": 0, "jobs": 0, "second jobs": 0}
        )
        self._aws = aws
        self._store = store
        self._plays = plays
        self._clock = clock

    def reach(self) -> None:
        """Look at everything."""
        jobs = self._all_jobs()
        by_attempt: dict[Attempt, list[Job]] = {}
        for job in jobs:
            attempt = attempt_from_parameters(job.get("parameters") or {})
            assert attempt is not None, "only runs submit here"
            by_attempt.setdefault(attempt, []).append(job)
        self.counts.update(jobs=len(jobs), attempts=len(by_attempt))
        self._check_jobs(by_attempt)
        self._count_claims({job["jobId"]: job for job in jobs})
        tried: dict[tuple[str, int], set[tuple[int, int]]] = {}
        for attempt in by_attempt:
            tried.setdefault((attempt.run_id, attempt.epoch), set()).add((attempt.index, attempt.number))
        for play in self._plays:
            self.violations += [f"run {play.run_id}: {one}" for one in self._check_play(play, tried)]
        self._check_queues()
        self._check_doctor()

    def _all_jobs(self) -> list[Job]:
        batch = client("batch", self._aws.environment)
        named = [{"name": "JOB_NAME", "values": ["*"]}]
        pages = batch.get_paginator("list_jobs").paginate(jobQueue="default", filters=named)
        ids = [job["jobId"] for page in pages for job in page["jobSummaryList"]]
        jobs: list[Job] = []
        for at in range(0, len(ids), 100):
            jobs += batch.describe_jobs(jobs=ids[at : at + 100])["jobs"]
        return jobs

    def _check_jobs(self, by_attempt: Mapping[Attempt, Sequence[Job]]) -> None:
        for attempt, jobs in by_attempt.items():
            for job in jobs:
                if job["status"] not in ("SUCCEEDED", "FAILED"):
                    self.violations.append(f"{attempt}: job {job['jobId']} is {job['status']}")
            surviving = [job["jobId"] for job in jobs if job.get("statusReason") != SECOND_JOB_REASON]
            self.counts["second jobs"] += len(jobs) - 1
            if len(surviving) != 1:
                told = [(job["jobId"], job["status"], job.get("statusReason")) for job in jobs]
                self.violations.append(f"{attempt}: {len(surviving)} surviving jobs: {told}")

    def _count_claims(self, jobs: Mapping[str, Job]) -> None:
        """Count the last claims that somebody took over from a dead owner, and of these the jobs that were there by
        then: adopted by their name. (Who adopts by a job's event leaves no trace.)"""
        self.counts.update({"claims taken over": 0, "jobs adopted by name": 0})
        for play in self._plays:
            run = self._store.run(play.run_id)
            assert run is not None, "nobody deletes runs"
            for epoch in range(run.epoch + 1):
                for shard in range(play.plan.shard_count):
                    for record in self._store.tasks(run.run_id, epoch, shard):
                        if not record.claim or not record.claim.lease_until_ms:
                            continue
                        taken_ms = record.claim.lease_until_ms - LEASE * 1000
                        job = jobs.get(record.job_id or "")
                        is_taken_over = taken_ms > (record.claimed_at_ms or 0)
                        self.counts["claims taken over"] += is_taken_over
                        self.counts["jobs adopted by name"] += bool(
                            is_taken_over and job and job["createdAt"] < taken_ms
                        )

    def _check_play(self, play: Play, tried: Mapping[tuple[str, int], set[tuple[int, int]]]) -> Iterator[str]:
        run, plan, wanted = self._store.run(play.run_id), play.plan, play.expected
        assert run is not None, "nobody deletes runs"
        self.counts["tasks"] += len(plan.tasks)
        if run.epoch in play.cancels and run.state is RunState.CANCELLED:
            self.counts["left cancelled"] += 1
        else:
            if run.state != wanted.run:
                yield f"is {run.state} in epoch {run.epoch}, must be {wanted.run}"
            tallies = {shard: self._store.read_tally(run.run_id, run.epoch, shard) for shard in range(plan.shard_count)}
            for index, task in enumerate(plan.tasks):
                ending = tallies[shard_of(index)].ending_of(offset_of(index))
                if ending != wanted.tasks[task.name]:
                    yield f"task {index} '{task.name}' is {ending}, must be {wanted.tasks[task.name]}"
        for epoch in range(run.epoch + 1):
            found = {(plan.tasks[index].name, number) for index, number in tried.get((run.run_id, epoch), set())}
            if extra := found - wanted.attempts:
                yield f"epoch {epoch} had jobs for {sorted(extra)}, which must not be"
            if epoch == 0 and epoch not in play.cancels and (missing := wanted.attempts - found):
                yield f"epoch {epoch} had no job for {sorted(missing)}"
        if play.films is not None:
            yield from self._check_films(play)

    def _check_films(self, play: Play) -> Iterator[str]:
        assert play.films is not None, "it is a run that imports films"
        found = films_in(client("dynamodb", self._aws.environment), f"movie-ratings-{play.run_id}")
        different = [film for film in found.keys() | play.films.keys() if found.get(film) != play.films.get(film)]
        self.counts["film rows"] += len(found)
        if different:
            film = min(different)
            yield (
                f"{len(different)} of {len(play.films)} films are not as in the archive; "
                f"film {film} is {found.get(film)}, must be {play.films.get(film)}"
            )

    def _check_queues(self) -> None:
        sqs = client("sqs", self._aws.environment)
        for name in ("EVENTS", "COMMANDS"):
            dead = messages_in(sqs, self._aws.environment[f"BATCHWRIGHT_{name}_DEAD_URL"])
            self.counts["dead letters"] += dead
            if dead:
                url = self._aws.environment[f"BATCHWRIGHT_{name}_DEAD_URL"]
                letters = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"])
                told = [(one["Body"], one.get("MessageAttributes")) for one in letters.get("Messages", [])]
                self.violations.append(f"the dead letters of the {name.lower()} queue hold {dead}: {told}")

    def _check_doctor(self) -> None:
        environment = self._aws.environment
        patience = patience_of(settings_of(environment))
        doctor = Doctor(
            self._store, BatchJobs(client("batch", environment)), patience, lambda: self._clock.now_ms() + LATER_MS
        )
        ids = run_ids_in(client("dynamodb", environment), environment["BATCHWRIGHT_TABLE"], RUNS_BY_WORKFLOW)
        report = doctor.look(ids)
        self.counts["doctor looked at"] = report.runs
        self.violations += [f"doctor: {finding}" for finding in report.findings]


def event_counts(folder: Path) -> Counter[str]:
    """How many events the local Batch told, repeated and lost on purpose: it says so when it ends."""
    found = re.search(re.escape(EVENTS_TOLD) + r"(.*)", (folder / "batch.log").read_text(encoding="utf-8"))
    if not found:
        return Counter()
    pairs = (part.split(" ", 1) for part in found[1].split(", "))
    return Counter({f"events {name}" if name != "events" else name: int(number) for number, name in pairs})
