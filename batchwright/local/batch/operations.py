"""The operations on jobs, and the table of every operation that this server has.

Owns: SubmitJob, CancelJob(s) and TerminateJob(s), and the wiring of all operations to their names. What a request
may look like was checked by protocol.py before it comes here; Batch's own limits are checked here and below.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from typing import Any

from batchwright.local.batch.arns import Account, last_part
from batchwright.local.batch.definitions import Definitions
from batchwright.local.batch.dependencies import check_dependencies
from batchwright.local.batch.documents import job_arn
from batchwright.local.batch.errors import ClientError, refused
from batchwright.local.batch.infrastructure import Infrastructure
from batchwright.local.batch.jobs import Job, make_array
from batchwright.local.batch.lifecycle import Lifecycle
from batchwright.local.batch.listing import Listing, bare_job_id
from batchwright.local.batch.rate import RateLimit
from batchwright.local.batch.records import JobRecords
from batchwright.local.batch.submission import array_size, check_submission, make_spec
from batchwright.local.batch.tags import Tags

MAXIMUM_BULK = 50
MAXIMUM_REASON = 1024

Document = dict[str, Any]
Request = Mapping[str, Any]
Operation = Callable[[Request, int], Document]


class JobOperations:
    """What changes jobs."""

    def __init__(
        self,
        account: Account,
        records: JobRecords,
        definitions: Definitions,
        infrastructure: Infrastructure,
        lifecycle: Lifecycle,
        tags: Tags,
        clock_ms: Callable[[], int],
        minimum_timeout_seconds: int,
        submit_rate: int | None,
    ) -> None:
        self._account = account
        self._records = records
        self._definitions = definitions
        self._infrastructure = infrastructure
        self._lifecycle = lifecycle
        self._tags = tags
        self._clock_ms = clock_ms
        self._minimum_timeout_seconds = minimum_timeout_seconds
        self._rate = RateLimit(submit_rate)

    def submit_job(self, request: Request, payload_bytes: int) -> Document:
        self._rate.check()
        definition = self._definitions.active(request["jobDefinition"])
        check_submission(request, definition, payload_bytes, self._minimum_timeout_seconds)
        queue = self._infrastructure.queue_of_submission(request)
        if queue["state"] != "ENABLED":
            raise refused(f"JobQueue {queue['jobQueueName']} is not in ENABLED state.")
        size = array_size(request)
        check_dependencies(request.get("dependsOn", []), size, self._records.find)
        spec = make_spec(str(uuid.uuid4()), request, definition, queue["jobQueueArn"], self._clock_ms())
        job = Job(spec=spec, sequence=self._records.reserve((size or 0) + 1) + 1)
        if size is not None:
            make_array(job, size, job.sequence + 1)
        self._records.add(job)
        arn = job_arn(self._account, job)
        inherited = self._tags.of(definition["jobDefinitionArn"]) if spec.propagate_tags else {}
        self._tags.put(arn, {**inherited, **request.get("tags", {})})
        self._lifecycle.submit(job, self._records.find)
        return {"jobArn": arn, "jobName": spec.job_name, "jobId": spec.job_id}

    def delete_job_queue(self, request: Request) -> Document:
        """The jobs of a deleted queue end, as Batch says."""
        name_or_arn = request["jobQueue"]
        arn = self._account.arn("job-queue", last_part(name_or_arn))
        answer = self._infrastructure.delete_job_queue(request)
        for job in self._records.of_queue(arn):
            self._lifecycle.terminate(job, f"JobQueue {last_part(name_or_arn)} was deleted")
        return answer

    def cancel_job(self, request: Request) -> Document:
        self._end(request["jobId"], request["reason"], self._lifecycle.cancel)
        return {}

    def terminate_job(self, request: Request) -> Document:
        self._end(request["jobId"], request["reason"], self._lifecycle.terminate)
        return {}

    def cancel_jobs(self, request: Request) -> Document:
        return self._end_many(request, self._lifecycle.cancel)

    def terminate_jobs(self, request: Request) -> Document:
        return self._end_many(request, self._lifecycle.terminate)

    def _end(self, job_id: str, reason: str, end: Callable[[Job, str], None]) -> None:
        if not reason or len(reason) > MAXIMUM_REASON:
            raise ClientError(f"reason must have 1 to {MAXIMUM_REASON} characters, not {len(reason)}")
        job = self._records.find(bare_job_id(job_id))
        if job is not None:  # an unknown id counts as done
            end(job, reason)

    def _end_many(self, request: Request, end: Callable[[Job, str], None]) -> Document:
        ids = request["jobs"]
        if not 1 <= len(ids) <= MAXIMUM_BULK:
            raise ClientError(f"jobs must name 1 to {MAXIMUM_BULK} ids, not {len(ids)}")
        if not request["reason"] or len(request["reason"]) > MAXIMUM_REASON:
            raise ClientError(f"reason must have 1 to {MAXIMUM_REASON} characters, not {len(request['reason'])}")
        successful: list[str] = []
        errors: list[Document] = []
        for job_id in ids:
            if not is_job_id(job_id):
                message = f"{job_id!r} is not a job id"
                errors.append({"job": job_id, "code": "ValidationException", "message": message})
                continue
            self._end(job_id, request["reason"], end)
            successful.append(job_id)
        return {"successful": successful, "errors": errors}


def is_job_id(text: str) -> bool:
    """A UUID, with `:index` for an array child; or the ARN of one."""
    bare, _, index = bare_job_id(text).partition(":")
    try:
        uuid.UUID(bare)
    except ValueError:
        return False
    return index == "" or index.isdigit()


def operation_table(
    jobs: JobOperations,
    listing: Listing,
    definitions: Definitions,
    infrastructure: Infrastructure,
    tags: Tags,
    changed: Callable[[], None],
) -> dict[str, Operation]:
    """Every operation by its name in the API. `changed()` follows what may let a waiting job start."""

    def plain(operation: Callable[[Request], Document]) -> Operation:
        return lambda request, payload_bytes: operation(request)

    def then_look(operation: Callable[[Request], Document]) -> Operation:
        def run(request: Request, payload_bytes: int) -> Document:
            answer = operation(request)
            changed()
            return answer

        return run

    return {
        "SubmitJob": jobs.submit_job,
        "CancelJob": plain(jobs.cancel_job),
        "TerminateJob": plain(jobs.terminate_job),
        "CancelJobs": plain(jobs.cancel_jobs),
        "TerminateJobs": plain(jobs.terminate_jobs),
        "DescribeJobs": plain(listing.describe_jobs),
        "ListJobs": plain(listing.list_jobs),
        "GetJobQueueSnapshot": plain(listing.get_job_queue_snapshot),
        "RegisterJobDefinition": plain(definitions.register_job_definition),
        "DeregisterJobDefinition": plain(definitions.deregister_job_definition),
        "DescribeJobDefinitions": plain(definitions.describe_job_definitions),
        "CreateComputeEnvironment": then_look(infrastructure.create_compute_environment),
        "UpdateComputeEnvironment": then_look(infrastructure.update_compute_environment),
        "DeleteComputeEnvironment": then_look(infrastructure.delete_compute_environment),
        "DescribeComputeEnvironments": plain(infrastructure.describe_compute_environments),
        "CreateJobQueue": then_look(infrastructure.create_job_queue),
        "UpdateJobQueue": then_look(infrastructure.update_job_queue),
        "DeleteJobQueue": then_look(jobs.delete_job_queue),
        "DescribeJobQueues": plain(infrastructure.describe_job_queues),
        "TagResource": then_look(tags.tag_resource),
        "UntagResource": then_look(tags.untag_resource),
        "ListTagsForResource": plain(tags.list_tags_for_resource),
    }
