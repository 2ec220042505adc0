"""Who is subscribed, as a person sees it."""

from __future__ import annotations

from collections.abc import Sequence

from batchwright.subscriptions.listing import Subscription
from batchwright.terminal.tables import Column, Short


def subscription_columns(found: Sequence[Subscription]) -> list[Column]:
    """A row each, in the given order."""
    return [
        Column("id", [one.subscription_id or "not confirmed" for one in found]),
        Column("by", [one.protocol for one in found], goes=1),
        Column("address", [one.shown_address for one in found]),
        Column("hears", [hears(one) for one in found], least=24, short=Short.LINES),
    ]


def hears(one: Subscription) -> str:
    """What a subscription lets through, in words."""
    said = [f"{name} {' or '.join(values)}" for name, values in one.filters.items()]
    return ", ".join(said) or ("what is known once it is confirmed" if one.is_pending else "everything")
