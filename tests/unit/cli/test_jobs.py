"""`batchwright jobs` while a search takes long: what a terminal shows of it, and what an interrupt leaves."""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Sequence
from typing import Any

import pytest
from click.testing import CliRunner, Result

from batchwright.cli import target as module
from batchwright.cli.group import main
from batchwright.cli.target import Target
from chalicelib.api import models as m
from chalicelib.core.batch.job_record import JobFilter, JobState
from chalicelib.core.states import JobStatus

DAY_MS = 86_400_000
NOON_MS = 1_789_214_400_000
"""2026-09-12 12:00 UTC."""


def job(number: int) -> m.Job:
    job_id = f"3f0c2a9e-5b1d-4c55-9d0e-{number:012}"
    return m.Job(
        job_id=job_id,
        name=f"quarterly-{number}",
        queue="default",
        definition="audit:1",
        state=JobState.SUCCEEDED,
        status=JobStatus.SUCCEEDED,
        created_at_ms=NOON_MS,
        seen_at_ms=NOON_MS,
    )


class Api:
    """Answers with so many jobs a page, a day further back each; and is interrupted while it works on a page."""

    def __init__(self, pages: Sequence[int], interrupted_at: int | None = None) -> None:
        self.pages, self.interrupted_at = pages, interrupted_at

    def jobs(self, wanted: JobFilter, *, page: str | None = None, **_: Any) -> m.JobPage:
        number = int(page or 0)
        if number == self.interrupted_at:
            os.kill(os.getpid(), signal.SIGINT)
        goes_on = number + 1 < len(self.pages)
        return m.JobPage(
            items=[job(10 * number + one) for one in range(self.pages[number])],
            next=str(number + 1) if goes_on else None,
            records_foreign=True,
            records_own=True,
            looked_back_to_ms=NOON_MS - number * DAY_MS if goes_on else None,
        )

    def job(self, job_id: str) -> m.Job:
        assert job_id == "3f0c2a9e"
        return job(7)

    def job_logs(self, job_id: str, *, child: int | None, **_: Any) -> m.LogPage:
        return m.LogPage(items=[m.LogLine(at_ms=NOON_MS, text=f"{job_id} {child}")])


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> Any:
    def give(api: Api, *words: str, terminal: bool = False, width: int = 120) -> Result:
        monkeypatch.setattr(module, "find_target", lambda where: Target("here", api, None, 0))  # type: ignore[arg-type]
        # What rich goes by where the stream itself is no terminal.
        variables = {"FORCE_COLOR": "1" if terminal else None, "TERM": "xterm", "COLUMNS": str(width)}
        return CliRunner().invoke(
            main, ["jobs", *(words if words[:1] == ("logs",) else ("--name", "*audit", *words))], env=variables
        )

    return give


def test_a_terminal_shows_how_far_back_a_long_search_has_looked(given: Any) -> None:
    said = given(Api([0, 1, 0, 1]), terminal=True)
    assert said.exit_code == 0
    # It is drawn some times a second, and once at the end.
    assert "looked back to 2026-09-10 12:00 UTC ..." in said.stderr
    assert "looked back" not in said.stdout
    assert said.stdout.count("quarterly-") == 2


def test_a_search_of_one_page_and_what_is_no_terminal_are_shown_nothing_of_it(given: Any) -> None:
    for api, words, terminal in (([2], (), True), ([0, 2], (), False), ([0, 2], ("--json",), True)):
        said = given(Api(api), *words, terminal=terminal)
        assert said.exit_code == 0
        assert said.stdout.count("quarterly-") == 2
        assert said.stderr == ""


def test_an_interrupt_leaves_what_was_found_so_far_and_says_how_far_back_it_looked(given: Any) -> None:
    said = given(Api([1, 1, 0, 5], interrupted_at=3))
    assert said.exit_code == 130
    assert said.stdout.count("quarterly-") == 2
    assert said.stderr == "Interrupted; 2 jobs found, looked back to 2026-09-10 12:00 UTC.\n"
    none = given(Api([0, 5], interrupted_at=1))
    assert (none.stdout, none.stderr) == ("", "Interrupted; 0 jobs found, looked back to 2026-09-12 12:00 UTC.\n")
    at_once = given(Api([5], interrupted_at=0))
    assert (at_once.exit_code, at_once.stdout) == (130, "")
    assert at_once.stderr == "Interrupted before the first answer came.\n"


def test_an_interrupted_search_prints_no_json_that_would_look_complete(given: Any) -> None:
    said = given(Api([1, 1], interrupted_at=1), "--json")
    assert (said.exit_code, said.stdout) == (130, "")
    assert "1 job found" in said.stderr


def test_the_document_is_what_the_api_answers_so_that_a_cut_list_can_be_told(given: Any) -> None:
    page = json.loads(given(Api([1, 0, 1, 1]), "--json", "--limit", "2").stdout)
    assert [one["name"] for one in page["items"]] == ["quarterly-0", "quarterly-20"]
    assert page["next"] == "3"
    assert (page["records_foreign"], page["records_own"]) == (True, True)
    assert json.loads(given(Api([1]), "--json").stdout)["next"] is None


def test_the_log_of_an_arrays_job_is_read_by_the_id_that_batch_gives_it(given: Any) -> None:
    whole = job(7).job_id
    for words, told in (
        ([f"{whole}:3"], f"{whole} 3\n"),
        ([whole, "--child", "3"], f"{whole} 3\n"),
        ([f"{whole}:3", "--child", "3"], f"{whole} 3\n"),
        (["3f0c2a9e"], f"{whole} None\n"),
        (["3f0c2a9e:0"], f"{whole} 0\n"),
    ):
        assert given(Api([]), "logs", *words).stdout == told
    two = given(Api([]), "logs", "3f0c2a9e:3", "--child", "4")
    assert (two.exit_code, two.stderr) == (2, "'3f0c2a9e:3' is child 3, and --child says 4; leave one out\n")


def test_a_narrow_terminal_gets_blocks_and_a_pipe_a_table_without_spaces_at_the_ends(
    given: Any,
) -> None:
    piped = given(Api([2]), width=20).stdout.splitlines()
    assert piped[0].split() == ["job", "name", "queue", "state", "age"]
    assert not any(line.endswith(" ") for line in piped)
    blocks = re.sub(r"\x1b\[[0-9;]*m", "", given(Api([2]), terminal=True, width=20).stdout).splitlines()
    assert blocks[0] == f"job    {job(0).job_id}", "whole, for it is copied"
    assert blocks[1:4] == ["name   quarterly-0", "queue  default", "state  SUCCEEDED"]
    assert blocks[5] == ""
