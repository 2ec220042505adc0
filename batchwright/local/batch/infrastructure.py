"""Compute environments and job queues: their records, and the operations on them.

Owns: names, states, limits, and what the scheduler is told of them. Does not own the lines themselves.
`computeResources.maxvCpus` (or `unmanagedvCpus`) is the limit on vCPUs. Batch has no limit on memory of its own; the
tag `batchwright:max-memory-mib` of a compute environment sets one, and `batchwright:max-gpus` one on GPUs.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from typing import Any

from batchwright.local.batch.arns import Account, last_part
from batchwright.local.batch.errors import ClientError, refused
from batchwright.local.batch.paging import page
from batchwright.local.batch.request_rules import CREATE_ENVIRONMENT, CREATE_QUEUE, UPDATE_QUEUE, check_plain
from batchwright.local.batch.scheduler import Capacity, Scheduler
from batchwright.local.batch.tags import Tags
from chalicelib.core.ids import attempt_from_parameters

MEMORY_TAG = "batchwright:max-memory-mib"
GPU_TAG = "batchwright:max-gpus"
QUEUE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}")
UNMANAGED_VCPUS = 256
FARGATE_TYPES = ("FARGATE", "FARGATE_SPOT")

Document = dict[str, Any]
Request = Mapping[str, Any]


class Infrastructure:
    """Records by name."""

    def __init__(self, account: Account, scheduler: Scheduler, tags: Tags, queues_on_demand: str | None = None) -> None:
        self._queues_on_demand = queues_on_demand
        self._account = account
        self._scheduler = scheduler
        self._tags = tags
        self._environments: dict[str, Document] = {}
        self._queues: dict[str, Document] = {}
        tags.changed = self._tags_changed

    def create_compute_environment(self, request: Request) -> Document:
        check_plain(CREATE_ENVIRONMENT, request)
        name = request["computeEnvironmentName"]
        if name in self._environments:
            raise ClientError(f"Object already exists: {name}")
        arn = self._account.arn("compute-environment", name)
        record = {
            **{key: value for key, value in request.items() if key != "tags"},
            "computeEnvironmentArn": arn,
            "ecsClusterArn": f"arn:aws:ecs:{self._account.region}:{self._account.account_id}:cluster/AWSBatch-{name}",
            "state": request.get("state", "ENABLED"),
            "status": "VALID",
            "statusReason": "ComputeEnvironment Healthy",
            "containerOrchestrationType": "ECS",
            "uuid": str(uuid.uuid4()),
        }
        self._tags.put(arn, request.get("tags", {}))
        self._set_capacity(record)
        self._environments[name] = record
        return {"computeEnvironmentName": name, "computeEnvironmentArn": arn}

    def update_compute_environment(self, request: Request) -> Document:
        record = self._environment(request["computeEnvironment"])
        changed = dict(record)
        if "computeResources" in request:
            changed["computeResources"] = {**record.get("computeResources", {}), **request["computeResources"]}
        for key in ("state", "unmanagedvCpus", "serviceRole", "context", "ecsSettings", "updatePolicy"):
            if key in request:
                changed[key] = request[key]
        self._set_capacity(changed)
        record.update(changed)
        return {key: record[key] for key in ("computeEnvironmentName", "computeEnvironmentArn")}

    def delete_compute_environment(self, request: Request) -> Document:
        record = self._environments.get(last_part(request["computeEnvironment"]))
        if record is None:
            return {}
        arn = record["computeEnvironmentArn"]
        if record["state"] != "DISABLED":
            raise ClientError("Cannot delete, compute environment state is not DISABLED")
        for queue in self._queues.values():
            if any(entry["computeEnvironment"] == arn for entry in queue["computeEnvironmentOrder"]):
                raise ClientError("Cannot delete, found existing JobQueue relationship")
        del self._environments[record["computeEnvironmentName"]]
        del self._scheduler.capacities[arn]
        return {}

    def describe_compute_environments(self, request: Request) -> Document:
        records = self._pick(self._environments, request.get("computeEnvironments"))
        shown = [{**record, "tags": self._tags.of(record["computeEnvironmentArn"])} for record in records]
        return page(shown, request, "computeEnvironments", 100)

    def create_job_queue(self, request: Request) -> Document:
        check_plain(CREATE_QUEUE, request)
        name = request["jobQueueName"]
        if name in self._queues:
            raise ClientError(f"Object already exists: {name}")
        arn = self._account.arn("job-queue", name)
        record = {
            "jobQueueName": name,
            "jobQueueArn": arn,
            "state": request.get("state", "ENABLED"),
            "status": "VALID",
            "statusReason": "JobQueue Healthy",
            "priority": request["priority"],
            "computeEnvironmentOrder": self._order(request.get("computeEnvironmentOrder", [])),
            "jobStateTimeLimitActions": request.get("jobStateTimeLimitActions", []),
            **({"jobQueueType": request["jobQueueType"]} if "jobQueueType" in request else {}),
        }
        self._tags.put(arn, request.get("tags", {}))
        self._queues[name] = record
        self._set_line(record)
        return {"jobQueueName": name, "jobQueueArn": arn}

    def update_job_queue(self, request: Request) -> Document:
        check_plain(UPDATE_QUEUE, request)
        record = self.queue(request["jobQueue"])
        if "priority" in request:
            record["priority"] = request["priority"]
        if "computeEnvironmentOrder" in request:
            record["computeEnvironmentOrder"] = self._order(request["computeEnvironmentOrder"])
        for key in ("state", "jobStateTimeLimitActions"):
            if key in request:
                record[key] = request[key]
        self._set_line(record)
        return {key: record[key] for key in ("jobQueueName", "jobQueueArn")}

    def delete_job_queue(self, request: Request) -> Document:
        record = self._queues.get(last_part(request["jobQueue"]))
        if record is None:
            return {}
        if record["state"] != "DISABLED":
            raise ClientError("Cannot delete, job queue state is not DISABLED")
        del self._queues[record["jobQueueName"]]
        return {}

    def describe_job_queues(self, request: Request) -> Document:
        records = self._pick(self._queues, request.get("jobQueues"))
        shown = [{**record, "tags": self._tags.of(record["jobQueueArn"])} for record in records]
        return page(shown, request, "jobQueues", 100)

    def queue(self, name_or_arn: str) -> Document:
        """The record of a queue; raises ClientError with Batch's words."""
        record = self._queues.get(last_part(name_or_arn))
        if record is None or (name_or_arn.startswith("arn:") and record["jobQueueArn"] != name_or_arn):
            raise refused(f"JobQueue {name_or_arn} not found.")
        return record

    def queue_of_submission(self, request: Request) -> Document:
        """The record of the queue that a submission names.

        With `queues_on_demand`, a job of a Batchwright run makes the queue: its name may depend on params or on the
        attempt, so nobody could make it before the run.
        """
        name, environment = request["jobQueue"], self._queues_on_demand
        is_of_a_run = attempt_from_parameters(request.get("parameters", {})) is not None
        is_missing = name not in self._queues and QUEUE_NAME.fullmatch(name) is not None
        if environment in self._environments and is_of_a_run and is_missing:
            order = [{"order": 1, "computeEnvironment": environment}]
            self.create_job_queue({"jobQueueName": name, "priority": 1, "computeEnvironmentOrder": order})
        return self.queue(name)

    def _environment(self, name_or_arn: str) -> Document:
        record = self._environments.get(last_part(name_or_arn))
        if record is None:
            raise refused(f"ComputeEnvironment {name_or_arn} not found.")
        return record

    def _order(self, entries: list[Document]) -> list[Document]:
        named = [
            {"order": entry["order"], "computeEnvironment": self._environment(entry["computeEnvironment"])}
            for entry in entries
        ]
        return [
            {"order": entry["order"], "computeEnvironment": entry["computeEnvironment"]["computeEnvironmentArn"]}
            for entry in sorted(named, key=lambda entry: entry["order"])
        ]

    def _set_line(self, record: Document) -> None:
        environments = tuple(entry["computeEnvironment"] for entry in record["computeEnvironmentOrder"])
        self._scheduler.set_line(record["jobQueueArn"], record["jobQueueName"], record["priority"], environments)

    def _set_capacity(self, record: Document) -> None:
        arn = record["computeEnvironmentArn"]
        tags = self._tags.of(arn)
        vcpus = record.get("computeResources", {}).get("maxvCpus", record.get("unmanagedvCpus", UNMANAGED_VCPUS))
        if vcpus < 0:
            raise ClientError(f"maxvCpus must be 0 or more, not {vcpus}")
        self._scheduler.set_capacity(
            Capacity(
                arn=arn,
                name=record["computeEnvironmentName"],
                milli_vcpus=vcpus * 1000,
                memory_mib=_whole_number(tags, MEMORY_TAG),
                gpus=_whole_number(tags, GPU_TAG),
                enabled=record["state"] == "ENABLED",
                is_fargate=record.get("computeResources", {}).get("type") in FARGATE_TYPES,
            )
        )

    def _tags_changed(self, arn: str) -> None:
        record = self._environments.get(last_part(arn))
        if record is not None and record["computeEnvironmentArn"] == arn:
            self._set_capacity(record)

    def _pick(self, records: dict[str, Document], names: list[str] | None) -> list[Document]:
        if not names:
            return list(records.values())
        return [records[last_part(name)] for name in names if last_part(name) in records]


def _whole_number(tags: Mapping[str, str], key: str) -> int | None:
    if key not in tags:
        return None
    if not tags[key].isdigit():
        raise ClientError(f"the tag {key} must be a whole number, not {tags[key]!r}")
    return int(tags[key])
