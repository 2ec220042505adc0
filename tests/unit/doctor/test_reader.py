"""The doctor on runs that the engine plays: nothing is wrong with them, in whatever moment somebody looks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from batchwright.doctor import reader
from batchwright.doctor.reader import Doctor
from batchwright.doctor.rules import patience_of
from chalicelib.core import limits
from chalicelib.core.run.records import Scope
from chalicelib.core.run.requests import RedriveRequest
from chalicelib.core.states import RunState, TriggerRule
from chalicelib.engine.control.cancel import request_cancel
from chalicelib.engine.control.pause import pause_run, resume_run
from chalicelib.engine.control.redrive import redrive_run
from chalicelib.engine.inbox.messages import MessagesLeft
from tests.memory.theatre import Cut, Theatre, plan_of, task

PLAN = plan_of(
    (task("first"), ()),
    (task("left", attempts=2), ["first"]),
    (task("right"), ["first"]),
    (task("after-both"), ["left", "right"]),
    (task("after-failure", TriggerRule.ONE_FAILED), ["right"]),
    (task("clean-up", TriggerRule.ALL_DONE), ["after-both", "after-failure"]),
)
FAILS = [("left", 1), ("right", 1)]


class Watched:
    """A theatre where the doctor looks before and after every call of every invocation."""

    def __init__(self) -> None:
        self.theatre = Theatre(PLAN, fails=FAILS)
        self.looks = 0
        self.theatre.gate = lambda name, after_effect: self.look()

    def look(self) -> None:
        theatre = self.theatre
        runs = [run.run_id for run in theatre.store.list_runs(PLAN.workflow, 10).runs]
        report = Doctor(theatre.store, None, patience_of(theatre.settings), theatre.clock.now_ms).look(runs)
        assert report.findings == []
        self.looks += 1

    def play(self) -> None:
        self.theatre.play_on()
        self.look()


@pytest.fixture(autouse=True)
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "SHARD_SIZE", 2)


def cancelled(theatre: Theatre) -> None:
    request_cancel(theatre.world(), theatre.run.run_id, "no longer wanted")


def paused_and_resumed(theatre: Theatre) -> None:
    pause_run(theatre.world(), theatre.run.run_id)
    theatre.play_on()
    theatre.clock.advance(seconds=100_000)
    # The sweep, which nobody plays here, would have moved it on.
    theatre.store._runs[theatre.run.run_id] = replace(theatre.run, sweep_at_ms=theatre.clock.now_ms())
    resume_run(theatre.world(), theatre.run.run_id)


def left_alone(theatre: Theatre) -> None:
    pass


@pytest.mark.parametrize("meddle", [left_alone, cancelled, paused_and_resumed])
def test_nothing_is_wrong_with_a_run_between_any_two_calls(meddle: Callable[[Theatre], None]) -> None:
    watched = Watched()
    theatre = watched.theatre
    theatre.start()
    theatre.deliver_commands()
    theatre.tell()
    theatre.deliver_events()
    watched.theatre.gate, gate = lambda name, after_effect: None, watched.theatre.gate
    meddle(theatre)
    watched.theatre.gate = gate
    watched.play()
    assert theatre.run.state is (RunState.CANCELLED if meddle is cancelled else RunState.FAILED)
    theatre.fails.clear()
    redrive_run(theatre.world(), RedriveRequest(theatre.run.run_id, Scope.FROM_FAILED))
    watched.play()
    assert (theatre.run.epoch, theatre.run.state) == (1, RunState.SUCCEEDED)
    assert watched.looks > 100


@pytest.mark.parametrize("call", range(1, 30, 4))
def test_nothing_is_wrong_while_a_message_of_an_invocation_that_died_comes_again(call: int) -> None:
    watched = Watched()
    theatre = watched.theatre
    theatre.start()
    for _ in range(20):
        theatre.tell()

        def deliver() -> None:
            for act in (theatre.deliver_events, theatre.deliver_commands):
                try:
                    act()
                except MessagesLeft:
                    watched.look()

        if theatre.crash(Cut(call, after_effect=bool(call % 8)), deliver):
            break
    watched.play()
    assert theatre.run.state is RunState.FAILED


def test_what_is_so_no_more_at_a_second_look_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    theatre = Theatre(PLAN)
    run_id = theatre.start().run_id
    times = [theatre.clock.now_ms() + 10**9, theatre.clock.now_ms()]
    rested: list[float] = []
    monkeypatch.setattr(reader.time, "sleep", rested.append)
    doctor = Doctor(theatre.store, None, patience_of(theatre.settings), lambda: times[len(rested)])
    assert [one.rule for one in doctor.look([run_id]).findings] == ["a run that is due is swept"]
    assert doctor.look_twice([run_id]).findings == []
    times[1] = times[0]
    rested.clear()
    assert [one.rule for one in doctor.look_twice([run_id]).findings] == ["a run that is due is swept"]
    assert rested == [reader.SECOND_LOOK_SECONDS]
