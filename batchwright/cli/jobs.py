"""`batchwright jobs`: the Batch jobs that were recorded, whoever submitted them; `jobs show` and `jobs logs`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import click
from click.core import ParameterSource
from rich.text import Text

from batchwright.cli.completing import JOB, QUEUE
from batchwright.cli.group import OK
from batchwright.cli.logs import FOLLOW_PAUSE_SECONDS, INTERRUPTED, LINES_A_PAGE, writer
from batchwright.cli.output import json_option, looking_back, print_json, print_table
from batchwright.cli.target import Target, Where, api_options, on_target
from batchwright.cli.time_option import WHEN, check_span
from batchwright.jobs.table import broken_off, job_columns, job_lines, own_jobs_hint, silence, try_columns, why_none
from batchwright.runs.progress import now_ms
from batchwright.terminal.interrupts import Interrupts, counted
from batchwright.terminal.plain_console import PlainConsole
from batchwright.terminal.terminal import tell
from chalicelib.api import models as m
from chalicelib.api.port import Api
from chalicelib.core.batch.job_record import EVERY_JOB, JobFilter, JobState, NamePattern
from chalicelib.core.errors import UserMistake
from chalicelib.core.ids import child_of

JOBS_SHOWN = 50
_JOBS_A_PAGE = 1_000
_ID_CHARACTERS = 36
_BEGINNING_CHARACTERS = 8
_job_id = click.argument("job_id", metavar="JOB", shell_complete=JOB)


@click.group(invoke_without_command=True)
@click.option(
    "--queue", "queues", metavar="NAME", multiple=True, shell_complete=QUEUE, help="Only of that queue; repeatable."
)
@click.option(
    "--state",
    "states",
    multiple=True,
    type=click.Choice([state.value for state in JobState], case_sensitive=False),
    help="Only in that state; repeatable.",
)
@click.option(
    "--name", "names", metavar="TEXT", multiple=True, help="Only names that begin so, or fit a pattern (*); repeatable."
)
@click.option("--since", type=WHEN, help="Only those created since then: 2h, 3d, 2026-11-21, 2026-11-21T09:30 (UTC).")
@click.option("--until", type=WHEN, help="Only those created before then.")
@click.option("--foreign", is_flag=True, help="Only those that no run submitted.")
@click.option(
    "--limit", type=click.IntRange(1, 10_000), default=JOBS_SHOWN, show_default=True, help="How many at most."
)
@json_option
@api_options
@click.pass_context
def jobs(
    ctx: click.Context,
    queues: Sequence[str],
    states: Sequence[str],
    names: Sequence[str],
    since: int | None,
    until: int | None,
    foreign: bool,
    limit: int,
    as_json: bool,
    where: Where,
) -> int:
    """List recorded Batch jobs, newest first.

    \b
    Examples:
      batchwright jobs --state FAILED --since 1d
      batchwright jobs --queue gpu --queue spot --state RUNNING
      batchwright jobs --name 'nf-*-align' --foreign --limit 200 --stage prod
      batchwright jobs show JOB
      batchwright jobs logs JOB --follow
    """
    if ctx.invoked_subcommand is not None:
        _check_behind(ctx)
        return OK
    check_span(since, until)
    wanted = JobFilter(
        queues=tuple(queues),
        states=tuple(map(JobState, states)),
        names=tuple(map(NamePattern, names)),
        since_ms=None if since is None else max(0, since),
        until_ms=None if until is None else max(0, until),
        foreign=foreign,
    )
    with on_target(where) as target, looking_back(quiet=as_json) as looked_back:
        search = _search(target.api, wanted, limit, looked_back)
    if search.interrupted:
        # Half a list is for people: a program that reads JSON takes it for all there is.
        _show([] if as_json else search.found)
        tell(broken_off(len(search.found), search.page), err=True)
        return INTERRUPTED
    assert search.page is not None
    if as_json:
        print_json(search.page.model_copy(update={"items": search.found}).model_dump(mode="json"))
        return OK
    if not search.found:
        for sentence in why_none(search.page, filtered=wanted != EVERY_JOB, foreign=foreign):
            tell(sentence)
        return OK
    _show(search.found)
    if search.page.next is not None:
        tell(f"These are the newest {len(search.found):,}; there may be more: --limit.", err=True)
    for sentence in own_jobs_hint(search.page, foreign=foreign):
        tell(sentence, err=True)
    return OK


@jobs.command()
@_job_id
@json_option
@api_options
def show(job_id: str, as_json: bool, where: Where) -> None:
    """Show a job: its state, times, tries and resources.

    JOB is an id, or what one of the newest 1,000 begins with, from 8 letters on. ID:N is job N of an array; only Batch
    knows of these, until some days after their end.

    \b
    Examples:
      batchwright jobs show 3f0c2a9e-5b1d-4c55-9d0e-0f6a1f1c7b21
      batchwright jobs show 3f0c2a9e
      batchwright jobs show 3f0c2a9e:17
    """
    with on_target(where) as target:
        job = target.api.job(job_id)
    if as_json:
        print_json(job.model_dump(mode="json"))
        return
    console = PlainConsole()
    lines = job_lines(job, now_ms())
    width = max(len(name) for name, _ in lines)
    for name, value in lines:
        console.print(Text(f"{name:<{width}}  ", style="bold") + Text(value), soft_wrap=True)
    if tries := try_columns(job):
        console.print()
        print_table(tries)


@jobs.command()
@_job_id
@click.option(
    "--try", "job_try", type=click.IntRange(1, 10), metavar="N", help="A try inside Batch, instead of the last."
)
@click.option("--child", type=click.IntRange(0), metavar="N", help="Of an array: that child's log.")
@click.option("--tail", type=click.IntRange(1, 10_000), metavar="N", help="Begin with the last N lines.")
@click.option("--follow", "-f", is_flag=True, help="Keep printing, also the next attempts or tries.")
@click.option("--times", is_flag=True, help="Print each line's time (UTC) before it.")
@click.option("--json", "as_json", is_flag=True, help="Print each line as a JSON document of its own.")
@api_options
def logs(
    job_id: str,
    job_try: int | None,
    child: int | None,
    tail: int | None,
    follow: bool,
    times: bool,
    as_json: bool,
    where: Where,
) -> int:
    """Print what a job wrote.

    \b
    Examples:
      batchwright jobs logs 3f0c2a9e-5b1d-4c55-9d0e-0f6a1f1c7b21 --tail 50
      batchwright jobs logs 3f0c2a9e-5b1d-4c55-9d0e-0f6a1f1c7b21 --follow
      batchwright jobs logs 3f0c2a9e --child 3
    """
    write = writer(times, as_json)
    written = 0
    with on_target(where) as target, counted() as interrupts:
        job_id, child = _whole(target.api, job_id, child)
        number = job_try
        if follow and number is None and child is None:
            # The try that it begins with: another one may follow before it was read to its end.
            number = _last_try(target.api.job(job_id)) or None
        while True:
            for lines in _pages(target, interrupts, job_id, number, child, tail, follow):
                written += len(lines)
                write(lines)
            if not follow or job_try is not None or number is None or interrupts.asked:
                break
            following = _next_try(target.api, interrupts, job_id, number)
            if following is None:
                break
            number, tail = following, None
        if not written and not interrupts.asked:
            tell(silence(target.api.job(job_id if child is None else f"{job_id}:{child}")), err=True)
    return INTERRUPTED if interrupts.asked else 0


def _check_behind(ctx: click.Context) -> None:
    """Raises UserMistake for options of the list before a command that knows nothing of them."""
    for name in ctx.params:
        if ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            raise UserMistake(
                f"options go behind '{ctx.invoked_subcommand}': batchwright jobs {ctx.invoked_subcommand} JOB ..."
            )


@dataclass(slots=True)
class _Search:
    """Jobs that were found, the last page that was read for them (None before the first), and whether the search for
    more was interrupted."""

    found: list[m.Job] = field(default_factory=list)
    page: m.JobPage | None = None
    interrupted: bool = False


def _search(api: Api, wanted: JobFilter, limit: int, looked_back: Callable[[int], None]) -> _Search:
    """So many jobs. A page of what is rare takes a while and may have none, so it is told how far back each went."""
    search = _Search()
    following: str | None = None
    try:
        while True:
            left = min(limit - len(search.found), _JOBS_A_PAGE)
            search.page = api.jobs(wanted, limit=left, page=following)
            search.found += search.page.items
            following = search.page.next
            if following is None or len(search.found) >= limit:
                return search
            if search.page.looked_back_to_ms is not None:
                looked_back(search.page.looked_back_to_ms)
    except KeyboardInterrupt:
        search.interrupted = True
        return search


def _show(found: Sequence[m.Job]) -> None:
    if found:
        print_table(job_columns(found, now_ms()))


def _whole(api: Api, job_id: str, child: int | None) -> tuple[str, int | None]:
    """The whole id and the array's child of what was typed. Raises UserMistake for two children."""
    job_id, named = child_of(job_id)
    if named is not None and child not in (None, named):
        raise UserMistake(f"'{job_id}:{named}' is child {named}, and --child says {child}; leave one out")
    if _BEGINNING_CHARACTERS <= len(job_id) < _ID_CHARACTERS:
        # Once, and not for each page.
        job_id = api.job(job_id).job_id
    return job_id, child if named is None else named


def _pages(
    target: Target,
    interrupts: Interrupts,
    job_id: str,
    number: int | None,
    child: int | None,
    tail: int | None,
    follow: bool,
) -> Iterator[list[m.LogLine]]:
    """What a try wrote, page by page, to its end, which comes when the try has ended if it is followed."""
    page: str | None = None
    while True:
        part = target.api.job_logs(job_id, job_try=number, child=child, tail=tail, limit=LINES_A_PAGE, page=page)
        yield part.items
        at_the_end = not part.items and part.next == page
        page = part.next
        if page is None or interrupts.asked or (not follow and (at_the_end or tail is not None)):
            return
        if not part.items and (not follow or interrupts.wait(FOLLOW_PAUSE_SECONDS)):
            return


def _next_try(api: Api, interrupts: Interrupts, job_id: str, number: int) -> int | None:
    """The number of the try that follows, once it is there; None when the job ended without one."""
    while True:
        job = api.job(job_id)
        if _last_try(job) > number:
            return number + 1
        if _is_over(job) or interrupts.wait(FOLLOW_PAUSE_SECONDS):
            return None


def _last_try(job: m.Job) -> int:
    """The number of the try under way or of the last one; 0 when it ended without one."""
    return job.job_tries + (0 if _is_over(job) else 1)


def _is_over(job: m.Job) -> bool:
    return job.state in (JobState.SUCCEEDED, JobState.FAILED, JobState.UNKNOWN)
