"""What went wrong, as an answer: application/problem+json (RFC 9457), for every error that is raised on purpose.

Owns which error has which status and type, in both directions: batchwright/client/http_api.py raises from here what the
API answered. The text is the error's own. An error from inside is answered without details.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from chalicelib.api.http.json_body import TooLarge
from chalicelib.core import errors
from chalicelib.core.mistakes import Mistake, Path
from chalicelib.core.strict_json import NoJson

CONTENT_TYPE = "application/problem+json"
TYPE_PREFIX = "urn:batchwright:problem:"
MISTAKES_TOLD = 1_000
"""Of a definition: nobody mends more at once, and the answer stays small."""
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


NOT_PLACED = "schedules_not_placed"

_MISTAKES: tuple[tuple[type[errors.UserMistake], int, str, str], ...] = (
    (errors.NotAllowed, 403, "not_allowed", "The token does not allow this"),
    (errors.UnknownWorkflow, 404, "unknown_workflow", "There is no such workflow"),
    (errors.UnknownRun, 404, "unknown_run", "There is no such run"),
    (errors.UnknownEpoch, 404, "unknown_epoch", "The run has no such epoch"),
    (errors.UnknownTask, 404, "unknown_task", "The run has no such task"),
    (errors.UnknownSchedule, 404, "unknown_schedule", "There is no such schedule"),
    (errors.UnknownJob, 404, "unknown_job", "There is no such job"),
    (errors.UnknownToken, 404, "unknown_token", "There is no such token"),
    (errors.WrongState, 409, "wrong_state", "The run is in a state that does not allow it"),
    (errors.IdempotencyConflict, 409, "idempotency_conflict", "The idempotency key was used for something else"),
    (errors.PreconditionFailed, 412, "precondition_failed", "What is there is not what was meant"),
    (TooLarge, 413, "too_large", "The body is too large"),
    (errors.InvalidWorkflow, 422, "invalid_workflow", "The workflow has mistakes"),
    (errors.InvalidMonitors, 422, "invalid_monitors", "The monitors have mistakes"),
    (errors.BadPage, 400, "bad_page", "There is no such page"),
    (NoJson, 400, "no_json", "The body is not JSON that can be used"),
    (errors.AnswerTooLarge, 500, "answer_too_large", "The answer is larger than one can be"),
    (errors.UserMistake, 400, "mistake", "The request cannot be carried out"),
)
"""By class of error, a class before those that it is made of: status, type and title."""

_DOWN = "A service that Batchwright stands on did not answer; try again"
_HALF_DONE = "Not all schedules are where they belong; try again"
_BUSY = "Too much is asked at once; try again later"
_SAY_AGAIN = {"Retry-After": str(RETRY_AFTER_SECONDS)}
_INSIDE = "Something went wrong inside; its request id finds it in the log"


def kinds() -> tuple[tuple[int, str, str], ...]:
    """Status, type and title of every problem that code of ours answers."""
    others = ((429, "throttled", _BUSY), (503, NOT_PLACED, _HALF_DONE), (503, "try_again", _DOWN))
    return (*((status, kind, title) for _, status, kind, title in _MISTAKES), *others, (500, "internal", _INSIDE))


def problem_of(error: Exception) -> Problem:
    """The answer to an error; to one that nobody raised on purpose 500, without a word about it."""
    match error:
        case errors.Throttled():
            return Problem(429, "throttled", _BUSY, headers=_SAY_AGAIN)
        case errors.SchedulesNotPlaced():
            # What was done and what was not is for whoever pushed, and nobody else was let in.
            return Problem(503, NOT_PLACED, _HALF_DONE, str(error), headers=_SAY_AGAIN)
        case errors.TryAgain():
            return Problem(503, "try_again", _DOWN, headers=_SAY_AGAIN)
        case errors.InvalidWorkflow():
            return _with_mistakes(error.mistakes, "invalid_workflow", "The workflow has mistakes")
        case errors.InvalidMonitors():
            return _with_mistakes(error.mistakes, "invalid_monitors", "The monitors have mistakes")
        case errors.UserMistake():
            return next(
                Problem(status, name, title, str(error))
                for kind, status, name, title in _MISTAKES
                if isinstance(error, kind)
            )
    return Problem(500, "internal", _INSIDE)


def _with_mistakes(mistakes: Sequence[Mistake], kind: str, title: str) -> Problem:
    """Every mistake with its place. An order for people: as the places are in the definition's text is not known."""
    told = mistakes[:MISTAKES_TOLD]
    left = len(mistakes) - len(told)
    count = f"{len(mistakes):,} mistake{'s' if len(mistakes) != 1 else ''}"
    detail = f"{count}{f', of which the first {MISTAKES_TOLD:,} are told' if left else ''}"
    more = {"mistakes": [mistake_document(mistake) for mistake in told]}
    return Problem(422, kind, title, detail, more=more)


def mistake_of(document: Mapping[str, Any], definition: Any) -> errors.UserMistake | None:
    """The error that a problem document tells of, None if it is none of ours. `definition` is what was sent, if that
    was a workflow or monitors: only it tells an index of a list from a key of digits."""
    kind = str(document.get("type", "")).removeprefix(TYPE_PREFIX)
    invalid = {"invalid_workflow": errors.InvalidWorkflow, "invalid_monitors": errors.InvalidMonitors}.get(kind)
    if invalid is not None:
        return invalid(
            [
                Mistake(
                    path_of(one["pointer"], definition), one["text"], one.get("suggestion"), one.get("at_key", False)
                )
                for one in document.get("mistakes", ())
            ]
        )
    for error, _, name, title in _MISTAKES:
        if name == kind:
            return error(document.get("detail") or title)
    return None


def pointer_of(path: Path) -> str:
    """A JSON Pointer (RFC 6901) to a value."""
    return "".join(f"/{str(piece).replace('~', '~0').replace('/', '~1')}" for piece in path)


def mistake_document(mistake: Mistake) -> dict[str, Any]:
    """A mistake in a definition as it is told."""
    return {
        "pointer": pointer_of(mistake.path),
        "text": mistake.text,
        "suggestion": mistake.suggestion,
        "at_key": mistake.at_key,
    }


def path_of(pointer: str, definition: Any) -> Path:
    """The path of a JSON Pointer into a definition."""
    path: list[str | int] = []
    value = definition
    for piece in pointer.split("/")[1:]:
        name = piece.replace("~1", "/").replace("~0", "~")
        if isinstance(value, list) and name.isdigit():
            path.append(int(name))
            value = value[int(name)] if int(name) < len(value) else None
        else:
            path.append(name)
            value = value.get(name) if isinstance(value, Mapping) else None
    return tuple(path)
