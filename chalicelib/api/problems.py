"""What went wrong, as an answer: application/problem+json (RFC 9457), for every error that is raised on purpose.

Owns which error has which status and type, in both directions: batchwright/http_api.py raises from here what the API
answered. What an error says is its own; of what fails inside nothing is told.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from chalicelib.api.json_body import NoJson
from chalicelib.core import errors
from chalicelib.core.mistakes import Mistake, Path

CONTENT_TYPE = "application/problem+json"
TYPE_PREFIX = "urn:batchwright:problem:"
MISTAKES_TOLD = 1_000
"""Of a workflow: nobody mends more at once, and the answer stays small."""
RETRY_AFTER_SECONDS = 2


@dataclass(frozen=True, slots=True)
class Problem:
    """An answer that refuses. `more` are its own members beside those of RFC 9457."""

    status: int
    kind: str
    title: str
    detail: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    more: Mapping[str, Any] = field(default_factory=dict)

    def document(self, request_id: str) -> dict[str, Any]:
        """The body. `request_id` finds the request in the log."""
        told = {"type": f"{TYPE_PREFIX}{self.kind}", "title": self.title, "status": self.status}
        if self.detail is not None:
            told["detail"] = self.detail
        return {**told, "request_id": request_id, **self.more}


_MISTAKES: tuple[tuple[type[errors.UserMistake], int, str, str], ...] = (
    (errors.NotAllowed, 403, "not_allowed", "The token does not allow this"),
    (errors.UnknownWorkflow, 404, "unknown_workflow", "There is no such workflow"),
    (errors.UnknownRun, 404, "unknown_run", "There is no such run"),
    (errors.UnknownToken, 404, "unknown_token", "There is no such token"),
    (errors.IdempotencyConflict, 409, "idempotency_conflict", "The idempotency key was used for something else"),
    (NoJson, 400, "no_json", "The body is not JSON that can be used"),
)
"""By class of error, the most special ones first: status, type and title."""

_OTHER_MISTAKE = (400, "mistake", "The request cannot be carried out")
_DOWN = "A service that Batchwright stands on did not answer; try again"
_BUSY = "Too much is asked at once; try again later"


def problem_of(error: Exception) -> Problem:
    """The answer to an error; to one that nobody raised on purpose 500, without a word about it."""
    match error:
        case errors.Throttled():
            return Problem(429, "throttled", _BUSY, headers={"Retry-After": str(RETRY_AFTER_SECONDS)})
        case errors.TryAgain():
            return Problem(503, "try_again", _DOWN, headers={"Retry-After": str(RETRY_AFTER_SECONDS)})
        case errors.UserMistake():
            for kind, status, name, title in _MISTAKES:
                if isinstance(error, kind):
                    return Problem(status, name, title, str(error))
            return Problem(_OTHER_MISTAKE[0], _OTHER_MISTAKE[1], _OTHER_MISTAKE[2], str(error))
    return Problem(500, "internal", "Something went wrong inside; its request id finds it in the log")


def pointer_of(path: Path) -> str:
    """A JSON Pointer (RFC 6901) to a value."""
    return "".join(f"/{str(piece).replace('~', '~0').replace('/', '~1')}" for piece in path)


def mistake_document(mistake: Mistake) -> dict[str, Any]:
    """A mistake in a workflow as it is told."""
    return {
        "pointer": pointer_of(mistake.path),
        "text": mistake.text,
        "suggestion": mistake.suggestion,
        "at_key": mistake.at_key,
    }
