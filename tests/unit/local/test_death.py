"""The words of a local AWS's end."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from batchwright.local.death import Death

AT = time.mktime((2026, 11, 30, 22, 49, 4, 0, 0, -1))


@pytest.mark.parametrize(
    ("exit_code", "how"),
    [(-9, "was killed by SIGKILL"), (-250, "was killed by signal 250"), (3, "ended with exit code 3")],
)
def test_it_says_which_process_how_and_when(exit_code: int, how: str) -> None:
    said = Death("batch", 7, "/no/such/batch.log", exit_code, AT).sentence()
    assert said == (
        f"the local AWS broke: its batch process (7) {how} on 2026-11-30 at 22:49:04. Everything that was in it is "
        "lost. Its log is /no/such/batch.log; it wrote nothing"
    )


@pytest.mark.parametrize(
    ("runs", "lost"),
    [
        (None, "Everything that was in it is lost."),
        ([], "Everything that was in it is lost."),
        (["a-1"], "Everything that was in it is lost, with 1 run that was under way: a-1."),
        (["a-1", "a-2"], "Everything that was in it is lost, with 2 runs that were under way: a-1, a-2."),
    ],
)
def test_it_says_what_was_lost(runs: list[str] | None, lost: str) -> None:
    assert f" {lost} " in Death("batch", 7, "/no/such/batch.log", 1, AT, runs).sentence()


def test_it_says_where_the_reason_is(tmp_path: Path) -> None:
    log = tmp_path / "worker.log"
    log.write_text("begun\nMemoryError\n")
    assert Death("worker", 7, str(log), 1, AT).sentence().endswith(f" Its log is {log} and ends with: MemoryError")
