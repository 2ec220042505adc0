"""Schedules on the local AWS: fired at their times, and paused, resumed and backfilled from the command line."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest

from batchwright.cli.target import Target, local_target
from batchwright.cli.workflows import push_file
from batchwright.files.workflow_file import load_workflow
from chalicelib.api import models as m
from chalicelib.core.states import RunState
from tests.functional.commands import Terminal, wait_until

# A local AWS of its own for every command: `make e2e`.
pytestmark = pytest.mark.long

SAY_WHEN = {"command": ["sh", "-c", "echo it is ${params.at}"]}
AT = {"at": {"type": "string", "default": "no time"}}


@dataclass(frozen=True)
class Kept:
    """The local AWS that is kept up: a terminal on it, and what its commands speak to."""

    terminal: Terminal
    target: Target

    def give(self, *words: str) -> str:
        done = self.terminal.give("schedules", *words)
        assert (done.returncode, done.stderr) == (0, ""), done
        return done.stdout

    def push(self, name: str, **schedule: Any) -> None:
        file = self.terminal.folder / self.terminal.workflow(
            name, {"say": SAY_WHEN}, params=AT, schedules={"often": schedule}
        )
        push_file(self.target, load_workflow(file), file.parent)

    def push_for_soon(self, name: str, **schedule: Any) -> datetime:
        """Push a workflow whose only time comes in a few seconds, however busy the machine is; the time."""
        for seconds in (3, 6, 12, 24):
            at = (datetime.now(UTC) + timedelta(seconds=seconds)).replace(microsecond=0)
            # In Kathmandu it is 5:45 later than in Greenwich, all the year.
            local = (at + timedelta(hours=5, minutes=45)).isoformat()[:19]
            self.push(name, at=local, time_zone="Asia/Kathmandu", **schedule)
            (listed,) = self.target.api.schedules(name)
            if listed.last_at_ms or listed.next_at_ms:
                return at
        raise AssertionError("no push was in time")

    def runs(self, name: str) -> list[m.Run]:
        return sorted(self.target.api.runs(workflow=name).items, key=lambda run: run.scheduled_at_ms or 0)

    def have_succeeded(self, name: str, count: int) -> bool:
        states = [run.state for run in self.runs(name)]
        assert len(states) <= count
        return states == [RunState.SUCCEEDED] * count


@pytest.fixture
def stage(kept: Terminal, kept_home: Path) -> Kept:
    environment = json.loads((kept_home / "local.json").read_text())["environment"]
    return Kept(kept, local_target(environment, lambda: None))


def test_a_schedule_fires_at_its_time_and_once(stage: Kept) -> None:
    at = stage.push_for_soon("once", params={"at": "${schedule.time}"})
    wait_until(lambda: stage.have_succeeded("once", 1), "the run of the schedule succeeds")
    (run,) = stage.runs("once")
    assert (run.schedule, run.scheduled_at_ms) == ("often", int(at.timestamp() * 1000))
    assert run.params["at"].endswith("+05:45")
    assert 0 <= run.created_at_ms - run.scheduled_at_ms < 60_000
    assert [line.text for line in stage.target.api.logs(run.run_id, "say").items] == [f"it is {run.params['at']}"]
    listed = stage.give("list", "once")
    assert re.search(r"once +often +over +at\(20\d\d-.*\) +Asia/Kathmandu", listed), listed
    assert stage.target.api.next_times("once", "often") == []


def test_a_time_that_passed_while_the_machine_slept_is_caught_up(stage: Kept, kept_home: Path) -> None:
    supervisor = psutil.Process(json.loads((kept_home / "local.json").read_text())["pid"])
    (worker,) = [child for child in supervisor.children() if "batchwright.local.worker" in " ".join(child.cmdline())]
    worker.suspend()
    try:
        at = stage.push_for_soon("asleep")
        wait_until(lambda: datetime.now(UTC) > at + timedelta(seconds=1), "the time has passed")
        assert stage.runs("asleep") == []
    finally:
        worker.resume()
    wait_until(lambda: stage.have_succeeded("asleep", 1), "the missed time is started")


def test_a_schedule_is_paused_and_goes_on(stage: Kept) -> None:
    stage.push("held", cron="0 0 1 1 ? *")
    assert stage.give("pause", "held", "often") == "Schedule often of held is paused.\n"
    (paused,) = stage.target.api.schedules("held")
    assert (paused.paused, paused.next_at_ms) == (True, None)
    resumed = stage.give("resume", "held", "often")
    assert re.fullmatch(r"Schedule often of held goes on, next at 20\d\d-01-01 00:00 \(UTC\)\.\n", resumed)


def test_a_backfill_runs_past_times_one_after_another(stage: Kept) -> None:
    stage.push("past", rate="1 day", starts="2026-01-01", overlap="queue")
    asked = ("backfill", "past", "often", "--from=2026-01-01", "--to=2026-01-03T12:00")
    dry = stage.give(*asked, "--dry-run")
    assert dry.endswith("3 runs would be started one after another.\n"), dry
    assert re.findall(r"2026-01-0\d 00:00 \+00:00", dry) == [f"2026-01-0{day} 00:00 +00:00" for day in (1, 2, 3)]
    assert stage.runs("past") == []
    filled = m.Backfilled.model_validate_json(stage.give(*asked, "--json"))
    wait_until(lambda: stage.have_succeeded("past", 3), "the runs succeed")
    found = stage.runs("past")
    assert [run.run_id for run in found] == filled.run_ids
    assert [run.scheduled_at_ms for run in found] == filled.times_ms
    times = [at_ms for run in found for at_ms in (run.created_at_ms, run.ended_at_ms or 0)]
    assert times == sorted(times)
    again = m.Backfill(from_ms=filled.times_ms[0], to_ms=filled.times_ms[-1])
    assert stage.target.api.backfill("past", "often", again) == filled
    wait_until(lambda: stage.target.api.schedules("past")[0].waiting == 0, "nothing waits")
    assert stage.runs("past") == found


def test_the_next_times_are_told_in_the_time_zone_across_a_day_of_25_hours(stage: Kept) -> None:
    stage.push("daily", cron="30 2 * * ? *", time_zone="Europe/Berlin")
    told = stage.give("next", "daily", "often", "--after=2026-10-24", "--count=3").splitlines()
    assert [line.split("  ")[:2] for line in told[1:]] == [
        ["2026-10-24 02:30 +02:00", "2026-10-24 00:30"],
        ["2026-10-25 02:30 +02:00", "2026-10-25 00:30"],
        ["2026-10-26 02:30 +01:00", "2026-10-26 01:30"],
    ]


def test_a_name_that_is_not_there_is_told_with_the_nearest(stage: Kept) -> None:
    stage.push("named", rate="1 day")
    done = stage.terminal.give("schedules", "pause", "named", "oftn")
    assert (done.returncode, done.stdout) == (2, "")
    assert "workflow 'named' has no schedule 'oftn'; did you mean 'often'?" in done.stderr


def test_a_deleted_workflow_has_no_schedules_left(stage: Kept) -> None:
    stage.push("gone", rate="1 day")
    assert "gone" in [one.workflow for one in stage.target.api.schedules()]
    stage.target.api.delete_workflow("gone")
    assert "gone" not in [one.workflow for one in stage.target.api.schedules()]
    stage.push("gone", rate="2 days")
    assert [one.expression for one in stage.target.api.schedules("gone")] == ["rate(2 days)"]


EVERY_MINUTE = """\
name: armed
defaults: {job_definition: shell, queue: default, command: ["true"]}
tasks: {t: {}}
schedules: {often: {rate: 1 minute}}
"""


def test_a_run_of_a_file_arms_its_schedules_only_if_it_is_asked_to(kept: Terminal) -> None:
    (kept.folder / "armed.yaml").write_text(EVERY_MINUTE)
    ran = kept.give("run", "armed.yaml")
    assert (ran.returncode, "--schedules lets them start runs" in ran.stderr) == (0, True), ran
    assert json.loads(kept.give("schedules", "list", "armed", "--json").stdout) == []
    armed = kept.give("run", "armed.yaml", "--schedules")
    assert (armed.returncode, "--schedules" in armed.stderr) == (0, False), armed
    (schedule,) = json.loads(kept.give("schedules", "list", "armed", "--json").stdout)
    assert (schedule["name"], schedule["enabled"]) == ("often", True)
    assert kept.give("workflows", "delete", "armed", "--yes").returncode == 0
