"""A stage of Batchwright on AWS: the order in which its parts are put up.

Stacks first, for the functions name what is in them; then the values that they give the functions; then the functions;
last the workflows, which need the table alone but are of no use before. Every part is brought to what this clone says,
so that a second deployment goes on where a first one broke off, or finds nothing to do.
"""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from batchwright.deploy.account import Account, DeployError
from batchwright.deploy.config import STAGE_TAG, STAGE_VARIABLE
from batchwright.deploy.event_bus import bus_mistake
from batchwright.deploy.example import put_example
from batchwright.deploy.functions import Became, Functions, check_runtime
from batchwright.deploy.leftovers import Leftovers, log_groups
from batchwright.deploy.policies import AUTHORIZER, Place, functions_of
from batchwright.deploy.quota import read_quota
from batchwright.deploy.stacks import Existing, StackChange, Stacks, Template
from batchwright.deploy.stage_name import STACK_ENDINGS
from batchwright.files.monitor_file import SHIPPED, MonitorFile, load_file, load_monitors
from batchwright.monitors.table import blind_spots, replaced_lines
from batchwright.stage.foundation import function_variables, stack_name, variables_of
from batchwright.subscriptions.run_queues import queue_named, trouble_with
from chalicelib.api.port import Api
from chalicelib.aws.clients import clients
from chalicelib.core.concurrency import variables_within
from chalicelib.core.errors import UnknownWorkflow, UserMistake
from chalicelib.core.monitor.monitor import monitors_of
from chalicelib.core.notice.kinds import NoticeKind
from chalicelib.core.notice.preferences import read_kinds
from chalicelib.core.notice.webhook_address import VARIABLE as SLACK_VARIABLE
from chalicelib.core.notice.webhook_address import read_webhook_place
from chalicelib.core.suggest import Names, shown
from chalicelib.wiring import API_AUTH, NONE, USUAL, event_bus, wire

TEMPLATES = ("foundation", *STACK_ENDINGS)
"""In the order in which their stacks are made; the last one is wished for or not."""
EVENT_BUS_PATTERN = r"[A-Za-z0-9._/-]{1,256}"
NOTIFY_PARAMETER, EVENT_BUS_PARAMETER = "Notify", "EventBus"
"""Of the foundation."""
AUTHS = ("token", "iam")
AUTH_VARIABLE = API_AUTH
NO_WEBHOOK = NONE
XRAY_VARIABLE = "BATCHWRIGHT_XRAY"
"""Remembers what was wished for; no function reads it."""

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be deployed."""

    stage: str
    project: Path
    parameters: Mapping[str, str] = field(default_factory=dict)
    auth: str | None = None
    xray: bool | None = None
    with_batch: bool = False
    stacks_only: bool = False
    again: bool = False
    slack_webhook: str | None = None
    """Where the address is kept; `none` takes the function away that posts to it."""
    runtime: str | None = None
    """The runtime of Lambda to move to; that which is there without it."""


@dataclass(frozen=True, slots=True)
class Pushed:
    """A workflow that a deployment pushed. `is_new` says whether this deployment made its latest version."""

    version: int
    is_new: bool
    required: tuple[str, ...]
    """The params that a run must be given."""


@dataclass(frozen=True, slots=True)
class Deployed:
    """What a deployment came to."""

    place: Place
    stacks: tuple[StackChange, ...]
    functions_changed: bool
    workflows: Mapping[str, Pushed]
    """By name."""
    api_url: str | None
    example_changed: bool = False

    @property
    def outputs(self) -> dict[str, str]:
        """The outputs of all stacks; no two of the templates share a name."""
        return {name: value for stack in self.stacks for name, value in stack.outputs.items()}

    @property
    def changed(self) -> bool:
        return (
            self.functions_changed
            or self.example_changed
            or any(stack.how != "unchanged" for stack in self.stacks)
            or any(one.is_new for one in self.workflows.values())
        )


def stack_names(place: Place) -> dict[str, str]:
    """The stages' stacks by template; the foundation bears the stage's own name."""
    return {
        "foundation": stack_name(place.stage),
        **{ending: f"{place.prefix}-{ending}" for ending in STACK_ENDINGS},
    }


def kept_data(account: Account, place: Place) -> list[Existing]:
    """The table and the bucket, where an earlier life of the stage has left them."""
    bucket = f"{place.prefix}-{place.account}-{place.region}"
    found = []
    if account.has("dynamodb", "describe_table", TableName=place.prefix):
        found.append(Existing("Table", "AWS::DynamoDB::Table", {"TableName": place.prefix}))
    if account.has("s3", "head_bucket", Bucket=bucket):
        found.append(Existing("Bucket", "AWS::S3::Bucket", {"BucketName": bucket}))
    return found


def logs_of(function: str) -> str:
    """What infra/observability.yaml calls the log group of a function."""
    return "LogsOf" + "".join(word.capitalize() for word in function.split("_"))


def made_logs(account: Account, place: Place) -> list[Existing]:
    """The log groups that Lambda made, because the functions were there before the stack that has them."""
    return [
        Existing(
            logs_of(function), "AWS::Logs::LogGroup", {"LogGroupName": name}, ", RetentionInDays: !Ref LogsKeptDays"
        )
        for function, name in log_groups(account, place).items()
    ]


def template(project: Path, name: str) -> Template:
    """A template of the project. Raises UserMistake when the folder has none."""
    path = project / "infra" / f"{name}.yaml"
    if not path.is_file():
        raise UserMistake(
            f"{path} is not there: run this from a clone of Batchwright, or name its folder with --project"
        )
    return Template(path, ("CAPABILITY_NAMED_IAM",))


def deploy(account: Account, wish: Wish, say: Say) -> Deployed:
    """Bring a stage to what the project says. Raises UserMistake, DeployError, and what botocore raises."""
    _check_parameters(wish)
    monitors = _monitor_file(wish.project / "statemachines" / SHIPPED)
    check_webhook(wish.slack_webhook)
    bus = wish.parameters.get(EVENT_BUS_PARAMETER)
    check_notify(wish.parameters.get(NOTIFY_PARAMETER))
    check_event_bus(bus)
    if bus not in (None, NONE) and (mistake := bus_mistake(account.client("events"), bus)):
        raise UserMistake(f"--event-bus {bus}: {mistake}")
    stacks = Stacks(account.client("cloudformation"), say=say)
    place = account.place(wish.stage)
    names = stack_names(place)
    for name in names.values():
        stacks.check_stage(name, place.stage)
    if not wish.stacks_only:
        check_runtime(account, place, wish.runtime)
    say(f"stage {wish.stage} in account {place.account}, {place.region}")
    if not stacks.has_begun(names["foundation"]):
        _check_free(account, place)
        _adopt(stacks, place, "foundation", partial(kept_data, account, place), wish, say)
    if not stacks.has_begun(names["observability"]):
        _adopt(stacks, place, "observability", partial(made_logs, account, place), wish, say)
    done = {}
    for name in TEMPLATES:
        if name == "batch" and not wish.with_batch and stacks.find(names[name]) is None:
            continue
        done[name] = _apply(stacks, place, names[name], template(wish.project, name), wish, say)
    outputs = done["foundation"].outputs
    functions = Functions(account, place, wish.project, outputs["BucketName"])
    quota = read_quota(account.client("lambda"), place.function_name(AUTHORIZER))
    variables = {**_variables(functions, wish, outputs), **variables_within(quota.executions)}
    if advice := quota.advice(has_authorizer=variables[AUTH_VARIABLE] == AUTHS[0]):
        say(advice)
    if webhook := variables[SLACK_VARIABLE]:
        functions = replace(functions, place=replace(place, slack_webhook=read_webhook_place(webhook)))
    if bus := event_bus(variables_of(outputs)):
        functions = replace(functions, place=replace(functions.place, event_bus=bus))
        if mistake := bus_mistake(account.client("events"), bus):
            say(f"event bus {bus}: {mistake}; nothing that is told there arrives")
    traced = variables[XRAY_VARIABLE] == "true"
    functions = replace(functions, reserved=quota.reservation)
    functions.config.put_stage(functions.place, functions_of(functions.place), variables, xray=traced)
    if wish.stacks_only:
        return Deployed(place, tuple(done.values()), False, {}, functions.api_url())
    became = functions.deploy(say, again=wish.again)
    say(f"functions: {became}")
    workflows = push_workflows(account, wish.project / "statemachines", variables_of(outputs), say)
    if monitors is not None:
        push_monitors(wire(variables_of(outputs), clients(account.session)).api(str(uuid.uuid4())), monitors, say)
    example_changed = False
    if "batch" in done and (
        example_changed := put_example(account.client("s3"), outputs["BucketName"], wish.project / "statemachines")
    ):
        say(f"example: its archive and scripts are in s3://{outputs['BucketName']}/movie-ratings/")
    changed = became is not Became.UNCHANGED
    return Deployed(place, tuple(done.values()), changed, workflows, functions.api_url(), example_changed)


def _adopt(stacks: Stacks, place: Place, name: str, look: Callable[[], list[Existing]], wish: Wish, say: Say) -> None:
    """Make a stack around what a look finds to be there already, if anything is."""
    stack = stack_names(place)[name]
    # First, because a stack that failed takes with it what it still has.
    stacks.ready(stack)
    if existing := look():
        what = "what was kept" if name == "foundation" else "what Lambda made"
        say(f"stack {stack}: taking up {what} ({', '.join(one.logical_id.lower() for one in existing)})")
        stacks.adopt(stack, template(wish.project, name), {"Stage": place.stage, **wish.parameters}, existing)


def _apply(stacks: Stacks, place: Place, name: str, source: Template, wish: Wish, say: Say) -> StackChange:
    say(f"stack {name}: looking for changes")
    begun_at = time.monotonic()
    given = {"Stage": place.stage, **wish.parameters}
    change = stacks.apply(name, source, given, {STAGE_TAG: place.stage})
    seconds = time.monotonic() - begun_at
    say(f"stack {name}: {change.how}" + (f" in {seconds:.0f} s" if change.changes else ""))
    for one in change.changes if change.how == "changed" else ():
        say(f"  {one}")
    return change


def _variables(functions: Functions, wish: Wish, outputs: Mapping[str, str]) -> dict[str, str | None]:
    """The variables of the functions; None takes one out, because what is as usual needs none. How callers prove who
    they are, whether X-Ray traces, and which webhook hears of what happens, stays as it was unless it is said anew."""
    auth = wish.auth or functions.variable(AUTH_VARIABLE) or AUTHS[0]
    xray = functions.variable(XRAY_VARIABLE) == "true" if wish.xray is None else wish.xray
    webhook = wish.slack_webhook or functions.variable(SLACK_VARIABLE) or NO_WEBHOOK
    return {
        **function_variables(outputs),
        STAGE_VARIABLE: wish.stage,
        AUTH_VARIABLE: None if auth == AUTHS[0] else auth,
        XRAY_VARIABLE: "true" if xray else None,
        SLACK_VARIABLE: None if webhook == NO_WEBHOOK else webhook,
    }


def check_webhook(given: str | None) -> None:
    """Raises UserMistake for a Slack webhook that is not named by where its address is kept."""
    if given and given != NO_WEBHOOK:
        read_webhook_place(given)


def check_notify(notify: str | None) -> None:
    """Raises UserMistake when these are neither kinds of notices nor one of the two words instead."""
    if notify in (None, NONE, USUAL):
        return
    try:
        if NoticeKind.QUEUE_BLOCKED in (part.strip() for part in (notify or "").split(",")):
            raise ValueError(
                f"names '{NoticeKind.QUEUE_BLOCKED}', which is no kind of notice of a run (--no-blocked-queues keeps "
                "quiet about blocked queues; otherwise they are told of)"
            )
        if not read_kinds(notify or ""):
            raise ValueError(f"must name kinds of notices, or be {USUAL} (those that hold for every stage) or {NONE}")
    except ValueError as error:
        raise UserMistake(f"--notify {error}") from error


def check_event_bus(name: str | None) -> None:
    """Raises UserMistake when no event bus can have that name."""
    if name is not None and not re.fullmatch(EVENT_BUS_PATTERN, name):
        raise UserMistake(f"--event-bus must be the name of an event bus, default or none, not {shown(name)}")


def push_workflows(account: Account, folder: Path, variables: Mapping[str, str], say: Say) -> dict[str, Pushed]:
    """Push every workflow file of a folder, with its schedules; what was pushed, by name."""
    api = wire(variables, clients(account.session)).api(str(uuid.uuid4()))
    pushed = {}
    for path in sorted((*folder.glob("*.yaml"), *folder.glob("*.json"))):
        if path.name.endswith(".schema.json"):
            continue
        loaded = load_file(path)
        if isinstance(loaded, MonitorFile):
            continue
        name = loaded.workflow.name
        try:
            before = api.workflow(name).version
        except UnknownWorkflow:
            before = 0
        version = api.put_workflow(name, loaded.definition).version
        required = tuple(key for key, param in loaded.workflow.params.items() if param.required)
        pushed[name] = Pushed(version, version != before, required)
        say(f"workflow {name}: {f'version {version}' if version != before else 'unchanged'}")
        queue = queue_named(loaded.definition)
        if queue is not None and (trouble := trouble_with(account.client("sqs"), queue)):
            say(f"  notify.queue: {trouble}")
    return pushed


def _monitor_file(path: Path) -> MonitorFile | None:
    """The monitor file, if there is one; without it what is watched stays. Raises BadFile."""
    return load_monitors(path) if path.exists() else None


def push_monitors(api: Api, file: MonitorFile, say: Say) -> None:
    """Push the monitors of a file, say what they replace, and what the stage does not see of what they watch."""
    before = api.monitors()
    pushed = api.put_monitors(file.definition)
    count = len(pushed.definition["monitors"])
    how = f"revision {pushed.revision}" if pushed.revision != before.revision else "unchanged"
    say(f"monitors: {count:,}, {how}")
    for line in replaced_lines(before.definition["monitors"], pushed.definition["monitors"]):
        say(f"  {line}")
    for sentence in blind_spots(monitors_of(pushed.definition, {}), api.jobs(limit=1)):
        say(f"  {sentence}")


def _check_parameters(wish: Wish) -> None:
    """Raises UserMistake for a parameter that no template has."""
    templates = [template(wish.project, name) for name in TEMPLATES]
    known = sorted({name for one in templates for name in one.parameters()} - {"Stage"})
    for name in wish.parameters:
        if name not in known:
            hint = Names(known).suggestion(name) or f"there are {', '.join(known)}"
            raise UserMistake(f"--parameter {name}: no template has it; {hint}")


def _check_free(account: Account, place: Place) -> None:
    """Roles belong to the account and not to a region: one stage name cannot be used in two. Raises DeployError."""
    role = f"{place.prefix}-on_events"
    if not account.has("iam", "get_role", RoleName=role) or role in Leftovers(account, place).roles():
        return
    raise DeployError(
        f"the role {role} is there already, and nothing in {place.region} has it: is '{place.stage}' deployed in "
        "another region of this account? Then choose another --stage, because roles belong to no region; otherwise "
        "delete the role"
    )
