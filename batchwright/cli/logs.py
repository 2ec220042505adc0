"""`batchwright logs RUN TASK`: what a task's job wrote, or is writing."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime

import click

from batchwright.cli.completing import RUN, TASK
from batchwright.cli.run_named import run_named
from batchwright.cli.target import Target, Where, api_options, on_target
from batchwright.terminal.interrupts import Interrupts, counted
from batchwright.terminal.terminal import coloured, tell, write
from chalicelib.api import models as m
from chalicelib.api.port import Api
from chalicelib.core.errors import UserMistake
from chalicelib.core.suggest import Names

INTERRUPTED = 130
FOLLOW_PAUSE_SECONDS = 1.0
LINES_A_PAGE = 1_000


@click.command()
@click.argument("run_id", metavar="RUN", shell_complete=RUN)
@click.argument("task", metavar="TASK", shell_complete=TASK)
@click.option("--attempt", type=click.IntRange(1), metavar="N", help="An attempt, instead of the last.")
@click.option(
    "--try", "job_try", type=click.IntRange(1, 10), metavar="N", help="A try inside Batch, instead of the last."
)
@click.option("--child", metavar="N|LABEL", help="Of an array: that child's log, by its number or label.")
@click.option("--epoch", type=click.IntRange(0), metavar="N", help="An earlier epoch of the run.")
@click.option("--tail", type=click.IntRange(1, 10_000), metavar="N", help="Begin with the last N lines.")
@click.option("--follow", "-f", is_flag=True, help="Keep printing, also the next attempts or tries.")
@click.option("--times", is_flag=True, help="Print each line's time (UTC) before it.")
@click.option("--json", "as_json", is_flag=True, help="Print each line as a JSON document of its own.")
@api_options
def logs(
    run_id: str,
    task: str,
    attempt: int | None,
    job_try: int | None,
    child: str | None,
    epoch: int | None,
    tail: int | None,
    follow: bool,
    times: bool,
    as_json: bool,
    where: Where,
) -> int:
    """Print what a task's job wrote.

    \b
    Examples:
      batchwright logs nightly-q3x7b2k4m5na import --tail 50
      batchwright logs nightly-q3x7b2k4m5na import --attempt 1
      batchwright logs nightly-q3x7b2k4m5na import --attempt 1 --try 2
      batchwright logs nightly-q3x7b2k4m5na split --child 3 --follow
    """
    write = writer(times, as_json)
    with on_target(where) as target, counted() as interrupts:
        run_id = run_named(target.api, run_id, may_be_latest=True)
        number_of_child = None if child is None else child_number(target.api, run_id, task, epoch, child)
        reading = Reading(target, run_id, task, epoch, number_of_child, job_try, interrupts, write)
        number = reading.read(attempt, tail, follow)
        only_one = attempt is not None or job_try is not None
        while follow and not only_one and not interrupts.asked and (later := reading.next_attempt(number)):
            number = reading.read(later, None, follow)
        if not reading.written and not interrupts.asked:
            last = target.api.logs(
                run_id, task, epoch=epoch, attempt=attempt, job_try=job_try, child=number_of_child, tail=1
            )
            if last.nothing_because is not None:
                tell(last.nothing_because, err=True)
    return INTERRUPTED if interrupts.asked else 0


def child_number(api: Api, run_id: str, task: str, epoch: int | None, named: str) -> int | None:
    """The number of an array's child, named by its number or its label. None for the label of an array of one, which
    runs as a single job. Raises UserMistake with the nearest label."""
    if named.isascii() and named.isdigit():
        return int(named)
    found = api.task(run_id, task, epoch)
    labels = found.child_labels
    if named not in labels:
        known = Names(labels).suggestion(named) if labels else "its children have numbers, from 0, and no labels"
        raise UserMistake(f"--child: task '{task}' has no child '{named}'" + (f"; {known}" if known else ""))
    return labels.index(named) if found.is_array else None


def is_terminal() -> bool:
    """Whether what is printed is seen by somebody as it is."""
    return sys.stdout.isatty()


class Reading:
    """The logs of one task, read attempt by attempt. `written` counts the lines."""

    def __init__(
        self,
        target: Target,
        run_id: str,
        task: str,
        epoch: int | None,
        child: int | None,
        job_try: int | None,
        interrupts: Interrupts,
        write: Callable[[list[m.LogLine]], None],
    ) -> None:
        self.written = 0
        self._target = target
        self._run_id, self._task, self._epoch, self._child = run_id, task, epoch, child
        self._job_try = job_try
        self._interrupts = interrupts
        self._write = write

    def read(self, attempt: int | None, tail: int | None, follow: bool) -> int:
        """Write an attempt's log to its end, which comes when its job has ended if it is followed; the attempt's
        number."""
        page: str | None = None
        while True:
            part = self._target.api.logs(
                self._run_id,
                self._task,
                epoch=self._epoch,
                attempt=attempt,
                job_try=self._job_try,
                child=self._child,
                tail=tail if page is None else None,
                limit=LINES_A_PAGE,
                page=page,
            )
            self._write(part.items)
            self.written += len(part.items)
            at_the_end = not part.items and part.next == page
            page = part.next
            if page is None or self._interrupts.asked or (not follow and (at_the_end or tail is not None)):
                break
            if not part.items and (not follow or self._interrupts.wait(FOLLOW_PAUSE_SECONDS)):
                break
        return attempt or self._task_now().attempt

    def next_attempt(self, after: int) -> int | None:
        """The number of the attempt that follows, once it is there; None when the task ended without one."""
        while True:
            task = self._task_now()
            if task.attempt > after:
                return after + 1
            if task.state.ended or self._interrupts.wait(FOLLOW_PAUSE_SECONDS):
                return None

    def _task_now(self) -> m.Task:
        return self._target.api.task(self._run_id, self._task, self._epoch)


def writer(times: bool, as_json: bool) -> Callable[[list[m.LogLine]], None]:
    """Prints lines of a log, for people or as documents."""
    # What goes to a file or into another program is what the job wrote.
    shown = coloured if is_terminal() else str

    def write_lines(lines: list[m.LogLine]) -> None:
        for line in lines:
            write(json.dumps(line.model_dump(mode="json")) if as_json else shown(_text(line, times)))
        sys.stdout.flush()

    return write_lines


def _text(line: m.LogLine, times: bool) -> str:
    if not times:
        return line.text
    at = datetime.fromtimestamp(line.at_ms / 1000, UTC)
    return f"{at.strftime('%Y-%m-%d %H:%M:%S')}.{line.at_ms % 1000:03d} {line.text}"
