"""Job definitions: registering, revisions, and finding one by name, name:revision or ARN.

Owns: the records and their checks. Definitions of multi-node, EKS and multi-container (`ecsProperties`) jobs are
refused: this server runs one command a job.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from batchwright.local.batch.arns import Account, last_part
from batchwright.local.batch.errors import ClientError, refused
from batchwright.local.batch.paging import page
from batchwright.local.batch.tags import Tags

NAME = re.compile(r"[A-Za-z0-9_-]{1,128}")
MAXIMUM_BYTES = 24 * 1024
NOT_HERE = {
    "nodeProperties": "multi-node jobs",
    "eksProperties": "jobs on EKS",
    "ecsProperties": "jobs of several containers",
}

Document = dict[str, Any]


class Definitions:
    """All revisions by name, in order of registration."""

    def __init__(self, account: Account, tags: Tags, minimum_timeout_seconds: int) -> None:
        self._account = account
        self._tags = tags
        self._minimum_timeout_seconds = minimum_timeout_seconds
        self._revisions: dict[str, list[Document]] = {}

    def register_job_definition(self, request: Mapping[str, Any]) -> Document:
        name = request["jobDefinitionName"]
        self._check(request)
        revisions = self._revisions.setdefault(name, [])
        revision = len(revisions) + 1
        arn = self._account.arn("job-definition", f"{name}:{revision}")
        record = {
            **{key: value for key, value in request.items() if key != "tags"},
            "jobDefinitionArn": arn,
            "revision": revision,
            "status": "ACTIVE",
            "parameters": request.get("parameters", {}),
            "containerOrchestrationType": "ECS",
        }
        self._tags.put(arn, request.get("tags", {}))
        revisions.append(record)
        return {"jobDefinitionName": name, "jobDefinitionArn": arn, "revision": revision}

    def deregister_job_definition(self, request: Mapping[str, Any]) -> Document:
        name, revision = _name_and_revision(request["jobDefinition"])
        if revision is None:
            raise ClientError(f"Job definition {request['jobDefinition']} must be name:revision or an ARN")
        record = self._revision(name, revision)
        if record is not None:
            record["status"] = "INACTIVE"
        return {}

    def describe_job_definitions(self, request: Mapping[str, Any]) -> Document:
        wanted = request.get("jobDefinitions")
        if wanted and ("jobDefinitionName" in request or "status" in request):
            raise ClientError("jobDefinitions can't be used with other parameters")
        if wanted:
            records = [found for entry in wanted for found in self._named(entry)]
        else:
            only = request.get("jobDefinitionName")
            records = [
                record
                for name, revisions in self._revisions.items()
                if only is None or name == last_part(only)
                for record in revisions
                if record["status"] == request.get("status", record["status"])
            ]
        # The newest revision first, as Batch lists them.
        records.sort(key=lambda record: (record["jobDefinitionName"], -record["revision"]))
        shown = [{**record, "tags": self._tags.of(record["jobDefinitionArn"])} for record in records]
        return page(shown, request, "jobDefinitions", 100)

    def active(self, name_or_arn: str) -> Document:
        """The definition that a job may use; raises ClientError with Batch's words."""
        name, revision = _name_and_revision(name_or_arn)
        record = self._latest(name) if revision is None else self._revision(name, revision)
        if record is None and name_or_arn.startswith("arn:"):
            raise refused(f"JobDefinition {name_or_arn} not found.")
        if record is None or record["status"] != "ACTIVE":
            raise refused(f"JobDefinition name {name_or_arn} does not exist or is not in ACTIVE status")
        return record

    def _named(self, entry: str) -> list[Document]:
        name, revision = _name_and_revision(entry)
        if revision is None:
            return list(self._revisions.get(name, ()))
        record = self._revision(name, revision)
        return [] if record is None else [record]

    def _latest(self, name: str) -> Document | None:
        active = [record for record in self._revisions.get(name, ()) if record["status"] == "ACTIVE"]
        return active[-1] if active else None

    def _revision(self, name: str, revision: int) -> Document | None:
        revisions = self._revisions.get(name, [])
        return revisions[revision - 1] if 1 <= revision <= len(revisions) else None

    def _check(self, request: Mapping[str, Any]) -> None:
        name = request["jobDefinitionName"]
        if not NAME.fullmatch(name):
            raise ClientError(f"Provided name {name} is not supported pattern[a-zA-Z_0-9-]{{1,128}}")
        for key, what in NOT_HERE.items():
            if key in request or (key == "nodeProperties" and request["type"] == "multinode"):
                raise ClientError(f"{key}: this local Batch does not run {what}; use containerProperties")
        container = request.get("containerProperties")
        if container is None:
            raise refused("Container properties must be provided for job definition type container.")
        if not container.get("image"):
            raise refused("Container image is not provided.")
        if len(json.dumps(request)) > MAXIMUM_BYTES:
            raise ClientError(f"Job definition size must be at most {MAXIMUM_BYTES} bytes")
        for kind, legacy, word in (("VCPU", "vcpus", "vCPU"), ("MEMORY", "memory", "Memory")):
            given = {entry["type"] for entry in container.get("resourceRequirements", ())}
            if kind not in given and legacy not in container:
                raise refused(f"{word} is not provided.")
        check_retry_and_timeout(request, self._minimum_timeout_seconds)


def check_retry_and_timeout(request: Mapping[str, Any], minimum_timeout_seconds: int) -> None:
    """Batch's limits on retryStrategy and timeout, which definitions and jobs share."""
    retry = request.get("retryStrategy", {})
    attempts = retry.get("attempts", 1)
    if not 1 <= attempts <= 10:
        raise refused(f"Retry attempts must be between 1 and 10, not {attempts}.")
    rules = retry.get("evaluateOnExit", [])
    if len(rules) > 5:
        raise refused(f"evaluateOnExit can have at most 5 entries, not {len(rules)}.")
    for rule in rules:
        if str(rule["action"]).upper() not in ("RETRY", "EXIT"):
            raise refused(f"evaluateOnExit action must be RETRY or EXIT, not {rule['action']}.")
        _check_patterns(rule)
    if "timeout" in request:
        seconds = request["timeout"].get("attemptDurationSeconds")
        if seconds is None or seconds < minimum_timeout_seconds:
            raise refused(f"attemptDurationSeconds must be at least {minimum_timeout_seconds} seconds, not {seconds}.")


def _check_patterns(rule: Mapping[str, str]) -> None:
    patterns = {
        "onExitCode": r"[0-9]*\*?",
        "onReason": r"[A-Za-z0-9.: \t]*\*?",
        "onStatusReason": r"[A-Za-z0-9.: \t]*\*?",
    }
    if not any(key in rule for key in patterns):
        raise refused("evaluateOnExit needs one of onExitCode, onReason and onStatusReason.")
    for key, pattern in patterns.items():
        value = rule.get(key, "")
        if len(value) > 512 or not re.fullmatch(pattern, value):
            raise refused(f"evaluateOnExit {key} {value!r} must match {pattern} and have at most 512 characters.")


def _name_and_revision(text: str) -> tuple[str, int | None]:
    name, _, revision = last_part(text).partition(":")
    return name, int(revision) if revision.isdigit() else None
