"""Whom a notice reaches of those who are subscribed, as far as that can be told before it arrives.

Owns the judgement of each and its words. Whether a message then gets through (a mail that is thrown away, a function
that fails) is the receiver's to say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from batchwright.subscriptions.listing import Subscription
from batchwright.subscriptions.subscribing import SubscribedQueue
from batchwright.terminal.words import number_of
from chalicelib.core.errors import UserMistake
from chalicelib.core.notice.model import Notice
from chalicelib.core.notice.publication import attribute_values

_MAILS = ("email", "email-json", "sms")


class Reach(StrEnum):
    """What becomes of a notice for one who is subscribed, in the order in which they are shown."""

    TOLD = "told"
    UNKNOWN = "not known"
    """Its filter policy, which somebody else wrote, is not understood."""
    SHUT = "queue shut"
    """The queue's own policy does not let the topic send."""
    GONE = "queue gone"
    NO_MAIL = "no mail here"
    UNCONFIRMED = "not confirmed"
    FILTERED = "filtered out"


@dataclass(frozen=True, slots=True)
class Reached:
    """One who is subscribed, and what becomes of the notice."""

    who: Subscription
    reach: Reach


def reached(found: Sequence[Subscription], notice: Notice, *, is_local: bool) -> list[Reached]:
    """What becomes of the notice, for each; a local AWS sends no mail."""
    return _in_order(Reached(one, _reach(one, notice, is_local)) for one in found)


def past_queues(judged: Sequence[Reached], look: Callable[[str], SubscribedQueue]) -> list[Reached]:
    """The same, with what keeps the topic from queues that are to be told. `look` finds one by its ARN, or raises
    UserMistake; of a queue that may not be looked at nothing is claimed."""
    return _in_order(replace(one, reach=_past_queue(one, look)) for one in judged)


def _past_queue(one: Reached, look: Callable[[str], SubscribedQueue]) -> Reach:
    if one.reach is not Reach.TOLD or one.who.protocol != "sqs":
        return one.reach
    try:
        return Reach.SHUT if look(one.who.address).is_open is False else Reach.TOLD
    except UserMistake:
        return Reach.GONE


def _in_order(judged: Iterable[Reached]) -> list[Reached]:
    order = list(Reach)
    return sorted(judged, key=lambda one: order.index(one.reach))


def _reach(one: Subscription, notice: Notice, is_local: bool) -> Reach:
    if one.is_pending:
        return Reach.UNCONFIRMED
    hears = one.hears(attribute_values(notice))
    if hears is None:
        return Reach.UNKNOWN
    if not hears:
        return Reach.FILTERED
    return Reach.NO_MAIL if is_local and one.protocol in _MAILS else Reach.TOLD


def in_sum(judged: Sequence[Reached]) -> str:
    """Whom it reaches, in a sentence."""
    if not judged:
        return "Nobody is subscribed; `batchwright notices subscribe ADDRESS` changes that."
    told = sum(one.reach is Reach.TOLD for one in judged)
    return f"It reaches {told:,} of {number_of(len(judged), 'subscription')}:"
