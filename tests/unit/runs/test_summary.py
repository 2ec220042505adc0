from __future__ import annotations

import io
from pathlib import Path
from typing import cast

import pytest
from rich.console import Console

from batchwright.runs.summary import (
    Asked,
    print_facts,
    print_summary,
    print_timeline,
    run_document,
    scope_words,
    sentence,
)
from batchwright.runs.view import RunView
from batchwright.terminal.plain_console import PlainConsole
from chalicelib.api import models as m
from chalicelib.api.port import Api
from chalicelib.core.errors import BatchwrightError
from chalicelib.core.run.records import Scope
from chalicelib.core.states import RunState, TaskState
from tests.unit.rows import FAILURE, KILLED, NOON_MS, ended, redriven, result, row, view

GOLDEN = Path(__file__).parents[2] / "golden"
LONG = "x" * 200
ALL = Asked()


class Told:
    """An API with a log of three lines a job, and an array two of whose children failed, the second before it could
    start."""

    def logs(self, run_id: str, task: str, *, epoch: int, child: int | None, tail: int) -> m.LogPage:
        assert (run_id, tail) == ("films-abc", 20)
        stream = "shell/default/1" if child is None else f"child-{child}"
        texts = () if child == 7 else (f"{stream} says", "[red]no markup[/]", LONG)
        return m.LogPage(items=[m.LogLine(at_ms=NOON_MS, text=text) for text in texts])

    def task(self, run_id: str, name: str, epoch: int) -> m.Task:
        children = [m.FailedChild(index=4, exit_code=9), m.FailedChild(index=7)]
        return row(2, name, TaskState.FAILED, is_array=True, failed_children=children)


TOLD = cast(Api, Told())
FAILED = view(
    ended(0, "fetch", TaskState.SUCCEEDED, result(True, exit_code=0)),
    ended(1, "[i]import[/]", TaskState.FAILED, FAILURE, 2, 2),
    ended(2, "array", TaskState.FAILED, result(False, reason="Array Child Job failed", log_stream=None)).model_copy(
        update={"is_array": True}
    ),
    row(3, "report", TaskState.UPSTREAM_FAILED, 0),
    state=RunState.FAILED,
    lasted_seconds=12.4,
)


def printed(shown: RunView, asked: Asked = ALL) -> str:
    console = Console(file=io.StringIO(), width=80)
    print_summary(console, shown, TOLD, asked)
    assert isinstance(console.file, io.StringIO)
    return "".join(f"{line.rstrip()}\n" for line in console.file.getvalue().splitlines())


def test_a_failed_run_is_summed_up_as_in_the_golden_file() -> None:
    assert printed(FAILED) == (GOLDEN / "summary.failed.txt").read_text()


def test_a_redriven_run_is_summed_up_as_in_the_golden_file() -> None:
    assert printed(redriven()) == (GOLDEN / "summary.redriven.txt").read_text()


@pytest.mark.parametrize(
    ("redrive", "said"),
    [
        (m.Redriven(scope=Scope.ALL), "every task"),
        (m.Redriven(scope=Scope.FROM_FAILED), "what did not succeed, and what follows it"),
        (m.Redriven(scope=Scope.TASKS, tasks=list("abcdefg")), "'a', 'b', 'c', 'd', 'e' and 2 more, and what follows"),
    ],
)
def test_the_scope_of_a_redrive_is_said_in_words(redrive: m.Redriven, said: str) -> None:
    assert scope_words(redrive) == said


def test_an_epoch_whose_beginning_nobody_noted_and_in_which_nothing_was_claimed_has_no_duration() -> None:
    cancelled = redriven(RunState.CANCELLED)
    unclaimed = {"claimed_at_ms": None, "attempt": 0, "attempts": [], "started_at_ms": None, "stopped_at_ms": None}
    tasks = tuple(one.model_copy(update=unclaimed) for one in cancelled.tasks)
    said = sentence(RunView(cancelled.run.model_copy(update={"began_at_ms": None}), tasks))
    assert said == "Run films-abc [bold magenta]cancelled[/] in epoch 2: 4 tasks, 0 attempts."


def test_a_redriven_run_lasted_from_its_redrive_and_not_from_its_last_claim() -> None:
    shown = redriven()
    retried = tuple(one.model_copy(update={"claimed_at_ms": NOON_MS + 111_000}) for one in shown.tasks)
    assert "in epoch 2 after 12 s: " in sentence(RunView(shown.run, retried))


def a_large_run() -> RunView:
    good = [ended(index, f"good-{index}", TaskState.SUCCEEDED, result(True)) for index in range(1_200)]
    bad = [ended(1_200 + index, f"bad-{index}", TaskState.FAILED, FAILURE) for index in range(7)]
    return view(*good, *bad, state=RunState.FAILED, lasted_seconds=60)


def test_of_a_large_run_what_failed_is_listed_and_the_rest_counted() -> None:
    text = printed(a_large_run())
    assert text.count("good-") == 2
    assert "… and 1,198 more succeeded\n1,200 succeeded  7 failed\n" in text
    assert text.count("last 3 log lines:") == 5
    assert "\n... and 2 more failed tasks\n" in text
    assert text.endswith("Run films-abc failed after 1 min 00 s: 1,207 tasks, 1,207 attempts.\n")
    assert printed(a_large_run(), Asked(everything=True)).count("good-") == 1_200


def test_who_asks_for_some_states_gets_no_others() -> None:
    text = printed(a_large_run(), Asked(frozenset({TaskState.SUCCEEDED, TaskState.SKIPPED})))
    assert "bad-" not in text
    assert "log lines" not in text
    none = printed(a_large_run(), Asked(frozenset({TaskState.SKIPPED, TaskState.RUNNING})))
    assert none.startswith("No task is running or skipped.\n1,200 succeeded  7 failed\n")


def test_a_failure_that_the_tree_does_not_show_has_its_reason_with_its_log() -> None:
    bad = [ended(index, f"bad-{index}", TaskState.FAILED, FAILURE) for index in range(60)]
    # Failures of another kind are shown first: their kind is rarer.
    killed = [ended(60 + index, f"killed-{index}", TaskState.FAILED, KILLED) for index in range(60)]
    text = printed(view(*bad, *killed, state=RunState.FAILED, lasted_seconds=60))
    assert "bad-0 failed\nlast 3 log lines:" in text
    assert text.count("\nbad-") == 5


def test_a_timeline_fits_the_height_of_the_terminal_and_ends_with_the_sentence_on_the_run() -> None:
    console = Console(file=io.StringIO(), width=80, height=30, force_terminal=True, color_system=None)
    print_timeline(console, a_large_run(), ALL)
    assert isinstance(console.file, io.StringIO)
    lines = console.file.getvalue().splitlines()
    assert len(lines) <= 30
    assert "1,189 more" in console.file.getvalue()
    assert lines[-1].startswith("Run films-abc failed after 1 min 00 s")


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252"])
def test_a_terminal_without_unicode_breaks_nothing(encoding: str) -> None:
    told = result(False, exit_code=1, reason="la crème brûlée → brûlée 焦")
    shown = view(ended(0, "t", TaskState.FAILED, told), state=RunState.FAILED, lasted_seconds=3)
    for show in (
        lambda console: print_summary(console, shown, TOLD),
        lambda console: print_timeline(console, shown, ALL),
    ):
        written = io.BytesIO()
        file = io.TextIOWrapper(written, encoding=encoding, write_through=True)
        show(PlainConsole(file=file, width=80))
        text = written.getvalue().decode(encoding)
        assert "X t" in text
        assert "Run films-abc failed" in text


@pytest.mark.parametrize(
    ("shown", "said"),
    [
        (
            view(ended(0, "a", TaskState.SUCCEEDED, result(True)), state=RunState.SUCCEEDED, lasted_seconds=0.4),
            "Run films-abc [bold green]succeeded[/] after 0.4 s: 1 task, 1 attempt.",
        ),
        (
            view(
                row(0, "a", TaskState.SUCCEEDED, 3, 3, attempts=[FAILURE, FAILURE]),
                row(1, "b", TaskState.CANCELLED, 0),
                state=RunState.CANCELLED,
                lasted_seconds=75,
            ),
            "Run films-abc [bold magenta]cancelled[/] after 1 min 15 s: 2 tasks, 3 attempts, "
            "2 of them failed and retried.",
        ),
        (
            view(row(0, "a", TaskState.RUNNING), state=RunState.CANCELLING),
            "Run films-abc is [bold]cancelling[/]; 0 of 1 task ended so far.",
        ),
    ],
)
def test_one_sentence_says_how_a_run_went(shown: RunView, said: str) -> None:
    assert sentence(shown) == said


def test_the_document_holds_the_run_and_every_attempt() -> None:
    document = run_document(
        view(row(0, "a", TaskState.RUNNING, 2, 2, attempts=[FAILURE]), state=RunState.RUNNING), TOLD
    )
    assert (document["run_id"], document["state"], document["ended_at_ms"]) == ("films-abc", "running", None)
    (task,) = document["tasks"]
    assert (task["name"], task["state"], task["attempt"]) == ("a", "running", 2)
    assert task["attempts"] == [
        {
            "job_id": "job",
            "succeeded": False,
            "exit_code": 3,
            "failure": "application",
            "reason": "Essential container in task exited",
            "log_stream": "shell/default/1",
            "started_at_ms": NOON_MS + 1_000,
            "stopped_at_ms": NOON_MS + 3_000,
            "tries": [],
        }
    ]


def test_the_document_of_a_redriven_run_holds_its_epochs_and_whose_each_attempt_is() -> None:
    document = run_document(redriven(), TOLD)
    assert (document["epoch"], document["version"]) == (2, 3)
    assert document["redrive"] == {"scope": "tasks", "tasks": ["count", "import"], "params": {}}
    assert document["past"] == [
        {"epoch": 0, "version": 1, "state": "failed", "ended_at_ms": NOON_MS + 5_000},
        {"epoch": 1, "version": 1, "state": "cancelled", "ended_at_ms": NOON_MS + 9_000},
    ]
    assert [task["epoch"] for task in document["tasks"]] == [0, 2, 2, 2]
    assert [task["second_jobs"] for task in document["tasks"]] == [[], [], ["job-a", "job-b"], []]
    first = run_document(view(row(0, "a", TaskState.RUNNING)), TOLD)
    assert (first["epoch"], first["redrive"], first["past"]) == (0, None, [])


def test_the_document_names_the_first_children_that_failed_of_an_array_that_did() -> None:
    fetch, broken, array, _ = run_document(FAILED, TOLD)["tasks"]
    assert [child["index"] for child in array["failed_children"]] == [4, 7]
    assert fetch["failed_children"] == broken["failed_children"] == []


def test_the_document_is_there_also_when_batch_tells_nothing_of_children() -> None:
    class Silent(Told):
        def task(self, run_id: str, name: str, epoch: int) -> m.Task:
            raise BatchwrightError("Batch is away")

    assert run_document(FAILED, cast(Api, Silent()))["tasks"][2]["failed_children"] == []


@pytest.mark.parametrize(("pauses", "times"), [(1, "once"), (2, "2 times")])
def test_that_a_run_was_paused_is_said_beside_its_waits(pauses: int, times: str) -> None:
    paused = RunView(FAILED.run.model_copy(update={"pauses": pauses}), FAILED.tasks)
    console = Console(file=io.StringIO(), width=200)
    print_timeline(console, paused, ALL)
    assert isinstance(console.file, io.StringIO)
    for text in (printed(paused), console.file.getvalue()):
        assert f"\nPaused {times}: waits to start include the time that a pause held them back.\n" in text.replace(
            "time\nthat", "time that"
        )
    assert "Paused" not in printed(FAILED)


def test_a_failure_that_the_run_survives_is_told_as_one() -> None:
    may_fail = ended(0, "bad", TaskState.FAILED, FAILURE).model_copy(update={"allow_failure": True})
    said = printed(view(may_fail, state=RunState.SUCCEEDED, lasted_seconds=3))
    assert "✗ bad  failed  2.0 s  may fail\n" in said
    assert "\nbad failed (may fail)\n" in said


def test_of_an_array_that_failed_the_children_that_did_are_counted() -> None:
    array = ended(0, "parts", TaskState.FAILED, result(False, reason="Array Child Job failed"))
    array = array.model_copy(update={"is_array": True, "children": 40, "children_failed": 3})
    assert "3 of 40 children failed\n" in printed(view(array, state=RunState.FAILED, lasted_seconds=3))


def test_the_tries_inside_batch_are_counted_and_why_the_one_before_the_last_failed_is_told() -> None:
    lost = m.JobTry(reason="Host EC2 (instance i-0abc) terminated.")
    failed = FAILURE.model_copy(update={"tries": [lost, lost, m.JobTry(exit_code=3, reason="Essential container")]})
    twice = ended(0, "a", TaskState.FAILED, failed, 2, 2).model_copy(update={"attempts": [failed, failed]})
    said = printed(view(twice, state=RunState.FAILED, lasted_seconds=3))
    assert "attempt 2 of 2, 3 tries inside AWS Batch\n" in said
    assert "\n   try 2 inside AWS Batch failed: Host EC2 (instance i-0abc) terminated.\n" in said
    assert said.endswith("1 task, 2 attempts with 6 tries inside AWS Batch, 1 of them failed and retried.\n")
    running = row(0, "a", TaskState.RUNNING, job_tries=1)
    assert "try 2 inside AWS Batch" in printed(view(running, state=RunState.RUNNING))


def test_the_head_of_a_run_says_what_started_it_when_and_with_what() -> None:
    run = FAILED.run.model_copy(
        update={
            "version": 3,
            "params": {"day": "2026-11-20", "parts": 8, "unset": None, "long": "x" * 90},
            "schedule": "nightly",
            "scheduled_at_ms": NOON_MS - 60_000,
        }
    )
    console = Console(file=io.StringIO(), width=60)
    print_facts(console, run)
    assert isinstance(console.file, io.StringIO)
    assert console.file.getvalue() == (
        "Version 3 of films, started 2027-01-15 12:00:00 UTC by schedule nightly for 2027-01-15 11:59:00 UTC\n"
        f"Params: day=2026-11-20, parts=8, long={'x' * 80}...\n"
    )
