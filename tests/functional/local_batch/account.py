"""What the tests of the local Batch share: a client with its queue and definitions, waiting, and events."""

from __future__ import annotations

import functools
import itertools
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

ENDED = ("SUCCEEDED", "FAILED")
DEADLINE_SECONDS = 20.0
_NUMBERS = itertools.count(1)


@functools.cache
def aws_client(service: str, endpoint_url: str) -> Any:
    """A client that tries once, so that a refusal is seen as it is."""
    return boto3.client(
        service,
        endpoint_url=endpoint_url,
        region_name="us-east-1",
        aws_access_key_id="local",
        aws_secret_access_key="local",
        config=Config(retries={"total_max_attempts": 1}),
    )


def wait_for(condition: Callable[[], Any], what: str, seconds: float = DEADLINE_SECONDS) -> Any:
    """The first true answer of `condition`; fails with `what` when there is none in time."""
    deadline = time.monotonic() + seconds
    while True:
        answer = condition()
        if answer:
            return answer
        assert time.monotonic() < deadline, f"waited {seconds} s in vain for {what}"
        time.sleep(0.02)


class Gate:
    """Holds the jobs that begin with its source until it is opened, so that no test hopes to be quicker than a job."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "open"

    def source(self, then: str = "") -> str:
        """Python that waits for the gate, and does `then`."""
        wait = f"import os, time\nwhile not os.path.exists({str(self._path)!r}): time.sleep(0.02)\n"
        return wait + then

    def open(self) -> None:
        self._path.touch()


class BatchAccount:
    """A compute environment, a queue and a definition of its own on a shared server."""

    def __init__(self, endpoint_url: str, vcpus: int = 8, tags: dict[str, str] | None = None) -> None:
        self.batch = aws_client("batch", endpoint_url)
        self.name = f"t{next(_NUMBERS)}"
        self.batch.create_compute_environment(
            computeEnvironmentName=self.name, type="UNMANAGED", unmanagedvCpus=vcpus, tags=tags or {}
        )
        self.queue = self.add_queue(self.name, priority=1)
        self.definition = self.register(self.name)

    def add_queue(self, name: str, priority: int) -> str:
        order = [{"order": 1, "computeEnvironment": self.name}]
        self.batch.create_job_queue(jobQueueName=name, priority=priority, computeEnvironmentOrder=order)
        return name

    def register(self, name: str, image: str = "any", container: dict[str, Any] | None = None, **members: Any) -> str:
        properties = {
            "image": image,
            "command": ["true"],
            "resourceRequirements": [{"type": "VCPU", "value": "1"}, {"type": "MEMORY", "value": "512"}],
            **(container or {}),
        }
        answer = self.batch.register_job_definition(
            jobDefinitionName=name, type="container", containerProperties=properties, **members
        )
        return str(answer["jobDefinitionArn"])

    def submit(self, *command: str, name: str = "job", overrides: dict[str, Any] | None = None, **request: Any) -> str:
        """The new job's id. Without a command the definition's runs, which is `true`."""
        container = dict(overrides or {})
        if command:
            container["command"] = list(command)
        request.setdefault("jobQueue", self.queue)
        request.setdefault("jobDefinition", self.definition)
        answer = self.batch.submit_job(jobName=name, containerOverrides=container, **request)
        return str(answer["jobId"])

    def python(self, source: str, **request: Any) -> str:
        return self.submit("python3", "-c", source, **request)

    def describe(self, job_id: str) -> dict[str, Any]:
        return dict(self.batch.describe_jobs(jobs=[job_id])["jobs"][0])

    def status(self, job_id: str) -> str:
        return str(self.describe(job_id)["status"])

    def reach(self, job_id: str, *statuses: str, seconds: float = DEADLINE_SECONDS) -> dict[str, Any]:
        """Wait until the job is in one of `statuses`."""

        def look() -> dict[str, Any] | None:
            job = self.describe(job_id)
            return job if job["status"] in statuses else None

        return dict(wait_for(look, f"{job_id} to become {' or '.join(statuses)}", seconds))

    def finish(self, job_id: str, seconds: float = DEADLINE_SECONDS) -> dict[str, Any]:
        return self.reach(job_id, *ENDED, seconds=seconds)


class EventQueue:
    """Receives the events of a server's queue, and keeps them in the order of their arrival."""

    def __init__(self, sqs: Any, queue_url: str) -> None:
        self._sqs = sqs
        self.queue_url = queue_url
        self.received: list[dict[str, Any]] = []

    def of(self, job_id: str) -> list[dict[str, Any]]:
        return [event for event in self.received if event["detail"]["jobId"] == job_id]

    def until(self, job_id: str, *statuses: str) -> list[dict[str, Any]]:
        """The events of the job, once one tells of one of `statuses`."""

        def look() -> bool:
            self.receive()
            return any(event["detail"]["status"] in statuses for event in self.of(job_id))

        wait_for(look, f"an event that {job_id} is {statuses}")
        return self.of(job_id)

    def receive(self) -> int:
        """Take what is there now; returns how many events that were."""
        count = 0
        while True:
            answer = self._sqs.receive_message(QueueUrl=self.queue_url, MaxNumberOfMessages=10)
            messages = answer.get("Messages", [])
            if not messages:
                return count
            count += len(messages)
            self.received += [json.loads(message["Body"]) for message in messages]
            done = [
                {"Id": str(number), "ReceiptHandle": message["ReceiptHandle"]}
                for number, message in enumerate(messages)
            ]
            self._sqs.delete_message_batch(QueueUrl=self.queue_url, Entries=done)

    def receive_until_quiet(self, seconds: float = 1.0) -> list[dict[str, Any]]:
        """Take events until none came for `seconds`; all events received so far."""
        quiet_since = time.monotonic()
        while time.monotonic() - quiet_since < seconds:
            if self.receive():
                quiet_since = time.monotonic()
            else:
                time.sleep(0.05)
        return self.received


def log_lines(logs: Any, stream: str) -> list[str]:
    """The messages of a stream of Batch's log group."""
    answer = logs.get_log_events(logGroupName="/aws/batch/job", logStreamName=stream, startFromHead=True)
    return [event["message"] for event in answer["events"]]
