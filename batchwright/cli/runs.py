"""`batchwright runs`: the runs of a place, newest first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from heapq import merge
from itertools import islice

import click

from batchwright.cli.completing import WORKFLOW
from batchwright.cli.output import json_option, print_json, print_table
from batchwright.cli.target import Where, api_options, on_target
from batchwright.cli.time_option import WHEN, check_span
from batchwright.runs.progress import now_ms
from batchwright.runs.table import run_columns
from batchwright.runs.view import every
from batchwright.terminal.terminal import tell
from chalicelib.api import models as m
from chalicelib.api.port import Api
from chalicelib.core.states import RunState

RUNS_SHOWN = 20
RUNS_A_PAGE = 100


@click.command()
@click.option("--workflow", metavar="NAME", shell_complete=WORKFLOW, help="Only those of one workflow.")
@click.option(
    "--state",
    "states",
    type=click.Choice([state.value for state in RunState]),
    multiple=True,
    help="Only those in that state; repeatable.",
)
@click.option("--since", type=WHEN, help="Only those started since then: 2h, 3d, 2026-11-21, 2026-11-21T09:30 (UTC).")
@click.option("--until", type=WHEN, help="Only those started before then.")
@click.option(
    "--limit", type=click.IntRange(1, 10_000), default=RUNS_SHOWN, show_default=True, help="How many at most."
)
@json_option
@api_options
def runs(
    workflow: str | None,
    states: Sequence[str],
    since: int | None,
    until: int | None,
    limit: int,
    as_json: bool,
    where: Where,
) -> None:
    """List runs, newest first.

    \b
    Examples:
      batchwright runs --workflow nightly --state failed --state cancelled
      batchwright runs --since 2d --limit 100 --stage prod
    """
    check_span(since, until)
    with on_target(where) as target:
        # One more, which tells whether the list goes on.
        listed = list(islice(_newest(target.api, workflow, states, since, until, limit + 1), limit + 1))
        found = listed[:limit]
        some = bool(found) or as_json or bool(target.api.workflows(limit=1).items)
    if as_json:
        print_json([run.model_dump(mode="json") for run in found])
    elif found:
        print_table(run_columns(found, now_ms()))
    elif workflow or states or since is not None or until is not None:
        tell("No such runs.")
    elif some:
        tell("No runs yet; `batchwright start NAME` starts one.")
    else:
        tell("No runs yet, and no workflows: `batchwright workflows push FILE` brings one.")
    if len(listed) > limit and not as_json:
        tell(f"These are the newest {limit:,}; there are more: --limit.", err=True)


def _newest(
    api: Api, workflow: str | None, states: Sequence[str], since: int | None, until: int | None, limit: int
) -> Iterator[m.Run]:
    """The runs in any of the states (in all, if none is given), newest first; read as far as they are asked for."""

    def of_state(state: RunState | None) -> Iterator[m.Run]:
        return every(
            lambda page: api.runs(
                workflow=workflow,
                state=state,
                since_ms=since,
                until_ms=until,
                limit=min(limit, RUNS_A_PAGE),
                page=page,
            )
        )

    wanted: list[RunState | None] = [RunState(state) for state in dict.fromkeys(states)]
    seen: set[str] = set()
    for run in merge(*map(of_state, wanted or [None]), key=lambda run: (run.created_at_ms, run.run_id), reverse=True):
        # One that changes its state meanwhile is met twice.
        if run.run_id not in seen:
            seen.add(run.run_id)
            yield run
