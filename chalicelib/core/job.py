"""The job of one attempt: what is submitted to Batch, rendered and checked against Batch's limits.

Owns the request's shape and the checks on rendered values. Rendering itself is `template.py`'s, names and identity
are `ids.py`'s, the submission is the Batch port's. Nothing here needs pydantic.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chalicelib.core.ids import Attempt
from chalicelib.core.plan import Plan


@dataclass(frozen=True, slots=True)
class JobRequest:
    """What SubmitJob is asked for. Nothing in it is an expression any more.

    `environment`, `parameters` and `tags` are pairs of name and value, no name twice. `vcpus` in vCPUs, `memory_mib`
    in MiB, `timeout_seconds` for one attempt. None leaves it to the job definition.
    """

    name: str
    queue: str
    job_definition: str
    command: tuple[str, ...] | None = None
    environment: tuple[tuple[str, str], ...] = ()
    parameters: tuple[tuple[str, str], ...] = ()
    vcpus: float | None = None
    memory_mib: int | None = None
    gpus: int | None = None
    array_size: int | None = None
    timeout_seconds: int | None = None
    tags: tuple[tuple[str, str], ...] = ()

    def document(self) -> dict[str, Any]:
        """The request as SubmitJob's members, in Batch's spelling: `client.submit_job(**request.document())`.

        https://docs.aws.amazon.com/batch/latest/APIReference/API_SubmitJob.html
        """
        document: dict[str, Any] = {
            "jobName": self.name,
            "jobQueue": self.queue,
            "jobDefinition": self.job_definition,
        }
        if self.parameters:
            document["parameters"] = dict(self.parameters)
        if overrides := self.container_overrides():
            document["containerOverrides"] = overrides
        if self.array_size is not None:
            document["arrayProperties"] = {"size": self.array_size}
        if self.timeout_seconds is not None:
            document["timeout"] = {"attemptDurationSeconds": self.timeout_seconds}
        if self.tags:
            document["tags"] = dict(self.tags)
        return document

    def container_overrides(self) -> dict[str, Any]:
        """The part of the document that replaces the job definition's values; empty when nothing does."""
        overrides: dict[str, Any] = {}
        if self.command is not None:
            overrides["command"] = list(self.command)
        if self.environment:
            overrides["environment"] = [{"name": name, "value": value} for name, value in self.environment]
        resources = (("VCPU", self.vcpus), ("MEMORY", self.memory_mib), ("GPU", self.gpus))
        requirements = [{"type": kind, "value": f"{value:.10g}"} for kind, value in resources if value is not None]
        if requirements:
            overrides["resourceRequirements"] = requirements
        return overrides


def job_request(plan: Plan, attempt: Attempt, *, params: Mapping[str, Any]) -> JobRequest:
    """The request for an attempt's job. `params` are the run's, complete and checked.

    Raises UserMistake naming the task, the rule and the value when a rendered value breaks one of Batch's limits.
    """
    raise NotImplementedError


def check_run(plan: Plan, params: Mapping[str, Any]) -> None:
    """Render every task that has expressions, before anything is submitted.

    Raises one UserMistake with a line for each problem.
    """
    raise NotImplementedError
