"""What each function of a stage may do: one table, and the IAM policy documents that come of it.

Owns the least privilege of the functions. tests/functional/test_policies.py records what every function asks of AWS and
holds this table to it from both sides: all of it is allowed, and nothing else is. `everything` is here only where the
service knows no narrower resource: https://docs.aws.amazon.com/service-authorization/latest/reference/list_batch.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from chalicelib.aws.table.calls import WRITE
from chalicelib.aws.table.monitors import NOTICE_PREFIX
from chalicelib.aws.table.tokens import PARTITION as TOKENS_PARTITION
from chalicelib.core.addresses import prefix_of
from chalicelib.core.notice.preferences import QUEUE_PREFIX
from chalicelib.core.notice.webhook_address import Keeper, WebhookPlace
from chalicelib.engine.publishing.slack import POST_PREFIX

API_HANDLER = "api_handler"
"""Chalice's name for the function of all HTTP routes."""
AUTHORIZER = "bearer"
ON_NOTICES = "on_notices"
"""The function that posts to Slack, which a stage without a webhook has not."""
LEADING_KEYS = "dynamodb:LeadingKeys"
ATTRIBUTES = "dynamodb:Attributes"
"""Those that a request names, in its key and its expressions:
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/specifying-conditions.html"""
LAST_USE = "last_used_at_ms"
PASSED_TO = "iam:PassedToService"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a stage is: what its ARNs are made of. `slack_webhook` is where the address of its webhook is kept,
    `event_bus` the name of the bus that hears of its changes."""

    stage: str
    account: str
    region: str
    partition: str = "aws"
    slack_webhook: WebhookPlace | None = None
    event_bus: str | None = None

    @property
    def prefix(self) -> str:
        """What the names of everything that belongs to the stage begin with."""
        return prefix_of(self.stage)

    def function_name(self, function: str) -> str:
        """What Chalice calls a function on AWS."""
        return self.prefix if function == API_HANDLER else f"{self.prefix}-{function}"

    @property
    def anywhere(self) -> Place:
        """The stage in whatever account and region: its ARNs have wildcards there.

        A wildcard for the account opens nothing by itself: a thing of another account also takes a policy of its own
        that lets this account in. https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic-cross-account.html
        """
        return replace(self, account="*", region="*", partition="*")

    def arn(self, service: str, resource: str) -> str:
        """The ARN of a resource of this account and region."""
        return f"arn:{self.partition}:{service}:{self.region}:{self.account}:{resource}"


@dataclass(frozen=True, slots=True)
class Grant:
    """Actions of a service on things of the stage, by the names of `resource_arn`. `denies`: these, whatever else
    allows them."""

    why: str
    actions: tuple[str, ...]
    on: tuple[str, ...]
    condition: Mapping[str, Mapping[str, str | list[str]]] | None = None
    denies: bool = False


def _feeds(queue: str) -> Grant:
    return Grant(
        # Lambda takes the messages with the function's role; the handler deletes what is done, and puts off the rest.
        f"be fed from the {queue} queue",
        ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ChangeMessageVisibility"),
        (queue,),
    )


# Only where X-Ray is asked for. Neither action knows a resource: https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsx-ray.html
TRACE = Grant("send traces", ("xray:PutTraceSegments", "xray:PutTelemetryRecords"), ("everything",))
# infra/observability.yaml makes the log groups. Without that stack Lambda makes them, with this right of the function.
LOG = Grant("write its log", ("logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"), ("log",))

RECORDS = Grant(
    "read and write runs and tasks", ("dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"), ("table",)
)
# Who advances runs reads what comes from queues and jobs, and has nothing to do with who may ask the HTTP API. The
# index holds no token.
NO_TOKENS = Grant(
    "touch no token",
    (
        "dynamodb:GetItem",
        "dynamodb:BatchGetItem",
        "dynamodb:PutItem",
        "dynamodb:BatchWriteItem",
        "dynamodb:UpdateItem",
        "dynamodb:Query",
    ),
    ("table",),
    condition={"ForAnyValue:StringEquals": {LEADING_KEYS: [TOKENS_PARTITION]}},
    denies=True,
)
SHARDS = Grant("read the tasks of a shard, and a plan", ("dynamodb:Query",), ("table",))

# Any queue and any definition: which ones a workflow names is known when its run starts, and params may name them; not
# when the stage is deployed.
SUBMIT = Grant("submit jobs", ("batch:SubmitJob",), ("job-definitions", "job-queues"))
# A job that is submitted with tags (`tags` of a task) takes this right beside that of SubmitJob, on each resource that
# SubmitJob is judged on: https://docs.aws.amazon.com/service-authorization/latest/reference/list_batch.html
# AWS names the job definition when it refuses: https://github.com/wri/gfw-data-api/pull/175
TAG = Grant("give jobs the tags of their task", ("batch:TagResource",), ("job-definitions", "job-queues", "jobs"))
# Neither knows a resource: the service authorization reference lists none for them.
FIND = Grant("find a job whose submission lost its answer", ("batch:ListJobs",), ("everything",))
DESCRIBE = Grant("ask for the state of jobs", ("batch:DescribeJobs",), ("everything",))
# With FIND, which lists them.
CHILDREN = replace(DESCRIBE, why="ask what the jobs of an array failed of")
# There is no action for the bulk call: TerminateJobs asks for batch:TerminateJob on each job. An id is Batch's and says
# nothing of the stage.
TERMINATE = Grant("end jobs", ("batch:TerminateJob",), ("jobs",))
COMMAND = Grant("hand over work and timers", ("sqs:SendMessage",), ("commands",))
# With the key that AWS manages for SNS, publishing to an encrypted topic needs no grant of KMS.
TELL = Grant("publish notices", ("sns:Publish",), ("topic",))
# Which queues runs have of their own is known when they start; their names begin so.
TELL_QUEUES = Grant("tell the queues of runs", ("sqs:GetQueueUrl", "sqs:SendMessage"), ("run-queues",))
TELL_BUS = Grant("tell the event bus", ("events:PutEvents",), ("event-bus",))
# The group in which AWS Batch keeps what jobs write, whoever submitted them; a stream's name is Batch's.
LOGS_OF_JOBS = Grant("read what jobs wrote", ("logs:GetLogEvents",), ("logs-of-jobs",))

SCHEDULE = Grant(
    "bring schedules to EventBridge Scheduler",
    ("scheduler:CreateSchedule", "scheduler:UpdateSchedule", "scheduler:DeleteSchedule"),
    ("schedules",),
)
# Every schedule names the role with which its messages are sent: whoever makes one must be allowed to pass that role.
PASS = Grant(
    "let schedules send to the commands queue",
    ("iam:PassRole",),
    ("scheduler-role",),
    condition={"StringEquals": {PASSED_TO: "scheduler.amazonaws.com"}},
)
BY_WORKFLOW = Grant("list runs", ("dynamodb:Query",), ("runs-by-workflow",))
BY_SWEEP = Grant("find the runs and schedules that are due", ("dynamodb:Query",), ("runs-by-sweep",))
BY_STATE = Grant("find jobs by what became of them", ("dynamodb:Query",), ("jobs-by-state",))
JOBS = Grant("read the records of several jobs", ("dynamodb:BatchGetItem",), ("table",))
BACKLOG = Grant("ask how many events wait", ("sqs:GetQueueAttributes",), ("events",))
MARKS = Grant("mark the jobs that monitors tell of", ("dynamodb:BatchWriteItem",), ("table",))

GRANTS: dict[str, tuple[Grant, ...]] = {
    "on_events": (
        LOG,
        _feeds("events"),
        Grant("send a message anew, or to the dead letters", ("sqs:SendMessage",), ("events", "events-dead")),
        RECORDS,
        NO_TOKENS,
        SHARDS,
        SUBMIT,
        TAG,
        FIND,
        CHILDREN,
        TERMINATE,
        COMMAND,
        TELL,
        TELL_QUEUES,
        TELL_BUS,
        LOGS_OF_JOBS,
    ),
    "on_commands": (
        LOG,
        _feeds("commands"),
        Grant("send a message to the dead letters", ("sqs:SendMessage",), ("commands-dead",)),
        RECORDS,
        NO_TOKENS,
        SHARDS,
        SUBMIT,
        TAG,
        FIND,
        CHILDREN,
        TERMINATE,
        COMMAND,
        TELL,
        TELL_QUEUES,
        TELL_BUS,
        LOGS_OF_JOBS,
    ),
    "sweep": (
        LOG,
        RECORDS,
        NO_TOKENS,
        SHARDS,
        BY_SWEEP,
        BY_STATE,
        JOBS,
        MARKS,
        BACKLOG,
        SUBMIT,
        TAG,
        FIND,
        DESCRIBE,
        TERMINATE,
        COMMAND,
        TELL,
        TELL_QUEUES,
        TELL_BUS,
        LOGS_OF_JOBS,
        SCHEDULE,
        PASS,
    ),
    "start": (LOG, RECORDS, NO_TOKENS, SHARDS, SUBMIT, TAG, FIND, TERMINATE, COMMAND, TELL, TELL_QUEUES, TELL_BUS),
    API_HANDLER: (
        LOG,
        RECORDS,
        SHARDS,
        BY_WORKFLOW,
        replace(BY_SWEEP, why="see whether the table answers"),
        BY_STATE,
        JOBS,
        SUBMIT,
        TAG,
        FIND,
        replace(DESCRIBE, why="find the logs of jobs that have not ended"),
        TERMINATE,
        COMMAND,
        TELL,
        TELL_QUEUES,
        TELL_BUS,
        SCHEDULE,
        PASS,
        LOGS_OF_JOBS,
    ),
    ON_NOTICES: (
        LOG,
        # With the keys that AWS manages for the two, what is kept is decrypted without a grant of KMS.
        Grant("read the webhook from its secret", ("secretsmanager:GetSecretValue",), ("webhook-secret",)),
        Grant("read the webhook from its parameter", ("ssm:GetParameter",), ("webhook-parameter",)),
        # It reads what came over the topic, so it is kept to what it notes of notices.
        Grant(
            "note what it posts",
            ("dynamodb:PutItem", "dynamodb:UpdateItem"),
            ("table",),
            condition={"ForAllValues:StringLike": {LEADING_KEYS: [f"{NOTICE_PREFIX}{POST_PREFIX}*"]}},
        ),
    ),
    # It reads what strangers send, so it is kept to the tokens' partition of the table.
    AUTHORIZER: (
        LOG,
        Grant(
            "read a token",
            ("dynamodb:GetItem",),
            ("table",),
            condition={"ForAllValues:StringEquals": {LEADING_KEYS: [TOKENS_PARTITION]}},
        ),
        Grant(
            "note the use of a token",
            ("dynamodb:UpdateItem",),
            ("table",),
            condition={
                "ForAllValues:StringEquals": {
                    LEADING_KEYS: [TOKENS_PARTITION],
                    ATTRIBUTES: ["pk", "sk", LAST_USE, WRITE],
                }
            },
        ),
    ),
}
"""By function, as app.py names them."""


def resource_arn(place: Place, function: str, name: str) -> str:
    """The ARN of a thing of the stage that the table above names."""
    if webhook := webhook_arn(place, name):
        return webhook
    queues = ("events", "events-dead", "commands", "commands-dead")
    if name in queues:
        return place.arn("sqs", f"{place.prefix}-{name}")
    table = f"table/{place.prefix}"
    return {
        "log": place.arn("logs", f"log-group:/aws/lambda/{place.function_name(function)}:*"),
        "table": place.arn("dynamodb", table),
        "runs-by-sweep": place.arn("dynamodb", f"{table}/index/runs-by-sweep"),
        "runs-by-workflow": place.arn("dynamodb", f"{table}/index/runs-by-workflow"),
        "run-queues": place.arn("sqs", f"{QUEUE_PREFIX}*"),
        "event-bus": place.arn("events", f"event-bus/{place.event_bus}"),
        "jobs-by-state": place.arn("dynamodb", f"{table}/index/jobs-by-state"),
        "topic": place.arn("sns", f"{place.prefix}-notices"),
        "job-definitions": place.arn("batch", "job-definition/*"),
        "job-queues": place.arn("batch", "job-queue/*"),
        "jobs": place.arn("batch", "job/*"),
        "logs-of-jobs": place.arn("logs", "log-group:/aws/batch/job:log-stream:*"),
        "schedules": place.arn("scheduler", f"schedule/{place.prefix}/*"),
        # Roles belong to no region.
        "scheduler-role": f"arn:{place.partition}:iam::{place.account}:role/{place.prefix}-scheduler",
        "everything": "*",
    }[name]


def functions_of(place: Place) -> list[str]:
    """The functions that a stage has."""
    return [name for name in GRANTS if name != ON_NOTICES or place.slack_webhook is not None]


def webhook_arn(place: Place, name: str) -> str | None:
    """The ARN of what keeps the address of the webhook, for `webhook-secret` or `webhook-parameter`: whichever does."""
    webhook = place.slack_webhook
    keepers = {"webhook-secret": Keeper.SECRETS_MANAGER, "webhook-parameter": Keeper.SSM}
    if webhook is None or webhook.keeper is not keepers.get(name):
        return None
    if webhook.is_arn:
        return webhook.name
    if webhook.keeper is Keeper.SSM:
        return place.arn("ssm", f"parameter{webhook.name}")
    # Secrets Manager puts a hyphen and six characters of its own behind a name:
    # https://docs.aws.amazon.com/secretsmanager/latest/userguide/troubleshoot.html#ARN_secretnamehyphen
    return place.arn("secretsmanager", f"secret:{webhook.name}-??????")


def policy(place: Place, function: str, *, xray: bool = False) -> dict[str, Any]:
    """The policy document of a function in a place; with `xray`, it may send traces, too."""
    wanted = (*GRANTS[function], TRACE) if xray else GRANTS[function]
    grants = [grant for grant in wanted if _is_there(place, grant.on[0])]
    return {"Version": "2012-10-17", "Statement": [_statement(place, function, grant) for grant in grants]}


def _is_there(place: Place, name: str) -> bool:
    """Whether the stage has a thing that not every stage has."""
    if name == "event-bus":
        return place.event_bus is not None
    return not name.startswith("webhook-") or webhook_arn(place, name) is not None


def _statement(place: Place, function: str, grant: Grant) -> dict[str, Any]:
    statement: dict[str, Any] = {
        "Sid": "".join(word.capitalize() for word in grant.why.replace(",", "").split()),
        "Effect": "Deny" if grant.denies else "Allow",
        "Action": list(grant.actions),
        "Resource": [resource_arn(place, function, name) for name in grant.on],
    }
    if grant.condition is not None:
        statement["Condition"] = grant.condition
    return statement
