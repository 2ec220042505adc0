"""Requests to an HTTP API and their answers: connections kept open, time-outs, and retries where they are safe.

Owns the connection and what a network does to it. What is asked, and what an answer means, is http_api.py's.
"""

from __future__ import annotations

import http.client
import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, Timeout
from urllib3.exceptions import HTTPError, LocationValueError

from chalicelib.core.errors import TryAgain, UserMistake

CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 35.0
"""API Gateway gives up after 29."""
TRIES = 4
PAUSES_SECONDS = (0.2, 1.0, 3.0)
PAUSE_MAXIMUM_SECONDS = 10.0
CONNECTIONS = 8
"""Connections that are kept open at most."""
_WORTH_ANOTHER_TRY = frozenset({429, 502, 503, 504})
"""Not 500: what is wrong inside is wrong the next time too."""
_HEADER_VALUE = re.compile(r"[\x20-\x7e]*")
_POOLS: Mapping[str, type[HTTPConnectionPool]] = {"https": HTTPSConnectionPool, "http": HTTPConnectionPool}
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True, slots=True)
class Response:
    """An answer. Headers by their lower-case names."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The body as data. Raises TryAgain for what is no JSON: then something else than the API answered."""
        try:
            return json.loads(self.body)
        except ValueError:
            raise TryAgain(f"the API answered {self.status} with something that is no JSON") from None


class Wire:
    """Requests to one address, over a pool of connections that threads share."""

    def __init__(
        self, address: str, headers: Mapping[str, str], *, sleep: Callable[[float], object] = time.sleep
    ) -> None:
        self.address = address.rstrip("/")
        self._headers = dict(headers)
        self._sleep = sleep
        parts = urlsplit(self.address)
        if parts.scheme not in _POOLS or not parts.hostname or parts.query or parts.fragment or parts.username:
            raise UserMistake(f"the API's address must be like https://HOST/api, not '{address}'")
        if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
            raise UserMistake(f"'{address}' would send the token in clear; only an API on this machine may have http")
        try:
            self._port = parts.port
        except ValueError:
            raise UserMistake(f"the API's address has no port that can be: '{address}'") from None
        self._scheme, self._host, self._prefix = parts.scheme, parts.hostname, parts.path
        self._kept: HTTPConnectionPool | None = None

    def ask(
        self, method: str, path: str, *, headers: Mapping[str, str], body: bytes | None, is_repeatable: bool
    ) -> Response:
        """Send a request, again where that is safe and of use. The last answer, whatever it says; raises TryAgain when
        none came, and UserMistake for what cannot be sent, without the values of headers."""
        sent = {**self._headers, **headers}
        _check_headers(sent)
        tries = TRIES if is_repeatable else 1
        for number in range(1, tries + 1):
            try:
                response = self._once(method, path, sent, body, is_repeatable=is_repeatable)
            except (LocationValueError, http.client.InvalidURL, ValueError):
                # No request can name such a host or path. The error is raised from nothing and without its words,
                # because they may quote a header.
                raise UserMistake(f"no request can be made for the API's address '{self.address}'") from None
            except (HTTPError, OSError, http.client.HTTPException) as error:
                if number == tries:
                    raise TryAgain(f"no answer from the API at {self.address}: {_words(error)}") from error
                self._sleep(PAUSES_SECONDS[number - 1])
                continue
            if response.status not in _WORTH_ANOTHER_TRY or number == tries:
                return response
            self._sleep(_pause_seconds(response, number))
        raise AssertionError("unreachable")

    def close(self) -> None:
        """Close the connections that are kept open; the next request opens another."""
        pool, self._kept = self._kept, None
        if pool is not None:
            pool.close()

    def _new_pool(self) -> HTTPConnectionPool:
        timeout = Timeout(connect=CONNECT_SECONDS, read=ANSWER_SECONDS)
        return _POOLS[self._scheme](self._host, self._port, timeout=timeout, maxsize=CONNECTIONS)

    def _once(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | None, *, is_repeatable: bool
    ) -> Response:
        if not is_repeatable:
            # A connection that was kept open may have been closed meanwhile, and nobody would know what was read.
            with self._new_pool() as pool:
                return self._exchange(pool, method, path, headers, body)
        if self._kept is None:
            self._kept = self._new_pool()
        return self._exchange(self._kept, method, path, headers, body)

    def _exchange(
        self, pool: HTTPConnectionPool, method: str, path: str, headers: Mapping[str, str], body: bytes | None
    ) -> Response:
        answer = pool.urlopen(
            method,
            self._prefix + path,
            body=body,
            headers=dict(headers),
            retries=False,
            redirect=False,
            # Nothing compressed is asked for.
            decode_content=False,
        )
        return Response(answer.status, {name.lower(): value for name, value in answer.headers.items()}, answer.data)


def _check_headers(headers: Mapping[str, str]) -> None:
    """Raises UserMistake for a value that no header may have. It is not shown: one of them is the token."""
    for name, value in headers.items():
        if not _HEADER_VALUE.fullmatch(value):
            raise UserMistake(
                f"{name} must be ASCII without control characters such as line ends; what was given is not"
            )


def _pause_seconds(response: Response, number: int) -> float:
    """What the answer asks for, within reason."""
    asked = response.headers.get("retry-after", "")
    if asked.isascii() and asked.isdigit() and len(asked) < 5:
        return min(float(asked), PAUSE_MAXIMUM_SECONDS)
    return PAUSES_SECONDS[number - 1]


def _words(error: BaseException) -> str:
    """The words of the first error in the chain, because those of urllib3 only repeat the address."""
    while isinstance(error, HTTPError) and error.__cause__ is not None:
        error = error.__cause__
    return str(error) or type(error).__name__
