"""Builds the whole from the environment: clients, adapters, the engine's world. The only place that knows all.

Variables (set by `.chalice/config.json` on AWS and by the local AWS on a laptop):
BATCHWRIGHT_TABLE, BATCHWRIGHT_EVENTS_QUEUE_URL, BATCHWRIGHT_COMMANDS_QUEUE_URL, BATCHWRIGHT_TOPIC_ARN.
Credentials, region and endpoints are boto3's own.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache

from chalicelib.aws.batch import AwsBatch
from chalicelib.aws.clients import Clients, clients
from chalicelib.aws.dynamodb import DynamoStore
from chalicelib.aws.sns import SnsNotices
from chalicelib.aws.sqs import SqsCommands, SqsInbox
from chalicelib.core.errors import UserMistake
from chalicelib.engine.messages import Mailbox
from chalicelib.engine.world import World

_VARIABLES = (
    "BATCHWRIGHT_TABLE",
    "BATCHWRIGHT_EVENTS_QUEUE_URL",
    "BATCHWRIGHT_COMMANDS_QUEUE_URL",
    "BATCHWRIGHT_TOPIC_ARN",
)


class WallClock:
    """The real time."""

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000


@dataclass(frozen=True)
class Wired:
    """The clients, the world without an owner on top of them, and the two queues that are consumed."""

    clients: Clients
    world: World
    events: Mailbox
    commands: Mailbox

    def world_of(self, owner: str) -> World:
        """The world for one invocation; `owner` is never used for another."""
        return replace(self.world, owner=owner)


def wire(environment: Mapping[str, str], aws: Clients) -> Wired:
    """Build everything on these clients. Raises UserMistake naming the variables that are missing."""
    missing = [name for name in _VARIABLES if not environment.get(name)]
    if missing:
        raise UserMistake(f"the environment lacks {', '.join(missing)}; `batchwright local env` prints them")
    table, events_url, commands_url, topic_arn = (environment[name] for name in _VARIABLES)
    commands = SqsCommands(aws.sqs, commands_url)
    world = World(
        store=DynamoStore(aws.dynamodb, table),
        batch=AwsBatch(aws.batch, aws.batch_submit),
        commands=commands,
        notices=SnsNotices(aws.sns, topic_arn),
        clock=WallClock(),
        owner="",
    )
    return Wired(
        clients=aws,
        world=world,
        events=Mailbox(SqsInbox(aws.sqs, events_url), SqsCommands(aws.sqs, events_url)),
        commands=Mailbox(SqsInbox(aws.sqs, commands_url), commands),
    )


@cache
def wired() -> Wired:
    """The wiring of this process, built at its first use and kept while it is warm."""
    return wire(os.environ, clients())
