"""What is looked at before an address is subscribed: whether it, and what it is to hear of, can be there at all.

Owns the questions to AWS and the sentences. What can never work raises; what may be right, or cannot be looked at with
the rights that somebody has, is a note. The table is asked through the Api alone.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from batchwright.runs.view import every
from batchwright.subscriptions.notice_choice import impossible, why_nothing
from batchwright.subscriptions.queue_access import lets_send, statement, with_statement
from batchwright.subscriptions.run_queues import GONE
from chalicelib.api.port import Api
from chalicelib.aws.answers import code_of
from chalicelib.core.errors import TryAgain, UnknownWorkflow, UserMistake
from chalicelib.core.suggest import Names

Filters = Mapping[str, tuple[str, ...]]
_AWS_KEY = "alias/aws/sqs"
"""The key that AWS manages for SQS, whose policy nobody can change."""

_ELSEWHERE = (
    "The queue is in another region than the topic. Where accounts opt into one of the two, its policy must name "
    "another principal than sns.amazonaws.com: https://docs.aws.amazon.com/sns/latest/dg/sns-cross-region-delivery.html"
)


@dataclass(frozen=True, slots=True)
class SubscribedQueue:
    """An SQS queue that the topic is to send to. `url` and `policy` are None where its owner alone can look at it;
    `key` is the KMS key that it is encrypted with."""

    arn: str
    topic_arn: str
    sqs: Any
    url: str | None = None
    policy: str | None = None
    key: str | None = None
    notes: tuple[str, ...] = ()

    @property
    def is_open(self) -> bool | None:
        """Whether its policy lets the topic send; None when that is not known."""
        return None if self.url is None else lets_send(self.policy, self.arn, self.topic_arn)

    def allow(self) -> bool | None:
        """Add the statement that lets the topic send; whether it may then, for another may still forbid it. Raises
        UserMistake where the queue cannot be looked at."""
        if self.url is None:
            raise UserMistake(f"--allow: {self.arn} cannot be looked at, so its policy is not changed")
        added = with_statement(self.policy, self.arn, self.topic_arn)
        self.sqs.set_queue_attributes(QueueUrl=self.url, Attributes={"Policy": added})
        return lets_send(added, self.arn, self.topic_arn)

    def statement_text(self) -> str:
        return json.dumps(statement(self.arn, self.topic_arn), indent=2)


def check_filters(filters: Filters) -> list[str]:
    """Notes on kinds that these filters never let through. Raises UserMistake when they let nothing through."""
    if why := why_nothing(filters):
        raise UserMistake(why)
    return (
        [f"It never hears of {kind}: {why}." for kind, why in impossible(filters).items()] if "kind" in filters else []
    )


def notes_on_names(filters: Filters, api: Api, batch: Any) -> Iterator[str]:
    """What is not known here of what the filters name: it may be pushed or made later, so all of it is a note."""
    looks: dict[str, Callable[[Sequence[str]], Iterator[str]]] = {
        "workflow": partial(_workflows, api),
        "monitor": partial(_monitors, api),
        "queue": partial(_job_queues, batch),
    }
    for name, look in looks.items():
        if name not in filters:
            continue
        try:
            yield from look(filters[name])
        except (ClientError, BotoCoreError, TryAgain) as error:
            yield f"--{name} {', '.join(filters[name])}: whether that is there was not to be learned: {_said(error)}."


def find_queue(arn: str, topic_arn: str, sqs_in: Any, is_local: bool) -> SubscribedQueue:
    """Look at a queue, with a client for its region from `sqs_in(region)`. Raises UserMistake when it is not there."""
    _, _, _, region, account, name = arn.split(":")
    _, _, _, topic_region, topic_account, _ = topic_arn.split(":")
    if is_local and (region, account) != (topic_region, topic_account):
        raise UserMistake(f"{arn}: the local AWS has no region but {topic_region}, and no account but {topic_account}")
    sqs = sqs_in(region)
    if account != topic_account:
        note = (
            f"The queue is account {account}'s: whether it is there, and lets the topic send, can be seen there alone."
        )
        return SubscribedQueue(arn, topic_arn, sqs, notes=(note,))
    try:
        url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
    except ClientError as error:
        if code_of(error) in GONE:
            raise UserMistake(f"there is no SQS queue '{name}' in {region}; {_near(sqs, name)}") from error
        return _unseen(arn, topic_arn, sqs, error)
    except BotoCoreError as error:
        return _unseen(arn, topic_arn, sqs, error)
    try:
        wanted = ["Policy", "KmsMasterKeyId"]
        found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=wanted).get("Attributes", {})
    except (ClientError, BotoCoreError) as error:
        return _unseen(arn, topic_arn, sqs, error)
    key = found.get("KmsMasterKeyId") or None
    notes = [*([_ELSEWHERE] if region != topic_region else []), *_notes_on_key(key)]
    return SubscribedQueue(arn, topic_arn, sqs, url, found.get("Policy"), key, tuple(notes))


def _unseen(arn: str, topic_arn: str, sqs: Any, error: Exception) -> SubscribedQueue:
    note = f"Whether the queue is there and lets the topic send was not to be learned: {_said(error)}."
    return SubscribedQueue(arn, topic_arn, sqs, notes=(note,))


def _notes_on_key(key: str | None) -> Iterator[str]:
    if key is not None and key.endswith(_AWS_KEY):
        yield f"The queue is encrypted with {key}, which SNS may not use: Take SSE-SQS, or a key of yours."
    elif key is not None:
        yield f"The queue is encrypted with {key}: that key's policy must let sns.amazonaws.com use it."


def _near(sqs: Any, name: str) -> str:
    try:
        urls = sqs.list_queues(MaxResults=1_000).get("QueueUrls", [])
    except (ClientError, BotoCoreError):
        urls = []
    names = [url.rpartition("/")[2] for url in urls]
    return Names(names).suggestion(name) or f"`aws sqs create-queue --queue-name {name}` makes it"


def _workflows(api: Api, names: Sequence[str]) -> Iterator[str]:
    for name in names:
        try:
            api.workflow(name)
        except UnknownWorkflow:
            known = [one.name for one in every(lambda page: api.workflows(limit=1_000, page=page))]
            yield _unknown("workflow", name, "was pushed", known)


def _monitors(api: Api, names: Sequence[str]) -> Iterator[str]:
    known = list(api.monitors().definition.get("monitors", {}))
    for name in names:
        if name not in known:
            yield _unknown("monitor", name, "was pushed", known)


def _job_queues(batch: Any, names: Sequence[str]) -> Iterator[str]:
    pages = batch.get_paginator("describe_job_queues").paginate()
    known = [one["jobQueueName"] for page in pages for one in page["jobQueues"]]
    for name in names:
        if name not in known:
            yield _unknown("job queue", name, "is there", known)


def _unknown(what: str, name: str, is_there: str, known: list[str]) -> str:
    hint = Names(known).suggestion(name)
    return f"No {what} '{name}' {is_there}" + (f"; {hint}" if hint else ", so far.")


def _said(error: Exception) -> str:
    cause = error.__cause__ or error
    return f"{cause.operation_name} says {code_of(cause)}" if isinstance(cause, ClientError) else str(error)
