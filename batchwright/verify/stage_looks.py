"""Looks at a stage that need no waiting: how Lambda is set up, what the HTTP API answers, what went wrong meanwhile.

Owns the calls. What is right is stage_checks.py's to say.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from batchwright.client.http_wire import Wire
from batchwright.deploy.lambda_settings import QUEUE_FUNCTIONS
from batchwright.verify.here import NO_LAMBDA, NO_POLICIES, Here
from batchwright.verify.jobs import run_workflow_name, scheduled_workflow_name, stamped
from batchwright.verify.observed import Asked, Concurrency, Look, QueueFeed, Saw, Unseen
from chalicelib.api import models as m
from chalicelib.aws.answers import ClientError, code_of
from chalicelib.core.errors import TryAgain
from chalicelib.core.tokens import TokenScope
from chalicelib.wiring import PARTIAL_RESPONSES

REFUSED = '"not authorized to perform"'
"""What stands in every refusal by a policy, as a filter pattern of CloudWatch Logs."""
_DEAD = ("BATCHWRIGHT_EVENTS_DEAD_URL", "BATCHWRIGHT_COMMANDS_DEAD_URL")


def look_at_feeds(here: Here) -> Look[tuple[QueueFeed, ...]]:
    """How the two functions are fed from their queues."""
    if here.is_local:
        return NO_LAMBDA
    return here.looked(lambda: tuple(feed for function in QUEUE_FUNCTIONS for feed in _feeds(here, function)))


def _feeds(here: Here, function: str) -> Iterator[QueueFeed]:
    client, name = here.client("lambda"), here.place.function_name(function)
    variables = client.get_function_configuration(FunctionName=name).get("Environment", {}).get("Variables", {})
    for page in client.get_paginator("list_event_source_mappings").paginate(FunctionName=name):
        for found in page["EventSourceMappings"]:
            yield QueueFeed(
                function,
                tuple(found.get("FunctionResponseTypes") or ()),
                variables.get(PARTIAL_RESPONSES),
                (found.get("ScalingConfig") or {}).get("MaximumConcurrency"),
            )


def look_at_recursion(here: Here) -> Look[Mapping[str, str]]:
    if here.is_local:
        return NO_LAMBDA
    client = here.client("lambda")

    def setting(function: str) -> str:
        found = client.get_function_recursion_config(FunctionName=here.place.function_name(function))
        return str(found["RecursiveLoop"])

    return here.looked(lambda: {function: setting(function) for function in QUEUE_FUNCTIONS})


def look_at_concurrency(here: Here, feeds: Look[tuple[QueueFeed, ...]]) -> Look[Concurrency]:
    if here.is_local:
        return NO_LAMBDA

    def quota() -> int:
        return int(here.client("lambda").get_account_settings()["AccountLimit"]["ConcurrentExecutions"])

    def with_quota(found: tuple[QueueFeed, ...]) -> Look[Concurrency]:
        ceilings = {feed.function: feed.ceiling for feed in found}
        return here.looked(quota).then(lambda number: Saw(Concurrency(number, ceilings)))

    return feeds.then(with_quota)


def look_at_tags(here: Here, job_id: str) -> Look[Mapping[str, str]]:
    def tags() -> Mapping[str, str]:
        [job] = here.client("batch").describe_jobs(jobs=[job_id])["jobs"]
        found: Mapping[str, str] = job.get("tags") or {}
        return found

    return here.looked(tags)


@dataclass(frozen=True, slots=True)
class Tokens:
    """The two tokens of one call, good for a day at most, and removed at its end."""

    admin: str
    reader: str
    """It may only look, and at one workflow alone."""


def make_tokens(here: Here, stamp: str) -> Tokens:
    def secret(scope: TokenScope, workflow: str | None) -> str:
        request = m.NewToken(name=stamped(stamp), scope=scope, workflow=workflow, expires_in_days=1)
        return here.api.create_token(request).secret

    return Tokens(secret(TokenScope.ADMIN, None), secret(TokenScope.READ, run_workflow_name(stamp)))


def look_at_api(address: Look[str], tokens: Tokens, stamp: str) -> Look[Mapping[Asked, int]]:
    """What the HTTP API answers to good, wrong and no tokens."""
    return address.then(lambda found: _ask(found, tokens, stamp))


def _ask(address: str, tokens: Tokens, stamp: str) -> Look[Mapping[Asked, int]]:
    wire, workflow = Wire(address, {"Accept": "application/json"}), run_workflow_name(stamp)
    start = json.dumps({"workflow": workflow}).encode()
    other_secret = tokens.admin[:-1] + ("0" if tokens.admin[-1] != "0" else "1")
    requests: dict[Asked, tuple[str, str, str | None, bytes | None]] = {
        Asked.TOKEN: ("GET", "/workflows", tokens.admin, None),
        Asked.OWN_WORKFLOW: ("GET", f"/workflows/{workflow}", tokens.reader, None),
        Asked.OTHER_WORKFLOW: ("GET", f"/workflows/{scheduled_workflow_name(stamp)}", tokens.reader, None),
        Asked.BEYOND_SCOPE: ("POST", "/runs", tokens.reader, start),
        Asked.WRONG_TOKEN: ("GET", "/workflows", other_secret, None),
        Asked.NO_TOKEN: ("GET", "/workflows", None, None),
    }
    answers = {}
    for asked, (method, path, token, body) in requests.items():
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        if body is not None:
            headers |= {"Content-Type": "application/json", "Idempotency-Key": f"{stamped(stamp)}-refused"}
        try:
            answer = wire.ask(method, path, headers=headers, body=body, is_repeatable=method == "GET")
        except TryAgain as error:
            return Unseen(str(error))
        answers[asked] = answer.status
    return Saw(answers)


def dead_letters(here: Here) -> dict[str, int]:
    """How many messages lie in the dead letters of each queue, about."""
    counted = {}
    for variable in _DEAD:
        url = here.aws.environment[variable]
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = here.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        counted[url.rpartition("/")[2]] = sum(int(found[name]) for name in names)
    return counted


def look_for_trouble(
    here: Here, since_ms: int, dead_before: Mapping[str, int], errors: list[str]
) -> Look[tuple[str, ...]]:
    """Refusals in the functions' logs, new dead letters, and the errors of functions that were invoked."""

    def new_letters() -> list[str]:
        now = dead_letters(here)
        return [f"{now[name] - count} new in {name}" for name, count in dead_before.items() if now[name] > count]

    def trouble() -> tuple[str, ...]:
        return (*errors, *new_letters(), *([] if here.is_local else _refusals(here, since_ms)))

    found = here.looked(trouble)
    return NO_POLICIES if here.is_local and found == Saw(()) else found


def _refusals(here: Here, since_ms: int) -> Iterator[str]:
    logs = here.client("logs")
    for function in here.functions():
        group = f"/aws/lambda/{here.place.function_name(function)}"
        try:
            pages = logs.get_paginator("filter_log_events").paginate(
                logGroupName=group, startTime=since_ms, filterPattern=REFUSED
            )
            lines = [event["message"].strip() for page in pages for event in page["events"]]
        except ClientError as error:
            if code_of(error) != "ResourceNotFoundException":
                raise
            continue  # it was never called
        if lines:
            yield f"{function}: {len(lines)} refusals, such as {lines[0][:300]}"


def invoke(here: Here, function: str, payload: Mapping[str, Any]) -> tuple[Any, str | None]:
    """Call a function of the stage; what it returned, and what went wrong in it."""
    name = here.place.function_name(function)
    answer = here.client("lambda").invoke(FunctionName=name, Payload=json.dumps(payload))
    body = json.loads(answer["Payload"].read() or "null")
    return body, f"{function}: {_said(body)}" if "FunctionError" in answer else None


def _said(body: object) -> str:
    return str(body.get("errorMessage", body))[:300] if isinstance(body, Mapping) else str(body)[:300]


def scheduled_event(here: Here, now_ms: int) -> dict[str, Any]:
    """The event with which a rule calls the sweep."""
    return {
        "version": "0",
        "id": "00000000-0000-0000-0000-000000000000",
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": here.place.account,
        "time": datetime.fromtimestamp(now_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": here.place.region,
        "resources": [here.place.arn("events", f"rule/{here.place.prefix}-sweep-event")],
        "detail": {},
    }
