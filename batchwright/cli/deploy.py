"""`batchwright deploy` and `batchwright destroy`: a stage on AWS, put up and removed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from batchwright.cli.aws_errors import told_plainly
from batchwright.cli.target import aws_session
from batchwright.deploy.account import Account, DeployError
from batchwright.deploy.deployment import (
    AUTHS,
    EVENT_BUS_PARAMETER,
    NOTIFY_PARAMETER,
    Deployed,
    Pushed,
    Wish,
    check_event_bus,
    check_notify,
    check_webhook,
)
from batchwright.deploy.deployment import deploy as deploy_stage
from batchwright.deploy.example import DEFINITION_OUTPUT, WORKFLOW, example_params
from batchwright.deploy.refusal import refusals_named
from batchwright.deploy.removal import Stage
from batchwright.deploy.stage_name import checked_stage
from batchwright.stage.project import PROJECT_FOLDER
from batchwright.terminal.interrupts import raised
from batchwright.terminal.terminal import tell
from chalicelib.core.errors import UserMistake


def account_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """--stage, --profile, --region and --project, as deploying and removing take them."""
    options = (
        click.option("--stage", default="dev", show_default=True, help="The name of the deployment."),
        click.option("--profile", metavar="NAME", help="A profile of the AWS CLI's configuration."),
        click.option("--region", metavar="NAME", help="The region, if the profile or environment names none."),
        click.option(
            "--project",
            type=click.Path(path_type=Path, file_okay=False),
            default=PROJECT_FOLDER,
            help="The clone; by default the one that is installed.",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


@click.command(
    epilog="Exit codes: 0 the stage is as this clone says, 1 AWS refused something, 2 bad input, 130 interrupted. "
    "Nothing is undone after 1: say it again and it goes on."
)
@account_options
@click.option("--auth", type=click.Choice(AUTHS), help="Who may use the HTTP API: by token (default) or IAM.")
@click.option(
    "--slack-webhook",
    metavar="PLACE",
    help="Slack webhook for notices: secret:NAME, an ARN, /PARAMETER, or none.",
)
@click.option(
    "--notify",
    metavar="KINDS",
    help="Notices of runs whose workflows name none, with commas; usual, or none.",
)
@click.option(
    "--blocked-queues/--no-blocked-queues",
    "tells_blocked_queues",
    default=None,
    help="Send a notice when a job queue is blocked (default: yes).",
)
@click.option("--event-bus", metavar="NAME", help="EventBridge bus that receives every change; or none (default).")
@click.option("--xray/--no-xray", default=None, help="Trace the functions with AWS X-Ray (default: no).")
@click.option("--with-batch-environment", "with_batch", is_flag=True, help="Also make job queues, roles and a network.")
@click.option(
    "--observe-all-jobs/--observe-our-jobs",
    "observes_all",
    default=None,
    help="Also record jobs that others submit (default: no).",
)
@click.option(
    "--record-own-jobs/--record-no-own-jobs",
    "records_own",
    default=None,
    help="Also record jobs of runs (default: no).",
)
@click.option(
    "--jobs-kept-days",
    type=click.IntRange(1, 3650),
    help="Days that records of jobs are kept (default: 90).",
)
@click.option("--parameter", "pairs", metavar="NAME=VALUE", multiple=True, help="A parameter of a template of infra/.")
@click.option(
    "--runtime",
    metavar="NAME",
    help="Move the functions to this runtime, such as python3.12.",
)
@click.option("--stacks-only", is_flag=True, help="Make only the stacks and .chalice/config.json.")
@click.option("--again", is_flag=True, help="Deploy the functions even if nothing changed.")
def deploy(
    stage: str,
    profile: str | None,
    region: str | None,
    project: Path,
    auth: str | None,
    slack_webhook: str | None,
    notify: str | None,
    tells_blocked_queues: bool | None,
    event_bus: str | None,
    xray: bool | None,
    with_batch: bool,
    observes_all: bool | None,
    records_own: bool | None,
    jobs_kept_days: int | None,
    pairs: Sequence[str],
    runtime: str | None,
    stacks_only: bool,
    again: bool,
) -> None:
    """Deploy a stage to AWS, or update it.

    Makes the stage's table, queues, topic, bucket, rule and alarms (CloudFormation), its functions and HTTP API
    (Chalice), and pushes the workflows of statemachines/. A second time it changes what differs and says what.

    \b
    Examples:
      batchwright deploy
      batchwright deploy --stage prod --profile company --region eu-west-1
      batchwright deploy --with-batch-environment --parameter MaxVcpus=256
      batchwright deploy --observe-all-jobs --jobs-kept-days 30
      batchwright deploy --slack-webhook secret:batchwright-slack
    """
    said = {
        "ObserveAllJobs": observes_all,
        "RecordOwnJobs": records_own,
        "JobsKeptDays": jobs_kept_days,
        NOTIFY_PARAMETER: notify,
        "TellBlockedQueues": tells_blocked_queues,
        EVENT_BUS_PARAMETER: event_bus,
    }
    parameters = {**_parameters(pairs), **{name: _text(value) for name, value in said.items() if value is not None}}
    # Before anybody is asked for credentials.
    check_webhook(slack_webhook)
    check_notify(parameters.get(NOTIFY_PARAMETER))
    check_event_bus(parameters.get(EVENT_BUS_PARAMETER))
    wish = Wish(
        checked_stage(stage),
        project.absolute(),
        parameters,
        auth,
        xray,
        with_batch,
        stacks_only,
        again,
        slack_webhook,
        runtime,
    )
    with _account(profile, region) as account:
        deployed = deploy_stage(account, wish, tell)
    _summarise(deployed, wish, profile, region)


@click.command(
    epilog="Exit codes: 0 nothing of the stage is left, 1 AWS refused something, 2 bad input, 130 interrupted."
)
@account_options
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--keep-data", is_flag=True, help="Leave the table and the bucket for a later deploy.")
def destroy(stage: str, profile: str | None, region: str | None, project: Path, yes: bool, keep_data: bool) -> int:
    """Remove a stage from AWS with all its data.

    Says what it removed, and looks once more for what may be left. Jobs that run in Batch go on.

    \b
    Examples:
      batchwright destroy --stage dev
      batchwright destroy --stage dev --yes --keep-data
    """
    name = checked_stage(stage)
    with _account(profile, region) as account:
        removed = Stage(account, account.place(name), project.absolute())
        there = removed.what_is_there()
        where = f"account {removed.place.account}, {removed.place.region}"
        if not there:
            for one in removed.clean_clone():
                tell(f"here: removed {one}")
            tell(f"Nothing of the stage '{stage}' is there ({where}).")
            return 0
        if not yes:
            _ask(stage, where, there, keep_data)
        left = removed.remove(tell, keep_data=keep_data)
    if left:
        raise click.ClickException(f"these are still there: {', '.join(left)}; run it again, or remove them by hand")
    kept = [one for one in there if one.startswith(("table ", "bucket "))] if keep_data else []
    tell(f"The stage '{stage}' is gone; kept: {', '.join(kept)}." if kept else f"The stage '{stage}' is gone.")
    return 0


@contextmanager
def _account(profile: str | None, region: str | None) -> Iterator[Account]:
    """The account for one command; what it refuses ends the command with 1 and a sentence."""
    try:
        with raised(), told_plainly("AWS"), refusals_named():
            yield Account(aws_session(profile, region), profile)
    except DeployError as error:
        raise click.ClickException(str(error)) from error


def _parameters(pairs: Sequence[str]) -> dict[str, str]:
    given = {}
    for pair in pairs:
        name, sign, value = pair.partition("=")
        if not name or not sign:
            raise UserMistake(f"--parameter {pair}: write NAME=VALUE, as in --parameter MaxVcpus=256")
        given[name] = value
    return given


def _text(value: bool | int | str) -> str:
    """A value as a template's parameter has it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


EXAMPLE_LACKS = (
    "QUEUE is a job queue of this account.",
    "DEFINITION is a job definition: its image holds statemachines/ in its working folder, and Python with boto3.",
    "The bucket must hold the archive: put statemachines/movie_ratings/movies.zip under movie-ratings/movies.zip.",
    "`batchwright deploy --with-batch-environment` makes all three. See docs/how-to/use-your-container.md.",
)
"""What a stage without the Batch environment needs before the example can run."""


def _ask(stage: str, where: str, there: Sequence[str], keep_data: bool) -> None:
    tell(f"The stage '{stage}' ({where}) has: {', '.join(there)}.")
    tell("Its table and bucket are kept." if keep_data else "All its runs, workflows, tokens and files go with it.")
    answer = click.prompt("Type the stage's name to remove it", default="", show_default=False)
    if answer != stage:
        raise click.Abort


def _summarise(deployed: Deployed, wish: Wish, profile: str | None, region: str | None) -> None:
    options = "".join(
        f" --{name} {value}"
        for name, value in (("stage", wish.stage), ("profile", profile), ("region", region))
        if value
    )
    tell("")
    if wish.stacks_only:
        # Chalice has no option for the region, and does not look at AWS_REGION.
        with_profile = f" --profile {profile}" if profile else ""
        tell(
            f"The stacks are up. Next: AWS_DEFAULT_REGION={deployed.place.region} chalice deploy "
            f"--stage {wish.stage}{with_profile}"
        )
        return
    if not deployed.changed:
        tell(f"Nothing changed: the stage '{wish.stage}' is as this clone says.")
    else:
        tell(f"The stage '{wish.stage}' is up.")
    if deployed.api_url:
        tell(f"  API      {deployed.api_url}")
    outputs = deployed.outputs
    for name, label in (
        ("BucketName", "bucket"),
        ("DefaultQueue", "queue"),
        (DEFINITION_OUTPUT, "example"),
        ("AlarmTopicArn", "alarms"),
        ("TopicArn", "notices"),
    ):
        if name in outputs:
            tell(f"  {label:<8} {outputs[name]}")
    tell("Next:")
    if deployed.api_url:
        tell(f"  batchwright tokens create laptop --scope admin{options}")
    for name, pushed in sorted(deployed.workflows.items()):
        _say_start(name, pushed, outputs, options)


def _say_start(name: str, pushed: Pushed, outputs: Mapping[str, str], options: str) -> None:
    """Print the command that starts a run. What it lacks stands in it as a word in capitals, with a line on each."""
    params = {param: param.upper() for param in pushed.required}
    lacking: tuple[str, ...] = ()
    if name == WORKFLOW and "BucketName" in outputs:
        params |= example_params(outputs["BucketName"], outputs)
        if DEFINITION_OUTPUT not in outputs:
            params |= {"queue": "QUEUE", "job_definition": "DEFINITION"}
            lacking = EXAMPLE_LACKS
    given = "".join(f" --param {param}={value}" for param, value in params.items())
    tell(f"  batchwright start {name}{options}{given}")
    for line in lacking:
        tell(f"    {line}")
