"""Job queues and job definitions of the local Batch, made as a workflow names them.

Owns what a person would have set up in an account before a first run. The compute environment is stack.py's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from batchwright.local.isolation import client

COMPUTE_ENVIRONMENT = "local"
VCPUS = "1"
MEMORY_MIB = "2048"


def create_queues(environment: Mapping[str, str], names: Iterable[str]) -> None:
    """Create the job queues that are not there, all on the one compute environment."""
    batch = client("batch", environment)
    wanted = [name for name in dict.fromkeys(names) if not name.startswith("arn:")]
    for name in wanted:
        if _has_queue(batch, name):
            continue
        try:
            batch.create_job_queue(
                jobQueueName=name,
                state="ENABLED",
                priority=1,
                computeEnvironmentOrder=[{"order": 1, "computeEnvironment": COMPUTE_ENVIRONMENT}],
            )
        except ClientError:
            # Another run that began at the same moment may have made it.
            if not _has_queue(batch, name):
                raise


def _has_queue(batch: Any, name: str) -> bool:
    return bool(batch.describe_job_queues(jobQueues=[name])["jobQueues"])


def definition_for(environment: Mapping[str, str], name: str, folder: Path, *, newest: bool = False) -> str:
    """The job definition to submit for `name`: its latest revision whose image is `folder`, made if there is none.
    With `newest`, no other revision is newer than that.

    What names a revision, or is an ARN, is taken as it is. Naming the revision keeps runs apart whose workflow files
    use one name and lie in different folders.
    """
    if ":" in name:
        return name
    batch = client("batch", environment)
    image = folder.resolve().as_uri()
    pages = batch.get_paginator("describe_job_definitions").paginate(jobDefinitionName=name, status="ACTIVE")
    known = [one for page in pages for one in page["jobDefinitions"]]
    if known and not any(_is_ours(one) for one in known):
        return name  # somebody registered it on purpose
    revisions = [one["revision"] for one in known if one.get("containerProperties", {}).get("image") == image]
    if revisions and not (newest and any(one["revision"] > max(revisions) for one in known)):
        return f"{name}:{max(revisions)}"
    made = batch.register_job_definition(
        jobDefinitionName=name,
        type="container",
        containerProperties={
            "image": image,
            "resourceRequirements": [{"type": "VCPU", "value": VCPUS}, {"type": "MEMORY", "value": MEMORY_MIB}],
        },
        tags={MADE_HERE: "true"},
    )
    return f"{name}:{made['revision']}"


MADE_HERE = "batchwright-local"
"""The tag of the definitions that were made here, from a workflow file's folder."""


def _is_ours(definition: Mapping[str, Any]) -> bool:
    return MADE_HERE in definition.get("tags", {})


def max_vcpus(environment: Mapping[str, str]) -> int:
    """The vCPUs that the jobs of a local AWS share."""
    batch = client("batch", environment)
    (found,) = batch.describe_compute_environments(computeEnvironments=[COMPUTE_ENVIRONMENT])["computeEnvironments"]
    return int(found["computeResources"]["maxvCpus"])
