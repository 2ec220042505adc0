"""`batchwright run FILE`: a workflow on a local AWS, from its start to its end, watched."""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.markup import escape

from batchwright.cli.aws_errors import blamed, told_plainly
from batchwright.cli.output import json_option, print_json, progress_on
from batchwright.cli.params import param_options, read_params
from batchwright.cli.target import Target, local_target
from batchwright.cli.watch import INTERRUPTED, followed_run
from batchwright.cli.workflows import push_file
from batchwright.files.workflow_file import WorkflowFile, load_workflow
from batchwright.local.home import check_options, looked, nothing_is_up, running, up
from batchwright.local.options import LocalOptions, local_options
from batchwright.local.prepare import put_file
from batchwright.local.stack import LocalAws, LocalAwsError
from batchwright.runs.follow import Followed
from batchwright.runs.progress import NoProgress, Progress
from batchwright.runs.summary import print_summary, run_document
from batchwright.runs.view import RunView, load_view
from batchwright.terminal.interrupts import Interrupts, counted, ignored, raised
from batchwright.terminal.plain_console import PlainConsole
from batchwright.terminal.terminal import tell
from batchwright.terminal.words import number_of
from chalicelib.api import models as m
from chalicelib.core.definition.compile import compile_workflow
from chalicelib.core.errors import UserMistake
from chalicelib.core.plan.job_request import check_run
from chalicelib.core.plan.model import Plan
from chalicelib.core.plan.stage_values import PLACEHOLDERS, at_stage
from chalicelib.core.states import RunState

BROKE = 1
CANCEL_SECONDS = 10.0
KILL_GRACE_SECONDS = 3.0


@click.command(
    epilog="Exit codes: 0 the run succeeded, 1 it failed, was cancelled or could not go on, 2 bad input, "
    "130 interrupted (Ctrl-C, SIGTERM)."
)
@click.argument("file", type=click.Path(path_type=Path))
@param_options
@click.option("--put", "files", metavar="KEY=PATH", multiple=True, help="Put a file into the local bucket first.")
@json_option
@click.option("--keep", is_flag=True, help="Leave the local AWS up afterwards.")
@click.option("--detach", is_flag=True, help="Only start the run and print its id.")
@click.option("--schedules", "arms_schedules", is_flag=True, help="Also let the file's schedules start runs.")
@local_options
def run(
    file: Path,
    pairs: Sequence[str],
    params_file: Path | None,
    files: Sequence[str],
    as_json: bool,
    keep: bool,
    detach: bool,
    arms_schedules: bool,
    options: LocalOptions,
) -> int:
    """Run a workflow on this machine, on a local AWS.

    Uses the local AWS that `batchwright local up` keeps, or starts one for this run alone. Ctrl-C cancels the run and
    ends its processes. With --detach it goes on by itself: see `batchwright watch`, `show`, `pause` and `cancel`.
    The file's schedules start nothing, unless --schedules is given or `batchwright workflows push` brings them.

    \b
    Examples:
      batchwright run train.yaml
      batchwright run train.yaml --param epochs=3 --params-file more.yaml
      batchwright run train.yaml --duplicate 0.3 --reorder --seed 7
    """
    put = [_key_and_path(item) for item in files]
    if detach:
        start_file(file, pairs, params_file, put, as_json, options, arms_schedules)
        return 0
    view = run_file(file, pairs, params_file, put, as_json, keep, options, arms_schedules=arms_schedules)
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
    arms_schedules: bool = False,
) -> RunView:
    """Run a workflow file and show it; the run as it ended. Raises UserMistake before anything is started.

    `afterwards(run, environment)` is called while the local AWS is still there.
    """
    ready = _read(file, pairs, params_file, files, arms_schedules)
    console = PlainConsole(stderr=as_json)
    with raised(), told_plainly(), local_aws(options, keep, console) as target, blamed(target.check):
        version = ready.put_on(target)
        with counted() as interrupts:
            run_id = ready.start_on(target, version)
            if not as_json:
                _say_started(console, ready.plan, run_id)
            cancel = partial(target.api.cancel, run_id, m.Cancel(reason="interrupted"))
            progress = progress_on(console, as_json)
            view = follow(followed_run(target, run_id), progress, interrupts, target.check, cancel)
            if as_json:
                print_json(run_document(view, target.api))
            else:
                print_summary(console, view, target.api)
            if afterwards is not None:
                assert target.aws is not None, "a local AWS is AWS"
                afterwards(view, target.aws.environment)
    if interrupts.asked:
        sys.exit(INTERRUPTED)
    return view


def start_file(
    file: Path,
    pairs: Sequence[str],
    params_file: Path | None,
    files: Sequence[tuple[str, Path]],
    as_json: bool,
    options: LocalOptions,
    arms_schedules: bool,
) -> None:
    """Start a run of a workflow file on the local AWS that is up, print its id, and say on stderr how to follow it.
    Raises UserMistake before anything is started, also when none is up."""
    ready = _read(file, pairs, params_file, files, arms_schedules)
    state = running()
    if state is None:
        raise nothing_is_up(
            f"--detach: no local AWS is up {looked()} that the run could go on in; start one with `batchwright local "
            "up`, or go to the folder of one that is up"
        )
    check_options(options, state)
    with raised(), told_plainly(), blamed(state.check):
        target = local_target(state.environment, state.check)
        run_id = ready.start_on(target, ready.put_on(target))
        if as_json:
            print_json(run_document(load_view(target.api, run_id), target.api))
            return
    tell(run_id)
    # Not to stdout, so that a script can take the id from there.
    _say_started(PlainConsole(stderr=True), ready.plan, run_id)
    for what in ("watch", "pause", "cancel"):
        tell(f"  batchwright {what} {run_id}", err=True)


@dataclass(frozen=True, slots=True)
class _Ready:
    """A workflow file that was read and checked, with the params of a run and the files to put into the bucket."""

    loaded: WorkflowFile
    plan: Plan
    params: Mapping[str, Any]
    folder: Path
    files: Sequence[tuple[str, Path]]
    arms_schedules: bool

    def put_on(self, target: Target) -> int:
        """Put it on a local AWS; the version that was pushed."""
        environment = target.local_environment
        assert environment is not None, "`run` works on a local AWS alone"
        if self.loaded.workflow.schedules and not self.arms_schedules:
            tell("The schedules of the file start nothing; --schedules lets them start runs, too.", err=True)
        for key, path in self.files:
            put_file(environment, key, path)
        keep_schedules = not self.arms_schedules
        return push_file(target, self.loaded, self.folder, self.params, keep_schedules=keep_schedules).version

    def start_on(self, target: Target, version: int) -> str:
        """Start a run of what was pushed; its id."""
        asked = m.StartRun(workflow=self.plan.workflow, version=version, params=dict(self.params))
        return target.api.start_run(asked, str(uuid.uuid4())).run_id


def _read(
    file: Path,
    pairs: Sequence[str],
    params_file: Path | None,
    files: Sequence[tuple[str, Path]],
    arms_schedules: bool,
) -> _Ready:
    """Raises UserMistake for what is wrong with the file or the params."""
    loaded = load_workflow(file)
    params = read_params(loaded.workflow.declarations(), pairs, params_file)
    plan = compile_workflow(loaded.workflow)
    check_run(at_stage(plan, PLACEHOLDERS), params)
    return _Ready(loaded, plan, params, file.absolute().parent, files, arms_schedules)


def follow(
    begun: Followed,
    progress: Progress,
    interrupts: Interrupts,
    check: Callable[[], None],
    cancel: Callable[[], object],
) -> RunView:
    """Follow the run to its end. An interrupt cancels it and waits for the end of its jobs, but not for long; a second
    one stops waiting."""
    try:
        view = begun.follow(progress, interrupts, still_there=check)
        if not interrupts.asked:
            view = begun.settled()
            progress.show(view)
            return view
        progress.close()
        tell("Cancelling the run and ending its jobs (again: stop at once) ...", err=True)
        cancel()
        give_up_at_seconds = time.monotonic() + CANCEL_SECONDS
        view = begun.follow(NoProgress(), Interrupts(), still_there=check, until_seconds=give_up_at_seconds)
        if not view.run.state.ended:
            tell("Some of its jobs take longer to end; no more waiting.", err=True)
        return view
    except KeyboardInterrupt:
        return begun.view()
    finally:
        progress.close()


@contextmanager
def local_aws(options: LocalOptions, keep: bool, console: Console) -> Iterator[Target]:
    """The local AWS that is up, or one that is started here, and stopped afterwards unless it is to be kept."""
    state = running()
    if state is not None:
        check_options(options, state)
    if state is None and keep:
        with _status(console):
            state = up(options)
    if state is not None:
        yield local_target(state.environment, state.check)
        if keep:
            _say(console, "The local AWS stays up; `batchwright local down` stops it.")
        return
    folder = tempfile.mkdtemp(prefix="batchwright-")
    aws = LocalAws(
        Path(folder),
        faults=options.faults,
        submit_rate=options.submit_rate,
        max_vcpus=options.max_vcpus,
        records_own_jobs=options.records_own_jobs,
        in_place=options.in_place,
        job_environment=options.job_environment,
        # Whoever waits at the terminal wants the processes gone now.
        kill_grace_seconds=KILL_GRACE_SECONDS,
    )
    try:
        with _status(console):
            aws.start()
        yield local_target(aws.environment, aws.check)
    except LocalAwsError as error:
        # To end what is left takes seconds; the reason is told at once.
        tell(str(error), err=True)
        sys.exit(BROKE)
    finally:
        with ignored():
            aws.stop()
            shutil.rmtree(folder, ignore_errors=True)


def _status(console: Console) -> AbstractContextManager[object]:
    return console.status("Starting the local AWS ...")


def _say(console: Console, text: str) -> None:
    console.print(text, soft_wrap=True, highlight=False)


def _say_started(console: Console, plan: Plan, run_id: str) -> None:
    _say(console, f"[bold]{escape(plan.workflow)}[/]  run {run_id}  {number_of(len(plan.tasks), 'task')}")


def _key_and_path(item: str) -> tuple[str, Path]:
    key, sign, path = item.partition("=")
    if not key or not sign:
        raise UserMistake(f"--put {item}: write KEY=PATH, as in --put input/films.zip=films.zip")
    try:
        with open(path, "rb"):
            return key, Path(path)
    except OSError as error:
        raise UserMistake(f"--put {item}: '{path}' cannot be read: {error.strerror}") from error
