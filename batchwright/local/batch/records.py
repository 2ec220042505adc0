"""All jobs of the server: finding them by id, by queue, by array. Owns no rule about their states."""

from __future__ import annotations

from batchwright.local.batch.jobs import Job


class JobRecords:
    """Jobs are kept for ever; an array's children live in their parent."""

    def __init__(self) -> None:
        self._jobs: dict[str, Job] = {}
        self._by_queue: dict[str, list[Job]] = {}
        self._next_sequence = 0

    def reserve(self, count: int) -> int:
        """The first of `count` sequence numbers, which order jobs by submission."""
        first = self._next_sequence
        self._next_sequence += count
        return first

    def add(self, job: Job) -> None:
        """Keep a job that is no array child."""
        self._jobs[job.spec.job_id] = job
        self._by_queue.setdefault(job.spec.queue_arn, []).append(job)

    def find(self, job_id: str) -> Job | None:
        """By `id`, or `id:index` for an array child."""
        parent_id, colon, index = job_id.partition(":")
        job = self._jobs.get(parent_id)
        if not colon or job is None:
            return job
        children = job.children or []
        return children[int(index)] if index.isdigit() and int(index) < len(children) else None

    def of_queue(self, queue_arn: str) -> list[Job]:
        """Single jobs and array parents of a queue, in order of submission."""
        return self._by_queue.get(queue_arn, [])
