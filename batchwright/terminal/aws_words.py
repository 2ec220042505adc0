"""Sentences about AWS calls that failed: what went wrong, and what to do about it."""

from __future__ import annotations

from botocore.exceptions import (
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
    PartialCredentialsError,
    SSOError,
    TokenRetrievalError,
)

from chalicelib.core.errors import SchedulesNotPlaced, TryAgain

_EXPIRED = ("ExpiredToken", "ExpiredTokenException", "RequestExpired")
_UNKNOWN = ("InvalidClientTokenId", "UnrecognizedClientException", "InvalidSignatureException", "SignatureDoesNotMatch")
_FORBIDDEN = ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError")


def cause_of(error: Exception) -> Exception:
    """The error of botocore behind an error of the adapters; any other error itself."""
    return error.__cause__ if isinstance(error, TryAgain) and isinstance(error.__cause__, Exception) else error


def sentence(who: str, error: Exception) -> str:
    """What went wrong between a user and `who`, and what to do about it."""
    if isinstance(error, SchedulesNotPlaced):
        return str(error)
    cause = cause_of(error)
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
