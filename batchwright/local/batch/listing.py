"""ListJobs, DescribeJobs and GetJobQueueSnapshot: which jobs an answer shows. Reads, never writes.

Owns: filters, default status, order and paging. A page's token names the last job shown, so jobs that are submitted
between two pages neither repeat nor hide others.
"""

from __future__ import annotations

import itertools
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from batchwright.local.batch import documents
from batchwright.local.batch.arns import Account
from batchwright.local.batch.errors import ClientError
from batchwright.local.batch.infrastructure import Infrastructure
from batchwright.local.batch.jobs import RUNNING, Job
from batchwright.local.batch.paging import make_token, page_size, read_token
from batchwright.local.batch.records import JobRecords
from batchwright.local.batch.scheduler import Scheduler
from batchwright.local.batch.tags import Tags

MAXIMUM_DESCRIBED = 100
PAGE_JOBS = 1000
PAGE_FILTERED = 100
SNAPSHOT_JOBS = 100
SHARE_IDENTIFIER = "SHARE_IDENTIFIER"

Document = dict[str, Any]
Request = Mapping[str, Any]


class Listing:
    """Answers questions about jobs."""

    def __init__(
        self,
        account: Account,
        records: JobRecords,
        infrastructure: Infrastructure,
        scheduler: Scheduler,
        tags: Tags,
        clock_ms: Callable[[], int],
    ) -> None:
        self._account = account
        self._records = records
        self._infrastructure = infrastructure
        self._scheduler = scheduler
        self._tags = tags
        self._clock_ms = clock_ms

    def describe_jobs(self, request: Request) -> Document:
        """Unknown ids are left out, as Batch does."""
        ids = request["jobs"]
        if len(ids) > MAXIMUM_DESCRIBED:
            raise ClientError(f"jobs can name at most {MAXIMUM_DESCRIBED} ids, not {len(ids)}")
        found = [self._records.find(bare_job_id(job_id)) for job_id in dict.fromkeys(ids)]
        return {
            "jobs": [
                documents.describe_detail(self._account, job, self._tags.of(documents.job_arn(self._account, job)))
                for job in found
                if job is not None
            ]
        }

    def list_jobs(self, request: Request) -> Document:
        """Exactly one of jobQueue, arrayJobId and multiNodeJobId says where to look."""
        places = [key for key in ("jobQueue", "arrayJobId", "multiNodeJobId") if request.get(key)]
        if len(places) != 1:
            raise ClientError("Exactly one of jobQueue, arrayJobId and multiNodeJobId must be provided")
        filters = request.get("filters", [])
        if len(filters) > 1:
            raise ClientError(f"Only one filter can be used at a time, not {len(filters)}")
        size = page_size(request, PAGE_FILTERED if filters else PAGE_JOBS)
        wanted = _reads_filter(filters[0], request) if filters else _has_status(request.get("jobStatus", RUNNING))
        start = read_token(request.get("nextToken"))
        if places[0] == "jobQueue":
            jobs = self._of_queue(request["jobQueue"], start)
        elif places[0] == "arrayJobId" and not filters:
            jobs = self._of_array(request["arrayJobId"], start)
        else:
            jobs = iter(())  # filters skip children, and no job here has nodes
        shown = list(itertools.islice(filter(wanted, jobs), size + 1))
        answer: Document = {"jobSummaryList": [documents.summary(self._account, job) for job in shown[:size]]}
        if len(shown) > size:
            last = shown[size - 1]
            answer["nextToken"] = make_token(last.sequence if last.index is None else last.index + 1)
        return answer

    def get_job_queue_snapshot(self, request: Request) -> Document:
        """The first 100 RUNNABLE jobs in the order in which they would start."""
        queue = self._infrastructure.queue(request["jobQueue"])
        now_ms = self._clock_ms()
        return {
            "frontOfQueue": {
                "jobs": [
                    {"jobArn": documents.job_arn(self._account, job), "earliestTimeAtPosition": now_ms}
                    for job in self._scheduler.front(queue["jobQueueArn"], SNAPSHOT_JOBS)
                ],
                "lastUpdatedAt": now_ms,
            }
        }

    def _of_queue(self, queue: str, before_sequence: int) -> Iterator[Job]:
        """Newest first; `before_sequence` 0 means from the newest."""
        jobs = self._records.of_queue(self._infrastructure.queue(queue)["jobQueueArn"])
        end = bisect_left(jobs, before_sequence, key=lambda job: job.sequence) if before_sequence else len(jobs)
        return (jobs[position] for position in range(end - 1, -1, -1))

    def _of_array(self, job_id: str, from_index: int) -> Iterator[Job]:
        job = self._records.find(bare_job_id(job_id))
        children = job.children or [] if job is not None else []
        return iter(children[from_index:])


def bare_job_id(job_id: str) -> str:
    """Clients may name a job by its ARN."""
    return job_id.rsplit(":job/", 1)[-1]


def _has_status(status: str) -> Callable[[Job], bool]:
    return lambda job: job.status == status


def _reads_filter(entry: Request, request: Request) -> Callable[[Job], bool]:
    """The test that a ListJobs filter stands for. Raises ClientError on a filter that Batch does not know."""
    name, values = entry.get("name", ""), entry.get("values", [])
    if len(values) != 1:
        raise ClientError(f"The filter {name} takes exactly one value, not {len(values)}")
    value = values[0]
    if name == "JOB_NAME":
        return lambda job: _glob(value.lower(), job.spec.job_name.lower())
    if name == "JOB_DEFINITION":
        if value.startswith("arn:"):
            return lambda job: job.spec.definition_arn == value
        return lambda job: _glob(value, job.spec.definition_name)
    if name == SHARE_IDENTIFIER:
        return lambda job: False  # no queue here has shares
    if name in ("BEFORE_CREATED_AT", "AFTER_CREATED_AT"):
        if not value.isdigit():
            raise ClientError(f"The filter {name} takes milliseconds since 1970 as a string, not {value!r}")
        moment_ms = int(value)
        if name == "BEFORE_CREATED_AT":
            return lambda job: job.spec.created_at_ms < moment_ms
        return lambda job: job.spec.created_at_ms > moment_ms
    raise ClientError(
        f"Unknown filter {name!r}; one of JOB_NAME, JOB_DEFINITION, BEFORE_CREATED_AT, AFTER_CREATED_AT,"
        f" {SHARE_IDENTIFIER}"
    )


def _glob(pattern: str, value: str) -> bool:
    if pattern.endswith("*"):
        return value.startswith(pattern[:-1])
    return value == pattern
