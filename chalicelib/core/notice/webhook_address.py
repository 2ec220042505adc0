"""Where the address of a Slack incoming webhook is kept. The address itself is a secret: who has it may post.

Owns how that place is written: a secret of Secrets Manager or a parameter of SSM, by its name or ARN.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlsplit

from chalicelib.core.errors import UserMistake

VARIABLE = "BATCHWRIGHT_SLACK_WEBHOOK"
"""The variable of the functions that holds the place. Without it there is no function that posts to Slack."""

SLACK_HOST = "hooks.slack.com"
GOV_SLACK_HOST = "hooks.slack-gov.com"
"""GovSlack's, for workspaces of the public sector of the United States."""
_HOSTS = (SLACK_HOST, GOV_SLACK_HOST)
_LOOPBACK_HOSTS = ("127.0.0.1", "localhost", "::1")

_SECRET = re.compile(r"secret:([A-Za-z0-9/_+=.@-]{1,512})")
_SECRET_ARN = re.compile(r"arn:[a-z-]+:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[A-Za-z0-9/_+=.@-]{1,519}")
_PARAMETER = re.compile(r"/[A-Za-z0-9_./-]{1,1010}")
_PARAMETER_ARN = re.compile(r"arn:[a-z-]+:ssm:[a-z0-9-]+:[0-9]{12}:parameter/[A-Za-z0-9_./-]{1,1010}")

_FORMS = "secret:NAME or the ARN of a secret of Secrets Manager, or /NAME or the ARN of a SecureString parameter of SSM"
_HOW = (
    "put the address into a file and store it with `aws secretsmanager create-secret --name batchwright-slack "
    "--secret-string file://FILE`, then give secret:batchwright-slack"
)


class Keeper(StrEnum):
    """Who keeps the address."""

    SECRETS_MANAGER = "secrets_manager"
    SSM = "ssm"


@dataclass(frozen=True, slots=True)
class WebhookPlace:
    """Where the address is kept; `name` is what the keeper calls it, or its ARN."""

    keeper: Keeper
    name: str

    @property
    def is_arn(self) -> bool:
        return self.name.startswith("arn:")

    def __str__(self) -> str:
        return f"secret:{self.name}" if self.keeper is Keeper.SECRETS_MANAGER and not self.is_arn else self.name


def read_webhook_place(text: str) -> WebhookPlace:
    """The place that a text names. Raises UserMistake, which never repeats the text: it may be the secret itself."""
    if found := _SECRET.fullmatch(text):
        return WebhookPlace(Keeper.SECRETS_MANAGER, found[1])
    if _SECRET_ARN.fullmatch(text):
        return WebhookPlace(Keeper.SECRETS_MANAGER, text)
    if _PARAMETER.fullmatch(text) or _PARAMETER_ARN.fullmatch(text):
        return WebhookPlace(Keeper.SSM, text)
    if "://" in text or any(host in text for host in _HOSTS):
        raise UserMistake(f"the Slack webhook must be named by where its address is kept, not by the address; {_HOW}")
    raise UserMistake(f"the Slack webhook must be named as {_FORMS}; {_HOW}")


def checked_address(text: str, place: WebhookPlace, *, loopback: bool = False) -> str:
    """The address that was kept, if it is one of Slack's; of this machine, too, with `loopback`, which tests set.
    Raises UserMistake, which names the place and nothing of what was there."""
    address = text.strip()
    # Outside of the `try`, so that the mistake carries no error that holds the address.
    if not _is_slacks(address) and not (loopback and _is_loopback(address)):
        raise UserMistake(
            f"what {place} holds is no address of a Slack incoming webhook: it must be https://{SLACK_HOST}/... or "
            f"https://{GOV_SLACK_HOST}/..., as plain text"
        )
    return address


def _is_slacks(address: str) -> bool:
    try:
        parts = urlsplit(address)
        return (
            parts.scheme == "https"
            and parts.netloc in _HOSTS
            and parts.path.startswith("/")
            and address.isascii()
            and address.isprintable()
            and " " not in address
        )
    except ValueError:
        return False


def _is_loopback(address: str) -> bool:
    try:
        parts = urlsplit(address)
        return parts.scheme == "http" and parts.hostname in _LOOPBACK_HOSTS
    except ValueError:
        return False
