"""The monitors of a simulated world, and the judge of what they say about the jobs of others.

Owns the rules: what is told is so, as far as anybody had heard; each thing is told under one id; what surely was so
when a look began that nothing disturbed, is told by its end; and each ending is counted once. Nothing of the engine's
own decisions is used.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Any

from chalicelib.core.batch.job_record import JobRecord
from chalicelib.core.monitor.check import check_monitors
from chalicelib.core.monitor.counts import Counted
from chalicelib.core.monitor.pushed import pushed_after
from chalicelib.core.monitor.records import MonitorLook, Telling
from chalicelib.core.monitor.run_times import step_of
from chalicelib.core.notice.kinds import NoticeKind
from chalicelib.core.notice.model import Notice
from tests.simulation import awaited
from tests.simulation.faults import LOST_COMMANDS, derived
from tests.simulation.foreign import Foreign, ForeignJob
from tests.simulation.invariants import must
from tests.simulation.invocations import Invocation
from tests.simulation.watched import (
    Deadline,
    Ended,
    allowed_ms,
    day_of,
    deadline_of,
    deadlines,
    failure_is_wanted,
    is_blind,
    rate_is_above,
    usual_seconds,
    watches,
)

if TYPE_CHECKING:
    from tests.simulation.world import SimulatedWorld

_OVERDUE = {"job_running": NoticeKind.JOB_RUNNING, "job_waiting": NoticeKind.JOB_WAITING}
NAMED_MAXIMUM = 10


@dataclass(slots=True)
class _Sweep:
    """What was so when an invocation of the sweep began. `heard` is the place of each job's record in its history,
    `done` the ids of what was noted as told by then, `queued` what was in the events queue, `looked_at` what it looked
    at so far."""

    began_ms: int
    heard: dict[str, int]
    ended: int
    troubles: int
    is_alone: bool
    done: set[str]
    queued: awaited.Queued
    looked_at: set[tuple[str, NoticeKind | None]] = field(default_factory=set)


class Monitored:
    """What one world's monitors saw and told."""

    def __init__(self, world: SimulatedWorld, foreign: Foreign) -> None:
        rng = derived(world.seed, "monitors")
        self.definition = {f"m{number}": _random_monitor(rng) for number in range(rng.randint(1, 3))}
        _lower_some(self.definition, derived(world.seed, "lower thresholds"))
        self.clean_looks = 0
        self.times_told: Counter[NoticeKind] = Counter()
        self._world = world
        self._foreign = foreign
        self._began_ms = world.clock.now_ms()
        pushed = pushed_after(world.store.monitors(), check_monitors({"monitors": self.definition}), self._began_ms)
        world.store.put_monitors(pushed)
        self._usual_seconds = usual_seconds(rng)
        for definition, seconds in self._usual_seconds.items():
            for _ in range(200):
                took = Counted(self._began_ms, True, run_time=(definition, step_of(seconds * 1000)))
                world.store.count(took)
        self._heard: dict[str, int] = {}
        self._ended: list[Ended] = []
        self._ended_by: dict[str, int] = {}
        """The newest invocation there was when the ending of a job was recorded."""
        self._sweeps: dict[int, _Sweep] = {}
        self._told_jobs: set[tuple[str, NoticeKind, str]] = set()
        self._sets: dict[str, frozenset[str]] = {}
        self._ids_of_sets: dict[tuple[str, str, frozenset[str]], str] = {}
        self._above: dict[str, list[int]] = {name: [] for name in self.definition}
        """Since when each rate was above, each time that it was."""
        foreign.landed = self._landed

    def _landed(self, job: ForeignJob, record: JobRecord) -> None:
        place = job.place_of(record)
        assert place is not None
        self._heard[job.job_id] = place
        if job.history[place].has_ended:
            self._ended.append(Ended(job, job.history[place].at_ms))
            self._ended_by[job.job_id] = self._world.invocations

    @property
    def _skew_ms(self) -> int:
        return self._world.judge.skew_ms

    @property
    def _ids(self) -> set[str]:
        """What was told, or refused for good."""
        return {notice.notice_id for notice in self._world.notices.told(None) if notice.monitor is not None}

    # Looks of the sweep

    def sweep_begins(self, invocation: Invocation) -> None:
        """A sweep was called, which will have heard of all that has landed by now."""
        for other in self._sweeps.values():
            other.is_alone = False
        now = _Sweep(
            self._world.clock.now_ms(),
            dict(self._heard),
            len(self._ended),
            self._troubles,
            not self._sweeps,
            self._done(),
            awaited.queued_in(self._world.events),
        )
        self._sweeps[invocation.number] = now
        give_back = invocation.on_end

        def on_end(raised: BaseException | None) -> None:
            del self._sweeps[invocation.number]
            if raised is None and now.is_alone and now.troubles == self._troubles:
                self._check_clean(now)
            give_back(raised)

        invocation.on_end = on_end

    def _done(self) -> set[str]:
        """The ids of what is noted as told, so that nobody tells it again."""
        store = self._world.store
        done = {telling.notice_id for telling in store.all_tellings() if not telling.is_open}
        for name, given in self.definition.items():
            look = store.looks_noted(name)
            if look.above_is_told:
                done.add(self._rate_id(name))
            if (rule := given.get("nothing_ran")) is not None:
                past = deadlines(rule, self._began_ms, look.deadline_ms)
                done |= {f"monitor/{name}/nothing_ran/{one.date}" for one in past}
        return done

    @property
    def _troubles(self) -> int:
        return self._world.gate.troubles + self._world.notices.deaf.failures

    def _sweep(self) -> _Sweep:
        return self._sweeps[self._world.judge.under_way()]

    def looks_at(self, monitor: str, kind: NoticeKind | None) -> None:
        """The invocation under way looks at a monitor's jobs that run or wait, or at its counts."""
        number = self._world.judge.under_way()
        if number in self._sweeps:
            self._sweeps[number].looked_at.add((monitor, kind))

    def _check_clean(self, sweep: _Sweep) -> None:
        """That what surely was so when the sweep began is told, now that it is over and nothing disturbed it."""
        self.clean_looks += 1
        ids = self._ids
        for name, given in self.definition.items():
            for rule, kind in _OVERDUE.items():
                if (name, kind) in sweep.looked_at:
                    for job in self._surely_overdue(sweep, given, rule):
                        telling = next((t for t in self._tellings(name, kind) if job.job_id in t.job_ids), None)
                        must(telling is not None, f"monitor {name} never told of {job.job_id}: {rule}")
                        assert telling is not None
                        if not self._is_held(sweep, self._world.store.telling_noted(name, kind)):
                            must(not telling.is_open and telling.notice_id in ids, f"{telling.notice_id} was not told")
            if (name, None) in sweep.looked_at and not self._is_held(sweep, self._world.store.looks_noted(name)):
                self._check_clean_counts(sweep, name, given, ids)

    def _is_held(self, sweep: _Sweep, noted: MonitorLook | Telling | None) -> bool:
        """Whether the sweep had to leave what an invocation before it was about to tell, which died."""
        return noted is not None and noted.lease is not None and noted.lease.until_ms + self._skew_ms > sweep.began_ms

    def _surely_overdue(self, sweep: _Sweep, given: Mapping[str, Any], rule: str) -> Iterator[ForeignJob]:
        # What is usual is not asked for once the time for it is over.
        is_quick = self._world.clock.now_ms() - sweep.began_ms < 5_000
        usual = self._usual_seconds if is_quick else {}
        for job_id, place in sweep.heard.items():
            job = self._foreign.jobs[job_id]
            since_ms = self._since_ms(job, place, rule)
            record = self._world.store.job(job_id)
            if since_ms is None or place != self._heard[job_id] or record is None or record.lost_at_ms is not None:
                continue
            allowed = allowed_ms(given, rule, job, usual, factor=1.06)
            # Batch was asked, and what it told may be of a later time.
            since_ms = max(since_ms, record.seen_at_ms) if rule == "job_waiting" else since_ms
            if allowed is not None and watches(given, job) and since_ms + allowed + self._skew_ms <= sweep.began_ms:
                yield job

    @staticmethod
    def _since_ms(job: ForeignJob, place: int, rule: str) -> int | None:
        return job.running_since_ms(place) if rule == "job_running" else job.waiting_since_ms(place)

    def _check_clean_counts(self, sweep: _Sweep, name: str, given: Mapping[str, Any], ids: set[str]) -> None:
        now_ms = self._world.clock.now_ms()
        if (rule := given.get("failure_rate")) is not None:
            verdicts = set(self._verdicts(sweep, given, rule))
            look = self._world.store.looks_noted(name)
            fallen = set(self._verdicts(sweep, given, _least(rule))) == {False}
            must(look.above_from_ms is None or not fallen, f"the rate of {name} has fallen, and nobody saw: {look}")
            if verdicts == {True}:
                must(look.above_is_told, f"monitor {name} did not tell of its failure rate: {look}")
                must(self._rate_id(name) in ids, f"{self._rate_id(name)} was noted as told, and was not")
        if (rule := given.get("nothing_ran")) is not None:
            last = [
                one for one in deadlines(rule, self._began_ms, now_ms) if one.at_ms + 120_000 <= now_ms + self._skew_ms
            ]
            if not last or last[-1].at_ms + 120_000 + self._skew_ms > sweep.began_ms:
                return
            deadline = last[-1]
            in_time = now_ms + self._skew_ms - deadline.at_ms < 86_400_000 and self._is_whole(deadline)
            if in_time and not is_blind(given) and not self._ran(given, deadline, self._ended, margin_ms=self._skew_ms):
                notice_id = f"monitor/{name}/nothing_ran/{deadline.date}"
                look = self._world.store.looks_noted(name)
                waits = awaited.may_wait(look, deadline, sweep.began_ms - self._skew_ms)
                waits = waits and sweep.queued.may_have_held_any(self._world.events)
                must(waits or notice_id in ids, f"{notice_id} was not told")

    def _rate_id(self, name: str) -> str:
        return f"monitor/{name}/failure_rate/{self._above[name][-1]}" if self._above[name] else "none"

    def _verdicts(self, sweep: _Sweep, given: Mapping[str, Any], rule: Mapping[str, Any]) -> Iterator[bool]:
        """Whether the rate may be above, by all that the sweep may have seen, and whatever its clock showed."""
        now_ms = self._world.clock.now_ms()
        watched = [one for one in self._ended if watches(given, one.job)]
        before = sum(watches(given, one.job) for one in self._ended[: sweep.ended])
        times = {sweep.began_ms - self._skew_ms, sweep.began_ms, now_ms, now_ms + self._skew_ms}
        times |= set(range(sweep.began_ms, now_ms, 60_000))
        for seen in range(before, len(watched) + 1):
            for at_ms in times:
                for off_ms in (0, self._skew_ms):
                    yield rate_is_above(rule, watched[:seen], at_ms, off_ms)

    @staticmethod
    def _ran(given: Mapping[str, Any], deadline: Deadline, ended: list[Ended], margin_ms: int) -> bool:
        """Whether a watched job succeeded in time; with a margin, of which one may not be sure."""
        first, behind = deadline.from_ms - margin_ms, deadline.at_ms + margin_ms
        return any(one.succeeded and watches(given, one.job) and first <= one.at_ms < behind for one in ended)

    # What is written before it is told

    def check_telling(self, telling: Telling) -> None:
        """That each job of a telling ran or waited for too long, as far as the look could know, and is in no other."""
        sweep, now_ms = self._sweep(), self._world.clock.now_ms()
        given, rule = self.definition[telling.monitor], telling.kind.value
        at_ms = telling.at_ms
        in_time = sweep.began_ms - self._skew_ms <= at_ms <= now_ms + self._skew_ms
        must(in_time, f"{telling.notice_id} is of another time than its look")
        for job_id in telling.job_ids:
            must((telling.monitor, telling.kind, job_id) not in self._told_jobs, f"{job_id} is told twice: {telling}")
            self._told_jobs.add((telling.monitor, telling.kind, job_id))
            job = self._foreign.jobs[job_id]
            must(watches(given, job), f"{telling.notice_id} tells of {job_id}, which it does not watch")
            allowed = allowed_ms(given, rule, job, self._usual_seconds, factor=0.94)
            must(allowed is not None, f"{telling.notice_id} tells of {job_id}, and nobody said for how long it may")
            assert allowed is not None
            # An event's time has whole seconds.
            times = [
                self._since_ms(job, place, rule) for place in range(sweep.heard.get(job_id, 0), self._heard[job_id] + 1)
            ]
            overdue = [since_ms for since_ms in times if since_ms is not None and at_ms - since_ms + 1_000 >= allowed]
            must(bool(overdue), f"{telling.notice_id} tells of {job_id}, which was {job.history}")

    def check_look(self, before: MonitorLook, look: MonitorLook) -> None:
        """That a rate which is noted as above, or as fallen, may have been so as the look saw it."""
        given = self.definition[look.monitor]
        rule = given.get("failure_rate")
        if look.above_from_ms is not None and before.above_from_ms is None:
            assert rule is not None
            must(True in self._verdicts(self._sweep(), given, rule), f"{look.monitor} was never above its rate: {look}")
            known = self._above[look.monitor]
            must(look.above_from_ms not in known, f"two times above the rate have one id: {look}")
            known.append(look.above_from_ms)
        if before.above_from_ms is not None and look.above_from_ms is None:
            least = _least(rule) if rule else {}
            must(bool(least) and False in self._verdicts(self._sweep(), given, least), f"the rate never fell: {look}")
            must(before.above_is_told, f"a rate has fallen that was never told: {before}")
        must(look.deadline_ms >= before.deadline_ms, f"a deadline is attended to again: {look}")
        if look.awaited_since_ms != before.awaited_since_ms:
            sweep, latest_ms = self._sweep(), self._world.clock.now_ms() + self._skew_ms
            must(sweep.queued.may_have_held_any(self._world.events), f"events are awaited, and there are none: {look}")
            past = deadlines(given["nothing_ran"], self._began_ms, latest_ms)
            awaited.check_begun(before, look, past, sweep.began_ms - self._skew_ms, latest_ms)

    def check_window(self, scope: str, opener: str) -> None:
        """That no repeat of an ending which was recorded opens a window, for it would have the next failure wait."""
        is_repeat = self._world.judge.under_way() > self._ended_by.get(opener, math.inf)
        must(not is_repeat, f"a window of {scope} was opened by {opener}, of which all was told")

    # What is told

    def check_notice(self, notice: Notice) -> None:
        """That a notice of a monitor is true, and has the id of what it tells."""
        given = self.definition.get(notice.monitor or "")
        must(given is not None, f"{notice.notice_id} is of no monitor")
        assert given is not None
        self.times_told[notice.kind] += notice.notice_id not in self._ids
        sweep = self._sweeps.get(self._world.judge.under_way())
        day = notice.notice_id.rpartition("/")[2] if notice.kind is NoticeKind.NOTHING_RAN else day_of(notice.at_ms)
        must(notice.thread == f"{notice.monitor}/{day}", f"{notice.notice_id} is in thread {notice.thread}")
        must(sweep is None or notice.notice_id not in sweep.done, f"{notice.notice_id} was told, and is told again")
        match notice.kind:
            case NoticeKind.JOB_FAILED:
                self._check_failed(notice, given)
            case NoticeKind.JOB_RUNNING | NoticeKind.JOB_WAITING:
                self._check_overdue(notice)
            case NoticeKind.FAILURE_RATE:
                must(given.get("failure_rate") is not None, f"{notice.notice_id} was told, and nobody asked for it")
                right = self._rate_id(notice.monitor or "")
                must(notice.notice_id == right, f"{notice.notice_id} was told, and the rate is above since {right}")
            case _:
                must(notice.kind is NoticeKind.NOTHING_RAN, f"{notice.notice_id} is no notice of a monitor")
                self._check_nothing_ran(notice, given)

    def _check_failed(self, notice: Notice, given: Mapping[str, Any]) -> None:
        scope, _, count = notice.notice_id.rpartition("/job_failed/")
        day = scope.rpartition("/")[2]
        must(scope == self._scope(notice.monitor or "", day), f"{notice.notice_id} is no id of a failure")
        must(int(count) == notice.job_count, f"{notice.notice_id} tells {notice.job_count} failures")
        by_sweep = self._world.judge.under_way() in self._sweeps
        must(
            not by_sweep or self._commands_may_fail(), f"{notice.notice_id} was told by the sweep, and nothing was lost"
        )
        failed = {job.job_id: job for job in self._failed(given, day)}
        must(1 <= notice.job_count <= len(failed), f"{notice.notice_id}, but {sorted(failed)} failed")
        named = [job.job_id or "" for job in notice.jobs]
        right = min(notice.job_count, NAMED_MAXIMUM)
        must(len(named) == len(set(named)) == right, f"{notice.notice_id} names {named}")
        must(set(named) <= set(failed), f"{notice.notice_id} names {named}, and {sorted(failed)} failed")
        for told in notice.jobs:
            job = failed[told.job_id or ""]
            says = (told.name, told.queue, told.failure, told.reason, told.stopped_at_ms)
            must(
                says == (job.name, job.queue, job.failure, job.reason, job.now.at_ms), f"{job.job_id} is told as {says}"
            )
        if len(named) == notice.job_count:
            these = frozenset(named)
            must(self._sets.setdefault(notice.notice_id, these) == these, f"{notice.notice_id} tells of two sets")
            about = (notice.monitor or "", day, these)
            first = self._ids_of_sets.setdefault(about, notice.notice_id)
            must(first == notice.notice_id, f"the failures of {first} were told again as {notice.notice_id}")

    def _scope(self, name: str, day: str) -> str:
        return f"monitor/{name}/{self._began_ms}/{day}"

    def _commands_may_fail(self) -> bool:
        """Whether the command that tells failures may have been lost, or be late."""
        menu = self._world.menu
        return self._troubles > 0 or any(menu[name].rate for name in (LOST_COMMANDS, "command_late"))

    def _failed(self, given: Mapping[str, Any], day: str) -> list[ForeignJob]:
        """The jobs of a day that truly failed by now, and are to be told."""
        ended = [job for job in self._foreign.jobs.values() if job.end is not None and job.end.status == "FAILED"]
        watched = [job for job in ended if watches(given, job) and failure_is_wanted(given, job.failure)]
        return [job for job in watched if day_of(job.created_at_ms) == day]

    def _check_overdue(self, notice: Notice) -> None:
        tellings = self._tellings(notice.monitor or "", notice.kind)
        telling = next((one for one in tellings if one.notice_id == notice.notice_id), None)
        must(telling is not None, f"{notice.notice_id} was told before it was written down")
        assert telling is not None
        named = tuple(job.job_id for job in notice.jobs)
        right = telling.job_ids[:NAMED_MAXIMUM]
        must((named, notice.job_count) == (right, len(telling.job_ids)), f"{notice.notice_id} tells of {named}")

    def _check_nothing_ran(self, notice: Notice, given: Mapping[str, Any]) -> None:
        rule, sweep = given.get("nothing_ran"), self._sweep()
        must(rule is not None and not is_blind(given), f"{notice.notice_id} was told, and nobody asked for it")
        assert rule is not None
        deadline = deadline_of(rule, notice.notice_id.rpartition("/")[2])
        early = self._world.clock.now_ms() + self._skew_ms < deadline.at_ms + 120_000
        must(not early and self._is_whole(deadline), f"{notice.notice_id} was told too early")
        heard = self._ended[: sweep.ended]
        must(not self._ran(given, deadline, heard, margin_ms=-self._skew_ms), f"{notice.notice_id}, and something ran")
        queued = [self._foreign.jobs[one] for one in sweep.queued.left_in(self._world.events) & {*self._foreign.jobs}]
        missed = [Ended(job, job.now.at_ms) for job in queued]
        missed = [one for one in missed if self._ran(given, deadline, [one], margin_ms=-self._skew_ms)]
        look = self._world.store.looks_noted(notice.monitor or "")
        awaited.check_told(notice, deadline, look, missed, self._world.clock.now_ms() + self._skew_ms)
        least, most = (
            self._failed_in_time(given, deadline, ended, margin_ms)
            for ended, margin_ms in ((heard, -self._skew_ms), (self._ended, self._skew_ms))
        )
        must(least <= notice.job_count <= most, f"{notice.notice_id} says that {notice.job_count} failed")
        says = f" and {notice.job_count} job" if notice.job_count > 1 else " and a job" if notice.job_count else ""
        must(says in notice.subject and "nothing ran" not in notice.subject, f"{notice.notice_id}: {notice.subject}")

    def _is_whole(self, deadline: Deadline) -> bool:
        """Whether everybody knew the monitors for all the time that counts."""
        return deadline.from_ms >= self._began_ms + 60_000

    @staticmethod
    def _failed_in_time(given: Mapping[str, Any], deadline: Deadline, ended: list[Ended], margin_ms: int) -> int:
        """How many watched jobs failed in time."""
        first, behind = deadline.from_ms - margin_ms, deadline.at_ms + margin_ms
        failed = [one for one in ended if not one.succeeded and one.job.failure != "cancelled"]
        return sum(watches(given, one.job) and first <= one.at_ms < behind for one in failed)

    # The end

    def _tellings(self, name: str, kind: NoticeKind) -> list[Telling]:
        return [one for one in self._world.store.all_tellings() if (one.monitor, one.kind) == (name, kind)]

    def check_end(self) -> None:
        """That every failure was told, nothing is left untold, and each ending was counted once."""
        ids = self._ids
        for name, given in self.definition.items():
            if given.get("failed") is not None:
                self._check_failures_told(name, given, ids)
            for kind in _OVERDUE.values():
                for telling in self._tellings(name, kind):
                    must(telling.notice_id in ids and not telling.is_open, f"{telling.notice_id} was never told")
            for since_ms in self._above[name]:
                notice_id = f"monitor/{name}/failure_rate/{since_ms}"
                must(notice_id in ids, f"{notice_id} was never told")
            self._check_counts(name, given)

    def _check_failures_told(self, name: str, given: Mapping[str, Any], ids: set[str]) -> None:
        recorded = {one.job.job_id for one in self._ended}
        for day in sorted({day_of(job.created_at_ms) for job in self._foreign.jobs.values()}):
            failed = [job.job_id for job in self._failed(given, day) if job.job_id in recorded]
            scope = f"{self._scope(name, day)}/job_failed/"
            counts = [int(one.removeprefix(scope)) for one in ids if one.startswith(scope)]
            must(max(counts, default=0) == len(failed), f"monitor {name}: of {failed} only {counts} were told")

    def _check_counts(self, name: str, given: Mapping[str, Any]) -> None:
        counts = given.get("failure_rate") is not None or given.get("nothing_ran") is not None
        counted = [one for one in self._ended if counts and watches(given, one.job) and one.job.failure != "cancelled"]
        found = self._world.store.buckets(f"{name}/{self._began_ms}", 0, 1 << 60)
        right = (sum(one.succeeded for one in counted), sum(not one.succeeded for one in counted))
        totals = (sum(one.succeeded for one in found), sum(one.failed for one in found))
        must(totals == right, f"monitor {name} counted {totals} endings, and there were {right}")
        for bucket in found:
            # A clock that is behind counts what has ended just now as of its own now.
            behind_ms = bucket.start_ms + 300_000 + self._skew_ms
            most = sum(bucket.start_ms <= one.at_ms < behind_ms for one in counted)
            must(bucket.succeeded + bucket.failed <= most, f"monitor {name} counted endings at another time: {found}")


def _lower_some(definition: Mapping[str, Any], rng: Random) -> None:
    """Some failure rates are over only once they have fallen further."""
    for given in definition.values():
        rule = given.get("failure_rate")
        if rule is not None and rule["above"] > 0 and rng.random() < 0.4:
            rule["over_at"] = 0.1


def _least(rule: Mapping[str, Any]) -> dict[str, Any]:
    """The rule by which a rate that was above still is."""
    return {**rule, "above": rule.get("over_at", rule["above"]), "at_least_jobs": 0}


def _random_monitor(rng: Random) -> dict[str, Any]:
    given: dict[str, Any] = {}
    for key, choices in (
        ("queues", (["etl"], ["e*"], ["etl", "reports"])),
        ("names", (["nf-*"], ["nightly"])),
        ("definitions", (["films"], ["films:4", "report"])),
        ("kinds", (["foreign"], ["step_functions"], ["single"], ["array", "foreign"], ["own"])),
    ):
        if rng.random() < 0.15:
            given[key] = rng.choice(choices)
    classes = ({}, {}, {}, {"classes": ["application", "dependency"]}, {"excluding": ["spot"]})
    seconds = rng.choice((60, 300, 1_000))
    rules: dict[str, Any] = {
        "failed": rng.choice(classes),
        "running_longer": rng.choice(
            (
                {"than_seconds": seconds},
                {"than_p95_times": 2, "at_least_seconds": 60},
                {"than_seconds": 3_600, "than_p95_times": 1.5, "at_least_seconds": seconds},
            )
        ),
        "waiting_longer": {"than_seconds": rng.choice((60, 300, 1_000))},
        "failure_rate": {
            "above": rng.choice((0, 0.3, 0.6)),
            "within_seconds": rng.choice((300, 3_600, 86_400)),
            "at_least_jobs": rng.randint(1, 4),
        },
        "nothing_ran": {
            "by": rng.choice(("22:20", "22:30", "23:30", "00:30")),
            "after": "22:15",
            **({"by": "07:30", "after": "07:15", "time_zone": "Asia/Tokyo"} if rng.random() < 0.3 else {}),
        },
    }
    wanted = [name for name in rules if rng.random() < 0.5] or [rng.choice(list(rules))]
    return given | {name: rules[name] for name in wanted}
