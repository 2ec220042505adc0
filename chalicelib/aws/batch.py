"""The Batch port over AWS Batch.

Owns what an answer of SubmitJob means. SubmitJob has no idempotency token, so its client tries once and what its
silence means is said plainly; the other calls may be repeated, and botocore repeats them within bounds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any, TypeVar

from botocore.config import Config
from botocore.exceptions import ParamValidationError

from chalicelib.aws.answers import ClientError, answers, code_of, meaning_of, message_of
from chalicelib.core.errors import AnswerLost, NotPermitted, TryAgain, UserMistake
from chalicelib.core.limits import BATCH_REASON_CHARACTERS, BULK_TERMINATE_IDS, DESCRIBE_IDS
from chalicelib.core.plan.job_request import JobRequest
from chalicelib.ports.services import ListedJob

_Element = TypeVar("_Element")

_NOT_PERMITTED = ("AccessDeniedException", "AccessDenied")
CONNECT_TIMEOUT_SECONDS = 3
READ_TIMEOUT_SECONDS = 10
"""Well within a Lambda's time and the lease of a claim, so that an invocation learns of a lost answer itself."""


def submit_config() -> Config:
    """The configuration of the client that submits: one try, and bounded waits."""
    return Config(
        retries={"total_max_attempts": 1},
        connect_timeout=CONNECT_TIMEOUT_SECONDS,
        read_timeout=READ_TIMEOUT_SECONDS,
    )


class AwsBatch:
    """AWS Batch through two clients: one whose calls botocore may repeat, and one built with `submit_config()`."""

    def __init__(self, client: Any, submit_client: Any) -> None:
        self._client = client
        self._submit_client = submit_client

    def submit(self, request: JobRequest) -> str:
        with answers("SubmitJob"):
            try:
                answer = self._submit_client.submit_job(**request.document())
            except ClientError as error:
                if meaning := meaning_of(error, "SubmitJob"):
                    raise meaning from error
                if code_of(error) in _NOT_PERMITTED:
                    raise NotPermitted(f"SubmitJob: {code_of(error)}: {message_of(error)}") from error
                # A wrong request, an unknown queue: no later try of the same would do better.
                raise UserMistake(f"SubmitJob: {code_of(error)}: {message_of(error)}") from error
            except ParamValidationError as error:
                raise UserMistake(f"SubmitJob: {error}") from error
        if not answer.get("jobId"):
            # botocore reads a body that it does not understand as an empty one.
            raise AnswerLost("SubmitJob: the answer names no job")
        return str(answer["jobId"])

    def find(self, queue: str, job_name: str) -> list[ListedJob]:
        pages = self._client.get_paginator("list_jobs").paginate(
            jobQueue=queue, filters=[{"name": "JOB_NAME", "values": [job_name]}]
        )
        with answers("ListJobs"):
            try:
                found = [
                    ListedJob(job["jobId"], job["jobName"], job["createdAt"])
                    for page in pages
                    for job in page["jobSummaryList"]
                    # The filter ignores case.
                    if job["jobName"] == job_name
                ]
            except ClientError as error:
                if code_of(error) != "ClientException":
                    raise
                # A queue that was deleted, which Batch allows only once no job is left in it.
                return []
        return sorted(found, key=lambda job: (job.created_at_ms, job.job_id))

    def describe(self, job_ids: Sequence[str]) -> dict[str, Mapping[str, Any]]:
        found: dict[str, Mapping[str, Any]] = {}
        for at in range(0, len(job_ids), DESCRIBE_IDS):
            with answers("DescribeJobs"):
                answer = self._client.describe_jobs(jobs=list(job_ids[at : at + DESCRIBE_IDS]))
            found |= {job["jobId"]: job for job in answer["jobs"]}
        return found

    def failed_children(self, job_id: str, limit: int) -> list[Mapping[str, Any]]:
        with answers("ListJobs"):
            try:
                answer = self._client.list_jobs(arrayJobId=job_id, jobStatus="FAILED", maxResults=limit)
            except ClientError as error:
                if code_of(error) != "ClientException":
                    raise
                # A job that Batch does not know any more.
                return []
        children = [child["jobId"] for child in answer["jobSummaryList"]]
        return list(self.describe(children).values())

    def terminate(self, job_ids: Sequence[str], reason: str) -> None:
        reason = reason[:BATCH_REASON_CHARACTERS]
        if hasattr(self._client, "terminate_jobs"):
            groups = [job_ids[at : at + BULK_TERMINATE_IDS] for at in range(0, len(job_ids), BULK_TERMINATE_IDS)]
            _each(groups, lambda group: self._terminate_group(group, reason))
        else:
            _each(job_ids, lambda job_id: self._terminate_one(job_id, reason))

    def _terminate_group(self, job_ids: Sequence[str], reason: str) -> None:
        with answers("TerminateJobs"):
            answer = self._client.terminate_jobs(jobs=list(job_ids), reason=reason)
        if errors := answer.get("errors"):
            first = ": ".join(str(errors[0].get(part, "")) for part in ("job", "code", "message"))
            raise TryAgain(f"TerminateJobs: {len(errors)} of {len(job_ids)} failed, the first is {first}")

    def _terminate_one(self, job_id: str, reason: str) -> None:
        with answers("TerminateJob"):
            try:
                self._client.terminate_job(jobId=job_id, reason=reason)
            except ClientError as error:
                if code_of(error) != "ClientException":
                    raise
                # A job that ended long ago is unknown to Batch, and one that is unknown cannot be alive.


class AwsFailedChildren:
    """What is asked about failed arrays while a notice waits for it: with a client whose waits are short. It is made
    when it is first needed: few invocations tell of arrays."""

    def __init__(self, make_client: Callable[[], Any]) -> None:
        self._make_client = make_client

    @cached_property
    def _batch(self) -> AwsBatch:
        client = self._make_client()
        return AwsBatch(client, client)

    def failed_children(self, job_id: str, limit: int) -> list[Mapping[str, Any]]:
        return self._batch.failed_children(job_id, limit)


def _each(elements: Sequence[_Element], ask: Callable[[_Element], None]) -> None:
    """Ask for every element, also after one failed; then raise TryAgain if any did."""
    failed: TryAgain | None = None
    for element in elements:
        try:
            ask(element)
        except TryAgain as error:
            failed = error
    if failed:
        raise failed
