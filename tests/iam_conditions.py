"""What a call tells the conditions of a policy: the partition key and the attributes that it names.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/specifying-conditions.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chalicelib.aws.table.tokens import PARTITION

ALL_ATTRIBUTES = "(all attributes)"
"""Stands for what a request is refused that may name some attributes alone, and asks for all."""


def partition_of(params: Mapping[str, Any]) -> str | None:
    """The partition key that a call of DynamoDB names; of several that of the tokens, if it is among them."""
    if "RequestItems" in params:
        several = [key["pk"]["S"] for asked in params["RequestItems"].values() for key in _keys(asked) if "pk" in key]
        return PARTITION if PARTITION in several else next(iter(several), None)
    values = params.get("ExpressionAttributeValues", {})
    # A query names it in its condition, which always has this placeholder for it.
    key = params.get("Key") or params.get("Item") or {"pk": values.get(":pk", {})}
    found: str | None = key.get("pk", {}).get("S")
    return found


def _keys(asked: Any) -> list[Mapping[str, Any]]:
    """The keys, or items, that one table is asked for: to read them, or to write each as it says."""
    if isinstance(asked, Mapping):
        return list(asked["Keys"])
    return [part.get("Item") or part["Key"] for request in asked for part in request.values()]


def attributes_of(params: Mapping[str, Any]) -> set[str]:
    """The attributes that a call of DynamoDB names in its key and its expressions. ALL_ATTRIBUTES is one of them if it
    asks for the whole item."""
    named = {*params.get("Key", {}), *params.get("ExpressionAttributeNames", {}).values()}
    asked = {params.get("ReturnValues"), params.get("ReturnValuesOnConditionCheckFailure")}
    return named | ({ALL_ATTRIBUTES} if asked & {"ALL_OLD", "ALL_NEW"} else set())
