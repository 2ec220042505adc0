"""The errors that the local Batch answers with. Owns their names and HTTP statuses, not their wording."""

from __future__ import annotations


class BatchError(Exception):
    """A request that Batch refuses: `code` is what boto3 shows, `http_status` what the wire carries."""

    code = "ServerException"
    http_status = 500

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class ClientError(BatchError):
    """The caller must change the request."""

    code = "ClientException"
    http_status = 400


class AccessDenied(BatchError):
    """The caller may not call at all."""

    code = "AccessDeniedException"
    http_status = 403


class TooManyRequests(BatchError):
    """The caller must slow down and may send the same request again."""

    code = "TooManyRequestsException"
    http_status = 429


def refused(message: str) -> ClientError:
    """A ClientException in the wrapping that Batch gives to what its own back end refuses."""
    return ClientError(
        f"Error executing request, Exception : {message}, RequestId: 00000000-0000-4000-8000-000000000000"
    )
