"""Whether the event bus that a stage tells is there.

EventBridge takes events for a bus that is not, and says nothing: nobody learns of it but by asking.
"""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from batchwright.deploy.account import is_missing
from chalicelib.core.suggest import Names


def bus_mistake(events: Any, name: str) -> str | None:
    """What is wrong with the bus of that name, with a suggestion; None when it is there. `events` is boto3's client."""
    try:
        events.describe_event_bus(Name=name)
    except ClientError as error:
        if not is_missing(error):
            raise
        hint = Names(_names(events)).suggestion(name) or "make it first, or take default, the account's own"
        return f"there is no event bus of that name in {events.meta.region_name}; {hint}"
    return None


def _names(events: Any) -> list[str]:
    """The buses that are there; none where we may not ask."""
    try:
        return [bus["Name"] for bus in events.list_event_buses()["EventBuses"]]
    except ClientError:
        return []
