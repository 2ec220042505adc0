"""The local AWS as a whole: MiniStack, the local Batch, the worker, and what they need to know of each other.

Owns the order of starting and stopping, and the variables that point anything at it. Everything it creates comes from
infra/foundation.yaml, so that a laptop runs what a deployment runs.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3

from batchwright.local.batch.client import LocalBatch
from batchwright.local.child import end, start_module
from batchwright.local.functions import PROJECT_FOLDER
from batchwright.local.ministack import MiniStack
from chalicelib.core.errors import BatchwrightError

STAGE = "local"
FOUNDATION = PROJECT_FOLDER / "infra" / "foundation.yaml"
COMPUTE_ENVIRONMENT = "local"
DEFAULT_QUEUE = "default"


class LocalAwsError(BatchwrightError):
    """The local AWS could not be started; the text says what failed and where the log is."""


@dataclass(frozen=True, slots=True)
class Faults:
    """What may go wrong with the delivery of Batch's events: probabilities from 0 to 1, seconds, and the seed."""

    duplicate: float = 0.0
    drop: float = 0.0
    delay_seconds: float = 0.0
    reorder: bool = False
    seed: int = 0

    def arguments(self) -> list[str]:
        """The local Batch's options for these."""
        numbers = {
            "--duplicate": self.duplicate,
            "--drop": self.drop,
            "--delay": self.delay_seconds,
            "--seed": self.seed,
        }
        return [f"{name}={value}" for name, value in numbers.items()] + (["--reorder"] if self.reorder else [])


class LocalAws:
    """One local AWS in a folder of its own. `environment` is complete once `start` has returned."""

    def __init__(
        self,
        folder: Path,
        *,
        faults: Faults = Faults(),
        submit_rate: int | None = None,
        max_vcpus: int | None = None,
        kill_grace_seconds: float = 30.0,
        workers: int = 1,
    ) -> None:
        self.folder = folder
        self.environment: dict[str, str] = {}
        self._faults = faults
        self._submit_rate = submit_rate
        self._max_vcpus = max_vcpus or max(4, os.cpu_count() or 1)
        self._kill_grace_seconds = kill_grace_seconds
        self._worker_count = workers
        self._ministack = MiniStack(folder / "ministack.log")
        self._batch: LocalBatch | None = None
        self._workers: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        """Start everything; what was started is stopped again when something fails."""
        try:
            self._ministack.start()
            self.environment = dict(self._ministack.environment())
            outputs = create_foundation(self.environment)
            self.environment |= {
                "BATCHWRIGHT_STAGE": STAGE,
                "BATCHWRIGHT_TABLE": outputs["TableName"],
                "BATCHWRIGHT_EVENTS_QUEUE": outputs["EventsQueueName"],
                "BATCHWRIGHT_EVENTS_QUEUE_URL": outputs["EventsQueueUrl"],
                "BATCHWRIGHT_COMMANDS_QUEUE": outputs["CommandsQueueName"],
                "BATCHWRIGHT_COMMANDS_QUEUE_URL": outputs["CommandsQueueUrl"],
                "BATCHWRIGHT_TOPIC_ARN": outputs["TopicArn"],
                "BATCHWRIGHT_BUCKET": outputs["BucketName"],
            }
            self._start_batch()
            for _ in range(self._worker_count):
                self.start_worker()
            self._create_batch_environment()
        except BaseException:
            self.stop()
            raise

    def _start_batch(self) -> None:
        pattern_path = self.folder / "event_pattern.json"
        pattern_path.write_text(rule_pattern(self.environment))
        # What a container would have from its role: the same AWS, by the same variables.
        job_environment = [f"--job-environment={name}={value}" for name, value in self._ministack.environment().items()]
        rate = [] if self._submit_rate is None else [f"--submit-rate={self._submit_rate}"]
        self._batch = LocalBatch(
            self.folder / "jobs",
            self.folder / "batch.log",
            [
                f"--events-queue-url={self.environment['BATCHWRIGHT_EVENTS_QUEUE_URL']}",
                f"--aws-endpoint-url={self._ministack.endpoint_url}",
                f"--event-pattern={pattern_path}",
                f"--kill-grace-seconds={self._kill_grace_seconds}",
                *rate,
                *self._faults.arguments(),
                *job_environment,
            ],
            self._ministack.environment(),
        )
        self._batch.start()
        self.environment |= self._batch.environment()

    def start_worker(self) -> subprocess.Popen[bytes]:
        """Start one more worker process."""
        log_path = self.folder / "worker.log"
        worker = start_module("batchwright.local.worker", [], self.environment, log_path)
        self._workers.append(worker)
        return worker

    def _create_batch_environment(self) -> None:
        batch = client("batch", self.environment)
        batch.create_compute_environment(
            computeEnvironmentName=COMPUTE_ENVIRONMENT,
            type="MANAGED",
            state="ENABLED",
            computeResources={
                "type": "FARGATE",
                "maxvCpus": self._max_vcpus,
                "subnets": ["subnet-local"],
                "securityGroupIds": ["sg-local"],
            },
        )
        create_queues(self.environment, [DEFAULT_QUEUE])

    def stop(self) -> None:
        """Stop everything that was started, and every job. Twice is once."""
        workers, self._workers = self._workers, []
        for worker in workers:
            end(worker)
        if self._batch is not None:
            self._batch.stop()
            self._batch = None
        self._ministack.stop()

    def __enter__(self) -> LocalAws:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def client(service: str, environment: Mapping[str, str]) -> Any:
    """A boto3 client of the AWS that these variables point at."""
    endpoint = environment.get(f"AWS_ENDPOINT_URL_{service.upper()}") or environment["AWS_ENDPOINT_URL"]
    return boto3.client(
        service,
        endpoint_url=endpoint,
        region_name=environment["AWS_DEFAULT_REGION"],
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
    )


def create_foundation(environment: Mapping[str, str]) -> dict[str, str]:
    """Create the stack of infra/foundation.yaml and return its outputs. Raises LocalAwsError with the reason."""
    cloudformation = client("cloudformation", environment)
    name = f"batchwright-{STAGE}"
    cloudformation.create_stack(
        StackName=name,
        TemplateBody=FOUNDATION.read_text(encoding="utf-8"),
        Parameters=[{"ParameterKey": "Stage", "ParameterValue": STAGE}],
    )
    waiter = cloudformation.get_waiter("stack_create_complete")
    waiter.config.delay = 0.1
    try:
        waiter.wait(StackName=name)
    except Exception as error:
        raise LocalAwsError(f"the foundation could not be created in MiniStack: {error}") from error
    (stack,) = cloudformation.describe_stacks(StackName=name)["Stacks"]
    return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}


def rule_pattern(environment: Mapping[str, str]) -> str:
    """The event pattern of the foundation's rule, as it was created. Emulators refuse events that claim to come from
    AWS, so the local Batch applies the rule itself."""
    rule = client("events", environment).describe_rule(Name=f"batchwright-{STAGE}-job-state-changes")
    return json.dumps(json.loads(rule["EventPattern"]))


def create_queues(environment: Mapping[str, str], names: Iterable[str]) -> None:
    """Create the job queues that are not there, all on the one compute environment."""
    batch = client("batch", environment)
    wanted = [name for name in dict.fromkeys(names) if not name.startswith("arn:")]
    known = (
        {queue["jobQueueName"] for queue in batch.describe_job_queues(jobQueues=wanted)["jobQueues"]}
        if wanted
        else set()
    )
    for name in wanted:
        if name not in known:
            batch.create_job_queue(
                jobQueueName=name,
                state="ENABLED",
                priority=1,
                computeEnvironmentOrder=[{"order": 1, "computeEnvironment": COMPUTE_ENVIRONMENT}],
            )


def register_definitions(environment: Mapping[str, str], names: Iterable[str], image_folder: Path) -> None:
    """Register the job definitions that are not there; their image is the folder of the workflow file."""
    batch = client("batch", environment)
    for name in dict.fromkeys(names):
        if name.startswith("arn:") or ":" in name:
            continue
        if not batch.describe_job_definitions(jobDefinitionName=name, status="ACTIVE")["jobDefinitions"]:
            batch.register_job_definition(
                jobDefinitionName=name,
                type="container",
                containerProperties={
                    "image": f"file://{image_folder.resolve()}",
                    "resourceRequirements": [
                        {"type": "VCPU", "value": "1"},
                        {"type": "MEMORY", "value": "2048"},
                    ],
                },
            )
