"""What Chalice's own commands lack before they load the app: `chalice deploy`, `package` and `local`.

app.py calls `prepare` when a command of Chalice loads it, and never in Lambda. Owns what such a command is told first:
the region, the local AWS that is up, and the one sentence that says what to run before it. The names of a stage's
things are chalicelib/core/addresses.py's.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any, NoReturn

import click
from botocore.exceptions import BotoCoreError, ClientError

from batchwright.deploy.config import SHIPPED_STAGE, STAGE_VARIABLE
from batchwright.local import home
from batchwright.local.isolation import enter
from batchwright.local.stack import API
from batchwright.stage.foundation import USUAL_SETTINGS, function_variables, stack_name
from batchwright.terminal.aws_words import sentence
from batchwright.terminal.terminal import tell

REGION, CHALICE_REGION = "AWS_REGION", "AWS_DEFAULT_REGION"
"""The region variables: the one that all other AWS tools read, and the one that Chalice reads."""
PACKAGE_REGION = "us-east-1"
"""A package is for every region. Chalice only takes the ending of Amazon's domain names from it."""
MERGE = "infra/package-merge.yaml"
_DONE = (
    "CREATE_COMPLETE",
    "UPDATE_COMPLETE",
    "IMPORT_COMPLETE",
    "UPDATE_ROLLBACK_COMPLETE",
    "IMPORT_ROLLBACK_COMPLETE",
)


def prepare(environment: MutableMapping[str, str]) -> None:
    """Prepare this process for the command of Chalice that it runs, or end the command with a sentence."""
    context = click.get_current_context(silent=True)
    # The server of `chalice local` loads the app in a thread of its own, where click knows of no command.
    if context is None or context.info_name == "local":
        _enter_local_aws()
        return
    if environment.get(REGION):
        environment.setdefault(CHALICE_REGION, environment[REGION])
    match context.info_name:
        case "package":
            _check_entry(context.params["stage"], context.obj["factory"].load_project_config())
            _set_package_region(context, environment)
            _hint_at_names(context.params)
        case "deploy":
            _check_entry(context.params["stage"], context.obj["factory"].load_project_config())
            session = context.obj["factory"].create_botocore_session()
            if problem := trouble_of(session, context.params["stage"], environment):
                raise click.ClickException(problem)


def _enter_local_aws() -> None:
    """Make this process one of the local AWS that is up."""
    running = home.running()
    if running is None:
        _end_all(f"no local AWS is up {home.looked()}: start it with `batchwright local up`, then give this again")
    enter(running.environment)
    tell(
        f"This serves the local AWS in {home.home()}, which also serves its API at {running.environment.get(API)}. "
        "A caller needs a token: `batchwright tokens create me` makes one.",
        err=True,
    )


def _end_all(text: str) -> NoReturn:
    """End the process from whatever thread: an exception would end that thread alone, and leave a server that serves
    nothing."""
    tell(f"Error: {text}", err=True)
    sys.stderr.flush()
    os._exit(1)


def _check_entry(stage: str, config: Mapping[str, Any]) -> None:
    """Raises ClickException when .chalice/config.json has no entry that names the stage."""
    if config.get("stages", {}).get(stage, {}).get("environment_variables", {}).get(STAGE_VARIABLE) != stage:
        raise click.ClickException(
            f"the stage '{stage}' is not in .chalice/config.json: `batchwright deploy --stage {stage} --stacks-only` "
            f"makes its stacks and writes it there, with its policies (the stage '{SHIPPED_STAGE}' is there already)"
        )


def _set_package_region(context: click.Context, environment: MutableMapping[str, str]) -> None:
    if context.obj["factory"].create_botocore_session().get_config_variable("region") is None:
        environment[CHALICE_REGION] = PACKAGE_REGION


def _hint_at_names(params: Mapping[str, Any]) -> None:
    if params.get("pkg_format") == "cloudformation" and not params.get("merge_template"):
        tell(
            f"Note: without --merge-template {MERGE} CloudFormation invents the functions' names, which then fit "
            "neither their policies nor the alarms",
            err=True,
        )


def trouble_of(session: Any, stage: str, environment: Mapping[str, str]) -> str | None:
    """Why the functions of a stage cannot be deployed yet, and what to run first. None if they can."""
    region = session.get_config_variable("region")
    if region is None:
        return f"in which region is the stage '{stage}'? set {REGION}, or the region of your AWS profile"
    name = stack_name(stage)
    try:
        (stack,) = session.create_client("cloudformation").describe_stacks(StackName=name)["Stacks"]
    except ClientError as error:
        if error.response["Error"]["Code"] != "ValidationError":
            return sentence("AWS", error)
        return f"there is no stack {name} in {region}, and the functions need what is in it: {_first(stage)}"
    except BotoCoreError as error:
        return sentence("AWS", error)
    if stack["StackStatus"] not in _DONE:
        return f"the stack {name} in {region} is {stack['StackStatus']}: once it is complete, give this again"
    return _trouble_of_stack(stage, stack, environment)


def _first(stage: str) -> str:
    given = "" if stage == SHIPPED_STAGE else f" --parameter-overrides Stage={stage}"
    return (
        "first give `aws cloudformation deploy --template-file infra/foundation.yaml --stack-name "
        f"{stack_name(stage)} --capabilities CAPABILITY_NAMED_IAM{given}`, then this again"
    )


def _trouble_of_stack(stage: str, stack: Mapping[str, Any], environment: Mapping[str, str]) -> str | None:
    name = stack["StackName"]
    given = {one["ParameterKey"]: one["ParameterValue"] for one in stack.get("Parameters", ())}
    if given.get("Stage") != stage:
        return f"the stack {name} is of the stage '{given.get('Stage')}', not of '{stage}': {_first(stage)}"
    outputs = {one["OutputKey"]: one["OutputValue"] for one in stack.get("Outputs", ())}
    try:
        wanted = function_variables(outputs)
    except KeyError as missing:
        return f"the stack {name} is of another version and has no output {missing}: {_first(stage)}"
    for variable, usual in USUAL_SETTINGS.items():
        of_stack, of_functions = wanted[variable] or usual, environment.get(variable) or usual
        if of_stack != of_functions:
            return (
                f"{variable} is {of_stack} by the parameters of the stack {name} and {of_functions} by "
                f".chalice/config.json: `batchwright deploy --stage {stage} --stacks-only` writes it there"
            )
    return None
