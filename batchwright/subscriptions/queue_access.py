"""Whether an SQS queue's own policy lets a topic send to it, and the statement that does.

Owns the reading of such a policy, as far as it can be told without asking AWS, and the statement. What is not
understood of a policy is neither a yes nor a no.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

SENDER = "sns.amazonaws.com"
_REGIONAL_SENDER = re.compile(r"sns\.[a-z0-9-]+\.amazonaws\.com(\.cn)?")
_ACTION = "sqs:SendMessage"
_LIKE = frozenset({"ArnLike", "ArnEquals", "StringLike"})
_EXACT = frozenset({"StringEquals"})
_ANY_CASE = frozenset({"StringEqualsIgnoreCase", "Bool"})


def statement(queue_arn: str, topic_arn: str) -> dict[str, Any]:
    """The statement of a queue's policy that lets the topic send to it, and nobody else."""
    return {
        "Effect": "Allow",
        "Principal": {"Service": SENDER},
        "Action": _ACTION,
        "Resource": queue_arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": topic_arn}},
    }


def with_statement(policy: str | None, queue_arn: str, topic_arn: str) -> str:
    """The policy with that statement after all that it has."""
    document = json.loads(policy) if policy else {"Version": "2012-10-17", "Statement": []}
    return json.dumps({**document, "Statement": [*_statements(document), statement(queue_arn, topic_arn)]})


def lets_send(policy: str | None, queue_arn: str, topic_arn: str) -> bool | None:
    """Whether the policy lets the topic send to the queue; None when that is not to be told from it."""
    document = json.loads(policy) if policy else {}
    allowed: bool | None = False
    for one in _statements(document):
        concerns = _concerns(one, queue_arn, topic_arn)
        if one.get("Effect") == "Deny":
            if concerns is None:
                return None
            if concerns:
                return False
        elif concerns or (concerns is None and allowed is False):
            allowed = concerns
    return allowed


def _statements(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    found = document.get("Statement", [])
    return [found] if isinstance(found, dict) else list(found)


def _concerns(one: Mapping[str, Any], queue_arn: str, topic_arn: str) -> bool | None:
    """Whether the statement is about the topic's sending to the queue."""
    parts = [
        _has_sender(one),
        _has(one, "Action", _ACTION.lower(), lower=True),
        _has(one, "Resource", queue_arn, lower=False),
        _conditions_hold(one.get("Condition", {}), topic_arn),
    ]
    return False if False in parts else None if None in parts else True


def _has_sender(one: Mapping[str, Any]) -> bool | None:
    if "NotPrincipal" in one:
        return None
    principal = one.get("Principal")
    if not isinstance(principal, dict):
        return principal == "*"
    services = _listed(principal.get("Service"))
    if "*" in _listed(principal.get("AWS")) or SENDER in services:
        return True
    # SNS of a region that one opts into: whether that is the sender hangs on both regions.
    return None if any(_REGIONAL_SENDER.fullmatch(str(one)) for one in services) else False


def _has(one: Mapping[str, Any], name: str, value: str, *, lower: bool) -> bool | None:
    if f"Not{name}" in one:
        return None
    return any(_like(value, pattern.lower() if lower else pattern) for pattern in _listed(one.get(name)))


def _conditions_hold(conditions: Mapping[str, Mapping[str, Any]], topic_arn: str) -> bool | None:
    """For a message that SNS brings over TLS, for the topic and its account."""
    known = {"aws:sourcearn": topic_arn, "aws:sourceaccount": topic_arn.split(":")[4], "aws:securetransport": "true"}
    parts: list[bool | None] = []
    for operator, keys in conditions.items():
        name = operator.removesuffix("IfExists")
        for key, wanted in keys.items():
            value = known.get(key.lower())
            parts.append(None if value is None else _compared(name, value, [str(one) for one in _listed(wanted)]))
    return False if False in parts else None if None in parts else True


def _compared(operator: str, value: str, wanted: list[str]) -> bool | None:
    if operator in _LIKE:
        return any(_like(value, pattern) for pattern in wanted)
    if operator in _EXACT:
        return value in wanted
    if operator in _ANY_CASE:
        return value.lower() in [one.lower() for one in wanted]
    if "Not" in operator:
        found = _compared(operator.replace("Not", ""), value, wanted)
        return None if found is None else not found
    return None


def _like(value: str, pattern: str) -> bool:
    """`*` stands for any text, `?` for any character."""
    parts = (".*" if one == "*" else "." if one == "?" else re.escape(one) for one in pattern)
    return re.fullmatch("".join(parts), value, re.DOTALL) is not None


def _listed(value: Any) -> list[Any]:
    return [] if value is None else value if isinstance(value, list) else [value]
