"""How long the local Batch needs for an array of `true`, and what it uses while idle.

    python bench/local_batch.py [--children 10000] [--vcpus 8] [--no-events]

Prints one JSON line: seconds from SubmitJob to the array's end, seconds until every event was on the queue, CPU
seconds of the server and of MiniStack, the server's memory, and its share of a core while idle.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import boto3
import psutil

from batchwright.local.batch.client import LocalBatch
from batchwright.local.ministack import MiniStack

IDLE_SECONDS = 5.0
PROGRESS_SECONDS = 0.25


def client(service: str, endpoint_url: str) -> Any:
    return boto3.client(
        service,
        endpoint_url=endpoint_url,
        region_name="us-east-1",
        aws_access_key_id="local",
        aws_secret_access_key="local",
    )


def cpu_seconds(pid: int) -> float:
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)


def submit_array(batch: Any, children: int, vcpus: int) -> str:
    batch.create_compute_environment(computeEnvironmentName="bench", type="UNMANAGED", unmanagedvCpus=vcpus)
    order = [{"order": 1, "computeEnvironment": "bench"}]
    batch.create_job_queue(jobQueueName="bench", priority=1, computeEnvironmentOrder=order)
    container = {"image": "none", "command": ["true"], "vcpus": 1, "memory": 128}
    batch.register_job_definition(jobDefinitionName="bench", type="container", containerProperties=container)
    answer = batch.submit_job(
        jobName="bench", jobQueue="bench", jobDefinition="bench", arrayProperties={"size": children}
    )
    return str(answer["jobId"])


def measure(stack: MiniStack, folder: Path, children: int, vcpus: int, with_events: bool) -> dict[str, object]:
    sqs = client("sqs", stack.endpoint_url)
    queue_url = sqs.create_queue(QueueName="bench")["QueueUrl"]
    arguments = ["--aws-endpoint-url", stack.endpoint_url]
    if with_events:
        arguments += ["--events-queue-url", queue_url]
    with LocalBatch(folder / "work", folder / "batch.log", arguments, stack.environment()) as server:
        batch = client("batch", server.endpoint_url)
        begun = time.monotonic()
        job_id = submit_array(batch, children, vcpus)
        job = batch.describe_jobs(jobs=[job_id])["jobs"][0]
        while job["status"] not in ("SUCCEEDED", "FAILED"):
            time.sleep(PROGRESS_SECONDS)
            job = batch.describe_jobs(jobs=[job_id])["jobs"][0]
        ended = time.monotonic()
        while with_events and waiting(sqs, queue_url) < 4 * children + 2:
            time.sleep(PROGRESS_SECONDS)
        told = time.monotonic()
        busy = cpu_seconds(server.pid)
        memory = psutil.Process(server.pid).memory_info().rss
        time.sleep(IDLE_SECONDS)
        return {
            "children": children,
            "succeeded": job["arrayProperties"]["statusSummary"]["SUCCEEDED"],
            "seconds_to_end": round(ended - begun, 1),
            "seconds_to_last_event": round(told - begun, 1) if with_events else None,
            "server_cpu_seconds": round(busy, 1),
            "ministack_cpu_seconds": round(cpu_seconds(stack.pid), 1),
            "server_memory_mib": memory // 2**20,
            "idle_share_of_a_core": round((cpu_seconds(server.pid) - busy) / IDLE_SECONDS, 4),
        }


def waiting(sqs: Any, queue_url: str) -> int:
    wanted = ["ApproximateNumberOfMessages"]
    answer = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=wanted)
    return int(answer["Attributes"]["ApproximateNumberOfMessages"])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--children", type=int, default=10_000)
    parser.add_argument("--vcpus", type=int, default=8)
    parser.add_argument("--no-events", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with MiniStack(folder / "ministack.log") as stack:
            print(json.dumps(measure(stack, folder, given.children, given.vcpus, not given.no_events)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
