"""A run as it is printed once: as a tree, with the last words of its jobs; as a chart of its time; or as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console
from rich.markup import escape
from rich.text import Text

from batchwright.runs.progress import MAY_FAIL, counts_line, now_ms, why
from batchwright.runs.timeline_lines import timeline_lines
from batchwright.runs.tree import choose, tree_of
from batchwright.runs.tree_lines import tree_lines
from batchwright.runs.view import RunView, child_title
from batchwright.terminal.fitting import one_line
from batchwright.terminal.signs import Signs, signs_for
from batchwright.terminal.terminal import coloured
from batchwright.terminal.words import number_of
from chalicelib.api import models as m
from chalicelib.api.port import Api
from chalicelib.core.durations import short
from chalicelib.core.errors import BatchwrightError
from chalicelib.core.run.records import Scope
from chalicelib.core.run.task_view import began_ms, past_of, result_of
from chalicelib.core.run.timeline import timeline_of
from chalicelib.core.states import RunState, TaskState

LOG_LINES = 20
FAILURES_SHOWN = 5
ARRAYS_ASKED = 20
"""Of so many arrays that failed a document tells which children did; each costs questions to Batch."""
NAMES_SHOWN = 5
PARAM_CHARACTERS = 80
ROWS_SHOWN = 40
ROWS_MINIMUM = 10
ROWS_AROUND = 12
"""Lines of a terminal that a timeline needs beside its bars."""
FILE_WIDTH = 1000
"""What is not a terminal has no width that would be a reason to shorten names."""
COLOURS = {RunState.SUCCEEDED: "green", RunState.FAILED: "red", RunState.CANCELLED: "magenta"}


@dataclass(frozen=True, slots=True)
class Asked:
    """Which tasks of a run somebody wants to see."""

    states: frozenset[TaskState] = frozenset()
    """All, if empty."""
    everything: bool = False
    """Also when they are many."""

    def includes(self, state: TaskState) -> bool:
        return not self.states or state in self.states

    def limit(self, rows: int) -> int | None:
        return None if self.everything else rows


def print_summary(console: Console, view: RunView, api: Api, asked: Asked = Asked()) -> None:
    """Print the tasks as a tree, the last log lines of failures, what is unusual, and one sentence on the run."""
    view = with_failed_children(view, api, FAILURES_SHOWN)
    tree = tree_of(view.tasks)
    shown = choose(tree, asked.limit(ROWS_SHOWN), asked.states)
    width = console.width if console.is_terminal else FILE_WIDTH
    at_ms = view.run.ended_at_ms if view.run.ended_at_ms is not None else now_ms()
    print_lines(console, tree_lines(tree, shown, at_ms, width, signs_of(console)))
    if asked.states and not shown.wanted:
        _say(console, f"No task is {' or '.join(sorted(asked.states))}.")
    if len(view.tasks) > len(shown.wanted):
        console.print(counts_line(view), soft_wrap=True)
    named = {view.tasks[place].name for place in shown.wanted}
    failures = view.with_state(TaskState.FAILED) if asked.includes(TaskState.FAILED) else []
    for task in failures[:FAILURES_SHOWN]:
        # The tree has the reasons of those that it shows.
        _print_failure(console, view.run, task, api, with_reason=task.name not in named)
    if len(failures) > FAILURES_SHOWN:
        _say(console, f"\n... and {number_of(len(failures) - FAILURES_SHOWN, 'more failed task')}")
    if failures:
        console.print()
    for line in (*_second_job_lines(view), *_epoch_lines(view.run), *_pause_lines(view.run)):
        _say(console, line)
    _say(console, sentence(view))


def print_facts(console: Console, run: m.Run) -> None:
    """Print what the run is a run of: its workflow and version, when and by what it was started, and its params."""
    by = ""
    if run.schedule is not None:
        at = "" if run.scheduled_at_ms is None else f" for {_moment(run.scheduled_at_ms)}"
        by = f" by schedule {run.schedule}{at}"
    _say(console, f"[dim]Version {run.version} of {run.workflow}, started {_moment(run.created_at_ms)}{escape(by)}[/]")
    given = {name: value for name, value in run.params.items() if value is not None}
    if given:
        _say(console, f"[dim]{escape(one_line(f'Params: {params_words(given)}'))}[/]")


def _moment(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def print_timeline(console: Console, view: RunView, asked: Asked) -> None:
    """Print when the tasks of the run waited and ran, and one sentence on it. On a terminal as many as fit."""
    rows = max(ROWS_MINIMUM, console.height - ROWS_AROUND) if console.is_terminal else ROWS_SHOWN
    at_ms = now_ms()
    line = timeline_of(view.run, view.tasks, at_ms)
    drawn = timeline_lines(line, at_ms, console.width, signs_of(console), asked.limit(rows), asked.states)
    print_lines(console, drawn)
    if asked.states and not any(asked.includes(task.state) for task in view.tasks):
        _say(console, f"No task is {' or '.join(sorted(asked.states))}.")
    for said in _pause_lines(view.run):
        _say(console, said)
    _say(console, sentence(view))


def signs_of(console: Console) -> Signs:
    """The signs that the console can show."""
    return signs_for(not console.encoding.startswith("utf"))


def print_lines(console: Console, lines: Sequence[Text]) -> None:
    """Print lines that fit as they are."""
    if not lines:
        return
    # A file has no colours, and putting those of ten thousand lines together takes a while.
    whole = Text("\n").join(lines) if console.is_terminal else Text("\n".join(line.plain for line in lines))
    console.print(whole, soft_wrap=True, highlight=False)


def sentence(view: RunView) -> str:
    """One sentence on the run, in rich's markup. Of a redriven run it counts what happened in its epoch."""
    run = view.run
    where = f" in epoch {run.epoch}" if run.epoch else ""
    if not run.state.ended:
        ended = sum(task.state.ended for task in view.tasks)
        tasks = number_of(len(view.tasks), "task")
        return f"Run {run.run_id} is [bold]{run.state}[/]{where}; {ended:,} of {tasks} ended so far."
    tasks = number_of(len(view.tasks), "task")
    fresh = [task for task in view.tasks if not task.kept]
    # What Batch refused has an attempt and no job.
    jobs = number_of(sum(task.attempt for task in fresh), "attempt")
    tries = sum(len(one.tries) or 1 for task in fresh for one in task.attempts)
    if tries > sum(len(task.attempts) for task in fresh):
        jobs += f" with {tries:,} tries inside AWS Batch"
    retries = sum(len(past_of(task)) for task in fresh)
    retried = f", {retries:,} of them failed and retried" if retries else ""
    lasted = _lasted_ms(view)
    after = "" if lasted is None else f" after {short(lasted)}"
    colour = COLOURS.get(run.state, "bold")
    return f"Run {run.run_id} [bold {colour}]{run.state}[/]{where}{after}: {tasks}, {jobs}{retried}."


def _lasted_ms(view: RunView) -> int | None:
    """How long the ended run lasted; of a redriven one, its epoch."""
    began, ended = began_ms(view.run, view.tasks), view.run.ended_at_ms
    return None if began is None or ended is None else max(0, ended - began)


def _second_job_lines(view: RunView) -> list[str]:
    tasks = [task for task in view.tasks if task.second_jobs]
    shown = [
        f"[yellow]{escape(task.name)} had {number_of(len(task.second_jobs), 'second job')}, ended at once: "
        f"{', '.join(task.second_jobs)}[/]"
        for task in tasks[:FAILURES_SHOWN]
    ]
    rest = len(tasks) - FAILURES_SHOWN
    return [*shown, f"[yellow]... and {number_of(rest, 'more task')} with second jobs[/]"] if rest > 0 else shown


def _epoch_lines(run: m.Run) -> list[str]:
    """A line for each epoch of a redriven run: how the earlier ones ended, and what the current one runs again."""
    lines = [f"epoch {past.epoch}: version {past.version}, {past.state}" for past in run.past]
    if run.redrive is not None:
        lines.append(f"epoch {run.epoch}: version {run.version}, runs again {escape(scope_words(run.redrive))}")
    return [f"[dim]{line}[/]" for line in lines]


def _pause_lines(run: m.Run) -> list[str]:
    """That the run was paused. When is noted nowhere, so a wait cannot be told from a pause."""
    times = "once" if run.pauses == 1 else f"{run.pauses:,} times"
    return (
        [f"[dim]Paused {times}: waits to start include the time that a pause held them back.[/]"] if run.pauses else []
    )


def scope_words(redrive: m.Redriven) -> str:
    """What a redrive runs again, in words, and with which new values."""
    return _scope_words(redrive) + (f", with {params_words(redrive.params)}" if redrive.params else "")


def params_words(params: Mapping[str, Any]) -> str:
    """`day=2026-11-21, parts=8`; texts as they are, everything else as JSON, long ones cut."""
    return ", ".join(f"{name}={_cut(_value_words(value))}" for name, value in params.items())


def _value_words(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _cut(text: str) -> str:
    return text if len(text) <= PARAM_CHARACTERS else f"{text[:PARAM_CHARACTERS]}..."


def _scope_words(redrive: m.Redriven) -> str:
    match redrive.scope:
        case Scope.ALL:
            return "every task"
        case Scope.FROM_FAILED:
            return "what did not succeed, and what follows it"
        case Scope.TASKS:
            names = ", ".join(f"'{name}'" for name in redrive.tasks[:NAMES_SHOWN])
            rest = len(redrive.tasks) - NAMES_SHOWN
            return f"{names}{f' and {rest:,} more' if rest > 0 else ''}, and what follows"


def _print_failure(console: Console, run: m.Run, task: m.Task, api: Api, *, with_reason: bool) -> None:
    result = result_of(task)
    reason = why(result) if result and with_reason else ""
    may_fail = f" ({MAY_FAIL})" if task.allow_failure else ""
    _say(console, f"\n[bold red]{escape(task.name)} failed[/]{may_fail}{': ' if reason else ''}{escape(reason)}")
    if result is None:
        return
    try:
        told = _last_words(run, task, api)
    except (BotoCoreError, ClientError, BatchwrightError) as error:
        _say(console, f"[dim]its log cannot be read: {escape(str(error))}[/]")
        return
    if task.is_array and not told:
        _say(console, "[dim]AWS Batch does not tell which of its jobs failed[/]")
    for note, lines in told:
        count = number_of(len(lines), "log line")
        said = f"last {count}:" if lines else "it wrote no log"
        _say(console, f"[dim]{escape(note)}{said}[/]")
        for line in lines:
            # As the job wrote it: neither wrapped nor read as markup.
            console.print(Text.from_ansi(f"  {coloured(line)}"), soft_wrap=True, highlight=False)


def _last_words(run: m.Run, task: m.Task, api: Api) -> list[tuple[str, list[str]]]:
    """For the task, or for its first failed children: whose words they are and why that one failed, and the last lines
    of its log."""

    def tail(child: int | None = None) -> list[str]:
        page = api.logs(run.run_id, task.name, epoch=task.epoch, child=child, tail=LOG_LINES)
        return [line.text for line in page.items]

    if not task.is_array:
        return [("", tail())]
    return [
        (f"{child_title(child)}{': ' if why(child) else ''}{why(child)}; ", tail(child.index))
        for child in task.failed_children
    ]


def _say(console: Console, text: str) -> None:
    console.print(text, soft_wrap=True, highlight=False)


def run_document(view: RunView, api: Api) -> dict[str, Any]:
    """The run and its tasks for programs, as the API tells them; the first arrays that failed with their first children
    that did, as far as Batch still tells them. Times in milliseconds since the epoch; keys are only ever added."""
    tasks = with_failed_children(view, api, ARRAYS_ASKED).tasks
    return {**view.run.model_dump(mode="json"), "tasks": [task.model_dump(mode="json") for task in tasks]}


def with_failed_children(view: RunView, api: Api, arrays: int) -> RunView:
    """The run with the first failed children of the first `arrays` arrays that failed, as far as Batch tells them.

    The API's list of tasks does not have them, because each array costs questions to Batch.
    """
    tasks = list(view.tasks)
    failed = [place for place, task in enumerate(tasks) if task.is_array and task.state is TaskState.FAILED]
    for place in failed[:arrays]:
        # The run must not be lost with what goes beside it.
        with suppress(BotoCoreError, ClientError, BatchwrightError):
            children = api.task(view.run.run_id, tasks[place].name, view.run.epoch).failed_children
            tasks[place] = tasks[place].model_copy(update={"failed_children": children})
    return RunView(view.run, tuple(tasks))
