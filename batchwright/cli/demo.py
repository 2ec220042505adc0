"""`batchwright demo`: the movie-ratings example from its archive to its report, on a local AWS."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from batchwright.cli.run import run_file
from batchwright.deploy.example import ARCHIVE_KEY
from batchwright.local.home import home, running
from batchwright.local.isolation import client
from batchwright.local.job_environment import jobs_path
from batchwright.local.options import LocalOptions, local_options
from batchwright.local.stack import STAGE
from batchwright.runs.view import RunView
from batchwright.stage.project import PROJECT_FOLDER
from batchwright.terminal.plain_console import PlainConsole
from chalicelib.core.errors import UserMistake
from chalicelib.core.states import RunState

WORKFLOW = PROJECT_FOLDER / "statemachines" / "movie_ratings.yaml"
ARCHIVE = PROJECT_FOLDER / "statemachines" / "movie_ratings" / "movies.zip"
BAR_WIDTH = 30
BUCKET = f"batchwright-{STAGE}-000000000000-us-east-1"
"""The foundation's bucket in the local AWS, whose account and region are fixed."""


@click.command()
@click.option(
    "--parts", type=click.IntRange(2, 64), default=4, show_default=True, help="Children of the import's array."
)
@click.option("--fail/--no-fail", default=True, show_default=True, help="Let the first import fail, to show a retry.")
@local_options
def demo(parts: int, fail: bool, options: LocalOptions) -> int:
    """Run the movie-ratings example on a local AWS.

    One part's first attempt fails on purpose, so that you see a retry. Needs no account and no network.
    """
    if not WORKFLOW.is_file():
        raise UserMistake(
            f"the example is not there ({WORKFLOW}); run this from a clone, installed with `pip install -e .`"
        )
    if running() is None:
        # The example's scripts use boto3. It is beside Batchwright, and need not be in the environment that is active.
        path = jobs_path({})
        options = replace(options, job_environment={"PATH": path, **options.job_environment})
    params = [f"bucket={BUCKET}", f"parts={parts}", f"fail_first_attempt_of_part={1 if fail else -1}"]
    view = run_file(
        WORKFLOW, params, None, [(ARCHIVE_KEY, ARCHIVE)], as_json=False, keep=False, options=options,
        afterwards=show_report,
    )  # fmt: skip
    return 0 if view.run.state is RunState.SUCCEEDED else 1


def show_report(view: RunView, environment: Mapping[str, str]) -> None:
    """Fetch the report of a run that succeeded, print the gist of it and say where the page is."""
    if view.run.state is not RunState.SUCCEEDED:
        return
    folder = home() / "demo"
    folder.mkdir(parents=True, exist_ok=True)
    s3 = client("s3", environment)
    for name in ("report.json", "report.html"):
        s3.download_file(environment["BATCHWRIGHT_BUCKET"], f"runs/{view.run.run_id}/{name}", str(folder / name))
    report: dict[str, Any] = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    console = PlainConsole()
    print_gist(console, report)
    console.print(f"\nThe report with its charts: {shortest(folder / 'report.html')}", highlight=False)


def print_gist(console: Console, report: Mapping[str, Any]) -> None:
    """Print the report's figures by decade as a small chart of mean ratings."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("decade")
    table.add_column("films", justify="right")
    table.add_column("mean rating", justify="right")
    table.add_column("")
    for group in report["by_decade"]:
        mean = group["mean_rating"]
        table.add_row(str(group["name"]), f"{group['films']:,}", f"{mean:.2f}", "\u2588" * round(mean * BAR_WIDTH / 10))
    console.print(table)
    overall = report["overall"]
    console.print(
        f"{overall['films']:,} films, {overall['votes']:,} votes, mean rating {overall['mean_rating']:.2f}; "
        f"the table holds {report['films_counted']:,} films.",
        highlight=False,
    )


def shortest(path: Path) -> str:
    """The path as a person in this folder would type it."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
