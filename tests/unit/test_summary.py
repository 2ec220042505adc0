from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from batchwright.summary import print_summary, run_document, scope_words, sentence
from batchwright.view import RunView
from chalicelib.api import models as m
from chalicelib.core.records import Scope
from chalicelib.core.states import RunState, TaskState
from tests.unit.rows import FAILURE, NOON_MS, ended, redriven, result, row, view

GOLDEN = Path(__file__).parents[1] / "golden"
LONG = "x" * 200


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


def printed(shown: RunView) -> str:
    console = Console(file=io.StringIO(), width=80)
    print_summary(console, shown, Told())
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


def test_a_redriven_run_in_which_nothing_was_claimed_again_has_no_duration() -> None:
    cancelled = redriven(RunState.CANCELLED)
    unclaimed = {"claimed_at_ms": None, "attempt": 0, "attempts": []}
    tasks = tuple(one.model_copy(update=unclaimed) for one in cancelled.tasks)
    said = sentence(RunView(cancelled.run, tasks))
    assert said == "Run films-abc [bold magenta]cancelled[/] in epoch 2: 4 tasks, 0 attempts."


def test_of_a_large_run_only_what_did_not_succeed_is_listed() -> None:
    good = [ended(index, f"good-{index}", TaskState.SUCCEEDED, result(True)) for index in range(1_200)]
    bad = [ended(1_200 + index, f"bad-{index}", TaskState.FAILED, FAILURE) for index in range(7)]
    text = printed(view(*good, *bad, state=RunState.FAILED, lasted_seconds=60))
    assert "good-" not in text
    assert "\n1,200 succeeded  7 failed\n" in text
    assert text.count("last 3 log lines:") == 5
    assert "\n... and 2 more failed tasks\n" in text
    assert text.endswith("Run films-abc failed after 1 min 00 s: 1,207 tasks, 1,207 attempts.\n")


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
    document = run_document(view(row(0, "a", TaskState.RUNNING, 2, 2, attempts=[FAILURE]), state=RunState.RUNNING))
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
        }
    ]


def test_the_document_of_a_redriven_run_holds_its_epochs_and_whose_each_attempt_is() -> None:
    document = run_document(redriven())
    assert (document["epoch"], document["version"]) == (2, 3)
    assert document["redrive"] == {"scope": "tasks", "tasks": ["count", "import"]}
    assert document["past"] == [
        {"epoch": 0, "version": 1, "state": "failed", "ended_at_ms": NOON_MS + 5_000},
        {"epoch": 1, "version": 1, "state": "cancelled", "ended_at_ms": NOON_MS + 9_000},
    ]
    assert [task["epoch"] for task in document["tasks"]] == [0, 2, 2, 2]
    assert [task["second_jobs"] for task in document["tasks"]] == [[], [], ["job-a", "job-b"], []]
    first = run_document(view(row(0, "a", TaskState.RUNNING)))
    assert (first["epoch"], first["redrive"], first["past"]) == (0, None, [])
