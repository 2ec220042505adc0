"""`batchwright run FILE`: a workflow on a local AWS, from its start to its end, watched."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import click
from rich.console import Console
from rich.markup import escape

from batchwright.cli.params import param_options, read_params
from batchwright.cli.told import told_plainly
from batchwright.interrupts import Interrupts, counted, ignored, raised
from batchwright.local.functions import Functions
from batchwright.local.home import Running, running, up
from batchwright.local.isolation import client, enter
from batchwright.local.options import LocalOptions, local_options
from batchwright.local.run import LocalRun, prepare, put_file, start
from batchwright.local.stack import LocalAws, LocalAwsError
from batchwright.progress import LiveProgress, NoProgress, PlainProgress, Progress
from batchwright.runview import RunView
from batchwright.summary import print_summary, run_document
from batchwright.workflow_file import load_workflow
from chalicelib.core.compile import compile_workflow
from chalicelib.core.errors import UserMistake
from chalicelib.core.job import check_run
from chalicelib.core.states import RunState
from chalicelib.wiring import wired

INTERRUPTED = 130
CANCEL_SECONDS = 10.0
KILL_GRACE_SECONDS = 3.0


@click.command(
    epilog="Exit codes: 0 the run succeeded, 1 it failed, was cancelled or could not go on, 2 bad input, "
    "130 interrupted (Ctrl-C, SIGTERM)."
)
@click.argument("file", type=click.Path(path_type=Path))
@param_options
@click.option("--put", "files", metavar="KEY=PATH", multiple=True, help="Put a file into the local bucket first.")
@click.option("--json", "as_json", is_flag=True, help="Print the ended run as one JSON document and nothing else.")
@click.option("--keep", is_flag=True, help="Leave the local AWS up afterwards, with everything in it.")
@local_options
def run(
    file: Path,
    pairs: Sequence[str],
    params_file: Path | None,
    files: Sequence[str],
    as_json: bool,
    keep: bool,
    options: LocalOptions,
) -> int:
    """Run a workflow on this machine: real processes, driven by Batch's events, on a local AWS.

    Uses the local AWS that `batchwright local up` keeps, or starts one for this run alone. Ctrl-C cancels the run and
    ends its processes.

    \b
    Examples:
      batchwright run train.yaml
      batchwright run train.yaml --param epochs=3 --params-file more.yaml
      batchwright run train.yaml --duplicate 0.3 --reorder --seed 7
    """
    view = run_file(file, pairs, params_file, [_key_and_path(item) for item in files], as_json, keep, options)
    return 0 if view.run.state is RunState.SUCCEEDED else 1


def run_file(
    file: Path,
    pairs: Sequence[str],
    params_file: Path | None,
    files: Sequence[tuple[str, Path]],
    as_json: bool,
    keep: bool,
    options: LocalOptions,
    afterwards: Callable[[RunView, Mapping[str, str]], None] | None = None,
) -> RunView:
    """Run a workflow file and show it; the run as it ended. Raises UserMistake before anything is started.

    `afterwards(run, environment)` is called while the local AWS is still there.
    """
    loaded = load_workflow(file)
    params = read_params(loaded.workflow, pairs, params_file)
    plan = compile_workflow(loaded.workflow)
    check_run(plan, params)
    console = Console(stderr=as_json)
    with raised(), told_plainly(), local_aws(options, keep, console) as aws:
        enter(aws.environment)
        for key, path in files:
            put_file(aws.environment, key, path)
        store = wired().world.store
        pushed = prepare(aws.environment, store, loaded.definition, plan, params, file.absolute().parent)
        batch = client("batch", aws.environment)
        with counted() as interrupts:
            begun = start(store, Functions(), pushed.plan, params, pushed.version, batch)
            if not as_json:
                _say_started(console, begun)
            view = follow(begun, _progress(console, as_json), interrupts, aws.check)
            if as_json:
                click.echo(json.dumps(run_document(view), indent=2))
            else:
                print_summary(console, view, aws.environment)
            if afterwards is not None:
                afterwards(view, aws.environment)
    if interrupts.asked:
        sys.exit(INTERRUPTED)
    return view


def follow(begun: LocalRun, progress: Progress, interrupts: Interrupts, check: Callable[[], None]) -> RunView:
    """Follow the run to its end. An interrupt cancels it and waits for the end of its jobs, but not for long; a second
    one stops waiting."""
    try:
        view = begun.follow(progress, interrupts, still_there=check)
        if not interrupts.asked:
            view = begun.settled()
            progress.show(view)
            return view
        progress.close()
        click.echo("Cancelling the run and ending its jobs (again: stop at once) ...", err=True)
        begun.cancel("interrupted")
        give_up_at_seconds = time.monotonic() + CANCEL_SECONDS
        view = begun.follow(NoProgress(), Interrupts(), still_there=check, until_seconds=give_up_at_seconds)
        if not view.run.state.ended:
            click.echo("Some of its jobs take longer to end; no more waiting.", err=True)
        return view
    except KeyboardInterrupt:
        return begun.view()
    finally:
        progress.close()


@dataclass(frozen=True, slots=True)
class Found:
    """The local AWS to run on; `check` raises LocalAwsError once it is gone."""

    environment: Mapping[str, str]
    check: Callable[[], None]


@contextmanager
def local_aws(options: LocalOptions, keep: bool, console: Console) -> Iterator[Found]:
    """The local AWS that is up, or one that is started here, and stopped afterwards unless it is to be kept."""
    state = running()
    if state is not None and options.arguments and options.arguments != state.options:
        raise UserMistake(
            f"{' '.join(options.arguments)}: a local AWS is up already and was started with "
            f"{' '.join(state.options) or 'no such option'}; stop it with `batchwright local down` first"
        )
    if state is None and keep:
        with _status(console):
            state = up(options.arguments)
    if state is not None:
        yield Found(state.environment, partial(_check_up, state))
        if keep:
            _say(console, "The local AWS stays up; `batchwright local down` stops it.")
        return
    folder = tempfile.mkdtemp(prefix="batchwright-")
    aws = LocalAws(
        Path(folder),
        faults=options.faults,
        submit_rate=options.submit_rate,
        max_vcpus=options.max_vcpus,
        # Whoever waits at the terminal wants the processes gone now.
        kill_grace_seconds=KILL_GRACE_SECONDS,
    )
    try:
        with _status(console):
            aws.start()
        yield Found(aws.environment, aws.check)
    finally:
        with ignored():
            aws.stop()
            shutil.rmtree(folder, ignore_errors=True)


def _check_up(state: Running) -> None:
    if not state.is_alive():
        raise LocalAwsError("the local AWS that was up has gone; was it stopped?")


def _status(console: Console) -> AbstractContextManager[object]:
    return console.status("Starting the local AWS ...")


def _say(console: Console, text: str) -> None:
    console.print(text, soft_wrap=True, highlight=False)


def _say_started(console: Console, begun: LocalRun) -> None:
    count = len(begun.plan.tasks)
    noun = "task" if count == 1 else "tasks"
    _say(console, f"[bold]{escape(begun.plan.workflow)}[/]  run {begun.run_id}  {count:,} {noun}")


def _progress(console: Console, as_json: bool) -> Progress:
    if as_json:
        return NoProgress(complain=partial(click.echo, err=True))
    if console.is_terminal and not console.is_dumb_terminal:
        return LiveProgress(console)
    return PlainProgress(click.echo)


def _key_and_path(item: str) -> tuple[str, Path]:
    key, sign, path = item.partition("=")
    if not key or not sign:
        raise UserMistake(f"--put {item}: write KEY=PATH, as in --put input/films.zip=films.zip")
    try:
        with open(path, "rb"):
            return key, Path(path)
    except OSError as error:
        raise UserMistake(f"--put {item}: '{path}' cannot be read: {error.strerror}") from error
