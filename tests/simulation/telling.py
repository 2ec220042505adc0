"""What a simulated world tells: which notices are wanted, a queue of a run's own, an event bus; and the rules for them.

The same set of failures has one id, whoever tells it and how often; what is told is so; and in the end everything that
was wanted was told. Drawn in some worlds only, from dice of its own; the others want to hear of the ends of runs alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from chalicelib.core.errors import TryAgain
from chalicelib.core.failure import FailureClass
from chalicelib.core.ids import Attempt
from chalicelib.core.notice.kinds import NoticeKind
from chalicelib.core.notice.model import Notice
from chalicelib.core.notice.preferences import DURATIONS, KINDS, QUEUE_PREFIX
from chalicelib.core.run.bus_events import Change, ChangeType
from chalicelib.core.run.records import Run, in_epoch
from chalicelib.core.states import RunState, TaskState
from chalicelib.ports.services import LogLines
from tests.memory.logs import MemoryLogs
from tests.memory.notices import MemoryChanges, MemoryNotices
from tests.simulation.batch import CHILD_EXIT_CODE
from tests.simulation.faults import Menu, derived
from tests.simulation.invariants import Judge, SimulatedRun, must
from tests.simulation.scope import Scope
from tests.simulation.story import Refused

if TYPE_CHECKING:
    from tests.simulation.world import SimulatedWorld

SHARE = 0.15
"""Of the worlds that want to hear more than the ends of runs."""
_DEAF_MINUTES = (1, 5, 30, 300)
HEARD_MAXIMUM = 4
"""How often a place may hear one thing while another one fails: who told it may have died before it could say so, or
somebody else was about to tell it as well. What hangs on the other place comes every minute, for hours."""
_TELLS_OF_FAILED = frozenset({NoticeKind.TASK_FAILED, NoticeKind.RUN_FAILED, NoticeKind.JOB_FAILED})
_OF_CHILDREN = (FailureClass.APPLICATION, FailureClass.DEPENDENCY)
"""What arrays of ours and of others fail of here."""
NAME = "telling"
"""What leaves it out of a scope, or gives it another share."""
ENDINGS = (NoticeKind.RUN_SUCCEEDED, NoticeKind.RUN_FAILED, NoticeKind.RUN_CANCELLED)


@dataclass(frozen=True, slots=True)
class Telling:
    """Who wants to hear what in one world. `stage_kinds` hold where a workflow does not say."""

    stage_kinds: tuple[NoticeKind, ...]
    has_bus: bool
    gone: frozenset[str]
    seed: int
    is_drawn: bool

    def definition(self, number: int) -> dict[str, Any]:
        """What the workflow of that number says of notices."""
        if not self.is_drawn:
            return {}
        rng = derived(self.seed, f"notify {number}")
        said: dict[str, Any] = {}
        if rng.random() < 0.5:
            said["on"] = [kind.value for kind in KINDS if rng.random() < 0.6]
        for name in DURATIONS.values():
            if rng.random() < 0.5:
                said[name] = rng.choice((60, 300, 3_600))
        if rng.random() < 0.5:
            said["queue"] = f"{QUEUE_PREFIX}{rng.randint(0, 2)}"
        return {"notify": said} if said else {}


def telling_of(seed: int, scope: Scope) -> Telling:
    """Who wants to hear what in the world of a seed."""
    if NAME in scope.without or derived(seed, NAME).random() >= scope.shares.get(NAME, SHARE):
        return Telling(ENDINGS, has_bus=False, gone=frozenset(), seed=seed, is_drawn=False)
    rng = derived(seed, "who is told")
    share = rng.choice((0.3, 0.7, 1.0))
    kinds = tuple(kind for kind in KINDS if rng.random() < share)
    gone = frozenset({f"{QUEUE_PREFIX}0"}) if rng.random() < 0.3 else frozenset()
    return Telling(kinds, has_bus=rng.random() < 0.7, gone=gone, seed=seed, is_drawn=True)


def ports_of(
    telling: Telling, judge: Judge, menu: Menu
) -> tuple[CheckedNotices, CheckedChanges | None, MemoryLogs | None]:
    """The ports behind which a world's notices and changes go."""
    deaf = Deaf(judge, menu)
    all_is_well = telling.is_drawn and not any(dice.rate for dice in menu.values())
    notices = CheckedNotices(judge, telling.gone, deaf, all_is_well=all_is_well)
    changes = CheckedChanges(judge, deaf) if telling.has_bus else None
    return notices, changes, DeafLogs(deaf) if telling.is_drawn else None


class Deaf:
    """Whether those that are told take anything, each place by itself."""

    def __init__(self, judge: Judge, menu: Menu) -> None:
        self._judge = judge
        self._fails, self._refuses = menu["deaf"], menu["refusal"]
        self._until: dict[str, tuple[int, bool]] = {}
        self._heard: Counter[tuple[str, str]] = Counter()
        self.failures = 0

    def check(self, place: str) -> None:
        """Raise TryAgain while the place fails, Refused while it refuses."""
        now_ms = self._judge.now_ms()
        until_ms, for_good = self._until.get(place, (0, False))
        if self._judge.is_calm:
            return
        if now_ms >= until_ms:
            for dice, for_good in ((self._refuses, True), (self._fails, False)):
                if dice():
                    self._until[place] = now_ms + dice.rng.choice(_DEAF_MINUTES) * 60_000, for_good
                    break
            else:
                return
        self.failures += 1
        if self._until[place][1]:
            raise Refused(f"{place} refuses us")
        raise TryAgain(f"{place} fails")

    def hears(self, place: str, what: str) -> None:
        """A place is told this. That another one fails must not make it hear the same again and again."""
        now_ms = self._judge.now_ms()
        others = [one for one, (until_ms, for_good) in self._until.items() if one != place and until_ms > now_ms]
        failing = [one for one in others if not self._until[one][1] and one != "logs"]
        if failing and not self._judge.is_calm:
            self._heard[place, what] += 1
            times = self._heard[place, what]
            must(times <= HEARD_MAXIMUM, f"{place} heard {what} {times} times while {failing} failed")


class DeafLogs(MemoryLogs):
    """Logs that cannot be read at times."""

    def __init__(self, deaf: Deaf) -> None:
        super().__init__()
        self._deaf = deaf

    def tail(self, stream: str, lines: int) -> LogLines:
        self._deaf.check("logs")
        return super().tail(stream, lines)


class CheckedNotices(MemoryNotices):
    """The notices, each looked at when it is told."""

    def __init__(self, judge: Judge, gone: frozenset[str], deaf: Deaf, *, all_is_well: bool) -> None:
        super().__init__()
        self.gone = set(gone)
        self.deaf = deaf
        self.given_up: list[tuple[str | None, Notice]] = []
        """What a queue, or the topic, refused for good."""
        self._judge = judge
        self._all_is_well = all_is_well
        self._sets: dict[str, frozenset[Any]] = {}
        """By the id of a notice: the jobs that it told, by name and attempt."""
        self._ids_of_sets: dict[tuple[str, int, frozenset[str]], str] = {}
        """By run, epoch and the names of failed tasks: the id under which they were told together."""
        self._told: dict[str, tuple[Any, ...]] = {}
        self._tellers: dict[tuple[str | None, str], Callable[[], bool]] = {}
        """By place and id: whether something has befallen the invocation that told it last."""

    def publish(self, notice: Notice) -> None:
        self._check_children(notice)
        if notice.monitor is not None:
            self._judge.monitored.check_notice(notice)
        else:
            run = self._check(notice)
            must(run.notify.to_topic(notice.kind), f"nobody wants to hear of {notice.notice_id}")
        self._listen(None, notice)
        super().publish(notice)

    def send(self, notice: Notice, queue: str) -> None:
        self._check_children(notice)
        run = self._check(notice)
        must(run.notify.queue == queue, f"{notice.notice_id} was sent to {queue}")
        must(run.notify.to_queue(notice.kind), f"queue {queue} does not want to hear of {notice.notice_id}")
        self._listen(queue, notice)
        super().send(notice, queue)

    def _listen(self, queue: str | None, notice: Notice) -> None:
        try:
            self.deaf.check(queue or "topic")
        except Refused:
            self.given_up.append((queue, notice))
            raise
        self.deaf.hears(queue or "topic", notice.notice_id)
        self._check_once(queue, notice)

    def _check_once(self, queue: str | None, notice: Notice) -> None:
        """That a place hears a notice once, unless something has befallen the invocation that told it before."""
        told = (queue, notice.notice_id)
        excused = self._tellers.get(told, lambda: True)
        must(excused(), f"{queue or 'the topic'} was told {notice.notice_id} again, and nothing had gone wrong")
        self._tellers[told] = self._judge.alibi()

    def told(self, queue: str | None) -> list[Notice]:
        """What the topic, or a queue, was told or refused."""
        told = self.published if queue is None else self.sent.get(queue, [])
        return [*told, *(notice for place, notice in self.given_up if place == queue)]

    def _check(self, notice: Notice) -> Run:
        stored = self._judge.store.run(notice.run_id or "")
        must(stored is not None and notice.epoch is not None, f"{notice.notice_id} is about no run")
        assert stored is not None and notice.epoch is not None
        must(notice.epoch <= stored.epoch, f"{notice.notice_id} is about an epoch that has not begun")
        about = (notice.kind, notice.run_id, notice.epoch)
        must(self._told.setdefault(notice.notice_id, about) == about, f"{notice.notice_id} names two things")
        run = in_epoch(stored, notice.epoch)
        if notice.job_count == len(notice.jobs):
            jobs = frozenset((job.task, job.attempt) for job in notice.jobs)
            must(self._sets.setdefault(notice.notice_id, jobs) == jobs, f"{notice.notice_id} is told of two sets")
        match notice.kind:
            case NoticeKind.RUN_STARTED:
                must(notice.notice_id == f"{run.run_id}/{run.epoch}/started", f"{notice.notice_id} is no start's id")
            case NoticeKind.RUN_LATE:
                self._check_time(notice, run.notify.after_seconds.get(NoticeKind.RUN_LATE), run.began_ms)
            case NoticeKind.TASK_FAILED:
                self._check_failures(notice, run)
            case NoticeKind.JOB_WAITING | NoticeKind.JOB_RUNNING:
                self._check_overdue(notice, run)
            case _:
                right = f"{run.run_id}/{run.epoch}/{run.state}"
                must(notice.notice_id == right, f"{notice.notice_id} was told, and the run is {right}")
                self._check_named(notice, run, failed_tasks(self._judge, run, at_the_end=True))
        return stored

    def _check_children(self, notice: Notice) -> None:
        """That of one failed array it is told what its jobs failed of, unless something kept Batch from answering."""
        for job in notice.jobs:
            if job.child is not None and job.array_size is not None:
                told = (job.child.index, job.child.exit_code, job.child.alike)
                must(told == (1, CHILD_EXIT_CODE, job.array_size - 1), f"{notice.notice_id}: a child is told as {told}")
        must(sum(job.child is not None for job in notice.jobs) <= 1, f"{notice.notice_id} asked about many arrays")
        # Of the jobs of others the first alone is looked up.
        jobs = notice.jobs[:1] if notice.monitor is not None else notice.jobs
        arrays = [job for job in jobs if job.array_size is not None and job.failure in _OF_CHILDREN]
        if self._all_is_well and notice.kind in _TELLS_OF_FAILED and arrays:
            told = any(job.child is not None for job in notice.jobs)
            must(told, f"{notice.notice_id} does not say what the jobs of {arrays[0].name} failed of")

    def _check_failures(self, notice: Notice, run: Run) -> None:
        failed = failed_tasks(self._judge, run, at_the_end=False)
        must(1 <= notice.job_count <= len(failed), f"{notice.notice_id} tells more failures than there are: {failed}")
        must(len(notice.jobs) == min(10, notice.job_count), f"{notice.notice_id} names {len(notice.jobs)}")
        self._check_named(notice, run, failed)
        if notice.job_count == len(notice.jobs):
            told = (run.run_id, run.epoch, frozenset(job.task or "" for job in notice.jobs))
            before = self._ids_of_sets.setdefault(told, notice.notice_id)
            must(before == notice.notice_id, f"the failures of {before} were told again as {notice.notice_id}")

    def _check_named(self, notice: Notice, run: Run, failed: set[str]) -> None:
        """That each task that is named did fail, by that attempt, and so."""
        simulated = self._judge.runs[run.run_id]
        names = [job.task for job in notice.jobs]
        must(len(set(names)) == len(names) and set(names) <= failed, f"{notice.notice_id} names {names}, not {failed}")
        allowed = [one.name for one in simulated.epochs[run.epoch].plan.tasks if one.allow_failure]
        told_so = {job.task for job in notice.jobs if job.is_allowed}
        must(told_so == set(allowed) & set(names), f"{notice.notice_id}: {allowed} may fail, and it says {told_so}")
        for job in notice.jobs:
            # How the children of an array failed, or a job that never started, its event does not tell.
            if job.attempt is not None and job.failure not in (None, FailureClass.UNKNOWN):
                right = simulated.outcome(self._epoch_of(run, job.task or ""), job.task or "", job.attempt)
                must(job.failure == right, f"{notice.notice_id}: {job.task} failed for {job.failure}, and not {right}")

    def _epoch_of(self, run: Run, task: str) -> int:
        """The epoch in which a task had its last job, up to the run's."""
        for number in reversed(range(run.epoch + 1)):
            plan = self._judge.runs[run.run_id].epochs[number].plan
            index = plan.index_of.get(task)
            if index is None or self._judge.store.task(run.run_id, number, index) is not None:
                return number
        return run.epoch

    def _check_overdue(self, notice: Notice, run: Run) -> None:
        index, number = map(int, notice.notice_id.split("/")[-3:-1])
        record = self._judge.store.task(run.run_id, run.epoch, index)
        must(record is not None and record.attempt.number >= number, f"{notice.notice_id} is about no attempt")
        assert record is not None
        began_ms = record.claimed_at_ms if record.attempt.number == number else None
        self._check_time(notice, run.notify.after_seconds.get(notice.kind), began_ms or 0)

    def _check_time(self, notice: Notice, after_seconds: int | None, began_ms: int) -> None:
        must(after_seconds is not None, f"{notice.notice_id} was told, and nobody said after how long")
        assert after_seconds is not None
        too_early = self._judge.now_ms() < began_ms + after_seconds * 1000 - 2 * self._judge.skew_ms
        must(not too_early, f"{notice.notice_id} was told too early")


class CheckedChanges(MemoryChanges):
    """The event bus, each change looked at when it is told."""

    def __init__(self, judge: Judge, deaf: Deaf) -> None:
        super().__init__()
        self._judge = judge
        self._deaf = deaf
        self.given_up: list[str] = []
        self._told: dict[str, Change] = {}

    def tell(self, changes: Sequence[Change]) -> None:
        for change in changes:
            same = replace(change, at_ms=0, job_id=None, failure=None, exit_code=None)
            before = self._told.setdefault(change.change_id, same)
            must(before == same, f"{change.change_id} is the id of two changes: {before}, {same}")
            if change.change_type is ChangeType.TASK:
                self._check_task(change)
            elif change.state == RunState.CANCELLING:
                self._check_halt(change)
        try:
            self._deaf.check("bus")
        except Refused:
            self.given_up += [change.change_id for change in changes]
            raise
        for change in changes:
            self._deaf.hears("bus", change.change_id)
        super().tell(changes)

    def _check_halt(self, change: Change) -> None:
        """That who carries a cancel out does not tell of it before, so that nobody's hearing of it keeps jobs alive."""
        if not self._judge.who().endswith("of a cancel"):
            return
        run = self._judge.runs[change.run_id]
        ended = self._judge.run_has_ended(change.run_id) or self._judge.store.epoch_of(change.run_id) != change.epoch
        shards = range(run.epochs[change.epoch].plan.shard_count)
        halted = all(self._judge.store.read_tally(change.run_id, change.epoch, shard).halt for shard in shards)
        must(ended or halted, f"{change.change_id} was told before the run was halted")

    def _check_task(self, change: Change) -> None:
        index = int(change.change_id.split("/")[2])
        attempt = Attempt(change.run_id, change.epoch, index, change.attempt or 0)
        if TaskState(change.state).ended:
            ending = self._judge.store.ending_of(attempt, index)
            must(ending == change.state, f"{change.change_id} was told, and the task is {ending}")


def failed_tasks(judge: Judge, run: Run, *, at_the_end: bool) -> set[str]:
    """The names of the tasks that failed in the run's epoch by now, as the notice of its end tells them; without those
    that a redrive kept, or that may fail, as digests do."""
    simulated = judge.runs[run.run_id]
    found = set()
    for index, one in enumerate(simulated.epochs[run.epoch].plan.tasks):
        attempt = Attempt(run.run_id, run.epoch, index, 1)
        if judge.store.ending_of(attempt, index) is not TaskState.FAILED:
            continue
        is_kept = judge.store.task(run.run_id, run.epoch, index) is None
        if at_the_end or not (is_kept or one.allow_failure):
            found.add(one.name)
    return found


def check_told(world: SimulatedWorld, run: SimulatedRun, stored: Run) -> None:
    """That everything which was wanted of a run was told in the end, under the one id that it has."""
    notify = stored.notify
    queue = notify.queue or ""
    heard = {place: [one for one in world.notices.told(place) if one.run_id == run.run_id] for place in (None, queue)}
    to_topic, to_queue = ({one.notice_id for one in heard[place]} for place in (None, queue))
    for place, wants in ((None, notify.to_topic), (queue, notify.to_queue)):
        if place not in world.notices.gone:
            _check_looks(world, run, heard[place], wants)
    for number in range(stored.epoch + 1):
        then = in_epoch(stored, number)
        for ids, wants in ((to_topic, notify.to_topic), (to_queue, notify.to_queue)):
            if ids is to_queue and notify.queue in world.notices.gone:
                must(not world.notices.ids_sent(queue), "a queue that is not there was told")
            else:
                _check_epoch(world, run, then, ids, wants)
        if world.changes is not None:
            _check_changes(world, run, then)


def _check_looks(world: SimulatedWorld, run: SimulatedRun, told: list[Notice], wants: Any) -> None:
    """That what the sweep must have found was told."""
    looks = world.judge.looks
    for run_id, epoch in looks.late:
        if run_id == run.run_id and wants(NoticeKind.RUN_LATE):
            ids = {notice.notice_id for notice in told}
            must(f"{run_id}/{epoch}/late" in ids, f"run {run.number}, epoch {epoch}, was late, and nobody was told")
    cut = {(one.kind, one.epoch) for one in told if one.job_count > len(one.jobs)}
    for kind, attempt in looks.overdue:
        if attempt.run_id == run.run_id and wants(kind) and (kind, attempt.epoch) not in cut:
            name = run.of(attempt)[1].name
            notices = [one for one in told if (one.kind, one.epoch) == (kind, attempt.epoch)]
            named = {(job.task, job.attempt) for one in notices for job in one.jobs}
            must((name, attempt.number) in named, f"{name}, attempt {attempt.number}, was never told: {kind}")


def _check_epoch(world: SimulatedWorld, run: SimulatedRun, then: Run, told: set[str], wants: Any) -> None:
    scope = f"{run.run_id}/{then.epoch}"
    what = f"run {run.number}, epoch {then.epoch},"
    ended = {f"{scope}/{state}" for state in RunState if state.ended} & told
    ending = NoticeKind(f"run_{then.state}")
    right = {f"{scope}/{then.state}"} if wants(ending) else set()
    must(ended == right, f"{what} is {then.state}, and what was told is {sorted(ended)}")
    started = f"{scope}/started" in told
    must(started == wants(NoticeKind.RUN_STARTED), f"{what} was {'' if started else 'not '}told to have started")
    if wants(NoticeKind.TASK_FAILED) and not then.notify.to_topic(ending) and then.state is not RunState.CANCELLED:
        failed = failed_tasks(world.judge, then, at_the_end=False)
        counts = [int(one.rpartition("/")[2]) for one in told if one.startswith(f"{scope}/task_failed/")]
        must(max(counts, default=0) == len(failed), f"{what} of {failed} only {counts} were told")


def _check_changes(world: SimulatedWorld, run: SimulatedRun, then: Run) -> None:
    assert world.changes is not None
    told = {*world.changes.ids, *world.changes.given_up}
    scope = f"{run.run_id}/{then.epoch}"
    what = f"run {run.number}, epoch {then.epoch},"
    for state in (RunState.RUNNING, then.state):
        must(f"{scope}/{state}" in told, f"{what} was never told to be {state}")
    for index, _ in enumerate(run.epochs[then.epoch].plan.tasks):
        record = world.store.task(run.run_id, then.epoch, index)
        if record is not None and record.state.ended and record.job_id is not None:
            change = f"{scope}/{index}/{record.attempt.number}/{record.state}"
            must(change in told, f"{what} never told {change}")
