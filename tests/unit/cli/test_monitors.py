"""`batchwright monitors test`: since when it takes a stage to have seen jobs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from batchwright.cli import target as module
from batchwright.cli.group import main
from batchwright.cli.target import Target
from batchwright.runs.progress import now_ms
from chalicelib.api import models as m
from chalicelib.core.batch.job_record import JobFilter, JobState
from chalicelib.core.states import JobStatus

DAY_MS = 86_400_000


class Api:
    """A stage that recorded jobs which failed so long ago, as soon as they were submitted; and its monitors."""

    def __init__(self, days_ago: tuple[float, ...], pushed_days_ago: float | None) -> None:
        self.now_ms = now_ms()
        self.times_ms = [self._ago(days) for days in days_ago]
        self.pushed_at_ms = None if pushed_days_ago is None else self._ago(pushed_days_ago)

    def _ago(self, days: float) -> int:
        return self.now_ms - round(days * DAY_MS)

    def jobs(self, wanted: JobFilter, **_: Any) -> m.JobPage:
        until_ms = wanted.until_ms or self.now_ms
        found = [at_ms for at_ms in self.times_ms if (wanted.since_ms or 0) <= at_ms < until_ms]
        return m.JobPage(items=[_job(at_ms) for at_ms in found], records_foreign=True, records_own=True)

    def monitors(self) -> m.Monitors:
        return m.Monitors(revision=1, etag="e", pushed_at_ms=self.pushed_at_ms, definition={"monitors": {}})


def _job(at_ms: int) -> m.Job:
    return m.Job(
        job_id=str(at_ms),
        name="import",
        queue="default",
        definition="import:1",
        state=JobState.FAILED,
        status=JobStatus.FAILED,
        created_at_ms=at_ms,
        seen_at_ms=at_ms,
        stopped_at_ms=at_ms,
    )


@pytest.mark.parametrize(
    ("days_ago", "pushed_days_ago", "looked_days_ago"),
    [
        ((), None, 0.0),
        ((2.5, 1.5), None, 2.5),
        ((2.5,), 4.5, 4.5),
        ((2.5,), 1.5, 2.5),
        ((2.5, 30), None, None),
        ((30,), None, None),
        ((), 30, None),
    ],
)
def test_times_of_day_are_judged_since_the_first_record_or_push(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    days_ago: tuple[float, ...],
    pushed_days_ago: float | None,
    looked_days_ago: float | None,
) -> None:
    api = Api(days_ago, pushed_days_ago)
    monkeypatch.setattr(module, "find_target", lambda where: Target("here", api, None, 0))  # type: ignore[arg-type]
    file = tmp_path / "monitors.yaml"
    file.write_text('monitors: {m: {nothing_ran: {by: "06:00"}}}')
    done = CliRunner().invoke(main, ["monitors", "test", str(file), "--json"])
    assert done.exit_code == 0, done.output
    (trial,) = json.loads(done.stdout)
    days = 7 if looked_days_ago is None else looked_days_ago
    # A morning counts that lies in this time from midnight on, so that the time of day of the test decides about one.
    assert days - 1 <= len(trial["said"]) < days + 1
    assert days or not trial["said"]
    if looked_days_ago is None:
        assert trial["looked_from_ms"] is None
    else:
        assert abs(trial["looked_from_ms"] - api.now_ms + looked_days_ago * DAY_MS) < 60_000
