"""What a task costs on the happy path: AWS calls by name, write and read units, and round trips before a SubmitJob.

`python -m bench.task_cost` runs a chain, a diamond and a fan-out on a local AWS (MiniStack's DynamoDB reports the
units), with the app's own handlers called one message batch at a time in this process. A run's own cost (its record,
its end) is told apart: it is what a run of a single task costs more than that task, whose cost is the difference
between chains of two lengths. The sweep does not run here: a run that ends within five minutes is looked at once.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from batchwright.local.functions import Functions
from batchwright.local.isolation import client
from batchwright.local.prepare import prepare
from batchwright.local.stack import LocalAws
from bench.instruments import Meter
from chalicelib.core.plan.model import Plan
from chalicelib.core.plan.revisions import with_revisions
from chalicelib.core.plan.task import JobSpec, PlannedTask
from chalicelib.core.states import RunState
from chalicelib.wiring import EVENT_BUS, wired

TARGETS = {"write units": 6.0, "read units": 2.0, "SubmitJob": 1.0, "Describe": 0.0, "List": 0.0}
NO_BUS = {EVENT_BUS: ""}
"""A stage has no event bus unless it asks for one; the local AWS does."""
CALLS_BEFORE_SUBMIT = 3
"""DynamoDB calls from an event's arrival to the SubmitJob it causes, in a warm process."""


def plan(name: str, parents: list[list[int]]) -> Plan:
    job = JobSpec(job_definition="bench", queue="default", command=("true",))
    tasks = tuple(PlannedTask(f"task-{index}", job) for index in range(len(parents)))
    return Plan(name, tasks, tuple(map(tuple, parents)))


SHORT, LONG = 1, 11
RULERS = {length: plan(f"chain-{length}", [[i - 1] if i else [] for i in range(length)]) for length in (SHORT, LONG)}
"""Two runs by which a run's own cost is told from that of its tasks."""

SHAPES = {
    "chain of 50": plan("chain", [[index - 1] if index else [] for index in range(50)]),
    "diamond of 4": plan("diamond", [[], [0], [0], [1, 2]]),
    "fan-out of 200": plan("fan-out", [[]] + [[0]] * 200 + [list(range(1, 201))]),
}


def run(environment: dict[str, str], functions: Functions, shape: Plan, meter: Meter, params_bytes: int) -> None:
    """Start a run of the shape and handle its messages here until it has ended; the meter counts from the start."""
    sqs, store = client("sqs", environment), wired().world.store
    definition = {"name": shape.workflow, "params": {"text": {"type": "string", "default": ""}}}
    revisions = prepare(environment, shape, {}, Path(tempfile.gettempdir()))
    store.push(shape.workflow, definition, with_revisions(shape, revisions), 1)
    queues = {source: sqs.get_queue_url(QueueName=source.queue)["QueueUrl"] for source in functions.queues()}
    meter.reset()
    asked = {"workflow": shape.workflow, "params": {"text": "x" * params_bytes}}
    run_id = functions.invoke("start", asked)["run_id"]
    while not has_ended(environment, run_id):
        for source, url in queues.items():
            messages: list[Any] = sqs.receive_message(
                QueueUrl=url,
                # One at a time: folded with the ending in one batch, a RUNNING event would cost nothing.
                MaxNumberOfMessages=1,
                WaitTimeSeconds=0 if source.function == "on_commands" else 1,
                AttributeNames=["ApproximateReceiveCount"],
            ).get("Messages", [])
            if messages:
                meter.begin(source.function)
                functions.invoke_with_messages(source, messages)


def has_ended(environment: dict[str, str], run_id: str) -> bool:
    """Whether the run has ended, asked with a client that is not measured."""
    table = client("dynamodb", environment)
    key = {"pk": {"S": f"RUN#{run_id}"}, "sk": {"S": "RUN"}}
    item = table.get_item(TableName=environment["BATCHWRIGHT_TABLE"], Key=key, ConsistentRead=True)["Item"]
    return RunState(item["state"]["S"]).ended


def figures(meter: Meter) -> dict[str, float]:
    """The figures of the targets, of a whole run."""
    calls = meter.calls
    return {
        "write units": meter.write_units,
        "read units": meter.read_units,
        "SubmitJob": calls["batch.SubmitJob"],
        "Describe": sum(count for name, count in calls.items() if name.startswith("batch.Describe")),
        "List": sum(count for name, count in calls.items() if name.startswith("batch.List")),
    }


def own_cost(short: Meter, long: Meter) -> dict[str, float]:
    """What a run costs beside its tasks."""
    shorter, longer = figures(short), figures(long)
    return {name: shorter[name] - SHORT * (longer[name] - shorter[name]) / (LONG - SHORT) for name in TARGETS}


def measure(params_bytes: int) -> tuple[dict[str, float], list[Meter]]:
    """A run's own cost, and a meter for each shape, in the order of SHAPES."""
    meters = []
    with tempfile.TemporaryDirectory() as folder, LocalAws(Path(folder), workers=0, variables=NO_BUS) as aws:
        os.environ.update(aws.environment)
        functions = Functions()
        meter = Meter()
        meter.attach(wired().clients)
        for shape in (*RULERS.values(), *SHAPES.values()):
            run(dict(aws.environment), functions, shape, meter, params_bytes)
            meters.append(meter.copy())
    short, long, *measured = meters
    return own_cost(short, long), measured


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.task_cost", description=__doc__)
    parser.add_argument("--params-bytes", type=int, default=0, help="how large the params of each run are")
    console = Console()
    own, meters = measure(parser.parse_args().params_bytes)
    tasks = [len(shape.tasks) for shape in SHAPES.values()]
    table = Table("per task", "target", *SHAPES, "a run's own")
    missed = 0
    for name, target in TARGETS.items():
        costs = [(figures(meter)[name] - own[name]) / count for meter, count in zip(meters, tasks, strict=True)]
        missed += sum(cost > target for cost in costs)
        table.add_row(name, f"{target:g}", *(f"{cost:.2f}" for cost in costs), f"{own[name]:.2f}")
    # Beyond a few ready tasks, the SubmitJob is made by on_commands: the event's one tally comes on top of its calls.
    for function, extra in (("on_events", 0), ("on_commands", 1)):
        before = [meter.most_table_calls_before_a_submit(function) for meter in meters]
        missed += sum(count + extra > CALLS_BEFORE_SUBMIT for count in before if count)
        row = f"table calls of {function} before a SubmitJob, at most"
        table.add_row(row, str(CALLS_BEFORE_SUBMIT - extra), *(str(count or "-") for count in before))
    table.add_section()
    # Here the run's own calls are in the figures.
    for name in sorted(set().union(*(meter.calls for meter in meters))):
        table.add_row(name, "", *(f"{m.calls[name] / count:.2f}" for m, count in zip(meters, tasks, strict=True)))
    console.print(table)
    console.print(f"{missed} targets missed" if missed else "every target is met")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
