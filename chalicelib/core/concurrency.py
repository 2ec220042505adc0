"""How many invocations at once each queue may feed, and the authorizer may have, of what Lambda allows an account.

Owns the figures and their variables. app.py declares the ceilings to Lambda; a deployment sets the variables where the
account's quota is small.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from chalicelib.core.errors import UserMistake

EVENTS_CONCURRENCY = "BATCHWRIGHT_EVENTS_CONCURRENCY"
COMMANDS_CONCURRENCY = "BATCHWRIGHT_COMMANDS_CONCURRENCY"
CEILING_MINIMUM = 2
CEILING_MAXIMUM = 1000
"""Between these is an event source mapping's `MaximumConcurrency`:
https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html"""
QUOTA_FOR_FULL_CEILINGS = 50
UNRESERVED_MINIMUM = 100
"""Executions that Lambda keeps free of reservations:
https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html"""
AUTHORIZER_RESERVED = 10
"""Executions that the authorizer may use at once. It takes some 20 ms a call, so ten let 500 requests a second in."""


@dataclass(frozen=True, slots=True)
class Ceilings:
    """Maximum number of invocations at once, by queue."""

    events: int
    commands: int


# An invocation handles up to ten events in about a second, so 20 handle 200 a second. That is more than the events that
# 50 new jobs a second send, which is what AWS Batch allows an account. A job takes a command's invocation about 0.13 s
# (SubmitJob up to 0.1, three calls of the table), so that ten could submit 75 a second and five only 38. The governor
# (engine/advance/rate_limiter.py) holds them below the 50 of an account.
CEILINGS = Ceilings(events=20, commands=10)


def ceilings_within(quota: int) -> Ceilings:
    """The ceilings for an account's quota of concurrent executions. A small quota is shared, so that the API, the
    sweep and other functions of the account have two fifths of it."""
    return Ceilings(
        events=min(CEILINGS.events, max(CEILING_MINIMUM, quota * 2 // 5)),
        commands=min(CEILINGS.commands, max(CEILING_MINIMUM, quota // 5)),
    )


def ceilings_of(environment: Mapping[str, str]) -> Ceilings:
    """The ceilings, with what the environment sets. Raises UserMistake naming the variable, the rule and the value."""
    return Ceilings(
        _ceiling(environment, EVENTS_CONCURRENCY, CEILINGS.events),
        _ceiling(environment, COMMANDS_CONCURRENCY, CEILINGS.commands),
    )


def variables_within(quota: int) -> dict[str, str | None]:
    """The variables that bring the ceilings below a quota; None for one that is not needed."""
    found = ceilings_within(quota)
    return {
        EVENTS_CONCURRENCY: None if found.events == CEILINGS.events else str(found.events),
        COMMANDS_CONCURRENCY: None if found.commands == CEILINGS.commands else str(found.commands),
    }


def authorizer_reservation(unreserved: int) -> int | None:
    """Executions to reserve for the authorizer, of those that no other function reserves; None for too few of them."""
    return AUTHORIZER_RESERVED if unreserved - AUTHORIZER_RESERVED >= UNRESERVED_MINIMUM else None


def _ceiling(environment: Mapping[str, str], name: str, otherwise: int) -> int:
    text = environment.get(name, "").strip()
    if not text:
        return otherwise
    if not (text.isascii() and text.isdigit() and CEILING_MINIMUM <= int(text) <= CEILING_MAXIMUM):
        raise UserMistake(f"{name} must be a whole number from {CEILING_MINIMUM} to {CEILING_MAXIMUM}, not '{text}'")
    return int(text)
