"""What commands say instead of a stack trace when the local AWS, or the real one, does not do its part."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,
    EndpointConnectionError,
    HTTPClientError,
    NoCredentialsError,
    PartialCredentialsError,
    SSOError,
    TokenRetrievalError,
)

from batchwright.local.stack import LocalAwsError
from chalicelib.core.errors import SchedulesNotPlaced, TryAgain

WORD_SECONDS = 2.0
LOOK_SECONDS = 0.05

_EXPIRED = ("ExpiredToken", "ExpiredTokenException", "RequestExpired")
_UNKNOWN = ("InvalidClientTokenId", "UnrecognizedClientException", "InvalidSignatureException", "SignatureDoesNotMatch")
_FORBIDDEN = ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError")


@contextmanager
def told_plainly(who: str = "the local AWS") -> Iterator[None]:
    """End the command with 1 and a sentence when the local AWS cannot be started, or `who` breaks or refuses a call."""
    try:
        yield
    except LocalAwsError as error:
        raise click.ClickException(str(error)) from error
    except (BotoCoreError, ClientError, TryAgain) as error:
        raise click.ClickException(sentence(who, error)) from error


@contextmanager
def blamed(check: Callable[[], None]) -> Iterator[None]:
    """When a call gets no answer, let `check` say first what died, if something did. The word of it may be on its way
    still."""
    try:
        yield
    except (BotoCoreError, TryAgain) as error:
        if not isinstance(_cause(error), (ConnectionError, HTTPClientError)):
            raise
        until = time.monotonic() + WORD_SECONDS
        while time.monotonic() < until:
            check()
            time.sleep(LOOK_SECONDS)
        raise


def _cause(error: Exception) -> Exception:
    """What the adapters raise has botocore's own error behind it."""
    return error.__cause__ if isinstance(error, TryAgain) and isinstance(error.__cause__, Exception) else error


def sentence(who: str, error: Exception) -> str:
    """What went wrong between a user and `who`, and what to do about it."""
    if isinstance(error, SchedulesNotPlaced):
        return str(error)
    cause = _cause(error)
    match cause:
        case NoCredentialsError():
            return "there are no AWS credentials: sign in (`aws configure`, `aws sso login`) or name a profile"
        case PartialCredentialsError():
            return f"the AWS credentials are not complete: {cause}"
        case SSOError() | TokenRetrievalError():
            return f"the AWS sign-in has expired, renew it with `aws sso login` ({cause})"
        case EndpointConnectionError():
            return f"{who} cannot be reached: {cause}"
        case ClientError():
            code, message = (str(cause.response.get("Error", {}).get(part, "")) for part in ("Code", "Message"))
            if code in _EXPIRED:
                return f"the AWS credentials have expired, renew them with `aws sso login` or new keys ({code})"
            if code in _UNKNOWN:
                return f"AWS does not accept the credentials: {message} ({code})"
            if code in _FORBIDDEN:
                return f"AWS does not allow this with your credentials: {message} ({cause.operation_name})"
    return f"{who} did not answer as it should: {error}"
