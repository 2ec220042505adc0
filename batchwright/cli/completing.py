"""What a shell may complete behind a command: ids of runs and jobs, names of what there is.

Owns the haste: who presses a key waits a second at most, and whatever goes wrong completes nothing.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from itertools import islice
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from chalicelib.api.port import Api

SECONDS = 1.5
_AT_MOST = 200
_Ask = Callable[["Api", click.Context], Iterable[str]]


def _completes(ask: _Ask) -> Callable[[click.Context, click.Parameter, str], list[str]]:
    def complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
        return [name for name in _in_time(ask, ctx) if name.startswith(incomplete)]

    return complete


def _in_time(ask: _Ask, ctx: click.Context) -> list[str]:
    """What is found before the time is over; nothing after it, or when anything fails."""
    found: list[str] = []

    def look() -> None:
        try:
            from batchwright.cli.target import Where, find_target

            asked: dict[str, Any] = ctx.params
            where = Where(asked.get("stage"), asked.get("profile"), asked.get("region"), asked.get("address"))
            found.extend(islice(ask(find_target(where).api, ctx), _AT_MOST))
        except Exception:
            # Beside a half-typed command there is no place for a complaint.
            return

    # Left behind when it takes too long: it ends with the process.
    looking = threading.Thread(target=look, daemon=True)
    looking.start()
    looking.join(SECONDS)
    return list(found)


def _runs(api: Api, ctx: click.Context) -> Iterable[str]:
    return (run.run_id for run in api.runs(limit=50).items)


def _workflows(api: Api, ctx: click.Context) -> Iterable[str]:
    return (workflow.name for workflow in api.workflows(limit=_AT_MOST).items)


def _tasks(api: Api, ctx: click.Context) -> Iterable[str]:
    return (task.name for task in api.tasks(ctx.params["run_id"], limit=_AT_MOST).items)


def _schedules(api: Api, ctx: click.Context) -> Iterable[str]:
    return (schedule.name for schedule in api.schedules(ctx.params["workflow"]))


def _monitors(api: Api, ctx: click.Context) -> Iterable[str]:
    return list(api.monitors().definition["monitors"])


def _jobs(api: Api, ctx: click.Context) -> Iterable[str]:
    return (job.job_id for job in api.jobs(limit=_AT_MOST).items)


def _queues(api: Api, ctx: click.Context) -> Iterable[str]:
    return sorted({job.queue for job in api.jobs(limit=_AT_MOST).items})


RUN = _completes(_runs)
WORKFLOW = _completes(_workflows)
TASK = _completes(_tasks)
SCHEDULE = _completes(_schedules)
JOB = _completes(_jobs)
MONITOR = _completes(_monitors)
QUEUE = _completes(_queues)
