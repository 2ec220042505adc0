"""Job definitions: registering, revisions, and finding one by name, name:revision or ARN.

Owns: the records. What a definition may say is in request_rules.py and request_members.py.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from batchwright.local.batch.arns import Account, last_part
from batchwright.local.batch.container import container_of
from batchwright.local.batch.errors import ClientError, refused
from batchwright.local.batch.paging import page
from batchwright.local.batch.request_checks import Asked
from batchwright.local.batch.request_rules import REGISTER, check_request
from batchwright.local.batch.tags import Tags

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
        asked = Asked(
            request=request,
            container=container_of(request),
            platforms=tuple(request.get("platformCapabilities", ())),
            payload_bytes=len(json.dumps(request)),
            minimum_timeout_seconds=self._minimum_timeout_seconds,
        )
        check_request(REGISTER, asked)


def _name_and_revision(text: str) -> tuple[str, int | None]:
    name, _, revision = last_part(text).partition(":")
    return name, int(revision) if revision.isdigit() else None
