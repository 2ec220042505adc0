"""Who is told by a stage: the subscriptions of its topic.

Owns what SNS is asked about them, and which protocol an address is subscribed by. What is told is chalicelib's
(docs/how-to/get-notices.md).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from batchwright.subscriptions.filter_policy import Attributes, lets_through
from chalicelib.core.errors import UserMistake
from chalicelib.core.notice.kinds import NoticeKind, Severity
from chalicelib.core.suggest import Names, shown

_PENDING = "PendingConfirmation"
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")
_QUEUE_ARN = re.compile(r"arn:[a-z-]+:sqs:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_.-]{1,80}")
_FUNCTION_ARN = re.compile(r"arn:[a-z-]+:lambda:[a-z0-9-]+:[0-9]{12}:function:[A-Za-z0-9_:-]{1,140}")

_PASSWORD = re.compile(r"^(https?://[^/@:?#\s]*:)[^/?#\s]*(@)", re.IGNORECASE)
_HOST = re.compile(r"[A-Za-z0-9._-]+|[0-9a-f:.]+", re.IGNORECASE)
_THIS_MACHINE = ("localhost", "127.0.0.1", "::1")
_BY_ATTRIBUTES = "MessageAttributes"

FILTERS: Mapping[str, tuple[str, ...] | None] = {
    "kind": tuple(NoticeKind),
    "severity": tuple(Severity),
    "workflow": None,
    "monitor": None,
    "queue": None,
}
"""What a subscription can choose by: the attributes of a notice, and which values they have, if that is known."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """Who is told what. `arn` is None until it is confirmed; `filters` are empty for all notices. `policy` is the
    filter policy as SNS has it, `scope` what it chooses by."""

    protocol: str
    address: str
    arn: str | None
    filters: Mapping[str, tuple[str, ...]]
    policy: Mapping[str, Any] = field(default_factory=dict)
    scope: str = _BY_ATTRIBUTES

    @property
    def shown_address(self) -> str:
        """The address as it is printed: without its password."""
        return without_password(self.address)

    @property
    def is_pending(self) -> bool:
        return self.arn is None

    @property
    def subscription_id(self) -> str | None:
        return None if self.arn is None else self.arn.rpartition(":")[2]

    def hears(self, attributes: Attributes) -> bool | None:
        """Whether it hears a notice with these attributes, as SNS judges; None when that cannot be told here."""
        if self.is_pending:
            return False
        if self.scope != _BY_ATTRIBUTES and self.policy:
            return None
        return lets_through(self.policy, attributes)

    def document(self) -> dict[str, Any]:
        """As `--json` prints it."""
        return {
            "subscription_id": self.subscription_id,
            "protocol": self.protocol,
            "address": self.shown_address,
            "pending": self.is_pending,
            "filters": {name: list(values) for name, values in self.filters.items()},
        }


def without_password(address: str) -> str:
    """An address with stars for the password that it may hold, as SNS shows it."""
    return _PASSWORD.sub(r"\1****\2", address)


def _shown(address: str) -> str:
    return shown(without_password(address))


def protocol_of(address: str) -> str:
    """What SNS calls the way to an address. Raises UserMistake, also for what SNS would take and never reach."""
    if _QUEUE_ARN.fullmatch(address):
        if address.endswith(".fifo"):
            raise UserMistake(
                f"{_shown(address)} is a FIFO queue, which no standard topic can send to; take a standard one"
            )
        return "sqs"
    if _FUNCTION_ARN.fullmatch(address):
        return "lambda"
    for scheme in ("https", "http"):
        if address.startswith(f"{scheme}://"):
            _check_url(address)
            return scheme
    if _EMAIL.fullmatch(address):
        return "email"
    raise UserMistake(
        f"{_shown(address)} is no address that can be subscribed: give an e-mail address, an https:// address, or the "
        "ARN of an SQS queue or a Lambda function"
    )


def _check_url(address: str) -> None:
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname or "", parts.port
    except ValueError as error:
        raise UserMistake(f"{_shown(address)} is no address of an endpoint: {error}") from error
    if not _HOST.fullmatch(host) or re.search(r"\s", address):
        raise UserMistake(f"{_shown(address)} names no host; write it as in https://example.com/notices")
    if parts.scheme == "http" and host not in _THIS_MACHINE:
        raise UserMistake(
            f"{_shown(address)} would be told in clear, with the lines that jobs wrote; give its https:// address "
            "(http:// is for this machine's own SNS)"
        )


def filters_of(given: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, ...]]:
    """The filters that are no empty ones. Raises UserMistake for a value that no notice has."""
    filters = {}
    for name, values in given.items():
        known = FILTERS[name]
        for value in values:
            if known is not None and value not in known:
                hint = Names(known).suggestion(value) or f"there are {', '.join(known)}"
                raise UserMistake(f"--{name} {value}: no notice has it; {hint}")
        if values:
            filters[name] = tuple(dict.fromkeys(values))
    return filters


class Subscriptions:
    """The subscriptions of one topic."""

    def __init__(self, sns: Any, topic_arn: str) -> None:
        self._sns = sns
        self._topic_arn = topic_arn

    def all(self) -> list[Subscription]:
        """All of them, by protocol and address."""
        pages = self._sns.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=self._topic_arn)
        found = [self._read(one) for page in pages for one in page["Subscriptions"]]
        return sorted(found, key=lambda one: (one.protocol, one.address))

    def add(self, address: str, filters: Mapping[str, tuple[str, ...]], *, raw: bool = False) -> Subscription:
        """Subscribe an address, or change what one that is subscribed hears; as it is then. Raises UserMistake."""
        protocol = protocol_of(address)
        if raw and protocol not in ("sqs", "http", "https"):
            raise UserMistake(
                f"--raw is for queues and HTTP endpoints, and {_shown(address)} is subscribed by {protocol}"
            )
        there = next((one for one in self.all() if (one.protocol, one.address) == (protocol, address)), None)
        # Nothing to choose by is every notice.
        attributes = {"FilterPolicy": json.dumps(filters) if filters else "{}", "RawMessageDelivery": str(raw).lower()}
        if protocol not in ("sqs", "http", "https"):
            del attributes["RawMessageDelivery"]
        if there is not None and there.arn is not None:
            for name, value in attributes.items():
                self._sns.set_subscription_attributes(
                    SubscriptionArn=there.arn, AttributeName=name, AttributeValue=value
                )
            return Subscription(protocol, address, there.arn, filters, dict(filters))
        if not filters:
            del attributes["FilterPolicy"]
        answer = self._sns.subscribe(
            TopicArn=self._topic_arn, Protocol=protocol, Endpoint=address, Attributes=attributes
        )
        arn = answer["SubscriptionArn"]
        return Subscription(protocol, address, arn if arn.startswith("arn:") else None, filters, dict(filters))

    def remove(self, named: str) -> Subscription:
        """End the one with that address or id; what it was. Raises UserMistake."""
        there = self.all()
        # SNS lists an address without its password.
        names = (named, without_password(named))
        found = [one for one in there if {*names} & {one.address, one.subscription_id, one.arn}]
        if not found:
            known = [one.shown_address for one in there] + [one.subscription_id for one in there if one.subscription_id]
            hint = Names(known).suggestion(named) or "`batchwright notices list` shows who is"
            raise UserMistake(f"{_shown(named)} is not subscribed; {hint}")
        if len(found) > 1:
            ids = ", ".join(one.subscription_id or "pending" for one in found)
            raise UserMistake(f"{_shown(named)} is subscribed {len(found)} times; give an id: {ids}")
        [one] = found
        if one.arn is None:
            raise UserMistake(
                f"the subscription of {_shown(named)} waits to be confirmed, and SNS ends none before that; it forgets "
                "it by itself after two days"
            )
        self._sns.unsubscribe(SubscriptionArn=one.arn)
        return one

    def _read(self, listed: Mapping[str, str]) -> Subscription:
        arn: str | None = listed["SubscriptionArn"]
        policy: dict[str, Any] = {}
        scope = _BY_ATTRIBUTES
        if arn is None or not arn.startswith("arn:"):
            arn = None
        else:
            attributes = self._sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]
            if attributes.get("PendingConfirmation") == "true":
                arn = None
            policy = json.loads(attributes.get("FilterPolicy") or "{}")
            scope = attributes.get("FilterPolicyScope") or scope
        return Subscription(listed["Protocol"], listed["Endpoint"], arn, _filters(policy), policy, scope)


def _filters(read: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """A filter policy as it is shown; of one that somebody else wrote, its conditions as JSON."""
    return {
        name: tuple(one if isinstance(one, str) else json.dumps(one) for one in values)
        if isinstance(values, list)
        else (json.dumps(values),)
        for name, values in read.items()
    }
