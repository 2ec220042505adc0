from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, cast

from batchwright.runs.follow import SILENCE_SECONDS, Followed
from batchwright.runs.view import RunView
from batchwright.terminal.interrupts import Interrupts
from chalicelib.api import models as m
from chalicelib.api.port import Api
from chalicelib.core.states import TaskState
from tests.unit.rows import row, view

RUNNING = view(row(0, "a", TaskState.RUNNING, job_id="job-a"), row(1, "b", TaskState.RUNNING, job_id="job-b"))


class Unchanging:
    """An API with a run in which nothing happens."""

    def run(self, run_id: str, epoch: int | None = None) -> m.Run:
        return RUNNING.run

    def tasks(self, run_id: str, **_: Any) -> m.Page[m.Task]:
        return m.Page(items=list(RUNNING.tasks))


class Display:
    def __init__(self) -> None:
        self.lost: list[list[str]] = []

    def show(self, shown: RunView) -> None:
        pass

    def say_lost(self, names: Sequence[str]) -> None:
        self.lost.append(list(names))

    def close(self) -> None:
        pass


def test_a_job_is_told_as_lost_only_if_it_had_ended_when_batch_was_asked_before() -> None:
    answers = [set[str](), {"job-a"}, {"job-a", "job-b"}, {"job-a", "job-b"}]
    display = Display()
    interrupts = Interrupts()

    def ended_jobs(job_ids: Sequence[str]) -> set[str]:
        assert set(job_ids) == {"job-a", "job-b"}
        if len(answers) == 1:
            interrupts.note(0, None)
        return answers.pop(0)

    followed = Followed(cast(Api, Unchanging()), "films-abc", 0.001, ended_jobs, silence_seconds=0.002)
    followed.follow(display, interrupts, still_there=lambda: None, until_seconds=time.monotonic() + 10)
    assert display.lost == [[], [], ["a"], ["a", "b"]]


def test_nobody_is_alarmed_before_an_event_is_really_late() -> None:
    assert SILENCE_SECONDS >= 15
