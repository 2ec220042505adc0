"""The chat port over a Slack incoming webhook, whose address is kept by Secrets Manager or SSM.

Owns that the address, which is a secret, is in no log, no error and no trace. Errors of the HTTP client, its log of a
request and botocore's log of an answer may hold the address, so none of them gets out of here.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from urllib3 import PoolManager

from chalicelib.aws.answers import answers
from chalicelib.core.errors import AnswerLost, ChatBusy, ChatRefused
from chalicelib.core.notice.webhook_address import Keeper, WebhookPlace, checked_address

TIMEOUT_SECONDS = 10
_ANSWER_BYTES = 200
# The webhook was revoked, or its app removed: https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks
_ADDRESS_IS_OLD = (403, 404, 410)
_KNOWN_ANSWERS = frozenset(
    {
        "action_prohibited",
        "channel_is_archived",
        "channel_not_found",
        "invalid_blocks",
        "invalid_payload",
        "invalid_token",
        "no_active_hooks",
        "no_service",
        "no_service_id",
        "no_team",
        "no_text",
        "posting_to_general_channel_denied",
        "team_disabled",
        "too_many_attachments",
        "user_not_found",
    }
)
"""What Slack says of a message that it does not take; anything else that it answers is not repeated in a log."""


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    said: str
    retry_after_seconds: int | None


class SlackWebhook:
    """Posts to a webhook. Its address is read at the first post and again when Slack does not know it any more."""

    def __init__(
        self,
        place: WebhookPlace,
        make_secrets: Callable[[], Any],
        make_ssm: Callable[[], Any],
        *,
        loopback: bool = False,
    ) -> None:
        self._place = place
        self._make_secrets = make_secrets
        self._make_ssm = make_ssm
        self._loopback = loopback
        self._address: str | None = None

    def post(self, message: Mapping[str, Any]) -> None:
        body = json.dumps(message).encode()
        used = self._address or self._read_address()
        self._address = used
        answer = _sent(used, body)
        if answer.status in _ADDRESS_IS_OLD:
            # Perhaps the secret was renewed since it was read.
            self._address = None
            fresh = self._read_address()
            if fresh != used:
                self._address = fresh
                answer = _sent(fresh, body)
        if answer.status == 429:
            raise ChatBusy("Slack: 429, too many messages", answer.retry_after_seconds)
        if answer.status >= 500:
            raise AnswerLost(f"Slack: {answer.status}")
        if not 200 <= answer.status < 300:
            # A redirect is not followed: nobody but Slack is to see what is posted, or the address.
            raise ChatRefused(f"Slack: {answer.status} {answer.said}".rstrip())

    def _read_address(self) -> str:
        with _unlogged("botocore.parsers"):
            if self._place.keeper is Keeper.SECRETS_MANAGER:
                with answers("GetSecretValue"):
                    found = self._make_secrets().get_secret_value(SecretId=self._place.name)
                kept = found.get("SecretString") or ""
            else:
                with answers("GetParameter"):
                    found = self._make_ssm().get_parameter(Name=self._place.name, WithDecryption=True)
                kept = found["Parameter"]["Value"]
        return checked_address(kept, self._place, loopback=self._loopback)


def _sent(address: str, body: bytes) -> _Answer:
    """What is answered to a POST, once. Raises AnswerLost."""
    try:
        return _exchange(address, body)
    except Exception as error:
        # Its text may hold the address.
        kind = type(error).__name__
    # Out here, so that the error raised does not carry that one along.
    raise AnswerLost(f"Slack could not be reached, or did not answer: {kind}")


def _exchange(address: str, body: bytes) -> _Answer:
    with PoolManager(cert_reqs="CERT_REQUIRED") as pool, _unlogged("urllib3.connectionpool"):
        response = pool.request(
            "POST",
            address,
            body=body,
            headers={"Content-Type": "application/json; charset=utf-8"},
            timeout=TIMEOUT_SECONDS,
            retries=False,
            redirect=False,
            preload_content=False,
            decode_content=False,
        )
        said = response.read(_ANSWER_BYTES).decode("utf-8", "replace").strip()
        after = response.headers.get("Retry-After", "")
        response.close()
    return _Answer(
        response.status,
        said if said in _KNOWN_ANSWERS else "",
        int(after) if after.isascii() and after.isdigit() and len(after) < 6 else None,
    )


@contextmanager
def _unlogged(name: str) -> Iterator[None]:
    """This logger writes nothing meanwhile, because at DEBUG its lines hold the address."""
    logger = logging.getLogger(name)
    before = logger.disabled
    logger.disabled = True
    try:
        yield
    finally:
        logger.disabled = before
