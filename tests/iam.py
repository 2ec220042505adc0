"""What IAM would be asked for each AWS call, and a judge that refuses what a function's policy does not allow.

Owns the reading of a call as actions on resources. A policy is evaluated by moto's IAM, statement by statement. moto's
own enforcement is of no use here: it judges every call on "*" but those of SQS, so that no grant on a resource matches;
takes a condition that it does not know for one that is met, so that our Deny would deny all; and takes bulk calls for
actions of their own. What is sent is held to policies by MiniStack instead: tests/enforcing_child.py.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cache
from typing import Any

from botocore.exceptions import ClientError
from moto.iam.access_control import IAMPolicy, PermissionResult

from batchwright.deploy.policies import GRANTS, Place, policy
from tests.iam_conditions import attributes_of, partition_of

Asked = tuple[str, str]
"""An action, and the ARN of what it is done to."""


@dataclass(frozen=True)
class Call:
    """A call of AWS as a client is given it."""

    service: str
    operation: str
    params: Mapping[str, Any]


# Bulk calls have no action of their own:
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-api-permissions-reference.html
_SQS_ACTIONS = {"SendMessageBatch": "SendMessage", "DeleteMessageBatch": "DeleteMessage"}


def asked_of(place: Place, service: str, operation: str, params: Mapping[str, Any]) -> list[Asked]:
    """The actions and resources that a call takes, as the service authorization reference has them."""
    return _READERS[service](place, operation, params)


def _dynamodb(place: Place, operation: str, params: Mapping[str, Any]) -> list[Asked]:
    if "RequestItems" in params:
        return [(f"dynamodb:{operation}", place.arn("dynamodb", f"table/{name}")) for name in params["RequestItems"]]
    index = f"/index/{params['IndexName']}" if "IndexName" in params else ""
    return [(f"dynamodb:{operation}", place.arn("dynamodb", f"table/{params['TableName']}{index}"))]


def _sqs(place: Place, operation: str, params: Mapping[str, Any]) -> list[Asked]:
    queue = params.get("QueueName") or params["QueueUrl"].rpartition("/")[2]
    return [(f"sqs:{_SQS_ACTIONS.get(operation, operation)}", place.arn("sqs", queue))]


def _sns(place: Place, operation: str, params: Mapping[str, Any]) -> list[Asked]:
    return [(f"sns:{operation}", params["TopicArn"])]


def _batch(place: Place, operation: str, params: Mapping[str, Any]) -> list[Asked]:
    if operation == "SubmitJob":
        queue = _batch_arn(place, "job-queue", params["jobQueue"])
        definition = _batch_arn(place, "job-definition", params["jobDefinition"])
        # The job has no id yet; any is as good.
        tagged = [queue, definition, place.arn("batch", "job/new")] if params.get("tags") else []
        return [
            *(("batch:SubmitJob", arn) for arn in (queue, definition)),
            *(("batch:TagResource", arn) for arn in tagged),
        ]
    if operation == "TerminateJobs":
        return [("batch:TerminateJob", place.arn("batch", f"job/{job}")) for job in params["jobs"]]
    return [(f"batch:{operation}", "*")]


def _batch_arn(place: Place, kind: str, name: str) -> str:
    return name if name.startswith("arn:") else place.arn("batch", f"{kind}/{name}")


def _logs(place: Place, operation: str, params: Mapping[str, Any]) -> list[Asked]:
    stream = f"log-group:{params['logGroupName']}:log-stream:{params['logStreamName']}"
    return [(f"logs:{operation}", place.arn("logs", stream))]


def _scheduler(place: Place, operation: str, params: Mapping[str, Any]) -> list[Asked]:
    name = place.arn("scheduler", f"schedule/{params['GroupName']}/{params['Name']}")
    passed = [("iam:PassRole", params["Target"]["RoleArn"])] if "Target" in params else []
    return [(f"scheduler:{operation}", name), *passed]


def _ssm(place: Place, operation: str, params: Mapping[str, Any]) -> list[Asked]:
    return [(f"ssm:{operation}", place.arn("ssm", f"parameter{params['Name']}"))]


def _events(place: Place, operation: str, params: Mapping[str, Any]) -> list[Asked]:
    buses = {entry.get("EventBusName", "default") for entry in params["Entries"]}
    return [(f"events:{operation}", place.arn("events", f"event-bus/{bus}")) for bus in sorted(buses)]


_READERS: dict[str, Callable[[Place, str, Mapping[str, Any]], list[Asked]]] = {
    "dynamodb": _dynamodb,
    "sqs": _sqs,
    "sns": _sns,
    "batch": _batch,
    "logs": _logs,
    "scheduler": _scheduler,
    "ssm": _ssm,
    "events": _events,
}


@dataclass
class Judge:
    """Listens to clients, notes what each function asks, and refuses what its policy does not allow, as AWS would.

    `function` is the one that is running; calls made while it is empty are nobody's and are let through unseen.
    """

    place: Place
    function: str = ""
    asked: dict[str, dict[Asked, Call]] = field(default_factory=dict)
    """By function: what was asked, with the first call that did."""
    refused: list[tuple[str, Asked]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._statements = {
            name: [
                (one["Effect"], _policy_of(one["Action"], one["Resource"]), one.get("Condition")) for one in statements
            ]
            for name, statements in ((name, policy(self.place, name)["Statement"]) for name in GRANTS)
        }

    def listen(self, session: Any) -> None:
        """Listen to every client that a boto3 session makes from now on."""
        session.events.register_first("before-parameter-build", self._before)

    def allows(self, function: str, asked: Asked, params: Mapping[str, Any]) -> bool:
        effects = {
            effect
            for effect, found, condition in self._statements[function]
            if found.is_action_permitted(*asked) is PermissionResult.PERMITTED and _holds(condition, params)
        }
        return effects == {"Allow"}

    def _before(self, params: Mapping[str, Any], model: Any, **_: Any) -> None:
        if not self.function:
            return
        call = Call(model.service_model.service_name, model.name, deepcopy(params))
        for asked in asked_of(self.place, call.service, call.operation, params):
            self.asked.setdefault(self.function, {}).setdefault(asked, call)
            if not self.allows(self.function, asked, params):
                self.refused.append((self.function, asked))
                text = f"not authorized to perform: {asked[0]} on resource: {asked[1]}"
                raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": text}}, model.name)


def granted(place: Place, function: str) -> set[Asked]:
    """Every pair of an action and a resource, as written, that a function's policy allows."""
    return {
        (action, resource)
        for statement in policy(place, function)["Statement"]
        if statement["Effect"] == "Allow"
        for action in statement["Action"]
        for resource in statement["Resource"]
    }


def covers(pattern: Asked, asked: Asked) -> bool:
    """Whether a granted action on a granted resource allows this."""
    return _policy_of(*pattern).is_action_permitted(*asked) is PermissionResult.PERMITTED


@cache
def _policy_of_text(document: str) -> IAMPolicy:
    return IAMPolicy({"policy_document": document})


def _policy_of(actions: str | list[str], resources: str | list[str]) -> IAMPolicy:
    statement = {"Effect": "Allow", "Action": actions, "Resource": resources}
    return _policy_of_text(json.dumps({"Version": "2012-10-17", "Statement": [statement]}))


def _holds(condition: Mapping[str, Any] | None, params: Mapping[str, Any]) -> bool:
    """Whether a condition is met, of those that the policies know."""
    match condition:
        case None:
            return True
        case {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": partitions, "dynamodb:Attributes": attributes}}:
            return partition_of(params) in partitions and attributes_of(params) <= set(attributes)
        case {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": partitions}}:
            return partition_of(params) in partitions
        case {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": patterns}}:
            return any(fnmatchcase(partition_of(params) or "", pattern) for pattern in patterns)
        case {"ForAnyValue:StringEquals": {"dynamodb:LeadingKeys": partitions}}:
            return partition_of(params) in partitions
        case {"StringEquals": {"iam:PassedToService": service}}:
            # A role is passed to whose API it is given to.
            return bool(service == "scheduler.amazonaws.com" and "GroupName" in params)
    raise ValueError(f"the judge does not know the condition {condition}")
