"""The API in process: Batch jobs that were recorded from their events, and what they wrote.

Owns which log stream a try of a recorded job has. Everything about a job comes from its record, so it is there when
Batch has forgotten the job; only for what goes on, and for an array's children, Batch is asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from chalicelib.api import models as m
from chalicelib.api.http.parameters import Several
from chalicelib.api.http.route_table import JOB_NAMES, QUEUES
from chalicelib.api.inprocess.base import Part, check_limit
from chalicelib.api.inprocess.job_search import UnrecordedJob
from chalicelib.api.inprocess.logs import Stream, check_log_limits, is_long_ago, log_page, read_stream, stream_in_batch
from chalicelib.api.to_models import failed_children_model, job_model
from chalicelib.core.batch.job_event import read_job
from chalicelib.core.batch.job_record import EVERY_JOB, JobFilter, JobPlace, JobRecord
from chalicelib.core.cursors import COUNT, NAME, TOKEN, or_nothing, page_of, place_in
from chalicelib.core.errors import TryAgain, UnknownJob, UserMistake
from chalicelib.core.ids import child_of
from chalicelib.core.states import JobStatus

JOBS_A_PAGE = 1_000
FAILED_CHILDREN = 10
"""How many of an array's jobs that failed are told."""
_PLACE = {"created_at_ms": COUNT, "job_id": NAME}
_LOG_PLACE = {"job_try": or_nothing(COUNT), "token": or_nothing(TOKEN)}


class DirectJobs(Part):
    """What the protocol says of jobs."""

    def jobs(self, wanted: JobFilter = EVERY_JOB, *, limit: int = 100, page: str | None = None) -> m.JobPage:
        check_limit(limit, JOBS_A_PAGE)
        names = [pattern.text for pattern in wanted.names]
        for parameter, given in ((QUEUES, wanted.queues), (JOB_NAMES, names)):
            assert isinstance(parameter.form, Several)
            parameter.refuse(parameter.form.broken_among(given))
        several = (sorted(wanted.queues), sorted(wanted.states), sorted(names))
        of_list = ("jobs", *several, wanted.since_ms, wanted.until_ms, wanted.foreign)
        after = None if page is None else JobPlace(**place_in(of_list, page, _PLACE))
        listed = self._ground.store.list_jobs(limit, wanted, after=after)
        settings = self._ground.world.settings
        return m.JobPage(
            items=[job_model(record) for record in listed.jobs],
            next=None if listed.after is None else page_of(of_list, asdict(listed.after)),
            records_foreign=settings.observe_all_jobs,
            records_own=settings.record_own_jobs,
            records_all_states=settings.observe_all_states,
            looked_back_to_ms=None if listed.after is None else listed.after.created_at_ms,
        )

    def job(self, job_id: str) -> m.Job:
        array_id, child = child_of(job_id)
        record = self._record(array_id, child)
        if child is not None:
            return job_model(self._child(record, child))
        failed = record.children.get(JobStatus.FAILED) or record.status is JobStatus.FAILED
        if not (record.array_size and failed):
            return job_model(record)
        return job_model(record).model_copy(update={"failed_children": self._failed_children(record.job_id)})

    def job_logs(
        self,
        job_id: str,
        *,
        job_try: int | None = None,
        child: int | None = None,
        tail: int | None = None,
        limit: int = 1000,
        page: str | None = None,
    ) -> m.LogPage:
        check_log_limits(limit, tail)
        array_id, named = child_of(job_id)
        if named is not None:
            if child not in (None, named):
                raise UserMistake(f"job {job_id} is child {named} of its array, and child {child} is asked for")
            job_id, child = array_id, named
        of_list, token = ("job_logs", job_id, child), None
        if page is not None:
            place = place_in(of_list, page, _LOG_PLACE)
            # The try that the log is of, also when another one followed since.
            job_try, token = place["job_try"], place["token"]
        asked = _Asked(self._record(job_id, child), job_try, child)
        stream = self._stream_of(asked)
        told, goes_on = read_stream(self._ground.logs, stream, limit, None if page else tail, token)
        place = {"job_try": asked.number if child is None else job_try, "token": told.token}
        return log_page(told, page_of(of_list, place) if goes_on else None)

    def _record(self, job_id: str, child: int | None = None) -> JobRecord:
        """The record of a job, named by its id or a beginning of it. Raises UnknownJob, with what else is known."""
        record = self._ground.store.job(job_id)
        return record if record is not None else UnrecordedJob(self._ground, job_id, child).meant()

    def _child(self, array: JobRecord, child: int) -> JobRecord:
        """A child of an array as Batch tells it: children have no records."""
        _check_child(array, child)
        job = read_job(self._told_child(array, child))
        record = None if job is None else job.record(self._ground.world.clock.now_ms(), parts=True)
        if record is None:
            raise UnknownJob(f"Batch describes job {array.job_id}:{child} in a way that is not understood")
        return record

    def _told_child(self, array: JobRecord, child: int) -> Mapping[str, Any]:
        named = f"{array.job_id}:{child}"
        job = self._ground.world.batch.describe([named]).get(named)
        if job is None:
            raise UnknownJob(
                f"Batch knows no job {named}; some days after the end of an array it forgets its jobs, of which no "
                f"records are kept. That of the array is {array.job_id}"
            )
        return job

    def _failed_children(self, job_id: str) -> list[m.FailedChild] | None:
        try:
            return failed_children_model(self._ground.world.batch.failed_children(job_id, FAILED_CHILDREN))
        except TryAgain:
            # The record is worth showing without it.
            return None

    def _stream_of(self, asked: _Asked) -> Stream:
        now_ms = self._ground.world.clock.now_ms()
        if asked.child is not None:
            return self._of_child(asked, asked.record.is_over and is_long_ago(asked.record.stopped_at_ms, now_ms))
        record, number = asked.record, asked.number
        is_under_way = number > record.job_tries and not record.is_over
        if is_under_way or (record.nodes is not None and record.log_stream is None):
            # Where a try writes is told with no event before its end, and the next one may have begun untold; where the
            # main node of several writes is told with no event of the job at all.
            record = self._as_batch_tells(record, now_ms)
        first = record.job_tries - len(record.tries)
        ended = record.tries[number - 1 - first] if first < number <= record.job_tries else None
        if ended is None:
            before = {one.log_stream for one in record.tries}
            name = record.log_stream if record.log_stream not in before else None
            return Stream(name, record.is_over and is_long_ago(record.stopped_at_ms, now_ms))
        is_last = record.is_over and number == record.job_tries
        stopped_at_ms = ended.stopped_at_ms or record.stopped_at_ms
        return Stream(ended.log_stream or (record.log_stream if is_last else None), is_long_ago(stopped_at_ms, now_ms))

    def _as_batch_tells(self, record: JobRecord, now_ms: int) -> JobRecord:
        batch = self._ground.world.batch
        detail = batch.describe([record.job_id]).get(record.job_id)
        job = None if detail is None else read_job(detail)
        told = None if job is None else job.record(now_ms)
        if detail is None or told is None or told.order < record.order:
            return record
        return told if told.nodes is None else replace(told, log_stream=stream_in_batch(batch, detail))

    def _of_child(self, asked: _Asked, is_over: bool) -> Stream:
        assert asked.child is not None
        job = self._told_child(asked.record, asked.child)
        ended = job.get("status") in ("SUCCEEDED", "FAILED")
        if ended:
            is_over = is_over or is_long_ago(job.get("stoppedAt"), self._ground.world.clock.now_ms())
        return Stream(stream_in_batch(self._ground.world.batch, job), is_over)


def _check_child(record: JobRecord, child: int) -> None:
    """Raises UnknownJob for a child that a job does not have."""
    if record.array_size is None:
        raise UnknownJob(f"job {record.job_id} is no array; it has no child {child}")
    if child >= record.array_size:
        raise UnknownJob(f"job {record.job_id} has {record.array_size:,} children, from 0; it has no {child}")


@dataclass(frozen=True, slots=True)
class _Asked:
    """Of which try, or which child, of a job the log is wanted. Raises UnknownJob, and UserMistake for what cannot be
    asked together."""

    record: JobRecord
    job_try: int | None
    child: int | None

    def __post_init__(self) -> None:
        record = self.record
        if self.child is not None:
            _check_child(record, self.child)
        if record.array_size is not None and self.child is None:
            raise UserMistake(
                f"job {record.job_id} is an array of jobs, each with a log: say of which child, from 0 to "
                f"{record.array_size - 1:,}"
            )
        if self.child is not None and self.job_try is not None:
            raise UserMistake("of a child of an array the last try alone is told: leave try out")
        first = record.job_tries - len(record.tries)
        if self.job_try is not None and not first < self.job_try <= self._last:
            raise UnknownJob(f"job {record.job_id} has had {self._last or 'no'} tries; try {self.job_try} is not known")

    @property
    def _last(self) -> int:
        """The try under way, or the last one: one that ends by itself before its first try has none."""
        return self.record.job_tries + (0 if self.record.is_over else 1)

    @property
    def number(self) -> int:
        return self.job_try or max(1, self._last)
