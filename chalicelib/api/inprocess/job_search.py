"""What may be meant by a job's id of which there is no record: a longer id, a similar one, or a job of a run.

Owns these looks, which are bounded: some of the newest records, and one question to Batch.
"""

from __future__ import annotations

import re

from chalicelib.api.inprocess.base import Ground, with_suggestion
from chalicelib.api.inprocess.run_view import RunLook
from chalicelib.core.batch.job_event import read_job
from chalicelib.core.batch.job_record import JobRecord
from chalicelib.core.errors import TryAgain, UnknownJob
from chalicelib.core.suggest import Names

BEGINNING_CHARACTERS = 8
_JOBS_FOR_A_BEGINNING = 1_000
_JOBS_FOR_A_SUGGESTION = 100
_SHOWN = 3
_WHOLE_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
"""As Batch makes them; only of these it is asked."""


class UnrecordedJob:
    """An id of which there is no record; `child` is the number of the array's job that is wanted, if one is."""

    def __init__(self, ground: Ground, job_id: str, child: int | None) -> None:
        self._ground, self._job_id, self._child = ground, job_id, child

    def meant(self) -> JobRecord:
        """The one job whose id begins so. Raises UnknownJob when there are none or several, with what may be meant."""
        is_whole = bool(_WHOLE_ID.fullmatch(self._job_id))
        if is_whole and (of_run := self._of_a_run()):
            raise UnknownJob(f"job {self._job_id} has no record; {of_run}")
        is_beginning = not is_whole and len(self._job_id) >= BEGINNING_CHARACTERS
        limit = _JOBS_FOR_A_BEGINNING if is_beginning else _JOBS_FOR_A_SUGGESTION
        newest = self._ground.store.list_jobs(limit).jobs
        fitting = [record for record in newest if record.job_id.startswith(self._job_id)] if is_beginning else []
        if len(fitting) == 1:
            return fitting[0]
        if fitting:
            shown = ", ".join(record.job_id for record in fitting[:_SHOWN])
            more = f" and {len(fitting) - _SHOWN:,} more" if len(fitting) > _SHOWN else ""
            raise UnknownJob(f"{len(fitting):,} jobs have ids that begin with '{self._job_id}': {shown}{more}")
        suggestion = Names(record.job_id for record in newest[:_JOBS_FOR_A_SUGGESTION]).suggestion(self._job_id)
        among = f" among the newest {limit:,}" if is_beginning and len(newest) == limit else ""
        why = "" if suggestion else "; jobs of runs are told by the runs" * (not self._records_own)
        raise UnknownJob(with_suggestion(f"no job '{self._job_id}' is recorded{among}{why}", suggestion))

    @property
    def _records_own(self) -> bool:
        return self._ground.world.settings.record_own_jobs

    def _of_a_run(self) -> str | None:
        """Which run's job it is and how to see it, when Batch still knows it and it is one."""
        try:
            detail = self._ground.world.batch.describe([self._job_id]).get(self._job_id)
        except TryAgain:
            return None
        job = None if detail is None else read_job(detail)
        owner = None if job is None or job.is_part else job.owner()
        if owner is None:
            return None
        attempt, _ = owner
        run = self._ground.store.run(attempt.run_id)
        if run is None:
            return f"it is one of run {attempt.run_id}, which this stage does not know"
        plan = RunLook(self._ground.store, run).plan
        if attempt.index >= len(plan.tasks):
            return f"it is one of run {run.run_id}; `batchwright show {run.run_id}` has it"
        task = plan.tasks[attempt.index].name
        logs = f"batchwright logs {run.run_id} {task} --attempt {attempt.number}"
        return (
            f"it is attempt {attempt.number} of task '{task}' of run {run.run_id}. `batchwright show {run.run_id}` has "
            f"it, and `{logs}{'' if self._child is None else f' --child {self._child}'}` prints what it wrote"
        )
