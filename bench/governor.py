"""How near the governor comes to Batch's 50 SubmitJob calls a second, and how often it is refused: with and without.

`python -m bench.governor [--jobs 1500] [--invocations 10] [--latency-ms 50 100] [--rate 48]` starts a local Batch that
throttles by a bucket of 50 calls that refills 50 a second, and MiniStack. It hands a fan-out of that many tasks to
several processes that take its chunks off the commands queue, as many at once as on_commands would. SubmitJob is made
as slow as Batch's. Then the same again with a rate at which the governor never holds anybody back.

The arithmetic of app.py's `maximum_concurrency`: an invocation needs about 0.13 s for a job (SubmitJob 0.05 to 0.1,
three calls of the table), and the governor spaces its jobs 0.146 s apart, so that it submits less than 7 a second. 48 a
second take 7 invocations; ten have time to wait for their turn.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import random
import sys
import tempfile
import time
from bisect import bisect_left
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from threading import Thread
from typing import Any

from rich.console import Console
from rich.table import Table

from batchwright.local.batch.client import LocalBatch
from batchwright.local.ministack import MiniStack
from batchwright.local.stack import create_foundation
from batchwright.stage.foundation import variables_of
from chalicelib.aws.clients import clients
from chalicelib.core.plan.model import Plan
from chalicelib.core.plan.task import JobSpec, PlannedTask
from chalicelib.engine.inbox.messages import MessagesLeft
from chalicelib.wiring import SUBMIT_RATE, SUBMIT_RATE_MAXIMUM, Wired, wire

LIMIT = 50
PROCESSES = 5
MOST_SECONDS = 120
TARGET_RATE = 45.0


@dataclass
class Calls:
    """The SubmitJob calls of one process: when each was sent, and whether it was taken."""

    taken_at: list[float] = field(default_factory=list)
    refused_at: list[float] = field(default_factory=list)

    def watch(self, batch_submit: Any, latency_seconds: tuple[float, float], chance: random.Random) -> None:
        """Listen to a client, and make each of its calls slower: half of it before Batch, half after."""

        def before(context: dict[str, Any], **_: Any) -> None:
            context["half"] = chance.uniform(*latency_seconds) / 2
            time.sleep(context["half"])
            context["sent_at"] = time.time()

        def after(http_response: Any, context: dict[str, Any], **_: Any) -> None:
            times = self.taken_at if http_response.status_code == 200 else self.refused_at
            times.append(context["sent_at"])
            time.sleep(context["half"])

        batch_submit.meta.events.register("before-call.batch.SubmitJob", before)
        batch_submit.meta.events.register("after-call.batch.SubmitJob", after)


def work(environment: dict[str, str], threads: int, latency: tuple[float, float], seed: int, pipe: Connection) -> None:
    """A process of several invocations: each takes one message after another until told to end; sends its Calls."""
    os.environ.update(environment)
    all_calls: list[Calls] = []
    ended: list[bool] = []
    workers = []
    for number in range(threads):
        calls, aws = Calls(), clients()
        calls.watch(aws.batch_submit, latency, random.Random(f"{seed}/{number}"))
        all_calls.append(calls)
        workers.append(
            Thread(target=invoke, args=(wire(environment, aws), environment, f"{seed}/{number}", ended), daemon=True)
        )
    pipe.send("ready")
    pipe.recv()
    for worker in workers:
        worker.start()
    pipe.recv()
    ended.append(True)
    for worker in workers:
        worker.join(30)
    pipe.send([(calls.taken_at, calls.refused_at) for calls in all_calls])


def invoke(wired: Wired, environment: dict[str, str], name: str, ended: list[bool]) -> None:
    """What Lambda's event source does for on_commands, one message at a time."""
    sqs, url = wired.clients.sqs, environment["BATCHWRIGHT_COMMANDS_QUEUE_URL"]
    count = 0
    while not ended:
        asked = {"QueueUrl": url, "MaxNumberOfMessages": 1, "WaitTimeSeconds": 1}
        for message in sqs.receive_message(**asked, AttributeNames=["ApproximateReceiveCount"]).get("Messages", []):
            count += 1
            record = {"messageId": message["MessageId"], "body": message["Body"]}
            record["receiptHandle"] = message["ReceiptHandle"]
            record["attributes"] = message["Attributes"]
            try:
                wired.handle_commands({"Records": [record]}, f"{name}/{count}")
            except MessagesLeft:
                continue


@dataclass(frozen=True)
class Figures:
    """What came of one fan-out. `rate` is that of its first nine tenths, for in the end there are fewer chunks than
    invocations. `depth`: see `deepest`."""

    jobs: int
    seconds: float
    rate: float
    refused: int
    most_in_a_second: int
    depth: float


def figures_of(taken_at: list[float], refused_at: list[float]) -> Figures:
    taken_at, every = sorted(taken_at), sorted(taken_at + refused_at)
    most = max(bisect_left(every, at + 1.0) - place for place, at in enumerate(every))
    early = taken_at[: len(taken_at) * 9 // 10]
    rate = (len(early) - 1) / (early[-1] - early[0])
    return Figures(len(taken_at), taken_at[-1] - taken_at[0], rate, len(refused_at), most, deepest(every))


def deepest(times: list[float]) -> float:
    """How many calls a token bucket that refills 50 a second must hold to let all of these pass."""
    level, last, most = 0.0, times[0], 0.0
    for at in times:
        level = max(0.0, level - (at - last) * LIMIT) + 1
        last, most = at, max(most, level)
    return most


def fan_out(environment: dict[str, str], jobs: int, invocations: int, latency: tuple[float, float]) -> Figures:
    """Start the processes, then the run, and wait until every task was submitted."""
    context = multiprocessing.get_context("spawn")
    threads = -(-invocations // PROCESSES)
    pipes, processes = [], []
    for number in range(-(-invocations // threads)):
        ours, theirs = context.Pipe()
        share = min(threads, invocations - number * threads)
        process = context.Process(target=work, args=(environment, share, latency, number, theirs), daemon=True)
        process.start()
        pipes.append(ours)
        processes.append(process)
    try:
        for pipe in pipes:
            pipe.recv()
        os.environ.update(environment)
        wired = wire(environment, clients())
        spec = JobSpec(job_definition="bench", queue="bench", command=("true",))
        plan = Plan("fan-out", tuple(PlannedTask(f"task-{n}", spec) for n in range(jobs)), ((),) * jobs)
        wired.world.store.push(plan.workflow, {"rate": environment[SUBMIT_RATE]}, plan, 1)
        wired.start_run({"workflow": plan.workflow}, f"bench-{environment[SUBMIT_RATE]}")
        for pipe in pipes:
            pipe.send("go")
        wait_for(wired, jobs, environment)
        for pipe in pipes:
            pipe.send("end")
        parts = [part for pipe in pipes for part in pipe.recv()]
        return figures_of([at for taken, _ in parts for at in taken], [at for _, refused in parts for at in refused])
    finally:
        for process in processes:
            process.terminate()
            process.join(10)


def wait_for(wired: Wired, jobs: int, environment: dict[str, str]) -> None:
    """Until no chunk is left on the queue, waiting or under way. Raises RuntimeError when it takes too long."""
    deadline = time.monotonic() + MOST_SECONDS
    names = [f"ApproximateNumberOfMessages{kind}" for kind in ("", "NotVisible", "Delayed")]
    url = environment["BATCHWRIGHT_COMMANDS_QUEUE_URL"]
    while True:
        answer = wired.clients.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)
        if not sum(int(answer["Attributes"][name]) for name in names):
            return
        if time.monotonic() > deadline:
            raise RuntimeError(f"the {jobs} jobs were not submitted within {MOST_SECONDS} s")
        time.sleep(0.25)


def create_queue(batch: Any) -> None:
    """A queue whose jobs never start: the machine is to be measured at submitting them."""
    batch.create_compute_environment(computeEnvironmentName="bench", type="UNMANAGED", unmanagedvCpus=1)
    order = [{"order": 1, "computeEnvironment": "bench"}]
    batch.create_job_queue(jobQueueName="bench", priority=1, computeEnvironmentOrder=order)
    container = {"image": "none", "command": ["true"], "vcpus": 1, "memory": 128}
    batch.register_job_definition(jobDefinitionName="bench", type="container", containerProperties=container)
    batch.submit_job(
        jobName="all-of-it",
        jobQueue="bench",
        jobDefinition="bench",
        containerOverrides={"command": ["sleep", "3600"]},
    )


def measure(rate: int, jobs: int, invocations: int, latency: tuple[float, float]) -> Figures:
    """A fan-out on servers of its own."""
    with tempfile.TemporaryDirectory() as name, MiniStack(Path(name) / "ministack.log") as stack:
        account = {**stack.environment(), "AWS_ENDPOINT_URL": stack.endpoint_url, "AWS_REGION": "us-east-1"}
        outputs = create_foundation(account)
        arguments = [f"--submit-rate={LIMIT}"]
        with LocalBatch(Path(name) / "work", Path(name) / "batch.log", arguments, account) as server:
            environment = {
                **account,
                "AWS_ENDPOINT_URL_BATCH": server.endpoint_url,
                **variables_of(outputs),
                SUBMIT_RATE: str(rate),
            }
            os.environ.update(environment)
            create_queue(clients().batch)
            return fan_out(environment, jobs, invocations, latency)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=1500)
    parser.add_argument("--invocations", type=int, default=10)
    parser.add_argument("--latency-ms", type=float, nargs=2, default=(50.0, 100.0), metavar=("LEAST", "MOST"))
    parser.add_argument("--rate", type=int, default=48)
    parser.add_argument("--only-governed", action="store_true", help="leave out the fan-out without the governor")
    given = parser.parse_args()
    latency = (given.latency_ms[0] / 1000, given.latency_ms[1] / 1000)
    governed = measure(given.rate, given.jobs, given.invocations, latency)
    columns = [(f"governed at {given.rate}", governed)]
    if not given.only_governed:
        columns.append(("not governed", measure(SUBMIT_RATE_MAXIMUM, given.jobs, given.invocations, latency)))
    table = Table(f"{given.jobs} jobs, {given.invocations} invocations", *(name for name, _ in columns))
    figures = [one for _, one in columns]
    table.add_row("seconds until the last job", *(f"{one.seconds:.1f}" for one in figures))
    table.add_row("jobs a second, of nine tenths", *(f"{one.rate:.1f}" for one in figures))
    table.add_row("429 answers", *(str(one.refused) for one in figures))
    table.add_row("most calls in any second", *(str(one.most_in_a_second) for one in figures))
    table.add_row(f"token bucket at {LIMIT}/s that takes all", *(f"{one.depth:.0f}" for one in figures))
    Console().print(table)
    complete = all(one.jobs == given.jobs for one in figures)
    return 0 if complete and governed.rate >= TARGET_RATE and governed.refused <= given.jobs / 100 else 1


if __name__ == "__main__":
    sys.exit(main())
