"""What each function asks of the outer services in simulated worlds: also what happens once in hundreds of them.

Owns what a method of a port comes to as an action of IAM. The store is left out, for all functions use it alike.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from tests.simulation.faults import LOST_EVENTS
from tests.simulation.invocations import Gate
from tests.simulation.play import play
from tests.simulation.scope import Scope
from tests.simulation.telling import NAME as TELLING
from tests.simulation.world import SimulatedWorld

FUNCTIONS = {
    "on_events": ("on_events",),
    "on_commands": ("on_commands",),
    "sweep": ("sweep",),
    "start": ("start", "api_handler"),
    **dict.fromkeys(("cancel", "pause", "pause_again", "resume", "resume_in_the_end"), ("api_handler",)),
    **dict.fromkeys(("redrive", "redrive_again", "place", "backfill"), ("api_handler",)),
}
"""By what an invocation is called in a simulated world: the functions that do it."""
Asking = tuple[str, str, str]
"""A function, an action, and what it is done to, by the name that batchwright/deploy/policies.py gives it."""

_OF_PORT = {
    ("batch", "submit"): [
        ("batch:SubmitJob", "job-queues"),
        ("batch:SubmitJob", "job-definitions"),
        # Any task may have tags.
        ("batch:TagResource", "job-queues"),
        ("batch:TagResource", "job-definitions"),
        ("batch:TagResource", "jobs"),
    ],
    ("batch", "find"): [("batch:ListJobs", "everything")],
    ("batch", "describe"): [("batch:DescribeJobs", "everything")],
    ("batch", "failed_children"): [("batch:ListJobs", "everything"), ("batch:DescribeJobs", "everything")],
    ("batch", "terminate"): [("batch:TerminateJob", "jobs")],
    ("notices", "publish"): [("sns:Publish", "topic")],
    ("notices", "send"): [("sqs:GetQueueUrl", "run-queues"), ("sqs:SendMessage", "run-queues")],
    ("changes", "tell"): [("events:PutEvents", "event-bus")],
    ("logs", "tail"): [("logs:GetLogEvents", "logs-of-jobs")],
    ("scheduler", "place"): [
        ("scheduler:CreateSchedule", "schedules"),
        ("scheduler:UpdateSchedule", "schedules"),
        ("iam:PassRole", "scheduler-role"),
    ],
    ("scheduler", "remove"): [("scheduler:DeleteSchedule", "schedules")],
    ("store", "due_schedules"): [("dynamodb:Query", "runs-by-sweep")],
    ("store", "due_runs"): [("dynamodb:Query", "runs-by-sweep")],
    ("store", "jobs_told"): [("dynamodb:BatchGetItem", "table")],
    ("store", "mark_jobs_told"): [("dynamodb:BatchWriteItem", "table")],
    ("store", "silent_jobs"): [("dynamodb:Query", "jobs-by-state"), ("dynamodb:BatchGetItem", "table")],
}
_OF_QUEUE = {
    "send": "sqs:SendMessage",
    "send_timers": "sqs:SendMessage",
    "delete": "sqs:DeleteMessage",
    "postpone": "sqs:ChangeMessageVisibility",
    "waiting": "sqs:GetQueueAttributes",
}


def askings(seeds: Iterable[int]) -> set[Asking]:
    """What was asked in these worlds, in a third of which events get lost."""
    seen: set[Asking] = set()
    with _listening(seen):
        for seed in seeds:
            play(seed, Scope(shares={LOST_EVENTS: 0.3, TELLING: 1.0}))
    return seen


@contextmanager
def _listening(seen: set[Asking]) -> Iterator[None]:
    call, make = Gate.call, SimulatedWorld.__init__

    def call_and_note(self: Gate, name: str, function: Any, args: Any, kwargs: Any) -> Any:
        invocation = self.current
        assert invocation is not None
        words = invocation.name.split()
        if words[1] in FUNCTIONS:
            port = names.get(id(function.__self__), "")
            asked = _actions(words[1], port, name)
            seen.update((one, action, on) for one in FUNCTIONS[words[1]] for action, on in asked)
        return call(self, name, function, args, kwargs)

    names: dict[int, str] = {}

    def make_and_name(self: SimulatedWorld, *args: Any, **kwargs: Any) -> None:
        make(self, *args, **kwargs)
        names.clear()
        for port in ("events", "commands", "dead", "batch", "notices", "store", "scheduler", "changes", "logs"):
            names[id(getattr(self, port))] = port

    Gate.call, SimulatedWorld.__init__ = call_and_note, make_and_name  # type: ignore[method-assign]
    try:
        yield
    finally:
        Gate.call, SimulatedWorld.__init__ = call, make  # type: ignore[method-assign]


def _actions(function: str, port: str, method: str) -> list[tuple[str, str]]:
    if port in ("events", "commands"):
        return [(_OF_QUEUE[method], port)] if method in _OF_QUEUE else []
    if port == "dead":
        return [("sqs:SendMessage", f"{function.removeprefix('on_')}-dead")]
    return _OF_PORT.get((port, method), [])
