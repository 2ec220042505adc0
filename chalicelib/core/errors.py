"""Every error that Batchwright raises on purpose, classed by what its receiver must do.

`UserMistake`   refuse: tell the user, nothing was changed.
`TryAgain`      try again: nothing is wrong, the same call may go through later.
`Defect`        stop: an assumption of ours does not hold; the stack trace is wanted.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chalicelib.core.mistakes import Mistake


class BatchwrightError(Exception):
    """Root of all errors raised on purpose. Its text is meant to be read by a person."""


class UserMistake(BatchwrightError):
    """Refuse. The text names the place, the rule and the value; no stack trace is shown."""


class UnknownWorkflow(UserMistake):
    """Refuse: no workflow of that name (or no such version of it) was pushed."""


class UnknownRun(UserMistake):
    """Refuse: no run has that id."""


class UnknownSchedule(UserMistake):
    """Refuse: the workflow has no schedule of that name."""


class UnknownEpoch(UserMistake):
    """Refuse: the run was not redriven so often."""


class UnknownTask(UserMistake):
    """Refuse: the run has no task, or the task no attempt or child, of that name or number."""


class UnknownJob(UserMistake):
    """Refuse: no job of that id is recorded, or it has no such try or child."""


class InvalidWorkflow(UserMistake):
    """Refuse: the definition has mistakes; the text has a line for each."""

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        self.mistakes = list(mistakes)
        super().__init__("\n".join(mistake.line() for mistake in self.mistakes))


class InvalidMonitors(UserMistake):
    """Refuse: the monitors have mistakes; the text has a line for each."""

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        self.mistakes = list(mistakes)
        super().__init__("\n".join(mistake.line() for mistake in self.mistakes))


class PreconditionFailed(UserMistake):
    """Refuse: what is to be replaced or deleted is not, or not any more, what the caller has seen."""


class WrongState(UserMistake):
    """Refuse: the run is in a state that does not allow it."""


class BadPage(UserMistake):
    """Refuse: that is no `page` of this list."""


class IdempotencyConflict(UserMistake):
    """Refuse: the idempotency key was used before, to start something else."""


class UnknownToken(UserMistake):
    """Refuse: no token has that id."""


class NotAllowed(UserMistake):
    """Refuse: who asks has no good token, or one that does not allow it."""


class AnswerTooLarge(UserMistake):
    """Refuse: what there is to tell is more than an answer over HTTP can hold."""


class NotPermitted(UserMistake):
    """Refuse, unless the permission was given a moment ago: a policy takes up to minutes to be in force everywhere."""


class MalformedMessage(BatchwrightError):
    """Record as poison: no repetition will make this message readable. The text says what is wrong with it."""


class TryAgain(BatchwrightError):
    """Try again later. Whether or not the call took effect, every call of ours but SubmitJob may simply be repeated."""


class SchedulesNotPlaced(TryAgain):
    """Try again: the workflow was pushed, and not all of its schedules reached EventBridge Scheduler."""


class Throttled(TryAgain):
    """The service refused the call for its rate; it had no effect."""


class ChatBusy(Throttled):
    """The chat takes no message for now; in `after_seconds`, where it says so, it may."""

    def __init__(self, text: str, after_seconds: int | None) -> None:
        self.after_seconds = after_seconds
        super().__init__(text)


class ChatRefused(BatchwrightError):
    """Drop the message and say so: the chat will never take it, or its address is good for nothing any more."""


class AnswerLost(TryAgain):
    """The call may or may not have taken effect: its answer never came (time-out, 5xx, broken connection)."""


class NotTold(TryAgain):
    """What happened could not be told for now. It happened all the same: only the telling is left to be done."""


class Defect(BatchwrightError):
    """A state that the design rules out was met; it must not be papered over."""
