"""The logs port over CloudWatch Logs.

Owns what GetLogEvents' tokens mean. A line longer than CloudWatch takes is several.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

from chalicelib.aws.answers import ClientError, answers, code_of
from chalicelib.core.batch.log_location import group_and_stream
from chalicelib.core.errors import UserMistake
from chalicelib.ports.services import LogLines, WrittenLine


class CloudWatchLogs:
    """Reads the log streams of jobs. The client is made when it is first needed: few invocations read logs."""

    def __init__(self, make_client: Callable[[], Any]) -> None:
        self._make_client = make_client

    @cached_property
    def _client(self) -> Any:
        return self._make_client()

    def read(self, stream: str, limit: int, *, token: str | None = None) -> LogLines:
        given = {"nextToken": token} if token is not None else {}
        return self._events(stream, token, startFromHead=True, limit=limit, **given)

    def tail(self, stream: str, lines: int) -> LogLines:
        return self._events(stream, None, startFromHead=False, limit=lines)

    def _events(self, place: str, token: str | None, **asked: Any) -> LogLines:
        group, stream = group_and_stream(place)
        with answers("GetLogEvents"):
            try:
                answer = self._client.get_log_events(logGroupName=group, logStreamName=stream, **asked)
            except ClientError as error:
                if code_of(error) == "ResourceNotFoundException":
                    # A job's stream is made when the job first writes.
                    return LogLines((), token)
                if code_of(error) == "InvalidParameterException" and token is not None:
                    raise UserMistake("that is no token of this log") from error
                raise
        events = answer["events"]
        lines = tuple(WrittenLine(event["timestamp"], event["message"].rstrip("\r\n")) for event in events)
        return LogLines(lines, answer["nextForwardToken"])
