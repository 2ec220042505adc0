"""`batchwright schedules`: list, next, pause, resume and backfill."""

from __future__ import annotations

import click

from batchwright.cli.completing import SCHEDULE, WORKFLOW
from batchwright.cli.output import json_option, print_json, print_table
from batchwright.cli.target import Target, Where, api_options, on_target
from batchwright.cli.time_option import TYPED, Moment
from batchwright.runs.progress import now_ms
from batchwright.schedules.table import backfill_columns, clock_time, complaints, schedule_columns, time_columns
from batchwright.terminal.terminal import tell
from chalicelib.api import models as m
from chalicelib.core.errors import UnknownSchedule
from chalicelib.core.schedule.model import Overlap, zone
from chalicelib.core.suggest import Names

_workflow = click.argument("workflow", metavar="WORKFLOW", shell_complete=WORKFLOW)
_schedule = click.argument("schedule", metavar="SCHEDULE", shell_complete=SCHEDULE)


@click.group()
def schedules() -> None:
    """Look at the schedules of workflows, pause and resume them, and start what is past."""


@schedules.command(name="list")
@click.argument("workflow", metavar="[WORKFLOW]", required=False, shell_complete=WORKFLOW)
@json_option
@api_options
def list_schedules(workflow: str | None, as_json: bool, where: Where) -> None:
    """List the schedules of a workflow, or of all.

    \b
    Examples:
      batchwright schedules list
      batchwright schedules list nightly --stage prod --json
    """
    with on_target(where) as target:
        found = target.api.schedules(workflow)
    if as_json:
        print_json([one.model_dump(mode="json") for one in found])
    elif found:
        print_table(schedule_columns(found))
        for sentence in complaints(found):
            tell(sentence, err=True)
    else:
        tell("No schedules; a workflow file has them under `schedules:` (docs/how-to/schedule-runs.md).")


@schedules.command(name="next")
@_workflow
@_schedule
@click.option("--count", type=click.IntRange(1, 100), default=10, metavar="N", help="How many; 10 by default.")
@click.option("--after", type=TYPED, metavar="WHEN", help="After this moment; now by default.")
@json_option
@api_options
def next_times(workflow: str, schedule: str, count: int, after: Moment | None, as_json: bool, where: Where) -> None:
    """Print a schedule's next times, in its time zone and in UTC.

    WHEN is a day or a time, in the schedule's time zone unless it has an offset.

    \b
    Examples:
      batchwright schedules next nightly every-night
      batchwright schedules next nightly every-night --after 2026-03-28 --count 3
    """
    with on_target(where) as target:
        shown = _shown(target, workflow, schedule)
        after_ms = None if after is None else after.first_ms(zone(shown.time_zone))
        times_ms = target.api.next_times(workflow, schedule, count=count, after_ms=after_ms)
    if as_json:
        print_json(times_ms)
        return
    if times_ms:
        print_table(time_columns(times_ms, shown.time_zone, now_ms()))
    else:
        tell(f"Schedule {schedule} of {workflow} has no times any more ({shown.expression}).")
    if shown.paused:
        tell("It is paused; `batchwright schedules resume` lets it go on.", err=True)


@schedules.command()
@_workflow
@_schedule
@json_option
@api_options
def pause(workflow: str, schedule: str, as_json: bool, where: Where) -> None:
    """Pause a schedule. Its runs go on.

    \b
    Example:
      batchwright schedules pause nightly every-night
    """
    with on_target(where) as target:
        now = target.api.pause_schedule(workflow, schedule)
    if as_json:
        print_json(now.model_dump(mode="json"))
    else:
        tell(f"Schedule {schedule} of {workflow} is paused.")


@schedules.command()
@_workflow
@_schedule
@json_option
@api_options
def resume(workflow: str, schedule: str, as_json: bool, where: Where) -> None:
    """Resume a schedule. Its catch_up decides about missed times.

    \b
    Example:
      batchwright schedules resume nightly every-night
    """
    with on_target(where) as target:
        now = target.api.resume_schedule(workflow, schedule)
    if as_json:
        print_json(now.model_dump(mode="json"))
        return
    following = (
        "no times any more" if now.next_at_ms is None else f"next at {clock_time(now.next_at_ms, now.time_zone)}"
    )
    tell(f"Schedule {schedule} of {workflow} goes on, {following} ({now.time_zone}).")


@schedules.command()
@_workflow
@_schedule
@click.option("--from", "first", type=TYPED, required=True, metavar="WHEN", help="The first moment.")
@click.option("--to", "last", type=TYPED, metavar="WHEN", help="The last moment; now by default.")
@click.option("--dry-run", is_flag=True, help="Only print the times and their runs.")
@json_option
@api_options
def backfill(
    workflow: str, schedule: str, first: Moment, last: Moment | None, dry_run: bool, as_json: bool, where: Where
) -> None:
    """Start a run for each past time of a schedule that has none, oldest first.

    With `overlap: allow` they run at once, else one after another. A time that had a run keeps it.

    WHEN is how long ago (3d, 12h), a day, or a time; in the schedule's time zone, unless it has an offset.

    \b
    Examples:
      batchwright schedules backfill nightly every-night --from 30d --dry-run
      batchwright schedules backfill nightly every-night --from 2026-11-01 --to 2026-11-15T09:00+01:00
    """
    with on_target(where) as target:
        shown = _shown(target, workflow, schedule)
        in_zone = zone(shown.time_zone)
        to_ms = now_ms() if last is None else last.last_ms(in_zone)
        asked = m.Backfill(from_ms=max(0, first.first_ms(in_zone)), to_ms=max(0, to_ms), dry_run=dry_run)
        filled = target.api.backfill(workflow, schedule, asked)
    if as_json:
        print_json(filled.model_dump(mode="json"))
        return
    if not filled.times_ms:
        tell(f"Schedule {schedule} of {workflow} has no times there.")
        return
    print_table(backfill_columns(filled, shown.time_zone))
    several = len(filled.times_ms) > 1
    how = "at once" if shown.overlap is Overlap.ALLOW or not several else "one after another"
    runs = f"{len(filled.times_ms):,} runs" if several else "1 run"
    tell(f"{runs} would be started {how}." if dry_run else f"{runs}, started {how} unless they were before.")


def _shown(target: Target, workflow: str, schedule: str) -> m.Schedule:
    found = {one.name: one for one in target.api.schedules(workflow)}
    if schedule not in found:
        hint = Names(found).suggestion(schedule)
        raise UnknownSchedule(f"workflow '{workflow}' has no schedule '{schedule}'" + (f"; {hint}" if hint else ""))
    return found[schedule]
