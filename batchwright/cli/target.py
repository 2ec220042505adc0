"""Which Batchwright a command speaks to: the local AWS that is up, a stage in somebody's account, or an API's address.

Owns the one decision and the options it is made by. A command takes `@api_options` and works with `on_target(where)`;
what it gets is an `Api` (chalicelib/api/port.py), and it need not know what is behind.

Some commands look at AWS itself, because no route could serve them. They ask for `aws`, which an API's address has not:

- `doctor` and `verify` check the stage from outside, its table and its queues included;
- `dead-letters` reads and moves messages of the stage's queues;
- `notices` manages the topic's subscriptions and publishes a test on it;
- a run that is followed asks Batch about jobs that were silent for long (stage/connection.py).
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import wraps
from typing import Any, TypeVar, cast

import boto3
import click
from botocore.exceptions import ClientError, ProfileNotFound

from batchwright.cli.aws_errors import blamed, told_plainly
from batchwright.local import home
from batchwright.local.isolation import LocalSession
from batchwright.local.stack import STAGE as LOCAL_STAGE
from batchwright.stage.connection import Aws
from batchwright.stage.foundation import stack_name, variables_of
from batchwright.terminal.interrupts import raised
from chalicelib.api.port import Api
from chalicelib.aws.clients import clients
from chalicelib.core.errors import UserMistake
from chalicelib.core.suggest import Names
from chalicelib.core.tokens import TOKEN_FORM, is_token
from chalicelib.wiring import FIGURES, wire

STAGE, API, TOKEN = "BATCHWRIGHT_STAGE", "BATCHWRIGHT_API", "BATCHWRIGHT_TOKEN"
LOCAL_PAUSE_SECONDS = 0.2
AWS_PAUSE_SECONDS = 2.0
"""Between two looks at what is elsewhere, which cost something."""

_F = TypeVar("_F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Where:
    """What a command was told of where to speak to. Empty: by the environment, else the local AWS."""

    stage: str | None = None
    profile: str | None = None
    region: str | None = None
    address: str | None = None


def api_options(command: _F) -> _F:
    """Give a command `--stage`, `--profile`, `--region` and `--api`, as its argument `where`."""

    @wraps(command)
    def with_where(
        *args: Any, stage: str | None, profile: str | None, region: str | None, address: str | None, **rest: Any
    ) -> Any:
        return command(*args, where=Where(stage, profile, region, address), **rest)

    options = (
        click.option("--stage", metavar="NAME", help=f"A deployed stage, with your AWS credentials. [{STAGE}]"),
        click.option("--profile", metavar="P", help="Profile of the AWS credentials. [AWS_PROFILE]"),
        click.option("--region", metavar="R", help="Region of the stage. [AWS_REGION]"),
        click.option("--api", "address", metavar="URL", help=f"An API, with the token in {TOKEN}. [{API}]"),
    )
    for option in reversed(options):
        with_where = option(with_where)
    return cast(_F, with_where)


@dataclass(frozen=True, slots=True)
class Target:
    """What a command speaks to. `who` is for messages. `aws` is None over an API's address. `check` raises when it is
    known to be gone; `pause_seconds` lie between two looks at a run."""

    who: str
    api: Api
    aws: Aws | None
    pause_seconds: float
    check: Callable[[], None] = lambda: None

    @property
    def is_local(self) -> bool:
        """Whether it is known to be the local AWS. Nobody knows that of an API's address."""
        return self.local_environment is not None

    @property
    def local_environment(self) -> Mapping[str, str] | None:
        """The variables of the local AWS; None of anything else."""
        return self.aws.environment if self.aws is not None and self.aws.is_local else None

    def needed_aws(self, command: str) -> Aws:
        """The AWS itself. Raises UserMistake over an API's address."""
        if self.aws is None:
            raise UserMistake(
                f"`batchwright {command}` looks at AWS itself, which an API does not show; name the stage with --stage"
            )
        return self.aws


@contextmanager
def on_target(where: Where) -> Iterator[Target]:
    """The target for one command; what goes wrong is told in a sentence, and an interrupt ends the command."""
    with raised(), told_plainly("AWS"):
        target = find_target(where)
        with told_plainly(target.who), blamed(target.check) if target.is_local else nullcontext():
            yield target


def find_target(where: Where) -> Target:
    """The target. Raises UserMistake when it is not clear, not there or not complete."""
    stage, address = where.stage, where.address
    if stage and address:
        raise UserMistake("--stage and --api are two places to speak to; take one of them")
    if not stage and not address:
        stage, address = os.environ.get(STAGE), os.environ.get(API)
        if stage == LOCAL_STAGE:
            # `batchwright local env` sets both: one local AWS, of which the commands need no token.
            address = None
        if stage and address:
            raise UserMistake(f"{STAGE} and {API} are both set; say which with --stage or --api, or unset one")
    running = home.running()
    if (where.profile or where.region) and not stage:
        raise UserMistake("--profile and --region say where a stage is; name the stage with --stage")
    if address:
        return http_target(address)
    if running is not None and stage in (None, "", LOCAL_STAGE):
        running.check_version()
        return local_target(running.environment, running.check)
    if stage:
        return stage_target(stage, where.profile, where.region)
    raise home.nothing_is_up(
        f"no local AWS is up {home.looked()}, and neither a stage nor an API is named: start one with "
        "`batchwright local up`, go to the folder of one that is up, or give --stage NAME or --api URL"
    )


def local_target(environment: Mapping[str, str], check: Callable[[], None]) -> Target:
    """A local AWS that is up."""
    session = LocalSession(environment)
    aws = Aws(session, environment, wire(environment, clients(session)), is_local=True)
    return Target("the local AWS", _api(aws), aws, LOCAL_PAUSE_SECONDS, check)


def stage_target(stage: str, profile: str | None, region: str | None) -> Target:
    """A stage that was deployed, with the user's own credentials. Raises UserMistake when there is none of the name."""
    session = aws_session(profile, region)
    try:
        (stack,) = session.client("cloudformation").describe_stacks(StackName=stack_name(stage))["Stacks"]
    except ClientError as error:
        if error.response["Error"]["Code"] != "ValidationError":
            raise
        raise UserMistake(
            f"there is no stage '{stage}' in {session.region_name}: no stack {stack_name(stage)} is there; "
            f"name another region with --region, or deploy it with `batchwright deploy --stage {stage}`"
        ) from error
    outputs = {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", ())}
    figures = {name: os.environ[name] for name in FIGURES if name in os.environ}
    try:
        variables = {**variables_of(outputs), **figures}
    except KeyError as missing:
        raise UserMistake(
            f"stack {stack_name(stage)} is {stack.get('StackStatus', 'there')} and has no output {missing}; deploy the "
            f"stage again with `batchwright deploy --stage {stage}`"
        ) from None
    aws = Aws(session, variables, wire(variables, clients(session)), stage=stage)
    return Target(f"AWS (stage {stage}, {session.region_name})", _api(aws), aws, AWS_PAUSE_SECONDS)


def http_target(address: str) -> Target:
    """An API, with the token of the environment. Raises UserMistake without one."""
    from batchwright.client.http_api import HttpApi

    token = os.environ.get(TOKEN, "").strip()
    if not token:
        raise UserMistake(f"an API wants a token: set {TOKEN} (`batchwright tokens create` makes one)")
    if not is_token(token):
        # Nothing of it is shown: the secret may be anywhere in it.
        raise UserMistake(f"{TOKEN} holds no token: one is {TOKEN_FORM} (`batchwright tokens create` makes one)")
    return Target(f"the API at {address}", HttpApi(address, token), None, AWS_PAUSE_SECONDS)


def _api(aws: Aws) -> Api:
    # One command is one invocation, whose name is never used again.
    return aws.wired.api(str(uuid.uuid4()))


def aws_session(profile: str | None, region: str | None) -> Any:
    """The user's own AWS. Raises UserMistake for a profile that is not there, and when no region is named anywhere."""
    try:
        session = boto3.session.Session(profile_name=profile, region_name=region or os.environ.get("AWS_REGION"))
    except ProfileNotFound:
        name = profile or os.environ.get("AWS_PROFILE") or ""
        hint = Names(boto3.session.Session(aws_access_key_id="-", aws_secret_access_key="-").available_profiles)
        suggestion = hint.suggestion(name)
        raise UserMistake(f"AWS has no profile '{name}'" + (f"; {suggestion}" if suggestion else "")) from None
    if session.region_name is None:
        raise UserMistake("in which region is the stage? give --region, or set AWS_REGION")
    return session
