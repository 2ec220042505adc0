"""The API's part about schedules, wherever it runs."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.api import models as m
from chalicelib.core.errors import InvalidWorkflow, UnknownSchedule, UnknownWorkflow, UserMistake
from chalicelib.core.schedule.model import CatchUp, Overlap, read_moment_ms
from tests.contract.apis import Desk, definition_of

HOUR_MS = 3_600_000


def push(desk: Desk, name: str = "nightly", **schedule: Any) -> m.Schedule:
    """Push a workflow with one schedule, `often`. The desk's clock begins at 2023-11-14T22:13:20Z."""
    given = {"cron": "0 * * * ? *", "params": {"parts": 8}, **schedule}
    desk.api.put_workflow(name, definition_of(name, schedules={"often": given}))
    (listed,) = desk.api.schedules(name)
    return listed


def ms(time_of_day: str) -> int:
    return read_moment_ms(f"2023-11-14T{time_of_day}:00+00:00")


def test_a_pushed_schedule_is_listed_with_its_next_time(desk: Desk) -> None:
    listed = push(desk, overlap="queue", catch_up="all", time_zone="Asia/Tokyo", starts="2023-11-15T09:00")
    assert listed == m.Schedule(
        workflow="nightly",
        name="often",
        expression="cron(0 * * * ? *)",
        time_zone="Asia/Tokyo",
        overlap=Overlap.QUEUE,
        catch_up=CatchUp.ALL,
        paused=False,
        starts_at_ms=read_moment_ms("2023-11-15T00:00:00+00:00"),
        next_at_ms=read_moment_ms("2023-11-15T00:00:00+00:00"),
    )
    push(desk, "weekly", rate="7 days", cron=None)
    assert [one.workflow for one in desk.api.schedules()] == ["nightly", "weekly"]
    assert desk.api.schedules("films") == []
    with pytest.raises(UnknownWorkflow, match="did you mean 'nightly'"):
        desk.api.schedules("nightl")


def test_a_schedule_with_mistakes_is_refused_with_all_of_them(desk: Desk) -> None:
    with pytest.raises(InvalidWorkflow) as refused:
        push(desk, cron="0 9 * * 1-5", time_zone="Europe/Berln", params={"part": 1})
    assert len(refused.value.mistakes) == 3
    assert "write '0 9 ? * MON-FRI *'" in str(refused.value)


def test_the_next_times_are_told_after_now_or_another_moment(desk: Desk) -> None:
    push(desk)
    assert desk.api.next_times("nightly", "often", count=2) == [ms("23:00"), ms("23:00") + HOUR_MS]
    assert desk.api.next_times("nightly", "often", count=1, after_ms=ms("12:00")) == [ms("13:00")]
    with pytest.raises(UnknownSchedule, match="did you mean 'often'"):
        desk.api.next_times("nightly", "oftn")
    with pytest.raises(UserMistake):
        desk.api.next_times("nightly", "often", count=101)


def test_a_paused_schedule_has_no_next_time_and_goes_on_when_resumed(desk: Desk) -> None:
    push(desk)
    paused = desk.api.pause_schedule("nightly", "often")
    assert (paused.paused, paused.next_at_ms) == (True, None)
    assert desk.api.pause_schedule("nightly", "often") == paused
    desk.pass_seconds(2 * 3_600)
    resumed = desk.api.resume_schedule("nightly", "often")
    assert (resumed.paused, resumed.waiting) == (False, 1)
    desk.carry_out()
    (run,) = desk.api.runs(workflow="nightly").items
    assert (run.schedule, run.scheduled_at_ms, run.params) == ("often", ms("23:00") + HOUR_MS, {"parts": 8})
    (listed,) = desk.api.schedules("nightly")
    assert (listed.last_at_ms, listed.last_run_id) == (run.scheduled_at_ms, run.run_id)


def test_a_backfill_names_its_times_and_runs_and_starts_them(desk: Desk) -> None:
    push(desk, overlap="allow")
    asked = m.Backfill(from_ms=ms("20:00"), to_ms=ms("23:30"))
    dry = desk.api.backfill("nightly", "often", asked.model_copy(update={"dry_run": True}))
    assert dry.times_ms == [ms("20:00"), ms("21:00"), ms("22:00")]
    assert desk.api.runs(workflow="nightly").items == []
    filled = desk.api.backfill("nightly", "often", asked)
    assert filled == dry
    desk.carry_out()
    runs = {run.run_id: run.scheduled_at_ms for run in desk.api.runs(workflow="nightly").items}
    assert runs == dict(zip(filled.run_ids, filled.times_ms, strict=True))


def test_a_schedule_goes_with_its_workflow(desk: Desk) -> None:
    push(desk)
    desk.api.delete_workflow("nightly")
    assert desk.api.schedules() == []
    with pytest.raises(UnknownSchedule):
        desk.api.pause_schedule("nightly", "often")


def test_what_could_not_be_started_is_told(desk: Desk) -> None:
    tasks = {"first": {"job_definition": "shell", "queue": "q", "array": {"size": "${params.parts}"}}}
    broken = {"name": "nightly", "params": {"parts": {"type": "integer"}}, "tasks": tasks}
    desk.api.put_workflow(
        "nightly", {**broken, "schedules": {"often": {"cron": "0 * * * ? *", "params": {"parts": 10_001}}}}
    )
    desk.api.pause_schedule("nightly", "often")
    desk.pass_seconds(3_600)
    desk.api.resume_schedule("nightly", "often")
    desk.carry_out()
    (listed,) = desk.api.schedules("nightly")
    assert (listed.failed_at_ms, listed.last_at_ms) == (ms("23:00"), None)
    assert "10,000 or less, not 10,001" in (listed.failure or "")


def test_a_push_may_leave_the_schedules_as_they_were(desk: Desk) -> None:
    before = push(desk)
    other = definition_of("nightly", schedules={"often": {"rate": "7 days"}, "more": {"rate": "1 hour"}})
    assert desk.api.put_workflow("nightly", other, keep_schedules=True).version == 2
    assert desk.api.schedules("nightly") == [before]
    assert desk.api.put_workflow("nightly", other).version == 2
    assert {one.name: one.expression for one in desk.api.schedules("nightly")} == {
        "often": "rate(7 days)",
        "more": "rate(1 hour)",
    }
