"""`batchwright monitors`: validate, push, list, show, delete, and try what they would have said."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

import click

from batchwright.cli.completing import MONITOR
from batchwright.cli.confirm import ask
from batchwright.cli.output import json_option, print_json, print_table, print_yaml
from batchwright.cli.target import Target, Where, api_options, on_target
from batchwright.files.monitor_file import load_monitors
from batchwright.files.workflow_file import BadFile, Problem
from batchwright.monitors.table import blind_spots, monitor_columns, trial_lines
from batchwright.monitors.trial import record_of, tried
from batchwright.runs.progress import now_ms
from batchwright.terminal.terminal import tell
from batchwright.terminal.words import number_of
from chalicelib.api import models as m
from chalicelib.core.batch.job_record import JobFilter, JobRecord
from chalicelib.core.errors import TryAgain, UserMistake
from chalicelib.core.monitor.monitor import Monitor, monitors_of
from chalicelib.core.suggest import Names

TRIED_DAYS = 7
TRIED_JOBS_MAXIMUM = 20_000
DAY_MS = 86_400_000
_JOBS_A_PAGE = 1_000
_NONE = "No monitors; `batchwright monitors push FILE` brings some (docs/how-to/monitor-jobs.md)."
_file = click.argument("file", metavar="FILE", type=click.Path(path_type=Path))


@click.group()
def monitors() -> None:
    """Say which jobs to watch, whoever submitted them, and what to tell of them."""


@monitors.command()
@_file
@json_option
def validate(file: Path, as_json: bool) -> int:
    """Report every problem of a monitor file.

    \b
    Example:
      batchwright monitors validate statemachines/monitors.yaml
    """
    problems: list[Problem] = []
    try:
        count = len(load_monitors(file).definition["monitors"])
    except BadFile as bad:
        if not as_json:
            raise
        problems = bad.problems
    if as_json:
        print_json([asdict(problem) for problem in problems])
    else:
        tell(f"{file}: {number_of(count, 'monitor')}, all valid")
    return 2 if problems else 0


@monitors.command()
@_file
@json_option
@api_options
def push(file: Path, as_json: bool, where: Where) -> None:
    """Replace the stage's monitors by a file. They hold within a minute.

    \b
    Examples:
      batchwright monitors push statemachines/monitors.yaml
      batchwright monitors push monitors.yaml --stage prod
    """
    loaded = load_monitors(file)
    with on_target(where) as target:
        before = target.api.monitors().revision
        pushed = target.api.put_monitors(loaded.definition)
        unseen = _unseen(target, _monitors(pushed))
    if as_json:
        print_json(pushed.model_dump(mode="json"))
        return
    is_new = pushed.revision != before
    count = number_of(len(pushed.definition["monitors"]), "monitor")
    tell(f"{count} pushed as revision {pushed.revision}." if is_new else f"Revision {pushed.revision} is that already.")
    for sentence in unseen:
        tell(sentence, err=True)


@monitors.command(name="list")
@json_option
@api_options
def list_monitors(as_json: bool, where: Where) -> None:
    """List the monitors.

    \b
    Example:
      batchwright monitors list --stage prod
    """
    with on_target(where) as target:
        found = target.api.monitors()
        unseen = [] if as_json else _unseen(target, _monitors(found))
    if as_json:
        print_json(found.model_dump(mode="json"))
    elif found.definition["monitors"]:
        print_table(monitor_columns(_monitors(found)))
        for sentence in unseen:
            tell(sentence, err=True)
    else:
        tell(_NONE)


@monitors.command()
@click.argument("name", metavar="[NAME]", required=False, shell_complete=MONITOR)
@json_option
@api_options
def show(name: str | None, as_json: bool, where: Where) -> None:
    """Print the monitors, or one, as YAML that can be pushed again.

    \b
    Examples:
      batchwright monitors show > monitors.yaml
      batchwright monitors show jobs-of-others --json
    """
    with on_target(where) as target:
        found = target.api.monitors()
    given = found.definition["monitors"]
    if name is not None and name not in given:
        hint = Names(given).suggestion(name)
        raise UserMistake(f"there is no monitor '{name}'" + (f"; {hint}" if hint else ""))
    definition = found.definition if name is None else {"monitors": {name: given[name]}}
    if as_json:
        print_json({**found.model_dump(mode="json"), "definition": definition})
        return
    if not given:
        tell(_NONE, err=True)
    print_yaml(definition)


@monitors.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
@api_options
def delete(yes: bool, as_json: bool, where: Where) -> None:
    """Delete all monitors. To delete one, push the file without it.

    \b
    Example:
      batchwright monitors delete --stage dev
    """
    with on_target(where) as target:
        found = target.api.monitors()
        count = len(found.definition["monitors"])
        if count:
            ask(f"Delete {number_of(count, 'monitor')} of {target.who}?", yes=yes, as_json=as_json)
            # What somebody else pushed meanwhile is something else than what was asked about.
            target.api.delete_monitors(if_match=found.etag)
    if as_json:
        print_json({"deleted": count})
    else:
        tell(f"{number_of(count, 'monitor')} deleted." if count else "There were no monitors.")


@monitors.command(name="test")
@_file
@click.option("--days", type=click.IntRange(1, 90), default=TRIED_DAYS, show_default=True, help="How far to look back.")
@json_option
@api_options
def test_monitors(file: Path, days: int, as_json: bool, where: Where) -> None:
    """Print what a file's monitors would have reported of recent jobs. Sends and changes nothing.

    \b
    Examples:
      batchwright monitors test statemachines/monitors.yaml
      batchwright monitors test monitors.yaml --stage prod --days 30
    """
    given = monitors_of(load_monitors(file).definition, {})
    until_ms = now_ms()
    since_ms = until_ms - days * DAY_MS
    with on_target(where) as target:
        records, page = _recorded(target, since_ms)
        saw_from_ms = _saw_from_ms(target, records, since_ms, until_ms)
    # Without those that were created before: the list is by creation, and the oldest of a full one are missing.
    if len(records) >= TRIED_JOBS_MAXIMUM:
        since_ms = saw_from_ms = min(job.created_at_ms for job in records)
    trials = [tried(monitor, records, since_ms, until_ms, saw_from_ms) for monitor in given]
    if as_json:
        print_json([asdict(trial) for trial in trials])
        return
    if len(records) >= TRIED_JOBS_MAXIMUM:
        tell(f"These are the newest {len(records):,} jobs; older ones were left out.", err=True)
    for trial in trials:
        for line in trial_lines(trial, len(records)):
            tell(line)
    for sentence in blind_spots(given, page, is_local=target.is_local):
        tell(sentence, err=True)


def _recorded(target: Target, since_ms: int) -> tuple[list[JobRecord], m.JobPage]:
    """The jobs that were recorded since then, as many as are looked at, and the last page of them."""
    found: list[JobRecord] = []
    page = target.api.jobs(JobFilter(since_ms=since_ms), limit=_JOBS_A_PAGE)
    found += map(record_of, page.items)
    while page.next is not None and len(found) < TRIED_JOBS_MAXIMUM:
        page = target.api.jobs(JobFilter(since_ms=since_ms), limit=_JOBS_A_PAGE, page=page.next)
        found += map(record_of, page.items)
    return found[:TRIED_JOBS_MAXIMUM], page


def _saw_from_ms(target: Target, records: list[JobRecord], since_ms: int, now_ms: int) -> int:
    """Since when the stage saw jobs, as far as that is known: at the latest since it recorded the first of them, and
    since monitors were pushed last. `since_ms` if it did before, `now_ms` if it never did."""
    # One that was created before that time and seen after it says nothing of the time between.
    before = target.api.jobs(JobFilter(until_ms=since_ms), limit=1).items
    seen_ms = [job.seen_at_ms for job in (*records, *map(record_of, before))]
    pushed_at_ms = target.api.monitors().pushed_at_ms
    if pushed_at_ms is not None:
        seen_ms.append(pushed_at_ms)
    return max(since_ms, min(seen_ms, default=now_ms))


def _monitors(pushed: m.Monitors) -> tuple[Monitor, ...]:
    return monitors_of(pushed.definition, {})


def _unseen(target: Target, found: tuple[Monitor, ...]) -> list[str]:
    """What the stage does not see; nothing where that cannot be found out."""
    with suppress(TryAgain, UserMistake):
        return blind_spots(found, target.api.jobs(limit=1), is_local=target.is_local)
    return []
