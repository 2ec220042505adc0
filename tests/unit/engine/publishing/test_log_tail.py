"""The last lines of failed jobs: a notice waits a little for them, and never long."""

from __future__ import annotations

from chalicelib.engine.publishing.log_tail import LastLines
from tests.memory.theatre import Theatre, plan_of, task

PLAN = plan_of((task("only"), ()))


def test_a_notice_waits_for_one_slow_log_and_the_next_notice_for_none():
    theatre = Theatre(PLAN)
    theatre.hooks["tail"] = lambda: theatre.clock.advance(seconds=3)
    world = theatre.world()
    theatre.calls.clear()
    for _ in range(2):
        lines = LastLines(world, 10)
        assert [lines.of(f"stream/{number}") for number in range(3)] == [()] * 3
    assert theatre.calls == ["tail"]
    theatre.clock.advance(seconds=60)
    theatre.logs.write("stream/0", "quick again")
    assert LastLines(world, 10).of("stream/0") == ("quick again",)


def test_the_first_three_jobs_of_a_notice_come_with_what_they_wrote_last():
    theatre = Theatre(PLAN)
    for number in range(4):
        theatre.logs.write(f"stream/{number}", "first", f"last of {number}")
    lines = LastLines(theatre.world(), 1)
    assert [lines.of(f"stream/{number}") for number in range(4)] == [*((f"last of {n}",) for n in range(3)), ()]
