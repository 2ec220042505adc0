"""Builds the whole from the environment: clients, adapters, the engine's world. The only place that knows all.

BATCHWRIGHT_STAGE, set by `.chalice/config.json`, names the stage. In Lambda nothing else has to be set, because the
names of the stage's things follow from it, the account and the region (core/addresses.py). Each of them may be set all
the same, as the local AWS does: BATCHWRIGHT_TABLE, BATCHWRIGHT_EVENTS_QUEUE_URL, BATCHWRIGHT_EVENTS_DEAD_URL,
BATCHWRIGHT_COMMANDS_QUEUE_URL, BATCHWRIGHT_COMMANDS_DEAD_URL, BATCHWRIGHT_TOPIC_ARN; where schedules are kept,
BATCHWRIGHT_SCHEDULE_GROUP, BATCHWRIGHT_SCHEDULER_ROLE_ARN, BATCHWRIGHT_COMMANDS_QUEUE_ARN and
BATCHWRIGHT_COMMANDS_DEAD_ARN. If the account's 50 SubmitJob calls a second are shared with others,
BATCHWRIGHT_SUBMIT_RATE is our part of them (48). BATCHWRIGHT_SWEEP_SECONDS (240) and BATCHWRIGHT_QUIET_SECONDS (900)
say how soon the sweep looks at a run, and at a job that nothing was heard of. It looks at a run after 300 seconds at
the latest, because it sets the timers of long waits. BATCHWRIGHT_LEASE_SECONDS (90) says how long a claim is its
owner's alone. BATCHWRIGHT_JOBS_KEPT_DAYS (90) says how long records of jobs are kept; BATCHWRIGHT_RECORD_JOBS,
`foreign` or `all`, whether jobs of our own runs have such records too; BATCHWRIGHT_OBSERVE_JOBS, `ours` or `all`, whose
events the rule lets through, and BATCHWRIGHT_OBSERVE_STATES, `deciding` or `all`, whether ours come while they wait for
capacity, too. BATCHWRIGHT_NOTIFY names the notices, with commas between them, that a run sends whose workflow does not
say which; `none` for none. Without it, or `usual`, they are those of core/notice/preferences.py.
BATCHWRIGHT_BLOCKED_QUEUES, `told` or `untold`, says whether blocked queues are told of. BATCHWRIGHT_EVENT_BUS names the
event bus that hears of every change, `default` for the account's own; without it, or `none`, none does.
BATCHWRIGHT_PARTIAL_RESPONSES is `true` only if the event source mappings of both queues have ReportBatchItemFailures.
Without that, Lambda deletes the messages that a function returns as left. BATCHWRIGHT_FIGURES, `emf` or `none`, says
whether figures are written to the standard output; if it is not set, they are in Lambda and nowhere else.
BATCHWRIGHT_LOG_LEVEL is journal.py's. BATCHWRIGHT_EVENTS_CONCURRENCY and BATCHWRIGHT_COMMANDS_CONCURRENCY
(core/concurrency.py) say how many invocations at once the queues may feed; Chalice reads them when it loads app.py.
BATCHWRIGHT_API_AUTH, `token` or `iam`, says who may ask the HTTP API; app.py reads it when it is imported. So it does
BATCHWRIGHT_SLACK_WEBHOOK, which names the secret or parameter that holds the address of a Slack incoming webhook
(core/notice/webhook_address.py). BATCHWRIGHT_SLACK_LOOPBACK lets that address be one of this machine, for tests.
Credentials, region and endpoints are boto3's own.
"""

from __future__ import annotations

import logging
import os
import secrets
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from chalicelib.aws import scheduler
from chalicelib.aws.batch import AwsBatch, AwsFailedChildren
from chalicelib.aws.clients import Clients, clients, sdk_versions
from chalicelib.aws.dead_letters import COMMANDS, EVENTS, SqsDeadLetters
from chalicelib.aws.emf import EmfFigures
from chalicelib.aws.eventbridge import EventBridgeChanges
from chalicelib.aws.logs import CloudWatchLogs
from chalicelib.aws.named_queues import NamedQueues
from chalicelib.aws.slack import SlackWebhook
from chalicelib.aws.sns import SnsNotices
from chalicelib.aws.sqs import SqsBacklog, SqsCommands, SqsInbox
from chalicelib.aws.table.permits import DynamoPermits
from chalicelib.aws.table.store import DynamoStore
from chalicelib.aws.table.tokens import DynamoTokens
from chalicelib.core.addresses import StageHome, default_queue, prefix_of
from chalicelib.core.errors import UserMistake
from chalicelib.core.notice.preferences import read_kinds
from chalicelib.core.notice.webhook_address import VARIABLE as SLACK_WEBHOOK
from chalicelib.core.notice.webhook_address import WebhookPlace, read_webhook_place
from chalicelib.core.run.records import Run
from chalicelib.core.run.requests import read_start
from chalicelib.engine.control.start import start_run
from chalicelib.engine.inbox.messages import (
    Mailbox,
    MessagesLeft,
    handle_commands,
    handle_events,
    messages_of,
    partial_response,
)
from chalicelib.engine.publishing.slack import post_notice
from chalicelib.engine.world.telemetry import CountedNotices
from chalicelib.engine.world.world import Settings, World
from chalicelib.journal import FUNCTION, of_invocation
from chalicelib.ports.services import NO_FIGURES, Chat, Figures, Logs, Tokens

if TYPE_CHECKING:
    from chalicelib.api.inprocess.direct import DirectApi
    from chalicelib.engine.inbox.sweep import Swept

log = logging.getLogger(__name__)

VARIABLES = (
    "BATCHWRIGHT_TABLE",
    "BATCHWRIGHT_EVENTS_QUEUE_URL",
    "BATCHWRIGHT_EVENTS_DEAD_URL",
    "BATCHWRIGHT_COMMANDS_QUEUE_URL",
    "BATCHWRIGHT_COMMANDS_DEAD_URL",
    "BATCHWRIGHT_TOPIC_ARN",
    *scheduler.VARIABLES.values(),
)
"""What must be set or derived."""

STAGE = "BATCHWRIGHT_STAGE"
TABLE_PREFIX = prefix_of("")
"""What a stage's table is named, before the stage's own name: infra/foundation.yaml."""

SUBMIT_RATE = "BATCHWRIGHT_SUBMIT_RATE"
SWEEP_SECONDS = "BATCHWRIGHT_SWEEP_SECONDS"
QUIET_SECONDS = "BATCHWRIGHT_QUIET_SECONDS"
LEASE_SECONDS = "BATCHWRIGHT_LEASE_SECONDS"
JOBS_KEPT_DAYS = "BATCHWRIGHT_JOBS_KEPT_DAYS"
RECORD_JOBS = "BATCHWRIGHT_RECORD_JOBS"
OBSERVE_JOBS = "BATCHWRIGHT_OBSERVE_JOBS"
OBSERVE_STATES = "BATCHWRIGHT_OBSERVE_STATES"
API_AUTH = "BATCHWRIGHT_API_AUTH"
NOTIFY = "BATCHWRIGHT_NOTIFY"
BLOCKED_QUEUES = "BATCHWRIGHT_BLOCKED_QUEUES"
EVENT_BUS = "BATCHWRIGHT_EVENT_BUS"
NONE, USUAL = "none", "usual"
"""What NOTIFY may say instead of kinds, and NONE what EVENT_BUS may instead of a name."""
SLACK_LOOPBACK = "BATCHWRIGHT_SLACK_LOOPBACK"
WHERE_FIGURES = "BATCHWRIGHT_FIGURES"
_ACCOUNT_OF_ARN = 4
"""Its place in arn:partition:service:region:account:resource."""
DEFAULT_QUEUE = "BATCHWRIGHT_DEFAULT_QUEUE"
"""Names the job queue of `${stage.queue}`. Without it, it is the one that infra/batch.yaml creates."""
PARTIAL_RESPONSES = "BATCHWRIGHT_PARTIAL_RESPONSES"
LEASE_SECONDS_MINIMUM_IN_LAMBDA = 61
"""Above the functions' time-out of 60 seconds: the owner of an expired claim must be surely dead. Elsewhere, where no
invocation runs for long, it may be shorter."""
SUBMIT_RATE_MAXIMUM = 10_000
"""No account has it; a local Batch, which answers no 429, is asked at this rate and never waits."""

FIGURES = {
    SUBMIT_RATE: ("submit_rate", "jobs a second", SUBMIT_RATE_MAXIMUM),
    SWEEP_SECONDS: ("sweep_seconds", "seconds", 86_400),
    QUIET_SECONDS: ("quiet_seconds", "seconds", 86_400),
    LEASE_SECONDS: ("lease_seconds", "seconds", 3_600),
    JOBS_KEPT_DAYS: ("jobs_kept_days", "days", 3_650),
}
"""The variables that set a figure: which, in what unit, and the highest."""


class WallClock:
    """The real time."""

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def wait_until(self, at_ms: int) -> None:
        while (left_ms := at_ms - self.now_ms()) > 0:
            time.sleep(left_ms / 1000)


@dataclass(frozen=True)
class Wired:
    """The clients, the world without an owner on top of them, the two queues; and what a trigger may ask for."""

    clients: Clients
    world: World
    tokens: Tokens
    logs: Logs
    events: Mailbox
    commands: Mailbox
    chat: Chat | None = None
    partial_responses: bool = False

    def world_of(self, owner: str) -> World:
        """The world for one invocation; `owner` is never used for another."""
        return replace(self.world, owner=owner, unheard=Counter(), unleased=set())

    def handle_events(self, lambda_event: Mapping[str, Any], owner: str) -> dict[str, Any] | None:
        """Handle a batch of the events queue. Returns or raises what is left of it, as `_left` says."""
        return self._left(partial(handle_events, self.world_of(owner), self.events, messages_of(lambda_event)))

    def handle_commands(self, lambda_event: Mapping[str, Any], owner: str) -> dict[str, Any] | None:
        """Carry out a batch of the commands queue. Returns or raises what is left of it, as `_left` says."""
        return self._left(partial(handle_commands, self.world_of(owner), self.commands, messages_of(lambda_event)))

    def _left(self, handle: Callable[[], None]) -> dict[str, Any] | None:
        """Handle a batch. Where Lambda takes partial responses, returns which messages are left. Elsewhere raises
        MessagesLeft if any is, because Lambda would delete them after a return."""
        if not self.partial_responses:
            handle()
            return None
        try:
            handle()
        except MessagesLeft as left:
            log.info("%s", left)
            return partial_response(left.message_ids)
        return partial_response(())

    def start_run(self, payload: object, owner: str) -> Run:
        """Start the run that a payload asks for (core/run/requests.py); without a key in it, `owner` is the key."""
        asked = read_start(payload)
        key = asked.idempotency_key or owner
        return start_run(self.world_of(owner), asked.workflow, asked.params, key, asked.version, asked.notify_queue)

    def let_in(self, header: str, method_arn: str) -> dict[str, Any]:
        """What the authorizer answers API Gateway about an `Authorization` header. Raises TryAgain."""
        from chalicelib.api.http.access import authorize, place_of_arn, policy

        record = authorize(self.tokens, self.world.clock.now_ms(), header, place_of_arn(method_arn))
        return policy(record, method_arn)

    def sweep(self, owner: str) -> Swept:
        """Look at the runs that are due for it."""
        # Of all functions, one sweeps.
        from chalicelib.engine.inbox.sweep import sweep

        return sweep(self.world_of(owner))

    def post_notice(self, body: str, request_id: str) -> None:
        """Post the notice that a message of the topic holds to Slack. Raises TryAgain, UserMistake."""
        if self.chat is None:
            raise UserMistake(f"{SLACK_WEBHOOK} is not set, so there is nowhere to post to")
        # Lambda repeats what SNS invokes under the same id, and an owner is never reused.
        owner = f"{request_id}/{secrets.token_hex(6)}"
        world = self.world_of(owner)
        post_notice(self.chat, world.clock, world.store, world.lease(), body, world.figures)

    def api(self, owner: str) -> DirectApi:
        """The API for one invocation."""
        # The models need pydantic, which those who only follow events never load.
        from chalicelib.api.inprocess.base import Ground
        from chalicelib.api.inprocess.direct import DirectApi

        return DirectApi(Ground(self.world_of(owner), self.logs, self.tokens, secrets.token_bytes))


def with_addresses(environment: Mapping[str, str], aws: Clients, arn: str) -> dict[str, str]:
    """The environment with what it leaves out and BATCHWRIGHT_STAGE implies. `arn` is any ARN of the account.

    Raises UserMistake naming the variables that are neither set nor derived.
    """
    derived: dict[str, str] = {}
    stage, parts = environment.get(STAGE), arn.split(":")
    if stage and len(parts) > _ACCOUNT_OF_ARN and parts[_ACCOUNT_OF_ARN]:
        here = aws.sqs.meta
        derived = StageHome(
            stage, parts[_ACCOUNT_OF_ARN], here.region_name, here.partition, here.endpoint_url
        ).variables()
    found = {**derived, **{name: value for name, value in environment.items() if value or name not in derived}}
    if missing := [name for name in VARIABLES if not found.get(name)]:
        raise UserMistake(f"the environment lacks {', '.join(missing)}; `batchwright local env` prints them")
    return found


def wire(environment: Mapping[str, str], aws: Clients, arn: str = "") -> Wired:
    """Build everything on these clients. `arn` is any ARN of the account, needed if the environment only names the
    stage. Raises UserMistake naming the variables that are missing or wrong."""
    environment = with_addresses(environment, aws, arn)
    table, events_url, events_dead_url, commands_url, commands_dead_url, topic_arn = (
        environment[name] for name in VARIABLES[:6]
    )
    commands = SqsCommands(aws.sqs, commands_url)
    bus = event_bus(environment)
    stage = table.removeprefix(TABLE_PREFIX)
    figures = figures_of(environment, stage)
    world = World(
        store=DynamoStore(aws.dynamodb, table),
        batch=AwsBatch(aws.batch, aws.batch_submit),
        permits=DynamoPermits(aws.dynamodb, table),
        commands=commands,
        notices=CountedNotices(SnsNotices(aws.sns, topic_arn, NamedQueues(aws.make_run_queues)), figures),
        scheduler=scheduler.EventBridgeScheduler(aws.make_scheduler, scheduler.place_of(environment)),
        clock=WallClock(),
        stage=stage,
        stage_values=stage_values(environment, stage),
        owner="",
        settings=settings_of(environment),
        home=_home(topic_arn),
        changes=EventBridgeChanges(aws.make_events, bus) if bus else None,
        logs=CloudWatchLogs(aws.make_logs_of_notices),
        children=AwsFailedChildren(aws.make_batch_of_notices),
        backlog=SqsBacklog(aws.sqs, events_url),
        figures=figures,
    )
    return Wired(
        clients=aws,
        world=world,
        tokens=DynamoTokens(aws.dynamodb, table),
        logs=CloudWatchLogs(aws.make_logs),
        events=Mailbox(
            inbox=SqsInbox(aws.sqs, events_url),
            again=SqsCommands(aws.sqs, events_url),
            dead=SqsDeadLetters(aws.sqs, events_dead_url, EVENTS),
        ),
        commands=Mailbox(
            inbox=SqsInbox(aws.sqs, commands_url),
            again=commands,
            dead=SqsDeadLetters(aws.sqs, commands_dead_url, COMMANDS),
        ),
        chat=_chat(environment, aws),
        # Whatever else it says, raising is safe: nothing is deleted then.
        partial_responses=environment.get(PARTIAL_RESPONSES) == "true",
    )


def stage_values(environment: Mapping[str, str], stage: str) -> dict[str, str]:
    """What `${stage.name}`, `${stage.bucket}` and `${stage.queue}` stand for."""
    queue = environment.get(DEFAULT_QUEUE) or default_queue(stage)
    return {"name": stage, "bucket": environment.get("BATCHWRIGHT_BUCKET", ""), "queue": queue}


def _home(topic_arn: str) -> tuple[str, str] | None:
    """The account and region of the stage, which are its topic's; None of what is no ARN."""
    match topic_arn.split(":", 5):
        case ["arn", _, _, region, account, _]:
            return account, region
    return None


def _chat(environment: Mapping[str, str], aws: Clients) -> Chat | None:
    place = slack_webhook(environment)
    if place is None:
        return None
    loopback = environment.get(SLACK_LOOPBACK) == "1"
    return SlackWebhook(place, aws.make_secrets, aws.make_ssm, loopback=loopback)


def event_bus(environment: Mapping[str, str]) -> str | None:
    """The name of the event bus that hears of every change, if one does."""
    given = environment.get(EVENT_BUS, "").strip()
    return None if given in ("", NONE) else given


def slack_webhook(environment: Mapping[str, str]) -> WebhookPlace | None:
    """Where the address of the Slack webhook is kept, if notices are posted to one. Raises UserMistake."""
    given = environment.get(SLACK_WEBHOOK, "").strip()
    return read_webhook_place(given) if given else None


def settings_of(environment: Mapping[str, str]) -> Settings:
    """The settings, with what the environment sets. Raises UserMistake naming the variable, the rule and the value."""
    given: dict[str, Any] = {}
    for name, (field, unit, maximum) in FIGURES.items():
        text = environment.get(name, "").strip()
        if not text:
            continue
        minimum = 1
        if name == LEASE_SECONDS and environment.get(FUNCTION):
            minimum = LEASE_SECONDS_MINIMUM_IN_LAMBDA
        if not (text.isascii() and text.isdigit() and minimum <= int(text) <= maximum):
            default = getattr(Settings(), field)
            raise UserMistake(
                f"{name} must be a whole number of {unit} from {minimum} to {maximum}, not '{text}'; "
                f"leave it out for {default}"
            )
        given[field] = int(text)
    if (kinds := environment.get(NOTIFY, USUAL)) != USUAL:
        try:
            given["notify_kinds"] = read_kinds("" if kinds == NONE else kinds)
        except ValueError as error:
            raise UserMistake(f"{NOTIFY} {error}") from error
    return replace(
        Settings(),
        **given,
        tells_blocked_queues=not _is_other(environment, BLOCKED_QUEUES, "told", "untold"),
        record_own_jobs=_is_other(environment, RECORD_JOBS, "foreign", "all"),
        observe_all_jobs=_is_other(environment, OBSERVE_JOBS, "ours", "all"),
        observe_all_states=_is_other(environment, OBSERVE_STATES, "deciding", "all"),
    )


def _is_other(environment: Mapping[str, str], name: str, usual: str, other: str) -> bool:
    """Whether a variable of two words says the other one. Raises UserMistake."""
    given = environment.get(name) or usual
    if given not in (usual, other):
        raise UserMistake(f"{name} must be {usual} or {other}, not '{given}'; leave it out for {usual}")
    return given == other


def figures_of(environment: Mapping[str, str], stage: str) -> Figures:
    """Who counts. Raises UserMistake."""
    function = environment.get(FUNCTION, "")
    given = environment.get(WHERE_FIGURES) or ("emf" if function else "none")
    if given not in ("emf", "none"):
        raise UserMistake(f"{WHERE_FIGURES} must be emf or none, not '{given}'; leave it out for emf in Lambda alone")
    return EmfFigures(stage, function or "local") if given == "emf" else NO_FIGURES


def api_trusts_iam(environment: Mapping[str, str]) -> bool:
    """Whether IAM says who may ask the HTTP API, and not its tokens. Raises UserMistake."""
    given = environment.get(API_AUTH) or "token"
    if given not in ("token", "iam"):
        raise UserMistake(f"{API_AUTH} must be token or iam, not '{given}'; leave it out for token")
    return given == "iam"


def wired(arn: str = "") -> Wired:
    """The wiring of this process, built at its first use and kept while it is warm.

    `arn` is any ARN of the account. Only the authorizer gives one: `invocation` does not surround it.
    """
    if not _built:
        _built.append(wire(os.environ, clients(), arn or _Account.arn))
        # Lambda supplies them, and not the deployment: who looks for the cause of a change wants to know.
        log.info("a process begins with %s", sdk_versions())
    return _built[0]


_built: list[Wired] = []
"""What `wired` built. An invocation that did not need it has nothing to hand on, and need not build it for that."""


class _Account:
    """The account that this process runs in, as its first invocation names it."""

    arn = ""


@contextmanager
def invocation(request_id: str, function_arn: str) -> Iterator[None]:
    """One invocation of a function, from its beginning to its end, however it ends."""
    _Account.arn = function_arn
    with of_invocation(request_id):
        try:
            yield
        finally:
            for built in _built:
                built.world.figures.flush(request_id)
