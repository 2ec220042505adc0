"""`nothing_ran` while events wait in the queue: a success that nobody has handled yet is not said to be missing."""

from __future__ import annotations

from functools import partial

import pytest

from chalicelib.core.chain import COPIED_AT_RECEIPT
from chalicelib.core.errors import TryAgain
from chalicelib.core.schedule.model import read_moment_ms
from chalicelib.engine.inbox.messages import MessagesLeft
from tests.memory.lookout import Lookout, at, look
from tests.memory.theatre import Cut

SAID = ["monitor/m/nothing_ran/2026-11-02"]
SAID_NEXT_DAY = ["monitor/m/nothing_ran/2026-11-03"]


def late(*statuses: str) -> Lookout:
    """A stage at 06:02 in Berlin, with nobody to handle events: those of jobs that came to these statuses in time."""
    lookout = at("2026-11-01T12:00Z")
    lookout.clock.advance_to(read_moment_ms("2026-11-02T04:59Z"))
    lookout.events.send([lookout.event(f"{number}", status) for number, status in enumerate(statuses)])
    lookout.clock.advance_to(read_moment_ms("2026-11-02T05:02Z"))
    return lookout


def deliver_all(lookout: Lookout) -> None:
    lookout.deliver_events()


def failing(*_: object) -> None:
    raise TryAgain("the table does not answer")


def test_an_event_that_is_being_handled_is_awaited() -> None:
    lookout = late("SUCCEEDED")
    lookout.crash(Cut("observe_job"), lookout.deliver_events)
    assert look(lookout) == [], "nobody can receive it now, and it is not counted"
    lookout.clock.advance(seconds=360)
    lookout.deliver_events()
    assert look(lookout) == []
    assert look(lookout, after_seconds=3_600) == []


@pytest.mark.parametrize("question", ["waiting", "buckets"])
def test_an_event_that_is_handled_between_the_two_questions_of_a_look_is_not_missed(question: str) -> None:
    lookout = late("SUCCEEDED")
    lookout.hooks[question] = partial(deliver_all, lookout)
    assert look(lookout) == []
    assert look(lookout, after_seconds=300) == []


def test_an_event_that_waits_as_a_delayed_copy_of_itself_is_awaited() -> None:
    lookout = late("SUCCEEDED")
    observe, lookout.store.observe_job = lookout.store.observe_job, failing  # type: ignore[assignment]
    for _ in range(COPIED_AT_RECEIPT - 1):
        with pytest.raises(MessagesLeft):
            lookout.deliver_events()
        lookout.clock.advance_to(lookout.events.next_visible_at_ms or 0)
    lookout.deliver_events()
    lookout.store.observe_job = observe  # type: ignore[method-assign]
    assert lookout.events.receive() == [], "the copy is delayed"
    assert look(lookout) == []


def test_the_wait_begins_with_the_first_look_that_may_be_hours_after_the_time_of_day() -> None:
    """The outage that made events late may have kept the sweep from looking."""
    lookout = late("SUCCEEDED")
    assert look(lookout, after_seconds=7_200) == []
    assert look(lookout, after_seconds=600) == []
    lookout.deliver_events()
    assert look(lookout, after_seconds=600) == []


def test_a_wait_of_the_day_before_is_no_part_of_the_wait_of_this_day() -> None:
    lookout = late("RUNNING")
    assert look(lookout) + look(lookout, after_seconds=900) == SAID
    lookout.clock.advance_to(read_moment_ms("2026-11-03T05:02Z"))
    assert [look(lookout), look(lookout, after_seconds=600)] == [[], []]
    assert look(lookout, after_seconds=300) == SAID_NEXT_DAY
