"""Jobs for tests, made without a server."""

from __future__ import annotations

from typing import Any

from batchwright.local.batch.jobs import Job, make_array
from batchwright.local.batch.submission import make_spec

QUEUE = "arn:aws:batch:us-east-1:111122223333:job-queue/default"
DEFINITION = {
    "jobDefinitionName": "demo",
    "jobDefinitionArn": "arn:aws:batch:us-east-1:111122223333:job-definition/demo:1",
    "containerProperties": {
        "image": "public.ecr.aws/docker/library/python:3.11",
        "command": ["python", "step.py"],
        "environment": [{"name": "MANAGED_BY", "value": "example"}],
        "resourceRequirements": [{"type": "VCPU", "value": "1"}, {"type": "MEMORY", "value": "2048"}],
    },
}


def make_job(name: str, sequence: int = 1, size: int | None = None, queue: str = QUEUE, **request: Any) -> Job:
    """A SUBMITTED job whose id is its name; with `size`, an array."""
    spec = make_spec(name, {"jobName": name, **request}, DEFINITION, queue, 1768174600058)
    job = Job(spec=spec, sequence=sequence)
    if size is not None:
        make_array(job, size, sequence + 1)
    return job


def needing(vcpus: str, memory_mib: str = "64") -> dict[str, Any]:
    """Overrides of what a job needs."""
    requirements = [{"type": "VCPU", "value": vcpus}, {"type": "MEMORY", "value": memory_mib}]
    return {"containerOverrides": {"resourceRequirements": requirements}}
