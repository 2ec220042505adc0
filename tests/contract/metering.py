"""What the database says a call costs, and how large an item is by DynamoDB's published rule."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

WRITES = ("PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem")


@dataclass
class Meter:
    """The calls made while it ran: operation and units of each, in order."""

    calls: list[tuple[str, float]] = field(default_factory=list)

    @property
    def write_units(self) -> float:
        return sum(units for operation, units in self.calls if operation in WRITES)

    @property
    def read_units(self) -> float:
        return sum(units for operation, units in self.calls if operation not in WRITES)


@contextmanager
def metered(client: Any) -> Iterator[Meter]:
    """Asks for the consumed capacity of every call of this client and adds it up."""
    meter = Meter()

    def ask(params: dict[str, Any], **_: Any) -> None:
        params["ReturnConsumedCapacity"] = "TOTAL"

    def note(parsed: Mapping[str, Any], model: Any, **_: Any) -> None:
        if "ConsumedCapacity" in parsed:
            # A call for several items tells of each table.
            told = parsed["ConsumedCapacity"]
            tables = told if isinstance(told, list) else [told]
            meter.calls.append((model.name, sum(one["CapacityUnits"] for one in tables)))

    client.meta.events.register("before-parameter-build.dynamodb", ask)
    client.meta.events.register("after-call.dynamodb", note)
    try:
        yield meter
    finally:
        client.meta.events.unregister("before-parameter-build.dynamodb", ask)
        client.meta.events.unregister("after-call.dynamodb", note)


@contextmanager
def called(client: Any) -> Iterator[list[str]]:
    """The operations that this client calls meanwhile, in order; also where a server tells of no units."""
    operations: list[str] = []

    def note(model: Any, **_: Any) -> None:
        operations.append(model.name)

    client.meta.events.register("before-call.dynamodb", note)
    try:
        yield operations
    finally:
        client.meta.events.unregister("before-call.dynamodb", note)


def item_bytes(item: Mapping[str, Any]) -> int:
    """The size of an item on the wire's form, by
    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html"""
    return sum(len(name.encode()) + _value_bytes(value) for name, value in item.items())


def _value_bytes(value: Mapping[str, Any]) -> int:
    [(kind, content)] = value.items()
    match kind:
        case "S":
            return len(content.encode())
        case "N":
            return (len(content.strip("-0")) + 1) // 2 + 1
        case "NS":
            return sum(_value_bytes({"N": number}) for number in content)
        case "BOOL":
            return 1
        case "B":
            return len(content)
        case "L":
            return 3 + sum(1 + _value_bytes(element) for element in content)
        case "M":
            return 3 + sum(1 + len(name.encode()) + _value_bytes(element) for name, element in content.items())
    raise ValueError(kind)
