"""The store port in memory: dictionaries of frozen records, one method one step.

The reference that the table's adapter is held against (tests/contract), and the simulator's store. Not made for
threads: every method runs to its end before the next begins.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from chalicelib.core.batch.result import JobResult
from chalicelib.core.errors import Defect, PreconditionFailed
from chalicelib.core.ids import Attempt
from chalicelib.core.lease import Lease, is_free
from chalicelib.core.notice.kinds import NoticeKind
from chalicelib.core.notice.model import ToldJob
from chalicelib.core.notice.window import Window
from chalicelib.core.plan.model import Plan, shard_of
from chalicelib.core.plan.task import Requested
from chalicelib.core.run.merge_lists import first_runs
from chalicelib.core.run.records import (
    RELEASED,
    Claim,
    ListedRuns,
    Run,
    RunPlace,
    Tally,
    TaskRecord,
    WorkflowEntry,
    WorkflowVersion,
    check_endings,
    entry_of_push,
)
from chalicelib.core.schedule.decisions import ScheduleRecord
from chalicelib.core.states import RUN_STATES_BEFORE, UNDER_WAY, RunState, TaskState, check_observed, states_before
from chalicelib.ports.store import PAST_REASON_CHARACTERS, RUNS_LOOKED_AT
from tests.memory.jobs import MemoryJobs
from tests.memory.monitors import MemoryMonitors

NOTHING: Mapping[str, Any] = MappingProxyType({})


class MemoryStore(MemoryMonitors, MemoryJobs):
    """All that is in the table, kept in this process."""

    def __init__(self) -> None:
        super().__init__()
        self._versions: dict[str, list[WorkflowVersion]] = {}
        self._deleted: set[str] = set()
        self._plans: dict[str, Plan] = {}
        self._runs: dict[str, Run] = {}
        self._tallies: dict[tuple[str, int, int], Tally] = {}
        self._tasks: dict[tuple[str, int, int], dict[int, TaskRecord]] = {}
        self._schedules: dict[tuple[str, str], ScheduleRecord] = {}
        self._windows: dict[str, Window] = {}
        self._members: dict[str, dict[str, tuple[int, ToldJob]]] = {}

    # Workflows

    def push(
        self, name: str, definition: Mapping[str, Any], plan: Plan, now_ms: int, *, after: int | None = None
    ) -> WorkflowVersion:
        versions = self._versions.setdefault(name, [])
        if after is not None and after != (0 if name in self._deleted else len(versions)):
            raise PreconditionFailed(f"workflow '{name}' was pushed or deleted meanwhile; look at it again")
        last = versions[-1] if versions and name not in self._deleted else None
        if last and (last.plan_digest, last.definition) == (plan.digest, definition):
            return self._copy(last)
        self._deleted.discard(name)
        self._plans[plan.digest] = plan
        versions.append(WorkflowVersion(name, len(versions) + 1, _copied(definition), plan.digest, now_ms))
        return self._copy(versions[-1])

    def workflow(self, name: str, version: int | None = None) -> WorkflowVersion | None:
        versions = [] if name in self._deleted else self._versions.get(name, [])
        number = len(versions) if version is None else version
        return self._copy(versions[number - 1]) if 1 <= number <= len(versions) else None

    def delete_workflow(self, name: str, version: int) -> bool:
        if name in self._deleted or version < 1 or len(self._versions.get(name, [])) != version:
            return False
        self._deleted.add(name)
        return True

    def list_workflows(self, limit: int, *, after: str = "", with_deleted: bool = False) -> list[WorkflowEntry]:
        names = [
            name
            for name, versions in sorted(self._versions.items(), key=lambda item: item[0].encode())
            if versions and name.encode() > after.encode() and (with_deleted or name not in self._deleted)
        ]
        return [self._entry(self._versions[name][-1]) for name in names[:limit]]

    def _entry(self, latest: WorkflowVersion) -> WorkflowEntry:
        if latest.name in self._deleted:
            return WorkflowEntry(latest.name, latest.version, tasks=0, pushed_at_ms=0, is_deleted=True)
        tasks = len(self._plans[latest.plan_digest].tasks)
        return entry_of_push(latest.name, latest.definition, tasks, latest.version, latest.pushed_at_ms)

    def plan(self, digest: str) -> Plan:
        if digest not in self._plans:
            raise Defect(f"plan {digest} is not in the store")
        return self._plans[digest]

    @staticmethod
    def _copy(version: WorkflowVersion) -> WorkflowVersion:
        return replace(version, definition=_copied(version.definition))

    # Runs

    def create_run(self, run: Run) -> Run:
        stored = self._runs.get(run.run_id)
        if stored is not None:
            return replace(stored, params=_copied(stored.params))
        self._runs[run.run_id] = replace(run, params=_copied(run.params) or NOTHING)
        return run

    def run(self, run_id: str) -> Run | None:
        stored = self._runs.get(run_id)
        # Asked for at every event. Without params there is nothing that a caller could change.
        return replace(stored, params=_copied(stored.params)) if stored and stored.params else stored

    def change_run(
        self,
        run_id: str,
        epoch: int,
        to: RunState,
        *,
        ended_at_ms: int | None = None,
        untold: Collection[str] = (),
        lease: Lease | None = None,
    ) -> bool:
        stored = self._runs.get(run_id)
        if stored is None or stored.epoch != epoch or stored.state not in RUN_STATES_BEFORE[to]:
            return False
        if ended_at_ms is not None:
            stored = replace(stored, ended_at_ms=ended_at_ms)
        joined = stored.untold.union(untold)
        self._runs[run_id] = replace(stored, state=to, untold=joined, lease=stored.lease or lease)
        return True

    def switch_run(
        self, run_id: str, epoch: int, to: RunState, *, untold: Collection[str] = (), lease: Lease | None = None
    ) -> Run | None:
        stored = self._runs.get(run_id)
        if stored is None or stored.epoch != epoch or stored.state not in RUN_STATES_BEFORE[to]:
            return None
        switches = stored.switches + 1
        stored = replace(stored, state=to, switches=switches, lease=stored.lease or lease)
        self._runs[run_id] = replace(stored, untold=stored.untold.union(untold))
        return self.run(run_id)

    def lease_run(self, run_id: str, lease: Lease, now_ms: int) -> Run | None:
        stored = self._runs.get(run_id)
        if stored is None or not is_free(stored.lease, lease.owner, now_ms):
            return None
        self._runs[run_id] = replace(stored, lease=lease)
        return self.run(run_id)

    def note_run_told(
        self, run_id: str, told: Collection[str], owner: str, *, seen: Collection[str] | None = None
    ) -> Run | None:
        stored = self._runs.get(run_id)
        if stored is None:
            return None
        ends = seen is not None and stored.untold == frozenset(seen) and _is_owners(stored.lease, owner)
        lease = None if ends else stored.lease
        self._runs[run_id] = replace(stored, untold=stored.untold.difference(told), lease=lease)
        return self.run(run_id)

    def note_run_untold(self, run_id: str, untold: Collection[str], sweep_at_ms: int) -> Run | None:
        stored = self._runs.get(run_id)
        if stored is not None:
            at_ms = sweep_at_ms if stored.sweep_at_ms is None else stored.sweep_at_ms
            self._runs[run_id] = replace(stored, untold=stored.untold.union(untold), sweep_at_ms=at_ms)
        return self.run(run_id)

    def begin_epoch(self, run: Run, before: Run) -> bool:
        stored = self._runs.get(run.run_id)
        if stored is None or stored.epoch != run.epoch - 1 or not stored.state.ended:
            return False
        if (stored.untold, stored.lease) != (before.untold, before.lease):
            return False
        self._runs[run.run_id] = replace(run, params=_copied(run.params) or NOTHING)
        return True

    def epoch_prepared(self, run_id: str, epoch: int) -> None:
        stored = self._runs.get(run_id)
        if stored and stored.epoch == epoch and stored.redrive:
            self._runs[run_id] = replace(stored, redrive=replace(stored.redrive, prepared=True))

    def due_runs(self, now_ms: int, limit: int) -> list[str]:
        due = [
            (run.sweep_at_ms, run.run_id)
            for run in self._runs.values()
            if run.sweep_at_ms is not None and run.sweep_at_ms <= now_ms
        ]
        return [run_id for _, run_id in sorted(due)[:limit]]

    def swept(
        self,
        run: Run,
        *,
        swept_at_ms: int | None,
        sweep_at_ms: int | None,
        next_shard: int = 0,
        untold: Collection[str] = (),
        lease: Lease | None = None,
    ) -> bool:
        stored = self._runs.get(run.run_id)
        if stored is None or (stored.epoch, stored.sweep_at_ms, stored.sweep_shard) != (
            run.epoch,
            run.sweep_at_ms,
            run.sweep_shard,
        ):
            return False
        if sweep_at_ms is None and stored.untold:
            return False
        if swept_at_ms is not None:
            stored = replace(stored, swept_at_ms=swept_at_ms)
        stored = replace(stored, untold=stored.untold.union(untold), lease=stored.lease or lease)
        self._runs[run.run_id] = replace(stored, sweep_at_ms=sweep_at_ms, sweep_shard=next_shard)
        return True

    def list_runs(
        self,
        workflow: str,
        limit: int,
        *,
        state: RunState | None = None,
        since_ms: int | None = None,
        until_ms: int | None = None,
        after: RunPlace | None = None,
    ) -> ListedRuns:
        runs = [
            replace(run, params=_copied(run.params))
            for run in self._runs.values()
            if run.workflow == workflow
            and (since_ms is None or run.created_at_ms >= since_ms)
            and (until_ms is None or run.created_at_ms < until_ms)
            and (after is None or run.created_at_ms <= after.created_at_ms)
        ]
        runs.sort(key=lambda run: run.created_at_ms, reverse=True)
        return first_runs(runs, limit, state, after, RUNS_LOOKED_AT)

    # Tallies

    def tally(
        self, run_id: str, epoch: int, shard: int, endings: Mapping[TaskState, int], *, kept: bool = False
    ) -> Tally | None:
        check_endings(endings)
        before = self.read_tally(run_id, epoch, shard)
        for ending, mask in endings.items():
            if mask & before.ended & ~before.mask(ending):
                return None
        after = before.adding(endings)
        if kept:
            after = replace(after, kept_failed=before.kept_failed | endings.get(TaskState.FAILED, 0))
        self._tallies[run_id, epoch, shard] = after
        return before

    def note_jobs_told(self, run_id: str, epoch: int, shard: int, kind: NoticeKind, told: Collection[int]) -> None:
        seen = self.read_tally(run_id, epoch, shard)
        if kind is NoticeKind.JOB_WAITING:
            after = replace(seen, waiting_told=seen.waiting_told.union(told))
        else:
            after = replace(seen, running_told=seen.running_told.union(told))
        self._tallies[run_id, epoch, shard] = after

    def read_tally(self, run_id: str, epoch: int, shard: int) -> Tally:
        return self._tallies.get((run_id, epoch, shard), Tally())

    def halt(self, run_id: str, epoch: int, shard: int) -> None:
        self._tallies[run_id, epoch, shard] = replace(self.read_tally(run_id, epoch, shard), halt=True)

    def set_pace(self, run_id: str, epoch: int, shard: int, pace: int) -> None:
        seen = self.read_tally(run_id, epoch, shard)
        if seen.pace < pace:
            self._tallies[run_id, epoch, shard] = replace(seen, pace=pace)

    # Task records

    def task(self, run_id: str, epoch: int, index: int) -> TaskRecord | None:
        return self._tasks.get((run_id, epoch, shard_of(index)), {}).get(index)

    def tasks(self, run_id: str, epoch: int, shard: int) -> list[TaskRecord]:
        return [record for _, record in sorted(self._tasks.get((run_id, epoch, shard), {}).items())]

    def claim(
        self,
        attempt: Attempt,
        claim: Claim,
        now_ms: int,
        *,
        requested: Requested | None = None,
        replaces_job: str | None = None,
    ) -> TaskRecord | None:
        found = self._of(attempt)
        past: tuple[JobResult, ...] = ()
        second_jobs: frozenset[str] = frozenset()
        if replaces_job is None:
            if found:
                return found
        else:
            if found is None:
                raise Defect(f"attempt {attempt} is to replace job {replaces_job}, but its task has no record")
            if not _waits_for(found, attempt, replaces_job):
                return found
            past, second_jobs = found.past, found.second_jobs
        record = TaskRecord(
            attempt, TaskState.CLAIMED, claim=claim, claimed_at_ms=now_ms, requested=requested, past=past
        )
        self._put(replace(record, second_jobs=second_jobs))
        return None

    def take_over(self, seen: TaskRecord, claim: Claim, requested: Requested | None = None) -> bool:
        found = self._of(seen.attempt)
        if found is None or not _is_open_claim(found, seen.attempt) or found.claim != seen.claim:
            return False
        self._put(replace(found, claim=claim, requested=requested or found.requested))
        return True

    def release(self, attempt: Attempt, owner: str, *, forbidden_since_ms: int | None = None) -> None:
        found = self._of(attempt)
        if found and _is_open_claim(found, attempt) and found.claim and found.claim.owner == owner:
            since_ms = found.forbidden_since_ms if forbidden_since_ms is None else forbidden_since_ms
            self._put(replace(found, claim=Claim(owner, RELEASED), forbidden_since_ms=since_ms))

    def record_job(self, attempt: Attempt, job_id: str) -> TaskRecord:
        found = self._of(attempt)
        if found is None:
            raise Defect(f"attempt {attempt} has job {job_id}, but its task has no record")
        if not _is_open_claim(found, attempt):
            return found
        return self._put(replace(found, state=TaskState.SUBMITTED, job_id=job_id))

    def observe(
        self, attempt: Attempt, job_id: str, state: TaskState, job_tries: int, started_at_ms: int | None
    ) -> TaskRecord | None:
        check_observed(state)
        found = self._of(attempt)
        if found is None or found.attempt != attempt or job_tries < found.job_tries:
            return found
        if found.job_id != job_id and not _is_open_claim(found, attempt):
            return found
        if found.state not in states_before(state, job_started_over=job_tries > found.job_tries):
            return found
        if started_at_ms is not None:
            found = replace(found, started_at_ms=started_at_ms)
        return self._put(replace(found, state=state, job_id=job_id, job_tries=job_tries))

    def wait_for_retry(self, attempt: Attempt, result: JobResult, retry_at_ms: int) -> bool:
        found = self._of(attempt)
        if found is None or found.attempt != attempt or found.state not in states_before(TaskState.WAITING):
            return False
        if found.job_id not in (None, result.job_id):
            return False
        ended = replace(result, reason=result.reason and result.reason[:PAST_REASON_CHARACTERS])
        past = (*found.past, ended)
        record = TaskRecord(attempt, TaskState.WAITING, job_id=result.job_id, retry_at_ms=retry_at_ms, past=past)
        self._put(replace(record, requested=found.requested, second_jobs=found.second_jobs))
        return True

    def commit(self, attempt: Attempt, state: TaskState, result: JobResult | None) -> TaskRecord | None:
        found = self._of(attempt)
        if found and found.attempt == attempt and found.state in states_before(state):
            job_id = found.job_id or (result.job_id if result else None)
            self._put(replace(found, state=state, job_id=job_id, result=result, retry_at_ms=None))
        return found

    def request_cancel(self, seen: TaskRecord) -> bool:
        found = self._of(seen.attempt)
        if found is None or not _is_open_claim(found, seen.attempt):
            return False
        self._put(replace(found, cancel_requested=True))
        return True

    def mark_missing(self, attempt: Attempt, job_id: str, since_ms: int | None) -> bool:
        found = self._of(attempt)
        if found is None or (found.attempt, found.job_id) != (attempt, job_id) or found.state not in UNDER_WAY:
            return False
        self._put(replace(found, missing_since_ms=since_ms))
        return True

    def add_second_job(self, attempt: Attempt, job_id: str) -> bool:
        found = self._of(attempt)
        if found is None or job_id in found.second_jobs:
            return False
        self._put(replace(found, second_jobs=found.second_jobs | {job_id}))
        return True

    # Schedules

    def schedule(self, workflow: str, name: str) -> ScheduleRecord | None:
        return self._schedules.get((workflow, name))

    def schedules(self, workflow: str) -> list[ScheduleRecord]:
        return [record for (of, _), record in sorted(self._schedules.items()) if of == workflow]

    def put_schedule(self, record: ScheduleRecord) -> bool:
        stored = self._schedules.get((record.workflow, record.name))
        if (stored.revision if stored else 0) != record.revision - 1:
            return False
        self._schedules[record.workflow, record.name] = record
        return True

    def due_schedules(self, until_ms: int, limit: int) -> list[tuple[str, str]]:
        due = [
            (record.sweep_at_ms, *key)
            for key, record in self._schedules.items()
            if record.sweep_at_ms <= until_ms and not record.is_gone
        ]
        return [(workflow, name) for _, workflow, name in sorted(due)[:limit]]

    # Digests

    def window(self, scope: str) -> Window | None:
        return self._windows.get(scope)

    def open_window(self, scope: str, number: int, opener: str, closes_ms: int, step: int = 1) -> bool:
        before = self._windows.get(scope)
        if (before.number if before else 0) != number - 1 or (before and before.is_open):
            return False
        told_count, lease = (before.told_count, before.lease) if before else (0, None)
        self._windows[scope] = Window(number, True, closes_ms, opener, told_count, step, lease=lease)
        return True

    def close_window(self, scope: str, number: int, lease: Lease, now_ms: int) -> Window | None:
        found = self._windows.get(scope)
        if found is None or found.number != number or not is_free(found.lease, lease.owner, now_ms):
            return None
        self._windows[scope] = replace(found, is_open=False, lease=lease)
        return self._windows[scope]

    def settle_window(self, scope: str, number: int, told_count: int, owner: str) -> bool:
        found = self._windows.get(scope)
        if found is None or not _is_owners(found.lease, owner):
            return False
        settled = found.is_settled or found.number == number
        self._windows[scope] = replace(found, told_count=told_count, is_settled=settled, lease=None)
        return True

    def add_member(self, scope: str, member: str, at_ms: int, job: ToldJob) -> None:
        self._members.setdefault(scope, {}).setdefault(member, (at_ms, job))

    def members(self, scope: str) -> list[str]:
        found = self._members.get(scope, {})
        return sorted(found, key=lambda member: (found[member][0], member))

    def told_members(self, scope: str, members: Sequence[str]) -> list[ToldJob]:
        found = self._members.get(scope, {})
        return [found[member][1] for member in members if member in found]

    def _of(self, attempt: Attempt) -> TaskRecord | None:
        return self.task(attempt.run_id, attempt.epoch, attempt.index)

    def _put(self, record: TaskRecord) -> TaskRecord:
        attempt = record.attempt
        self._tasks.setdefault((attempt.run_id, attempt.epoch, shard_of(attempt.index)), {})[attempt.index] = record
        return record


def _is_open_claim(record: TaskRecord, attempt: Attempt) -> bool:
    """Whether the record is this attempt's claim, not submitted yet."""
    return record.attempt == attempt and record.state is TaskState.CLAIMED and record.job_id is None


def _waits_for(record: TaskRecord, attempt: Attempt, replaces_job: str) -> bool:
    """Whether the record waits for this attempt, after the failure of that job."""
    before = replace(attempt, number=attempt.number - 1)
    return (record.state, record.attempt, record.job_id) == (TaskState.WAITING, before, replaces_job)


def _is_owners(lease: Lease | None, owner: str) -> bool:
    return lease is not None and lease.owner == owner


def _copied(value: Any) -> Any:
    """`value` through JSON, so that nobody outside holds a part of what is stored."""
    if not value:
        return {}
    return json.loads(json.dumps(value))
