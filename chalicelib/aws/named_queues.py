"""SQS queues that are known by their names alone: those that belong to runs.

A queue's URL is asked for once and kept for the life of the process.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

from chalicelib.aws.answers import ClientError, answers, code_of, message_of
from chalicelib.core.errors import UserMistake

_GONE = frozenset({"QueueDoesNotExist", "NonExistentQueue"})
_REMEMBERED = 100


class NamedQueues:
    """Sends to queues of this account and region. The client is made when it is first needed."""

    def __init__(self, make_client: Callable[[], Any]) -> None:
        self._make_client = make_client
        self._urls: dict[str, str] = {}

    @cached_property
    def _client(self) -> Any:
        return self._make_client()

    def send(self, name: str, body: str, attributes: Mapping[str, Mapping[str, str]]) -> None:
        """Raises TryAgain, and UserMistake with SQS's words when the message can never get there."""
        try:
            with answers("SendMessage"):
                self._client.send_message(QueueUrl=self._url(name), MessageBody=body, MessageAttributes=attributes)
        except ClientError as error:
            url = self._urls.pop(name, None)
            if code_of(error) in _GONE and url is not None:
                # It may have been deleted and made again elsewhere; the next notice asks for it anew.
                raise UserMistake(f"there is no queue '{name}' any more") from error
            raise UserMistake(f"SendMessage to '{name}': {code_of(error)}: {message_of(error)}") from error

    def _url(self, name: str) -> str:
        if name not in self._urls:
            while len(self._urls) >= _REMEMBERED:
                del self._urls[next(iter(self._urls))]
            self._urls[name] = self._client.get_queue_url(QueueName=name)["QueueUrl"]
        return self._urls[name]
