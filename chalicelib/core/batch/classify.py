"""The class of a failure, read off the last try of a job's document.

Owns the tests that tell the classes apart, in the order in which they must be asked. The strings are Batch's and the
ECS agent's, as they were seen. AWS promises none of them:
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/stopped-task-error-codes.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from chalicelib.core.batch.document import end_of
from chalicelib.core.failure import OUR_REASON_PREFIX, FailureClass

_KILLED = 137


@dataclass(frozen=True, slots=True)
class _Told:
    """The facts of a document that the tests look at, of its last try and of the job. Texts are lower-case."""

    stopped_by_somebody: bool
    statuses: tuple[str, ...]
    reason: str
    exit_code: int | None

    def status_begins(self, *beginnings: str) -> bool:
        return any(status.startswith(beginnings) for status in self.statuses)

    def says(self, pattern: re.Pattern[str]) -> bool:
        """Whether the container's reason or one of the job's matches anywhere."""
        return any(pattern.search(text) for text in (self.reason, *self.statuses))


def classify(detail: Mapping[str, Any]) -> FailureClass:
    """The class of a job that failed, from the detail of its last event or from DescribeJobs.

    The first test that holds decides, so their order matters: a time-out may exit with 137, and so may a container on
    a host that went away. A job without an exit code has no test of its own: it is `unknown` if no reason says more.
    """
    end = end_of(detail)
    told = _Told(
        stopped_by_somebody=detail.get("isCancelled") is True or detail.get("isTerminated") is True,
        statuses=tuple(status.strip().lower() for status in end.status_reasons),
        reason=(end.reason or "").strip().lower(),
        exit_code=end.exit_code,
    )
    return next((failure for failure, holds in _TESTS if holds(told)), FailureClass.UNKNOWN)


_QUEUE_TIME_LIMIT = "canceled by jobstatetimelimit action due to reason:"
_TIMEOUT = "job attempt duration exceeded timeout"
# On EC2 by the host; on Fargate the task itself is told. "Host EC2 Terminated." is an older wording.
_HOST_LOST = re.compile(r"^host ec2|your spot task was interrupted")
_OUT_OF_MEMORY = re.compile(r"\boutofmemoryerror|\boomkilled\b")
_PULL = re.compile(r"\bcannotpull\w*")
_WILL_NOT_PASS = re.compile(
    r"unauthori[sz]ed|not authori[sz]ed|manifest unknown|manifest for .* not found|not found|\b404\b|access ?denied|"
    r"\bdenied\b|\b403 forbidden|no basic auth credentials|no matching manifest|does not contain descriptor|"
    r"does not exist|invalid reference format|name unknown|cannot be used on this platform"
)
_MAY_PASS = re.compile(
    r"context (?:canceled|deadline exceeded)|request canceled|time-?out|timed out|slow ?down|too ?many ?requests|"
    r"rate limit|\b50[0234] (?!forbidden)[a-z]|token has expired|no space left|connection (?:reset|refused)|"
    r"unexpected eof|no such host"
)
# The repository, tag and address of an image are no words of the agent's: an image may be called "timeout".
_ADDRESS = re.compile(r"\S*[/@]\S*")
_START = re.compile(
    r"task failed to start|resourceinitializationerror|cannotstartcontainer|cannotcreatecontainer|cannotcreatevolume|"
    r"dockertimeouterror|containerruntimetimeouterror|cannotinspectcontainererror|"
    r"timeout waiting for network interface|network interface .*timed out|^agent\b"
)
# The runtime's words when it cannot execute the program. What follows `exec: ` (a name, and no such file, permission
# denied, is a directory) is often cut off, because ECS keeps 255 characters of a reason.
_NO_PROGRAM = re.compile(r"executable file not found|exec format error|container process(?: caused)?\W+exec: ")
_NOTHING_THERE = re.compile(
    r"resourcenotfoundexception|accessdenied|is not authorized to perform|invalid (?:ssm )?parameters|"
    r"error gathering device information"
)
_DEPENDENCY = ("dependent job failed", "array child job failed")


def _cancelled(told: _Told) -> bool:
    # The queue's time limit is carried out as a cancellation, too, and its words say what it was.
    if told.status_begins(_QUEUE_TIME_LIMIT):
        return False
    return told.stopped_by_somebody or told.status_begins(OUR_REASON_PREFIX)


def _out_of_memory(told: _Told) -> bool:
    return told.says(_OUT_OF_MEMORY) or told.exit_code == _KILLED


def _image_missing(told: _Told) -> bool:
    for text in (told.reason, *told.statuses):
        if _PULL.search(text):
            words = _ADDRESS.sub(" ", text)
            if _WILL_NOT_PASS.search(words) and not _MAY_PASS.search(words):
                return True
    return False


def _misconfigured(told: _Told) -> bool:
    for text in (told.reason, *told.statuses):
        if _NO_PROGRAM.search(text):
            return True
        if _START.search(text) and _NOTHING_THERE.search(text) and not _MAY_PASS.search(text):
            return True
    return False


_TESTS: tuple[tuple[FailureClass, Callable[[_Told], bool]], ...] = (
    (FailureClass.CANCELLED, _cancelled),
    (FailureClass.QUEUE_TIME_LIMIT, lambda told: told.status_begins(_QUEUE_TIME_LIMIT)),
    (FailureClass.TIMEOUT, lambda told: told.status_begins(_TIMEOUT)),
    (FailureClass.SPOT, lambda told: told.says(_HOST_LOST)),
    (FailureClass.OUT_OF_MEMORY, _out_of_memory),
    (FailureClass.IMAGE_MISSING, _image_missing),
    (FailureClass.IMAGE_PULL, lambda told: told.says(_PULL)),
    (FailureClass.MISCONFIGURED, _misconfigured),
    (FailureClass.START_FAILURE, lambda told: told.says(_START)),
    (FailureClass.DEPENDENCY, lambda told: told.status_begins(*_DEPENDENCY)),
    (FailureClass.APPLICATION, lambda told: told.exit_code not in (None, 0)),
)
