"""What a benchmark measures with: a count of every AWS call that the app's own clients make."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from chalicelib.aws.clients import Clients

_WRITES = {"PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "TransactWriteItems"}
_WITH_CAPACITY = ("PutItem", "UpdateItem", "GetItem", "Query", "BatchGetItem", "DeleteItem")


@dataclass
class Meter:
    """Counts calls by name, and the units that DynamoDB says they used.

    `sequences` holds each invocation's function and calls in their order; `begin` opens the next one.
    """

    calls: Counter[str] = field(default_factory=Counter)
    write_units: float = 0.0
    read_units: float = 0.0
    sequences: list[tuple[str, list[str]]] = field(default_factory=list)

    def attach(self, clients: Clients) -> None:
        """Listen to these clients. Also asks DynamoDB to tell what each call consumed."""
        for client in {id(c): c for c in vars_of(clients)}.values():
            client.meta.events.register("after-call", self._after)
        for operation in _WITH_CAPACITY:
            clients.dynamodb.meta.events.register(f"provide-client-params.dynamodb.{operation}", _ask_for_capacity)

    def begin(self, function: str) -> None:
        self.sequences.append((function, []))

    def reset(self) -> None:
        """Forget what was counted, and count what follows as one invocation."""
        self.calls.clear()
        self.write_units = self.read_units = 0.0
        self.sequences[:] = [("start", [])]

    def copy(self) -> Meter:
        """What was counted so far, for keeping."""
        return Meter(Counter(self.calls), self.write_units, self.read_units, [(f, list(c)) for f, c in self.sequences])

    def most_table_calls_before_a_submit(self, function: str) -> int:
        """The largest number of DynamoDB calls that an invocation of `function` made before its first SubmitJob."""
        found = [
            sum(call.startswith("dynamodb.") for call in calls[: calls.index("batch.SubmitJob")])
            for name, calls in self.sequences
            if name == function and "batch.SubmitJob" in calls
        ]
        return max(found, default=0)

    def _after(self, http_response: Any, parsed: Any, model: Any, **_: Any) -> None:
        service = model.service_model.service_name
        self.calls[f"{service}.{model.name}"] += 1
        if self.sequences:
            self.sequences[-1][1].append(f"{service}.{model.name}")
        consumed = parsed.get("ConsumedCapacity") or {}
        units = float(consumed.get("CapacityUnits", 0.0)) if isinstance(consumed, dict) else 0.0
        if model.name in _WRITES:
            # A write whose condition failed has no answer to read units from; it consumed one.
            self.write_units += units or 1.0
        else:
            self.read_units += units


def vars_of(clients: Clients) -> list[Any]:
    return [clients.dynamodb, clients.sqs, clients.sns, clients.batch, clients.batch_submit]


def _ask_for_capacity(params: dict[str, Any], **_: Any) -> dict[str, Any]:
    return {**params, "ReturnConsumedCapacity": "TOTAL"}
