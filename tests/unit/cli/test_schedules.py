"""What `schedules` asks for: days are those of the schedule's own time zone."""

from __future__ import annotations

from typing import Any

import pytest
from click.testing import CliRunner

from batchwright.cli import schedules
from batchwright.cli.target import Target
from chalicelib.api import models as m
from chalicelib.core.schedule.model import CatchUp, Overlap, read_moment_ms

SCHEDULE = m.Schedule(
    workflow="w",
    name="s",
    expression="cron(30 3 * * ? *)",
    time_zone="Asia/Tokyo",
    overlap=Overlap.QUEUE,
    catch_up=CatchUp.LATEST,
    paused=False,
)


class Asked:
    """Stands in for where a command speaks to, and keeps what it asks for."""

    def __init__(self) -> None:
        self.backfills: list[m.Backfill] = []
        self.after_ms: list[int | None] = []

    def __call__(self, *_: Any) -> Asked:
        return self

    def __enter__(self) -> Target:
        return Target("here", self, None, 0)  # type: ignore[arg-type]

    def __exit__(self, *_: Any) -> None:
        pass

    def schedules(self, workflow: str | None) -> list[m.Schedule]:
        return [SCHEDULE]

    def next_times(self, workflow: str, schedule: str, *, count: int, after_ms: int | None) -> list[int]:
        self.after_ms.append(after_ms)
        return []

    def backfill(self, workflow: str, schedule: str, asked: m.Backfill) -> m.Backfilled:
        self.backfills.append(asked)
        return m.Backfilled(times_ms=[], run_ids=[])


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    asked = Asked()
    monkeypatch.setattr(schedules, "on_target", asked)
    return asked


def test_a_backfill_takes_whole_days_of_the_schedules_time_zone(asked: Asked) -> None:
    done = CliRunner().invoke(schedules.schedules, ["backfill", "w", "s", "--from", "2026-11-01", "--to", "2026-11-02"])
    assert (done.exit_code, done.exception) == (0, None)
    (backfill,) = asked.backfills
    assert backfill.from_ms == read_moment_ms("2026-11-01T00:00+09:00")
    assert backfill.to_ms == read_moment_ms("2026-11-03T00:00+09:00") - 1


def test_a_time_with_an_offset_is_what_it_says(asked: Asked) -> None:
    words = ["backfill", "w", "s", "--from", "2026-11-01T09:00+01:00", "--to", "2026-11-01T12:00Z"]
    assert CliRunner().invoke(schedules.schedules, words).exit_code == 0
    (backfill,) = asked.backfills
    assert (backfill.from_ms, backfill.to_ms) == (
        read_moment_ms("2026-11-01T08:00Z"),
        read_moment_ms("2026-11-01T12:00Z"),
    )


def test_the_next_times_are_those_after_a_moment_of_the_time_zone(asked: Asked) -> None:
    assert CliRunner().invoke(schedules.schedules, ["next", "w", "s", "--after", "2026-11-01"]).exit_code == 0
    assert CliRunner().invoke(schedules.schedules, ["next", "w", "s"]).exit_code == 0
    assert asked.after_ms == [read_moment_ms("2026-11-01T00:00+09:00"), None]
