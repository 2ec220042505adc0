"""`batchwright run FILE`: a workflow on a local AWS, from its start to its end, watched."""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from batchwright.cli.params import param_options, read_params
from batchwright.local.functions import Functions
from batchwright.local.home import running, up
from batchwright.local.options import LocalOptions, local_options
from batchwright.local.run import LocalRun, prepare, put_file, start
from batchwright.local.stack import LocalAws
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
CANCEL_SECONDS = 60.0


@click.command(
    epilog="Exit codes: 0 the run succeeded, 1 it failed or was cancelled, 2 bad input, 130 interrupted (Ctrl-C)."
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
      batchwright run statemachines/hello.yaml
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
    afterwards: Any = None,
) -> RunView:
    """Run a workflow file and show it; the run as it ended. Raises UserMistake before anything is started.

    `afterwards(run, environment)` is called while the local AWS is still there.
    """
    loaded = load_workflow(file)
    params = read_params(loaded.workflow, pairs, params_file)
    plan = compile_workflow(loaded.workflow)
    check_run(plan, params)
    console = Console(stderr=as_json)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with local_aws(options, keep, console) as environment:
        os.environ.update(environment)
        for key, path in files:
            put_file(environment, key, path)
        store = wired().world.store
        prepare(environment, store, loaded.definition, plan, params, file.absolute().parent)
        begun = start(store, Functions(), plan, params)
        if not as_json:
            console.print(f"[bold]{plan.workflow}[/]  run {begun.run_id}  {len(plan.tasks)} tasks", highlight=False)
        view, interrupted = follow(begun, _progress(console, as_json))
        if as_json:
            click.echo(json.dumps(run_document(view), indent=2))
        else:
            print_summary(console, view, environment)
        if afterwards is not None:
            afterwards(view, environment)
    if interrupted:
        sys.exit(INTERRUPTED)
    return view


def follow(begun: LocalRun, progress: Progress) -> tuple[RunView, bool]:
    """Follow the run to its end; Ctrl-C cancels it, and a second Ctrl-C stops waiting. Whether it was interrupted."""
    try:
        try:
            begun.follow(progress)
            return begun.settled(), False
        except KeyboardInterrupt:
            progress.close()
            click.echo("Cancelling the run and ending its jobs ... (Ctrl-C again to stop at once)", err=True)
            begun.cancel("interrupted")
            with _alarm(CANCEL_SECONDS):
                begun.follow(NoProgress())
            return begun.view(), True
    except KeyboardInterrupt:
        return begun.view(), True
    finally:
        progress.close()


@contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    """Interrupt what takes longer than this, as a second Ctrl-C would."""
    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextmanager
def local_aws(options: LocalOptions, keep: bool, console: Console) -> Iterator[dict[str, str]]:
    """The variables of the local AWS that is up, or of one that is started here and stopped afterwards."""
    state = running()
    if state is not None:
        if options.arguments:
            raise UserMistake(
                f"{' '.join(options.arguments)}: a local AWS is up already and was started with "
                f"{' '.join(state.options) or 'no such option'}; stop it with `batchwright local down` first"
            )
        yield state.environment
        return
    if keep:
        yield up(options.arguments).environment
        console.print("The local AWS stays up; `batchwright local down` stops it.", highlight=False)
        return
    with tempfile.TemporaryDirectory(prefix="batchwright-", ignore_cleanup_errors=True) as folder:
        aws = LocalAws(
            Path(folder),
            faults=options.faults,
            submit_rate=options.submit_rate,
            max_vcpus=options.max_vcpus,
            # Whoever waits at the terminal wants the processes gone now.
            kill_grace_seconds=5.0,
        )
        with console.status("Starting the local AWS ..."):
            aws.start()
        try:
            yield aws.environment
        finally:
            aws.stop()


def _progress(console: Console, as_json: bool) -> Progress:
    if as_json:
        return NoProgress()
    if console.is_terminal:
        return LiveProgress(console)
    return PlainProgress(click.echo)


def _key_and_path(item: str) -> tuple[str, Path]:
    key, sign, path = item.partition("=")
    if not key or not sign:
        raise UserMistake(f"--put {item}: write KEY=PATH, as in --put input/films.zip=films.zip")
    if not Path(path).is_file():
        raise UserMistake(f"--put {item}: there is no file '{path}'")
    return key, Path(path)
