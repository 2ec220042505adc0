"""What a failed AWS call means for its caller, the same for every service.

Owns the translation of botocore's errors into those of core/errors.py. What a particular service means by a refusal
of its own (a condition that did not hold, a job that Batch does not take) is that service's module's.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import (
    ClientError,
    ConnectionError,
    HTTPClientError,
    IncompleteReadError,
    SSLError,
)
from botocore.parsers import ResponseParserError

from chalicelib.core.errors import AnswerLost, Throttled, TryAgain

_THROTTLES = frozenset(
    {
        # A queue or a topic that is encrypted with a key of somebody's, which everybody who uses that key shares.
        "KMSThrottling",
        "KMSThrottlingException",
        "KmsThrottled",
        # SQS: too many messages are in flight.
        "OverLimit",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "SlowDown",
        "Throttled",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
        # DynamoDB: a transaction of somebody else's has the item just now.
        "TransactionConflictException",
        "TransactionInProgressException",
    }
)
# Credentials of a Lambda are renewed for it: the next invocation has good ones.
_STALE_CREDENTIALS = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired"})


@contextmanager
def answers(operation: str) -> Iterator[None]:
    """Run an AWS call so that it raises Throttled, AnswerLost or TryAgain where these fit.

    What is left comes out as botocore raised it: a missing permission, a missing table, a request we built wrongly.
    """
    try:
        yield
    except ClientError as error:
        if meaning := meaning_of(error, operation):
            raise meaning from error
        raise
    except SSLError as error:
        raise AnswerLost(f"{operation}: {error}") from error
    except ConnectionError as error:
        # The connection was never made, so nothing was asked.
        raise TryAgain(f"{operation}: {error}") from error
    except (HTTPClientError, IncompleteReadError, ResponseParserError) as error:
        raise AnswerLost(f"{operation}: {error}") from error


def meaning_of(error: ClientError, operation: str) -> TryAgain | None:
    """What to raise for an error answer that says nothing about the request itself; None when it is about that."""
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    text = f"{operation}: {code_of(error)}: {message_of(error)}"
    if code_of(error) in _THROTTLES or status == 429:
        return Throttled(text)
    if code_of(error) in _STALE_CREDENTIALS:
        return TryAgain(text)
    if status >= 500:
        return AnswerLost(text)
    return None


def code_of(error: ClientError) -> str:
    """The error's code, without the service's name that SQS puts before some of them."""
    return str(error.response.get("Error", {}).get("Code", "")).rpartition(".")[2]


def message_of(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Message", ""))


__all__ = ["ClientError", "answers", "code_of", "meaning_of", "message_of"]
