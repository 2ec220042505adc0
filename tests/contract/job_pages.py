"""A list of jobs, read page by page as the API reads it."""

from __future__ import annotations

from chalicelib.core.batch.job_record import JobFilter, JobPlace, JobRecord
from chalicelib.ports.store import Store


def listed(store: Store, wanted: JobFilter, limit: int = 1_000) -> list[int]:
    """The numbers of the jobs in a list, all pages of it; a job's number is what its id ends with."""
    found: list[JobRecord] = []
    after: JobPlace | None = None
    while True:
        page = store.list_jobs(limit, wanted, after=after)
        assert len(page.jobs) <= limit
        found += page.jobs
        after = page.after
        if after is None:
            return [int(record.job_id.rpartition("-")[2]) for record in found]
