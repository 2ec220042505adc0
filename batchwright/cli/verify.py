"""`batchwright verify`: what is taken for granted of AWS, checked on the AWS that is there, and cleaned up."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from batchwright.cli.output import json_option, print_json, print_table
from batchwright.cli.target import Target, Where, api_options, on_target
from batchwright.deploy.policies import Place
from batchwright.local.stack import DEFAULT_QUEUE
from batchwright.runs.progress import now_ms
from batchwright.terminal.interrupts import ignored
from batchwright.terminal.plain_console import PlainConsole
from batchwright.terminal.terminal import tell
from batchwright.verify import events_file
from batchwright.verify.assumptions import judge
from batchwright.verify.here import Here
from batchwright.verify.jobs import stamp_of
from batchwright.verify.made import LOCAL_DEFINITION, Made, earlier_stamps
from batchwright.verify.observed import Observed, Saw
from batchwright.verify.report import all_is_well, columns, rows_document, summary
from batchwright.verify.steps import LiveSteps, NoSteps, PlainSteps, Steps
from batchwright.verify.verifying import Verification, Wish
from chalicelib.core.errors import UserMistake
from chalicelib.core.suggest import Names

TIMEOUT_SECONDS = 900


@click.command(
    epilog="Exit codes: 0 nothing speaks against what is assumed, 1 something does or was not seen, 2 bad input, "
    "130 interrupted. What was made is removed in every case; after a kill -9 the next call removes it."
)
@click.option("--queue", metavar="Q", help="Job queue; by default that of --with-batch-environment.")
@click.option(
    "--job-definition",
    "definition",
    metavar="D",
    help="Job definition whose image has sh; by default that of --with-batch-environment.",
)
@click.option(
    "--timeout",
    "timeout_seconds",
    type=click.IntRange(30, 7200),
    default=TIMEOUT_SECONDS,
    show_default=True,
    metavar="SECONDS",
    help="How long it may watch.",
)
@click.option(
    "--keep-events",
    "events_path",
    type=click.Path(path_type=Path, dir_okay=False, writable=True),
    metavar="FILE",
    help="Save the events for a bug report, without values of variables.",
)
@json_option
@api_options
def verify(
    queue: str | None,
    definition: str | None,
    timeout_seconds: int,
    events_path: Path | None,
    as_json: bool,
    where: Where,
) -> int:
    """Check what Batchwright assumes of AWS, with a few tiny jobs and two runs.

    Takes some minutes and costs about a cent on Fargate. Submits six jobs, starts two runs, makes a temporary queue,
    rule and subscription, watches the events, and removes all of it. Give it once at a time for a stage.

    \b
    Examples:
      batchwright verify --stage dev
      batchwright verify --stage dev --queue small --job-definition tools:3 --keep-events events.json
    """
    with on_target(where) as target:
        here = here_of(target)
        wish = wish_of(here, queue, definition, timeout_seconds)
        steps = _steps(as_json)
        try:
            observed, stamp = _verified(here, wish, steps)
        finally:
            steps.close()
    rows = judge(observed)
    if events_path is not None:
        kind = "local AWS" if here.is_local else "emulator" if here.is_emulated else "AWS"
        events_file.write(events_path, observed, here.place.account, f"{kind}, {here.place.region}")
    if as_json:
        document = {"stage": here.place.stage, "stamp": stamp, "events": len(observed.received)}
        print_json({**document, "all_is_well": all_is_well(rows), "assumptions": rows_document(rows)})
    else:
        print_table(columns(rows))
        tell(f"\n{summary(rows)} (docs/how-to/verify-a-stage.md)")
        if not all_is_well(rows) and events_path is None:
            tell("Give it again with --keep-events FILE, and attach the file when you report this.", err=True)
    return 0 if all_is_well(rows) else 1


def here_of(target: Target) -> Here:
    """The place behind a target. Raises UserMistake over an API's address."""
    aws = target.needed_aws("verify")
    _, partition, _, region, account, _ = aws.environment["BATCHWRIGHT_TOPIC_ARN"].split(":", 5)
    return Here(aws, target.api, Place(aws.wired.world.stage, account, region, partition))


def wish_of(here: Here, queue: str | None, definition: str | None, timeout_seconds: int) -> Wish:
    """What to submit where. Raises UserMistake saying what to give."""
    if here.is_local:
        # The local Batch makes a queue that a job of a run names, so a typing error would pass unseen.
        _check_queue(here, queue or DEFAULT_QUEUE)
        if definition is not None:
            _check_definition(here, definition)
        return Wish(queue or DEFAULT_QUEUE, definition or LOCAL_DEFINITION, timeout_seconds)
    if queue is None or definition is None:
        known_queue, known_definition = _of_batch_environment(here)
        queue, definition = queue or known_queue, definition or known_definition
    missing = {"--queue": queue, "--job-definition": definition}
    if lacking := [name for name, value in missing.items() if value is None]:
        raise UserMistake(
            f"give {' and '.join(lacking)}: the stack {here.place.prefix}-batch, which `batchwright deploy "
            f"--with-batch-environment` makes, does not name them. The definition's image must have sh"
        )
    assert queue is not None
    assert definition is not None
    _check_queue(here, queue)
    _check_definition(here, definition)
    return Wish(queue, definition, timeout_seconds)


def _of_batch_environment(here: Here) -> tuple[str | None, str | None]:
    """The queue and the job definition that the stage's own Batch environment names."""
    cloudformation = here.client("cloudformation")
    try:
        [stack] = cloudformation.describe_stacks(StackName=f"{here.place.prefix}-batch")["Stacks"]
    except cloudformation.exceptions.ClientError:
        return None, None
    outputs = {one["OutputKey"]: one["OutputValue"] for one in stack.get("Outputs", ())}
    definitions = [value for key, value in sorted(outputs.items()) if "JobDefinition" in key]
    return outputs.get("DefaultQueue"), definitions[0] if definitions else None


def _check_queue(here: Here, queue: str) -> None:
    """Raises UserMistake when the queue is not there."""
    pages = here.client("batch").get_paginator("describe_job_queues").paginate()
    queues = {one["jobQueueName"]: one["jobQueueArn"] for page in pages for one in page["jobQueues"]}
    if queue not in queues and queue not in queues.values():
        hint = Names(list(queues)).suggestion(queue) or f"there are {', '.join(sorted(queues)) or 'none'}"
        raise UserMistake(f"--queue: there is no job queue '{queue}' in {here.place.region}; {hint}")


def _check_definition(here: Here, definition: str) -> None:
    """Raises UserMistake when the job definition is not there."""
    name = definition.rpartition("/")[2].partition(":")[0]
    found = here.client("batch").describe_job_definitions(jobDefinitionName=name, status="ACTIVE")["jobDefinitions"]
    if not found:
        raise UserMistake(f"--job-definition: there is no active job definition '{name}' in {here.place.region}")


def _verified(here: Here, wish: Wish, steps: Steps) -> tuple[Observed, str]:
    """The observations of a whole verification, with those of its clean-up."""
    stamps = earlier_stamps(here)
    for earlier in stamps:
        steps.show("before", f"removing what a call of {earlier} left")
        Made(here, earlier, wish.queue).remove()
    stamp = _new_stamp(stamps)
    made = Made(here, stamp, wish.queue)
    try:
        if here.is_local and wish.definition == LOCAL_DEFINITION:
            _make_definition(here)
        observed = Verification(here, stamp, wish, steps).run()
    except BaseException:
        with ignored():
            steps.show("clean-up", "removing what was made")
            _complain(made.remove(lambda text: steps.show("clean-up", text)))
        raise
    with ignored():
        troubles = made.remove(lambda text: steps.show("clean-up", text))
        steps.show("clean-up", "looking whether anything is left")
        left = made.left()
    return replace(observed, left=Saw((*troubles, *left))), stamp


def _new_stamp(taken: list[str]) -> str:
    """The stamp of this second, or of the next one that no other call has."""
    at_ms = now_ms()
    while stamp_of(at_ms) in taken:
        at_ms += 1000
    return stamp_of(at_ms)


def _make_definition(here: Here) -> None:
    """The job definition on the local AWS, where an image that has no folder is an empty one."""
    needs = [{"type": "VCPU", "value": "1"}, {"type": "MEMORY", "value": "128"}]
    properties: dict[str, Any] = {"image": "batchwright-verify", "resourceRequirements": needs}
    here.client("batch").register_job_definition(
        jobDefinitionName=LOCAL_DEFINITION, type="container", containerProperties=properties
    )


def _complain(troubles: list[str]) -> None:
    for trouble in troubles:
        tell(f"could not be removed: {trouble}", err=True)


def _steps(as_json: bool) -> Steps:
    console = PlainConsole(stderr=True)
    if as_json:
        return NoSteps()
    return LiveSteps(console) if console.is_terminal and not console.is_dumb_terminal else PlainSteps(tell)
