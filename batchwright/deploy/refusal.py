"""Reads AWS's refusal of a deployer's call: the missing permission, and the resource that it is about.

Owns the reading of the refusal, wherever it was found: in the error of a call, in the events of a stack, or in what
Chalice printed. The permissions of a whole deployment are in infra/deployer-policy.json.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from botocore.exceptions import ClientError

from batchwright.deploy.account import DeployError
from chalicelib.core.errors import TryAgain

POLICY = "infra/deployer-policy.json"
BATCH_POLICY = "infra/deployer-policy-batch.json"
_OF_BATCH = ("batch:", "ec2:", "iam:CreateServiceLinkedRole", "iam:AttachRolePolicy", "iam:DetachRolePolicy")
_NAMED = re.compile(
    r"not authorized to perform:? (?P<action>[\w-]+:\w+)(?: on (?:the )?resource:? (?P<resource>[^\s,]+))?"
)
_DENIED = ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError", "403")
"""Codes of refusals, some of which do not say what is missing."""
_EXPLICIT = "explicit deny"


@dataclass(frozen=True, slots=True)
class Refusal:
    """A call that AWS refused. `action` is as a policy names it; `resource` is empty if AWS does not say it."""

    action: str
    resource: str
    text: str

    def __str__(self) -> str:
        on = f" on {self.resource}" if self.resource else ""
        if _EXPLICIT in self.text:
            return f"AWS refuses {self.action}{on}. A policy denies it, and no other one can allow it: {self.text}"
        file = BATCH_POLICY if self.action.startswith(_OF_BATCH) or "instance-profile/" in self.resource else POLICY
        return (
            f"AWS refuses {self.action}{on}: your credentials lack this permission. All that a deployer needs is in "
            f"{file} (docs/how-to/deploy-a-stage.md). AWS said: {self.text}"
        )


def refusal_of(error: Exception) -> Refusal | None:
    """The refusal that an error is about; None if it is about something else."""
    cause = error.__cause__ if isinstance(error, TryAgain) and error.__cause__ else error
    text = str(cause)
    if found := _NAMED.search(text):
        return Refusal(found["action"], (found["resource"] or "").strip('".'), text)
    if isinstance(cause, ClientError) and cause.response.get("Error", {}).get("Code") in _DENIED:
        return Refusal(cause.operation_name, "", text)
    return None


@contextmanager
def refusals_named() -> Iterator[None]:
    """Raise DeployError that names the missing permission in place of an error by which AWS refuses a call."""
    try:
        yield
    except (ClientError, DeployError, TryAgain) as error:
        if found := refusal_of(error):
            raise DeployError(str(found)) from error
        raise
