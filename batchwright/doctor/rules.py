"""What is wrong with a run as the table holds it: pure checks over its record, its plan, its tallies and its records.

Owns the rules and their words. Who reads the table and asks Batch is reader.py, what Batch's jobs say is
job_rules.py. Nothing here mistakes work under way for a fault: what a message or the sweep is about to do counts
only once it is overdue.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from chalicelib.core.durations import rough
from chalicelib.core.plan.model import Plan, indexes_in, offset_of, shard_of
from chalicelib.core.run.advance import is_full, may_have_ended, run_ending
from chalicelib.core.run.records import RELEASED, Run, Tally, TaskRecord
from chalicelib.core.run.redrive import Kept
from chalicelib.core.states import ENDINGS, RunState, TaskState
from chalicelib.engine.world.world import Settings

SWEEPS = 3
"""How many sweeps may pass before what they should have healed counts."""
TASKS_NAMED = 5


class Severity(StrEnum):
    """How bad a finding is."""

    ERROR = "error"
    """What the design rules out. It does not heal by itself."""
    LATE = "late"
    """What a message or the sweep should have done by now."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong: where, which rule, what was found instead, and what to do."""

    severity: Severity
    rule: str
    run_id: str
    place: str
    value: str
    advice: str


@dataclass(frozen=True, slots=True)
class Patience:
    """How long things may take, in milliseconds. `late_ms` is a lease and a few sweeps: by then somebody has healed
    what an invocation that died left behind. `quiet_ms` is when Batch is first asked about a silent job."""

    late_ms: int
    quiet_ms: int


def patience_of(settings: Settings) -> Patience:
    seconds = settings.lease_seconds + SWEEPS * settings.sweep_seconds
    return Patience(seconds * 1000, settings.quiet_seconds * 1000)


@dataclass(frozen=True, slots=True)
class Seen:
    """A run in one of its epochs, read so that the records are older than the tallies and both fit the run's state.

    `current` is False for an epoch that a redrive ended. `kept` is what the epoch keeps of the one before, None where
    nobody knows. `records` may hold tasks beyond the plan. `over_at_ms` is when the run ended for the last time,
    whatever the epoch; None while it goes on.
    """

    run: Run
    plan: Plan
    tallies: Mapping[int, Tally]
    records: tuple[TaskRecord, ...]
    kept: Kept | None
    over_at_ms: int | None
    current: bool = True

    def tally_of(self, index: int) -> Tally:
        return self.tallies.get(shard_of(index), Tally())

    def ending_of(self, index: int) -> TaskState | None:
        return self.tally_of(index).ending_of(offset_of(index))

    def place(self, index: int | None = None) -> str:
        epoch = f"epoch {self.run.epoch}" if self.run.epoch or not self.current else ""
        task = ""
        if index is not None:
            name = f" '{self.plan.tasks[index].name}'" if index < len(self.plan.tasks) else ""
            task = f"task {index}{name}"
        return ", ".join(filter(None, (epoch, task))) or "run"

    def finding(
        self, severity: Severity, rule: str, value: str, advice: str, index: int | None = None, place: str = ""
    ) -> Finding:
        return Finding(severity, rule, self.run.run_id, place or self.place(index), value, advice)

    def waits_for_the_end(self, index: int) -> bool:
        """Whether what is open of a task waits for the sweep's last look: all of its shard's tasks have ended, or a
        redrive ended its epoch."""
        shard = shard_of(index)
        return not self.current or is_full(self.plan, shard, self.tallies[shard])

    @property
    def healed_from_ms(self) -> int:
        """From when on the sweep's last look heals what a run left open that ended; in an earlier epoch, too."""
        return NEVER_MS if self.over_at_ms is None else self.over_at_ms


NEVER_MS = 1 << 62
REPORT = "an assumption does not hold: keep the table as it is and report this"
SWEEP = "see whether the sweep's function runs (its log, its schedule) and what it says of this run"


def check(seen: Seen, now_ms: int, patience: Patience) -> list[Finding]:
    """Everything that the table alone tells is wrong."""
    findings = [*_check_tallies(seen), *_check_records(seen, now_ms, patience), *_check_run(seen, now_ms, patience)]
    if seen.current:
        findings += [*_check_sweep(seen, now_ms, patience), *_check_kept(seen)]
    return findings


def _check_tallies(seen: Seen) -> Iterator[Finding]:
    for shard, tally in seen.tallies.items():
        twice = 0
        for place, ending in enumerate(ENDINGS):
            for other in ENDINGS[place + 1 :]:
                twice |= tally.mask(ending) & tally.mask(other)
        for index in indexes_in(shard, twice):
            endings = [ending.value for ending in ENDINGS if tally.mask(ending) >> offset_of(index) & 1]
            value = f"tallied as {' and '.join(endings)}"
            yield seen.finding(Severity.ERROR, "a task ends once", value, REPORT, index)
        size = seen.plan.shard_size(shard) if shard < seen.plan.shard_count else 0
        for index in indexes_in(shard, tally.ended & ~((1 << size) - 1)):
            value = f"a tally entry, and the plan has {len(seen.plan.tasks)} tasks"
            yield seen.finding(Severity.ERROR, "only the plan's tasks end", value, REPORT, index)


def _check_records(seen: Seen, now_ms: int, patience: Patience) -> Iterator[Finding]:
    for record in seen.records:
        index, ending = record.attempt.index, seen.ending_of(record.attempt.index)
        if index >= len(seen.plan.tasks):
            value = f"a record in state {record.state}, and the plan has {len(seen.plan.tasks)} tasks"
            yield seen.finding(Severity.ERROR, "only the plan's tasks have records", value, REPORT, index)
        elif record.state.ended:
            if record.state is not ending:
                value = f"the record is {record.state}, the tally has {ending or 'nothing'}"
                yield seen.finding(Severity.ERROR, "a tally comes before its record", value, REPORT, index)
        elif record.state is TaskState.CLAIMED:
            yield from _check_claim(seen, record, now_ms, patience)
        elif ending is not None and _is_late(seen, record, now_ms, patience):
            value = f"tallied as {ending}, and the record is {record.state}"
            yield seen.finding(Severity.LATE, "who tallies commits", value, SWEEP, index)
        elif record.state is TaskState.WAITING and ending is None and not _rests(seen, index):
            due_ms = (record.retry_at_ms or 0) + patience.late_ms
            if now_ms > due_ms:
                value = f"its retry is due for {rough(now_ms - due_ms + patience.late_ms)}"
                yield seen.finding(Severity.LATE, "a retry comes when it is due", value, SWEEP, index)
    yield from _check_endings_without_record(seen)


def _is_late(seen: Seen, record: TaskRecord, now_ms: int, patience: Patience) -> bool:
    """True if the open record of a task that ended has been open for long: since the run ended, or since a retry was
    due that nobody needs any more. job_rules.py asks Batch whether the job has ended."""
    since_ms = seen.healed_from_ms
    may_heal = not seen.waits_for_the_end(record.attempt.index)
    if may_heal and record.state is TaskState.WAITING and record.retry_at_ms is not None:
        since_ms = min(since_ms, record.retry_at_ms)
    return now_ms > since_ms + patience.late_ms


def _check_claim(seen: Seen, record: TaskRecord, now_ms: int, patience: Patience) -> Iterator[Finding]:
    claim, index = record.claim, record.attempt.index
    # A claim that was given back has no lease; its first owner's time stands for it.
    since_ms = (
        (record.claimed_at_ms or 0) if claim is None or claim.lease_until_ms == RELEASED else claim.lease_until_ms
    )
    if seen.waits_for_the_end(index):
        since_ms = max(since_ms, seen.healed_from_ms)
    if _rests(seen, index) or now_ms <= since_ms + patience.late_ms:
        return
    value = f"claimed, without a job, and nobody's for {rough(now_ms - since_ms)}"
    yield seen.finding(Severity.LATE, "a dead claim is taken over", value, SWEEP, index)


def _rests(seen: Seen, index: int) -> bool:
    """Whether nothing of the shard is to be started for now, or was not until a moment ago: the table does not tell
    when a run was resumed, so a run that was ever paused in this epoch is not judged by what it did not start."""
    return bool(seen.run.switches) or seen.tally_of(index).paused


def _check_endings_without_record(seen: Seen) -> Iterator[Finding]:
    """Only jobs succeed or fail, and a job's task has a record; unless a redrive kept its ending."""
    if seen.kept is None:
        return
    with_record = {record.attempt.index for record in seen.records}
    for shard, tally in seen.tallies.items():
        for ending in (TaskState.SUCCEEDED, TaskState.FAILED):
            kept = seen.kept.get(shard, {}).get(ending, 0)
            for index in indexes_in(shard, tally.mask(ending) & ~kept):
                if index not in with_record and index < len(seen.plan.tasks):
                    value = f"tallied as {ending}, and it was never claimed"
                    yield seen.finding(Severity.ERROR, "only a claimed task gets a job", value, REPORT, index)


def _check_run(seen: Seen, now_ms: int, patience: Patience) -> Iterator[Finding]:
    run, plan = seen.run, seen.plan
    missing = [
        index
        for shard in range(plan.shard_count)
        for index in indexes_in(shard, ((1 << plan.shard_size(shard)) - 1) & ~seen.tallies[shard].ended)
    ]
    if run.state.ended:
        if missing:
            value = f"{run.state}, and {_tasks(plan, missing)} in no tally"
            yield seen.finding(Severity.ERROR, "a run ends when all its tasks did", value, REPORT)
        elif run.state is not RunState.CANCELLED and not may_have_ended(plan, seen.tallies, run.state):
            value = f"the run is {run.state}, its tallies say {run_ending(plan, seen.tallies)}"
            yield seen.finding(Severity.ERROR, "a run ends as its tallies say", value, REPORT)
        return
    if missing or any(not is_full(plan, shard, seen.tallies[shard]) for shard in range(plan.shard_count)):
        return
    if _last_heard_ms(seen) + patience.late_ms < now_ms and all(record.state.ended for record in seen.records):
        value = f"{run.state}, and every task has ended"
        yield seen.finding(Severity.LATE, "a run ends with its last task", value, SWEEP)


def _last_heard_ms(seen: Seen) -> int:
    """The latest time that the table knows of the run's tasks."""
    times = [seen.run.created_at_ms]
    for record in seen.records:
        times += [record.claimed_at_ms or 0, record.started_at_ms or 0]
        times += [record.result.stopped_at_ms or 0] if record.result else []
    return max(times)


def _tasks(plan: Plan, indexes: list[int]) -> str:
    names = ", ".join(f"'{plan.tasks[index].name}'" for index in indexes[:TASKS_NAMED])
    more = len(indexes) - TASKS_NAMED
    return f"{names}{f' and {more:,} more' if more > 0 else ''} {'is' if len(indexes) == 1 else 'are'}"


def _check_sweep(seen: Seen, now_ms: int, patience: Patience) -> Iterator[Finding]:
    run = seen.run
    if run.sweep_at_ms is not None and now_ms > run.sweep_at_ms + patience.late_ms:
        value = f"due for {rough(now_ms - run.sweep_at_ms)}"
        yield seen.finding(Severity.LATE, "a run that is due is swept", value, SWEEP)
    elif run.sweep_at_ms is None and not run.state.ended:
        value = f"{run.state}, and no sweep is due"
        advice = "nothing that gets lost is found: pause and resume the run by hand, and report this"
        yield seen.finding(Severity.ERROR, "a run that goes on is due for the sweep", value, advice)


def _check_kept(seen: Seen) -> Iterator[Finding]:
    run = seen.run
    if run.redrive is None or seen.kept is None:
        return
    if not run.redrive.prepared:
        if run.swept_at_ms is not None:
            value = "a sweep looked at it, and its tallies are not prepared"
            yield seen.finding(Severity.ERROR, "a redriven run is prepared first", value, REPORT)
        return
    for shard, endings in seen.kept.items():
        tally = seen.tallies.get(shard, Tally())
        for ending, mask in endings.items():
            for index in indexes_in(shard, mask & ~tally.mask(ending)):
                value = f"{ending} before, and the tally has {seen.ending_of(index) or 'nothing'}"
                yield seen.finding(Severity.ERROR, "a kept ending stays", value, REPORT, index)
