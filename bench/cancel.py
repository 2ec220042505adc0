"""How soon a run of many running jobs is cancelled: `batchwright cancel` on the local AWS.

`python -m bench.cancel [--jobs 1000]` starts that many jobs that sleep, each a task and a process of its own, gives the
command once all are running, and prints how long it took until the last TerminateJobs call (50 ids each) and until the
run had ended. The app's functions run in this process, which counts their calls. Ends with 1 when the calls are not
as few as they can be.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from batchwright.local import worker
from batchwright.local.functions import Functions
from batchwright.local.isolation import enter
from batchwright.local.prepare import prepare
from batchwright.local.stack import LocalAws
from chalicelib.core.limits import BULK_TERMINATE_IDS
from chalicelib.core.plan.model import Plan
from chalicelib.core.plan.revisions import with_revisions
from chalicelib.core.plan.task import JobSpec, PlannedTask
from chalicelib.core.states import RunState, TaskState
from chalicelib.ports.store import Store
from chalicelib.wiring import wired

MOST_SECONDS = 240
POLLERS = 2


def wait_until(holds: Any, what: str) -> None:
    """Look again and again; raises RuntimeError when it takes too long."""
    deadline = time.monotonic() + MOST_SECONDS
    while not holds():
        if time.monotonic() > deadline:
            raise RuntimeError(f"waited {MOST_SECONDS} s for {what}")
        time.sleep(0.25)


def serve(functions: Functions, ended: threading.Event) -> None:
    """Take messages off the app's queues, as a worker does."""
    for source in functions.queues():
        for _ in range(POLLERS):
            threading.Thread(target=worker.poll, args=(functions, source, ended), daemon=True).start()


def running_count(store: Store, run_id: str, shards: int) -> int:
    """How many tasks of the run are running, as the table knows."""
    records = (record for shard in range(shards) for record in store.tasks(run_id, 0, shard))
    return sum(record.state is TaskState.RUNNING for record in records)


def measure(jobs: int) -> dict[str, Any]:
    """Start the jobs, cancel the run by the command, and wait for its end; the figures."""
    calls_at: list[float] = []
    ids = 0

    def called(params: dict[str, Any], **_: Any) -> None:
        nonlocal ids
        calls_at.append(time.time())
        ids += len(json.loads(params["body"])["jobs"])

    with tempfile.TemporaryDirectory() as folder, LocalAws(Path(folder), workers=0, max_vcpus=jobs) as aws:
        enter(aws.environment)
        functions, ended, store = Functions(), threading.Event(), wired().world.store
        wired().clients.batch.meta.events.register("before-call.batch.TerminateJobs", called)
        spec = JobSpec(job_definition="bench", queue="default", command=("sleep", "600"))
        plan = Plan("sleepers", tuple(PlannedTask(f"task-{n:04}", spec) for n in range(jobs)), ((),) * jobs)
        revisions = prepare(aws.environment, plan, {}, Path(folder))
        store.push(plan.workflow, {"name": plan.workflow}, with_revisions(plan, revisions), 1)
        serve(functions, ended)
        began = time.time()
        run_id = functions.invoke("start", {"workflow": plan.workflow})["run_id"]
        wait_until(lambda: running_count(store, run_id, plan.shard_count) == jobs, "all jobs to run")
        all_running = time.time()
        variables = {**os.environ, "BATCHWRIGHT_HOME": folder}
        command = [sys.executable, "-m", "batchwright", "cancel", run_id]
        subprocess.run(command, env=variables, check=True, timeout=60)
        answered = time.time()
        wait_until(lambda: (run := store.run(run_id)) is not None and run.state.ended, "the run to end")
        run = store.run(run_id)
        ended.set()
    assert run is not None
    assert run.ended_at_ms is not None
    return {
        "state": run.state,
        "start": all_running - began,
        "answer": answered - all_running,
        "first": calls_at[0] - all_running,
        "last": calls_at[-1] - all_running,
        "end": run.ended_at_ms / 1000 - all_running,
        "calls": len(calls_at),
        "ids": ids,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=1000)
    jobs: int = parser.parse_args().jobs
    found = measure(jobs)
    fewest = -(-jobs // BULK_TERMINATE_IDS)
    print(f"{jobs} jobs were running {found['start']:.1f} s after the start; the run ended as {found['state']}")
    print("seconds from giving `batchwright cancel` until")
    for name, what in (
        ("answer", "it answered"),
        ("first", "the first TerminateJobs call"),
        ("last", "the last TerminateJobs call"),
        ("end", "the end of the run"),
    ):
        print(f"  {what:30} {found[name]:6.2f}")
    print(f"{found['calls']} TerminateJobs calls with {found['ids']} ids ({fewest} calls are the fewest)")
    return 0 if found["state"] is RunState.CANCELLED and found["calls"] == fewest else 1


if __name__ == "__main__":
    sys.exit(main())
