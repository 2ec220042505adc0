"""The governor: many invocations together keep to one rate, and those that submit little pay nothing for it."""

from __future__ import annotations

import contextlib
from bisect import bisect_left
from dataclasses import dataclass, field, replace
from random import Random

import pytest

from chalicelib.core.run.records import RunState
from chalicelib.engine.advance.rate_limiter import (
    FEW,
    HORIZON_SECONDS,
    PERMITS_AT_ONCE,
    admit,
    stride,
    submit_job,
    turns,
)
from chalicelib.engine.advance.submit import Wanted, submit
from chalicelib.engine.inbox.messages import MessagesLeft
from chalicelib.engine.world.lately import CROWDED_SECONDS, UNASKED_IN_A_SECOND, Lately
from chalicelib.engine.world.world import NotYet, Settings, World
from chalicelib.ports.services import Permits
from tests.memory.batch import SubmitFault
from tests.memory.clock import HandClock
from tests.memory.permits import MemoryPermits
from tests.memory.theatre import Theatre, plan_of, task

RATE = Settings().submit_rate
SECOND_US = 1_000_000


def theatre_of(count: int) -> Theatre:
    """Tasks that are all ready at once; the run is started, and its chunks lie on the commands queue."""
    theatre = Theatre(plan_of(*[(task(f"t{n}"), ()) for n in range(count)]))
    theatre.start()
    return theatre


def fill_the_line(theatre: Theatre, seconds: int = HORIZON_SECONDS) -> None:
    """Somebody takes all permits of the next seconds, and one moment more."""
    now_us = theatre.clock.now_ms() * 1000
    theatre.permits.take(now_us, seconds * SECOND_US + 1000, now_us + HORIZON_SECONDS * SECOND_US)


def submitted_at_ms(theatre: Theatre) -> list[int]:
    return [job.created_at_ms for job in theatre.jobs()]


def most_in_a_second(times_ms: list[int]) -> int:
    times_ms = sorted(times_ms)
    return max(bisect_left(times_ms, at_ms + 1000) - place for place, at_ms in enumerate(times_ms))


# Who asks


@pytest.mark.parametrize("count", [1, FEW])
def test_a_few_submissions_ask_nothing_and_wait_for_nothing(count: int) -> None:
    theatre = theatre_of(count)
    assert len(theatre.jobs()) == count
    assert theatre.permits.takes == 0


def test_the_first_job_of_a_chunk_goes_at_once_and_its_permit_is_taken_with_the_next_ones() -> None:
    theatre = theatre_of(25)
    begun_ms = theatre.clock.now_ms()
    theatre.deliver_commands()
    times_ms = submitted_at_ms(theatre)
    assert len(times_ms) == 25
    assert [at_ms - begun_ms for at_ms in times_ms[:3]] == [0, 21, 167]
    assert theatre.calls.index("submit") < theatre.calls.index("take")
    assert theatre.permits.takes == 5


def test_after_a_429_a_single_submission_asks_for_a_while() -> None:
    theatre = theatre_of(1)
    world = theatre.world()
    request = theatre.jobs()[0].request
    theatre.batch.faults.append(SubmitFault.THROTTLED)
    with contextlib.suppress(Exception):
        submit_job(world, request)

    later = replace(world, owner="a later invocation of the same process")
    assert list(turns(later, 1)) == [None]
    assert theatre.permits.takes == 1
    theatre.clock.advance(seconds=CROWDED_SECONDS)
    assert list(turns(later, 1)) == [None]
    assert theatre.permits.takes == 1


def test_a_process_that_submits_many_jobs_one_by_one_asks() -> None:
    theatre = theatre_of(1)
    world = theatre.world()
    for _ in range(UNASKED_IN_A_SECOND + 2):
        assert list(turns(world, 1)) == [None]
    assert theatre.permits.takes == 2
    theatre.clock.advance(seconds=1)
    assert list(turns(world, 1)) == [None]
    assert theatre.permits.takes == 2


def test_a_process_that_had_to_wait_for_long_asks_from_then_on() -> None:
    theatre = theatre_of(1)
    world = theatre.world()
    fill_the_line(theatre, seconds=1)
    assert not isinstance(admit(world, 1), NotYet)
    assert world.lately.must_ask(theatre.clock.now_ms())


def test_what_has_its_job_already_spends_no_permit() -> None:
    theatre = theatre_of(25)
    (chunk,) = theatre.commands.bodies
    theatre.deliver_commands()
    theatre.commands.send([chunk])
    before_ms, takes = theatre.clock.now_ms(), theatre.permits.takes
    theatre.deliver_commands()
    assert len(theatre.jobs()) == 25
    assert (theatre.clock.now_ms(), theatre.permits.takes) == (before_ms, takes)


# When nothing is free


def test_when_no_permit_is_free_nothing_is_claimed_and_the_message_comes_again() -> None:
    theatre = theatre_of(25)
    fill_the_line(theatre)
    world = theatre.world()
    world.lately.note_crowd(theatre.clock.now_ms())
    facts = world.facts_of(theatre.run)
    outcome = submit(world, facts, [Wanted(facts.attempt(index)) for index in range(25)])
    assert isinstance(outcome, NotYet)
    assert theatre.store.tasks(theatre.run.run_id, 0, 0) == []
    assert theatre.jobs() == []
    theatre.play_on()
    assert theatre.run.state is RunState.SUCCEEDED
    assert len(theatre.jobs()) == 25


def test_a_chunk_whose_permits_run_short_leaves_the_rest_unclaimed() -> None:
    theatre = theatre_of(25)
    fill_the_line(theatre)
    with pytest.raises(MessagesLeft, match="permits"):
        theatre.deliver_commands()
    assert len(theatre.store.tasks(theatre.run.run_id, 0, 0)) == len(theatre.jobs()) == 1
    theatre.play_on()
    assert theatre.run.state is RunState.SUCCEEDED
    assert len(theatre.jobs()) == 25


def test_a_429_in_the_middle_of_a_chunk_leaves_no_permit_unused_and_asks_for_no_more() -> None:
    theatre = theatre_of(25)
    world = theatre.world()
    world.lately.note_crowd(theatre.clock.now_ms())
    facts = world.facts_of(theatre.run)
    theatre.batch.faults.append(SubmitFault.THROTTLED)
    outcome = submit(world, facts, [Wanted(facts.attempt(index)) for index in range(25)])
    assert isinstance(outcome, NotYet)
    assert theatre.permits.takes == 1
    assert len(theatre.jobs()) == PERMITS_AT_ONCE - 1
    theatre.play_on()
    assert theatre.run.state is RunState.SUCCEEDED
    assert len(theatre.jobs()) == 25


def test_nobody_waits_longer_than_the_horizon() -> None:
    theatre = theatre_of(1)
    fill_the_line(theatre, seconds=HORIZON_SECONDS - 1)
    times_ms = admit(theatre.world(), 5)
    assert not isinstance(times_ms, NotYet)
    assert times_ms[0] - theatre.clock.now_ms() <= HORIZON_SECONDS * 1000
    fill_the_line(theatre, seconds=1)
    assert isinstance(admit(theatre.world(), 1), NotYet)


# The rate


class OwnClock(HandClock):
    """An invocation's own clock: it is off by `skew_ms` from the time that the others have."""

    def __init__(self, at_ms: int, skew_ms: int) -> None:
        super().__init__(at_ms + skew_ms)
        self.skew_ms = skew_ms

    @property
    def true_ms(self) -> int:
        return self.now_ms() - self.skew_ms


@dataclass
class Crowd:
    """Invocations that each submit one chunk after another, each on its own clock; always the one whose time is
    earliest goes on, as if they ran side by side."""

    rng: Random
    invocations: int
    job_ms: tuple[int, int]
    skew_ms: int = 0
    submit_rate: int = RATE
    permits: Permits = field(default_factory=MemoryPermits)
    times_ms: list[int] = field(default_factory=list)

    def play(self, seconds: int, chunk: int = 25) -> None:
        theatre = Theatre(plan_of((task("t"), ())))
        worlds: list[World] = []
        for _ in range(self.invocations):
            clock = OwnClock(theatre.clock.now_ms(), self.rng.randint(-self.skew_ms, self.skew_ms))
            world = replace(theatre.world(), clock=clock, permits=self.permits, lately=Lately())
            worlds.append(replace(world, settings=replace(world.settings, submit_rate=self.submit_rate)))
        under_way = [(world, self._submits(world, chunk)) for world in worlds]
        end_ms = theatre.clock.now_ms() + seconds * 1000
        while True:
            world, submits = min(under_way, key=lambda one: one[0].clock.true_ms)
            if world.clock.true_ms >= end_ms:
                return
            next(submits)

    def _submits(self, world: World, chunk: int):
        while True:
            for no_turn in turns(world, chunk):
                if no_turn:
                    world.clock.advance(seconds=no_turn.after_seconds)
                    break
                # Others act between the wait and the submission.
                yield
                self.times_ms.append(world.clock.true_ms)
                world.lately.submissions += 1
                world.clock.advance(ms=self.rng.randint(*self.job_ms))
            yield

    def rate(self, seconds: int) -> float:
        return len(self.times_ms) / seconds


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("invocations", "job_ms"), [(7, (90, 130)), (10, (100, 140)), (10, (5, 30)), (40, (60, 150))])
def test_many_invocations_together_keep_to_the_rate_in_any_second_and_come_near_it(
    invocations: int, job_ms: tuple[int, int], seed: int
) -> None:
    crowd = Crowd(Random(seed), invocations, job_ms)
    crowd.play(30)
    assert crowd.rate(30) >= 45
    settled = [at_ms for at_ms in crowd.times_ms if at_ms >= crowd.times_ms[0] + 3000]
    # Fifty, and what jobs that took longer than their stride were late by.
    assert most_in_a_second(settled) <= 52


@pytest.mark.parametrize(("submit_rate", "invocations"), [(5, 1), (10, 2), (19, 3), (30, 6), (40, 6)])
def test_at_a_lower_rate_fewer_invocations_come_near_it(submit_rate: int, invocations: int) -> None:
    crowd = Crowd(Random(1), invocations, (50, 110), submit_rate=submit_rate)
    crowd.play(60)
    assert crowd.rate(60) >= 0.93 * submit_rate
    settled = [at_ms for at_ms in crowd.times_ms if at_ms >= crowd.times_ms[0] + 3000]
    assert most_in_a_second(settled) <= submit_rate + 4


@pytest.mark.parametrize("submit_rate", [1, 2, 6, 7, 10, 19, 24, 30, 33, 35, 36, 48, 100, 10_000])
def test_groups_that_follow_each_other_share_no_slot(submit_rate: int) -> None:
    step = stride(-(-SECOND_US // submit_rate))
    slots = [5 * group + step * place for group in range(20) for place in range(PERMITS_AT_ONCE)]
    assert len(set(slots)) == len(slots)
    assert 1 <= step <= 7


def test_a_thousand_that_begin_at_once_find_places_for_the_next_seconds_and_no_more() -> None:
    theatre = theatre_of(1)
    times_ms: list[int] = []
    for _ in range(1000):
        world = theatre.world()
        world.lately.note_crowd(theatre.clock.now_ms())
        admitted = admit(world, 1)
        times_ms += [] if isinstance(admitted, NotYet) else admitted
    assert len(times_ms) == HORIZON_SECONDS * RATE
    assert most_in_a_second(times_ms) <= RATE


@pytest.mark.parametrize("seed", range(3))
def test_clocks_that_differ_by_a_second_or_two_cost_efficiency_and_keep_the_rate_over_longer_times(seed: int) -> None:
    crowd = Crowd(Random(seed), 10, (50, 120), skew_ms=1000)
    crowd.play(40)
    assert 30 <= crowd.rate(40) <= 50
    assert most_in_a_second(crowd.times_ms) <= 2 * RATE


def test_without_a_line_to_share_the_same_crowd_exceeds_the_rate() -> None:
    class ToEverybody(MemoryPermits):
        def take(self, now_us: int, span_us: int, latest_us: int) -> int | None:
            return now_us

    crowd = Crowd(Random(1), 10, (60, 100), permits=ToEverybody())
    crowd.play(5)
    assert most_in_a_second(crowd.times_ms) > 50
