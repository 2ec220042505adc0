"""The calls to the one table: get, put, update, query, with plain Python values in and out.

Owns the wire form of values, the placeholders of expressions, paging, and how a conditional write learns whether it
landed. What the items mean is items.py's.

In an expression, `#word` stands for the attribute `word` and `:word` for the value of that name.
"""

from __future__ import annotations

import random
import re
import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chalicelib.aws.answers import ClientError, answers, code_of
from chalicelib.core.errors import Throttled

Item = dict[str, Any]
Key = tuple[str, str]

WRITE = "write"
"""The attribute that names the write which made an item what it is. botocore repeats a call whose answer was lost;
when the repetition then fails its condition, this tells that it met its own first try and no stranger's."""

_NAME = re.compile(r"#(\w+)")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a conditional write. `item`: what it asked to be returned if it landed, else what stood there."""

    landed: bool
    item: Item | None


@dataclass(frozen=True, slots=True)
class Addition:
    """An update of an item that is done together with a put, and only with it."""

    key: Key
    update: str
    values: Mapping[str, Any]


_TRANSACTION_TRIES = 10
_CONDITION_FAILED = "ConditionalCheckFailed"
_TRANSACTION_WAITS = frozenset({"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"})
"""Why a transaction was cancelled that may be tried again: of two that meet, one goes through."""
_BATCH_KEYS = 100
_BATCH_PUTS = 25
_BATCH_TRIES = 10
"""Of one call, which answers with 16 MB at most, and with less while the table is busy."""


_PAUSE_SECONDS = 0.02
_PAUSE_SECONDS_MAXIMUM = 0.5


@dataclass(frozen=True, slots=True)
class Pauses:
    """The pauses between the tries of a call, of at most 2.7 seconds in all. Each is drawn from a range that doubles,
    because those that met once would meet again: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/

    `draw` gives a number from 0 to 1.
    """

    sleep: Callable[[float], None] = time.sleep
    draw: Callable[[], float] = random.random

    def between(self, tries: int) -> Iterator[None]:
        """One element a try, each but the first after a pause."""
        yield
        for number in range(tries - 1):
            self.sleep(self.draw() * min(_PAUSE_SECONDS_MAXIMUM, _PAUSE_SECONDS * 2**number))
            yield


@dataclass(frozen=True, slots=True)
class Page:
    """Items of the table or of an index, where the next page starts (None at the end), and how many items were looked
    at."""

    items: list[Item]
    start: Item | None
    looked_at: int


class Table:
    """The table of that name, through a DynamoDB client that is passed in."""

    def __init__(self, client: Any, name: str, pauses: Pauses | None = None) -> None:
        self._client = client
        self._name = name
        self._pauses = pauses or Pauses()

    def get(self, key: Key) -> Item | None:
        """The item, read consistently."""
        with answers("GetItem"):
            answer = self._client.get_item(TableName=self._name, Key=_key(key), ConsistentRead=True)
        return from_wire_item(answer["Item"]) if answer.get("Item") else None

    def put(self, key: Key, attributes: Mapping[str, Any]) -> None:
        """Put an item whatever was there: for items named by their content."""
        with answers("PutItem"):
            self._client.put_item(TableName=self._name, Item=_key(key) | _present(attributes))

    def put_if(
        self, key: Key, attributes: Mapping[str, Any], condition: str, values: Mapping[str, Any] | None = None
    ) -> Outcome:
        """Put an item if the condition holds. `item` of the outcome is what stood in the way, or what was replaced."""
        write = secrets.token_hex(6)
        request = {
            "ReturnValues": "ALL_OLD",
            "TableName": self._name,
            "Item": _key(key) | _present({**attributes, WRITE: write}),
            **_expressions({"ConditionExpression": condition}, values or {}),
        }
        return self._conditional("PutItem", self._client.put_item, request, write)

    def put_with(
        self,
        key: Key,
        attributes: Mapping[str, Any],
        condition: str,
        values: Mapping[str, Any] | None,
        additions: Sequence[Addition],
    ) -> Outcome:
        """Put an item if the condition holds, and do the additions, in one transaction: all of it or nothing.

        `item` of the outcome is what stood in the way; what was replaced, a transaction does not tell. Raises Throttled
        where transactions of others have the same items again and again.
        """
        write = secrets.token_hex(6)
        put = {
            "TableName": self._name,
            "Item": _key(key) | _present({**attributes, WRITE: write}),
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            **_expressions({"ConditionExpression": condition}, values or {}),
        }
        updates = [
            {
                "TableName": self._name,
                "Key": _key(one.key),
                **_expressions({"UpdateExpression": one.update}, one.values),
            }
            for one in additions
        ]
        items = [{"Put": put}, *({"Update": update} for update in updates)]
        for _ in self._pauses.between(_TRANSACTION_TRIES):
            with answers("TransactWriteItems"):
                try:
                    self._client.transact_write_items(TransactItems=items)
                    return Outcome(landed=True, item=None)
                except ClientError as error:
                    if code_of(error) != "TransactionCanceledException":
                        raise
                    reasons = error.response.get("CancellationReasons") or [{}]
                    codes = {reason.get("Code") for reason in reasons}
                    if not codes & {_CONDITION_FAILED, *_TRANSACTION_WAITS}:
                        raise
            if _CONDITION_FAILED in codes:
                found = reasons[0].get("Item")
                item = from_wire_item(found) if found else self.get(key)
                return Outcome(landed=bool(item and item.get(WRITE) == write), item=item)
        raise Throttled("TransactWriteItems: others write to the same items again and again; ask again later")

    def update_if(
        self,
        key: Key,
        update: str,
        condition: str,
        values: Mapping[str, Any],
        *,
        returns: str = "ALL_NEW",
    ) -> Outcome:
        """Update an item if the condition holds. `update` begins with its SET clause."""
        write = secrets.token_hex(6)
        marked = re.sub(r"^SET ", f"SET #{WRITE} = :{WRITE}, ", update)
        request = {
            "TableName": self._name,
            "Key": _key(key),
            "ReturnValues": returns,
            **_expressions({"UpdateExpression": marked, "ConditionExpression": condition}, {**values, WRITE: write}),
        }
        return self._conditional("UpdateItem", self._client.update_item, request, write)

    def note_if(self, key: Key, update: str, condition: str, values: Mapping[str, Any]) -> None:
        """An update that may be repeated freely, and lost. It asks for nothing of the item: who may see some attributes
        alone may ask for none of the others.
        https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/specifying-conditions.html"""
        request = {
            "TableName": self._name,
            "Key": _key(key),
            "ReturnValues": "NONE",
            **_expressions({"UpdateExpression": update, "ConditionExpression": condition}, values),
        }
        with answers("UpdateItem"):
            try:
                self._client.update_item(**request)
            except ClientError as error:
                if code_of(error) != "ConditionalCheckFailedException":
                    raise

    def add_if(self, key: Key, update: str, condition: str | None, values: Mapping[str, Any]) -> Outcome:
        """An update that may be repeated freely; `item` of the outcome is the item as it was before."""
        parts = {"UpdateExpression": update}
        if condition:
            parts["ConditionExpression"] = condition
        request = {
            "TableName": self._name,
            "Key": _key(key),
            "ReturnValues": "ALL_OLD",
            **_expressions(parts, values),
        }
        return self._conditional("UpdateItem", self._client.update_item, request, None)

    def query(self, partition: str, prefix: str, *, only: Sequence[str] = ()) -> Iterator[Item]:
        """The partition's items whose sort key begins so, ascending, read consistently, all pages; with `only` these of
        their attributes, which takes less time and costs the same."""
        parts = {"KeyConditionExpression": "#pk = :pk AND begins_with(#sk, :prefix)"}
        if only:
            parts["ProjectionExpression"] = ", ".join(f"#{name}" for name in only)
        return self._pages({"ConsistentRead": True, **_expressions(parts, {"pk": partition, "prefix": prefix})})

    def query_between(self, partition: str, first: str, last: str) -> Iterator[Item]:
        """The partition's items whose sort keys lie there, both ends included, ascending, read consistently."""
        parts = {"KeyConditionExpression": "#pk = :pk AND #sk BETWEEN :first AND :last"}
        values = {"pk": partition, "first": first, "last": last}
        return self._pages({"ConsistentRead": True, **_expressions(parts, values)})

    def query_all(self, partition: str) -> Iterator[Item]:
        """The partition's items, ascending by sort key, read consistently, all pages."""
        parts = {"KeyConditionExpression": "#pk = :pk"}
        return self._pages({"ConsistentRead": True, **_expressions(parts, {"pk": partition})})

    def query_after(self, partition: str, sort_key: str, limit: int) -> Iterator[Item]:
        """The partition's items behind that sort key, ascending, read consistently; asks for no more than `limit` at a
        time."""
        parts = {"KeyConditionExpression": "#pk = :pk AND #sk > :after"}
        values = {"pk": partition, "after": sort_key}
        if not sort_key:
            # A key is never empty, and a condition may not compare with an empty one.
            parts, values = {"KeyConditionExpression": "#pk = :pk"}, {"pk": partition}
        return self._pages({"ConsistentRead": True, "Limit": limit, **_expressions(parts, values)})

    def query_index(
        self, index: str, condition: str, values: Mapping[str, Any], limit: int, *, ascending: bool = False
    ) -> Iterator[Item]:
        """The items of an index under that key condition; asks for no more than `limit` at a time."""
        request = _expressions({"KeyConditionExpression": condition}, values)
        return self._pages({"IndexName": index, "ScanIndexForward": ascending, "Limit": limit, **request})

    def query_page(
        self,
        index: str | None,
        condition: str,
        values: Mapping[str, Any],
        *,
        kept: str | None = None,
        only: Sequence[str] = (),
        limit: int | None = None,
        start: Item | None = None,
        ascending: bool = False,
    ) -> Page:
        """One page of an index, or of the table without one, under that key condition, eventually consistent: of at
        most `limit` items those that the condition `kept` holds for, or `only` some attributes of them, and where the
        next page starts. Without a limit a page is what a call looks at, 1 MB."""
        parts = {"KeyConditionExpression": condition}
        if kept:
            parts["FilterExpression"] = kept
        if only:
            parts["ProjectionExpression"] = ", ".join(f"#{name}" for name in only)
        request: dict[str, Any] = {
            "TableName": self._name,
            "ScanIndexForward": ascending,
            **_expressions(parts, values),
        }
        if index is not None:
            request["IndexName"] = index
        if limit is not None:
            request["Limit"] = limit
        if start is not None:
            request["ExclusiveStartKey"] = _present(start)
        with answers("Query"):
            answer = self._client.query(**request)
        last = answer.get("LastEvaluatedKey")
        items = [from_wire_item(item) for item in answer["Items"]]
        return Page(items, from_wire_item(last) if last else None, answer["ScannedCount"])

    def get_many(self, keys: Sequence[Key], *, consistent: bool = False) -> list[Item]:
        """The items under these keys that are there, in any order, eventually consistent unless it is wanted else."""
        found: list[Item] = []
        for first in range(0, len(keys), _BATCH_KEYS):
            asked = [_key(key) for key in keys[first : first + _BATCH_KEYS]]
            left = {self._name: {"Keys": asked, "ConsistentRead": consistent}}
            for _ in self._pauses.between(_BATCH_TRIES):
                with answers("BatchGetItem"):
                    answer = self._client.batch_get_item(RequestItems=left)
                found += map(from_wire_item, answer["Responses"].get(self._name, ()))
                left = answer.get("UnprocessedKeys") or {}
                if not left:
                    break
            else:
                raise Throttled("BatchGetItem: DynamoDB left some of the items out again and again; ask again later")
        return found

    def put_many(self, keys: Sequence[Key], attributes: Mapping[str, Any]) -> None:
        """Put items with these attributes under all these keys, whatever is there. Of a call that fails some may be
        there."""
        item = _present(attributes)
        for first in range(0, len(keys), _BATCH_PUTS):
            puts = [{"PutRequest": {"Item": _key(key) | item}} for key in keys[first : first + _BATCH_PUTS]]
            left = {self._name: puts}
            for _ in self._pauses.between(_BATCH_TRIES):
                with answers("BatchWriteItem"):
                    left = self._client.batch_write_item(RequestItems=left).get("UnprocessedItems") or {}
                if not left:
                    break
            else:
                raise Throttled("BatchWriteItem: DynamoDB left some of the items out again and again; ask again later")

    def _pages(self, request: dict[str, Any]) -> Iterator[Item]:
        request["TableName"] = self._name
        while True:
            with answers("Query"):
                answer = self._client.query(**request)
            yield from map(from_wire_item, answer["Items"])
            if not answer.get("LastEvaluatedKey"):
                return
            request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def _conditional(self, operation: str, call: Any, request: dict[str, Any], write: str | None) -> Outcome:
        if "ConditionExpression" in request:
            request["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
        with answers(operation):
            try:
                answer = call(**request)
            except ClientError as error:
                if code_of(error) != "ConditionalCheckFailedException":
                    raise
                found = error.response.get("Item")
                item = from_wire_item(found) if found else None
                return Outcome(landed=bool(item and write and item.get(WRITE) == write), item=item)
        attributes = answer.get("Attributes")
        return Outcome(landed=True, item=from_wire_item(attributes) if attributes else None)


def to_wire(value: Any) -> dict[str, Any]:
    """A value in DynamoDB's JSON: text, bool, int, bytes, set of ints or of texts, list, dict."""
    match value:
        case bool():
            return {"BOOL": value}
        case str():
            return {"S": str(value)}
        case int():
            return {"N": str(value)}
        case bytes():
            return {"B": value}
        case set() | frozenset() if all(isinstance(element, str) for element in value):
            return {"SS": sorted(value)}
        case set() | frozenset():
            return {"NS": [str(number) for number in sorted(value)]}
        case list() | tuple():
            return {"L": [to_wire(element) for element in value]}
        case dict():
            return {"M": _present(value)}
    raise TypeError(f"no wire form for {type(value).__name__}")


def from_wire(value: Mapping[str, Any]) -> Any:
    """The inverse of `to_wire`; every number is an int, for we store no other."""
    [(kind, content)] = value.items()
    match kind:
        case "N":
            return int(content)
        case "SS":
            return set(content)
        case "NS":
            return {int(number) for number in content}
        case "L":
            return [from_wire(element) for element in content]
        case "M":
            return from_wire_item(content)
        case "B":
            return bytes(content)
    return content


def from_wire_item(item: Mapping[str, Any]) -> Item:
    return {name: from_wire(value) for name, value in item.items()}


def _present(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """The attributes on the wire, without those that are None."""
    return {name: to_wire(value) for name, value in attributes.items() if value is not None}


def _key(key: Key) -> dict[str, Any]:
    return {"pk": {"S": key[0]}, "sk": {"S": key[1]}}


def _expressions(parts: Mapping[str, str], values: Mapping[str, Any]) -> dict[str, Any]:
    """The expressions with the names and values they mention."""
    names: Iterable[str] = {name for part in parts.values() for name in _NAME.findall(part)}
    request: dict[str, Any] = {**parts, "ExpressionAttributeNames": {f"#{name}": name for name in names}}
    if values:
        request["ExpressionAttributeValues"] = {f":{name}": to_wire(value) for name, value in values.items()}
    return request
