"""Runs in the middle of their way: what a deployment of new code finds in the table, the queues and Batch.

Owns the scenes and the form in which they are kept. `record.py` writes them with the code of a release;
`test_release_before.py` plays them on with the code of today.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from chalicelib.aws.table.store import DynamoStore
from chalicelib.core.failure import FailureClass
from chalicelib.core.plan.job_request import JobRequest
from chalicelib.core.plan.model import Plan
from chalicelib.core.plan.task import ClassPolicy, JobSpec, PlannedTask, RetryPolicy
from chalicelib.core.run.commands import (
    CancelRun,
    Command,
    HealRun,
    JobRefused,
    RetryTask,
    ScheduleNext,
    StartScheduled,
    SubmitTasks,
    TellJobFailures,
    TellTaskFailures,
)
from chalicelib.core.states import RunState, TriggerRule
from chalicelib.engine.control.cancel import request_cancel
from chalicelib.engine.inbox.messages import MessagesLeft
from tests.memory.batch import MemoryJob
from tests.memory.theatre import Theatre, plan_of, task


@dataclass(frozen=True)
class Scene:
    """A plan, the jobs that fail, and what happens before the release is replaced."""

    name: str
    plan: Plan
    happens: Callable[[Theatre], None]
    fails: Sequence[tuple[str, int]] = ()
    params: Mapping[str, Any] = field(default_factory=dict)

    @property
    def definition(self) -> dict[str, Any]:
        """As much of the workflow's definition as a start reads."""
        return {"params": {name: {"type": "integer"} for name in self.params}}

    def begin(self, store: DynamoStore) -> Theatre:
        """The scene, played up to the moment at which the release is replaced."""
        theatre = Theatre(self.plan, self.fails, store=store, definition=self.definition)
        theatre.start(params=self.params)
        self.happens(theatre)
        theatre.notices.published.clear()
        return theatre


def _rich() -> PlannedTask:
    """A task that has a value in every field of the plan."""
    job = JobSpec(
        job_definition="train:3",
        queue="spot-${params.size}",
        command=("python3", "train.py", "--epochs=${params.epochs}"),
        environment=(("RUN", "${run.id}"),),
        parameters=(("mode", "full"),),
        vcpus=2.0,
        memory_mib=4096,
        gpus=1,
        array_size="${params.size}",
        timeout_seconds=600,
        tags=(("team", "films"),),
    )
    out_of_memory = ClassPolicy(FailureClass.OUT_OF_MEMORY, 3, 5, 2.0, 16_384, "large")
    retry = RetryPolicy(2, 1_200, 3.0, 7_200, jitter=False, on=(out_of_memory,))
    return PlannedTask("rich", job, TriggerRule.ALL_DONE, allow_failure=True, retry=retry)


def _named(workflow: str, *tasks: tuple[PlannedTask, Sequence[str]]) -> Plan:
    return replace(plan_of(*tasks), workflow=workflow)


def _diamond(workflow: str) -> Plan:
    return _named(workflow, (task("a"), ()), (task("b"), ["a"]), (task("c"), ["a"]), (task("d"), ["b", "c"]))


def _end(theatre: Theatre, name: str) -> None:
    theatre.deliver_event(theatre.ending_document(theatre.jobs(name)[-1]))


def _first_has_ended(theatre: Theatre) -> None:
    _end(theatre, "a")


def _waits_for_its_retry(theatre: Theatre) -> None:
    _end(theatre, "first")
    _end(theatre, "rich")


def _is_paused(theatre: Theatre) -> None:
    assert theatre.pause()
    _end(theatre, "a")


def _is_being_cancelled(theatre: Theatre) -> None:
    _end(theatre, "a")
    assert request_cancel(theatre.world(), theatre.run.run_id, "no longer wanted")


def _is_redriven(theatre: Theatre) -> None:
    theatre.play_on()
    theatre.fails.clear()
    theatre.redrive()
    theatre.deliver_commands()


def _is_fanning_out(theatre: Theatre) -> None:
    _end(theatre, "split")
    theatre.deliver_commands()


def _has_ended_untold(theatre: Theatre) -> None:
    for name in "abc":
        _end(theatre, name)
    theatre.notices.failing = True
    with suppress(MessagesLeft):
        _end(theatre, "d")
    assert theatre.run.state.ended


_PARTS = 300
"""More than a shard holds."""
_FAN = _named(
    "fan",
    (task("split"), ()),
    *((task(f"part-{number:03d}"), ["split"]) for number in range(_PARTS)),
    (task("join", TriggerRule.ALL_DONE), [f"part-{number:03d}" for number in range(_PARTS)]),
)
_RICH = _named("rich", (task("first"), ()), (_rich(), ["first"]), (task("last"), ["rich"]))

COMMANDS: tuple[Command, ...] = (
    SubmitTasks("run-a", 0, (1, 2)),
    RetryTask("run-a", 1, 2, 3, "job-a", 1_700_000_000_000),
    JobRefused("run-a", 0, 2, 1, "refused-a", "there is no such queue"),
    CancelRun("run-a", 0, "no longer wanted"),
    HealRun("run-a", 2),
    StartScheduled("films", "nightly", "2026-11-30T02:30:00Z"),
    ScheduleNext("films", "nightly"),
    TellTaskFailures("run-a", 0, 1, 1_700_000_000_000),
    TellJobFailures("slow", 1_700_000_000_000, "2026-11-30", 1, 1_700_000_000_000),
)
"""One of each kind."""

SCENES = (
    Scene("runs", _diamond("runs"), _first_has_ended),
    Scene("retries", _RICH, _waits_for_its_retry, [("rich", 1)], {"size": 3, "epochs": 5}),
    Scene("paused", _diamond("paused"), _is_paused),
    Scene("cancelling", _diamond("cancelling"), _is_being_cancelled),
    Scene("redriven", _diamond("redriven"), _is_redriven, [("b", 1)]),
    Scene("fans-out", _FAN, _is_fanning_out),
    Scene("untold", _diamond("untold"), _has_ended_untold),
)


def keep(theatre: Theatre, items: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """A scene as JSON: the table's items (in DynamoDB's spelling), messages, jobs, and the time."""
    return {
        "now_ms": theatre.clock.now_ms(),
        "items": items,
        "events": theatre.events.bodies,
        "commands": theatre.commands.bodies,
        "jobs": [asdict(job) for job in theatre.jobs()],
        "told": sorted(map(list, theatre._told)),
        "fails": sorted(map(list, theatre.fails)),
    }


def go_on(scene: Scene, kept: Mapping[str, Any], store: DynamoStore) -> Theatre:
    """The scene again, as it was kept. Every message is delivered at once: at least once, and in any order."""
    fails = [(name, number) for name, number in kept["fails"]]
    theatre = Theatre(scene.plan, fails, store=store, push=False)
    theatre.clock.advance_to(kept["now_ms"])
    theatre.events.send(kept["events"])
    theatre.commands.send(kept["commands"])
    for document in kept["jobs"]:
        job = MemoryJob(**{**document, "request": _request(document["request"])})
        theatre.batch.jobs[job.job_id] = job
    theatre._told = {(job_id, status) for job_id, status in kept["told"]}
    return theatre


def to_the_end(theatre: Theatre) -> dict[str, Any]:
    """How a scene ends when it is played on: what is lost in between, the sweep finds."""
    theatre.notices.failing = False
    if theatre.run.state == RunState.PAUSED:
        assert theatre.resume()
    theatre.play_on()
    theatre.sweep(after_seconds=600)
    theatre.play_on()
    return {
        "state": theatre.run.state,
        "endings": theatre.endings(),
        "jobs": len(theatre.jobs()),
        "notices": sorted(set(theatre.notices.ids)),
    }


def _request(document: Mapping[str, Any]) -> JobRequest:
    """The request of a job, whose lists are tuples again."""
    pairs = {name: tuple(map(tuple, document[name])) for name in ("environment", "parameters", "tags")}
    command = document["command"]
    return JobRequest(**{**document, **pairs, "command": command if command is None else tuple(command)})
