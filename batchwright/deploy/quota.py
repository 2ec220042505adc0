"""How many executions at once Lambda allows the account, what a stage takes of them, and whom to ask for more.

Owns the reading of the quota and the words about it. The figures are core/concurrency.py's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from batchwright.deploy.account import is_missing
from chalicelib.core.concurrency import (
    QUOTA_FOR_FULL_CEILINGS,
    UNRESERVED_MINIMUM,
    authorizer_reservation,
    ceilings_within,
)

QUOTA_CODE = "L-B99A9384"
"""Of Service Quotas: Lambda's concurrent executions."""
WANTED = 1000
"""What Lambda allows an account by default; new accounts begin with 10."""


@dataclass(frozen=True, slots=True)
class Quota:
    """The account's concurrent executions, and those of them that no function but the stage's authorizer reserves."""

    executions: int
    unreserved: int

    @property
    def is_small(self) -> bool:
        """Whether the ceilings of the queues are lowered for it."""
        return self.executions < QUOTA_FOR_FULL_CEILINGS

    @property
    def reservation(self) -> int | None:
        return authorizer_reservation(self.unreserved)

    def advice(self, *, has_authorizer: bool) -> str | None:
        """Sentences on what a small quota lowers or leaves out, and what to do. None if the quota is large enough."""
        ask = (
            f"ask for {WANTED:,}: `aws service-quotas request-service-quota-increase --service-code lambda "
            f"--quota-code {QUOTA_CODE} --desired-value {WANTED}`, then deploy again"
        )
        allowed = f"Lambda allows this account {self.executions:,} executions at a time"
        if self.is_small:
            ceilings = ceilings_within(self.executions)
            return (
                f"{allowed}, so on_events may use {ceilings.events} and on_commands {ceilings.commands} of them, and "
                f"runs advance slowly under load; {ask}"
            )
        if has_authorizer and self.reservation is None:
            return (
                f"{allowed}, and {UNRESERVED_MINIMUM} of them must stay unreserved, so none are reserved for the "
                f"authorizer and strangers' calls can use up the others; {ask}"
            )
        return None


def read_quota(client: Any, authorizer: str) -> Quota:
    """The quota, by a client of Lambda; `authorizer` is the name of the stage's function, which need not be there."""
    limit = client.get_account_settings()["AccountLimit"]
    return Quota(limit["ConcurrentExecutions"], limit["UnreservedConcurrentExecutions"] + _reserved(client, authorizer))


def _reserved(client: Any, name: str) -> int:
    try:
        return int(client.get_function_concurrency(FunctionName=name).get("ReservedConcurrentExecutions", 0))
    except ClientError as error:
        if is_missing(error):
            return 0
        raise
