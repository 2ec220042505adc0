"""Amazon Resource Names of Batch. Owns their format; knows no record."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Account:
    """The account and region that every name of this server lies in."""

    account_id: str
    region: str

    def arn(self, kind: str, name: str) -> str:
        """`kind` is one of job, job-queue, job-definition, compute-environment."""
        return f"arn:aws:batch:{self.region}:{self.account_id}:{kind}/{name}"

    def task_arn(self, task_id: str) -> str:
        """The ECS task that a job attempt would have been."""
        return f"arn:aws:ecs:{self.region}:{self.account_id}:task/AWSBatch-local/{task_id}"


def last_part(name_or_arn: str) -> str:
    """The name within an ARN; a plain name is returned as it is."""
    return name_or_arn.rsplit("/", 1)[-1] if name_or_arn.startswith("arn:") else name_or_arn
