"""Records of jobs: made from their events, and brought up to date where the last event never came.

Owns which jobs have a record. A foreign job is watched and nothing more: nothing here ends or changes one.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from chalicelib.core.batch.job_event import JobDocument, read_job
from chalicelib.core.batch.job_record import JobRecord
from chalicelib.core.errors import MalformedMessage
from chalicelib.core.limits import DESCRIBE_IDS
from chalicelib.core.monitor.job_times import waiting_since_ms
from chalicelib.engine.watch.monitors import counted, judge
from chalicelib.engine.world import telemetry
from chalicelib.engine.world.world import World

log = logging.getLogger(__name__)

DAY_MS = 86_400_000
SILENT_MS = DAY_MS
"""How long nothing is heard of a job before Batch is asked, and how long until it is asked again. Batch tells of a job
for a day after its end, so that the answer has the ending if there was one."""


def may_be_recorded(world: World, job: JobDocument) -> bool:
    """Whether such a job may have a record, as far as can be told without asking whose it is."""
    return world.settings.record_own_jobs or world.settings.observe_all_jobs or job.owner() is None


def observe_event(world: World, record: JobRecord) -> bool:
    """Record what an event told of a job, if this stage records such jobs; whether it was news. Raises TryAgain.

    Those that no run submitted are recorded, for their events come only where they are wanted. Jobs of this stage's
    runs are if it wants so. Those of another stage's, whose events every stage hears, are others' jobs."""
    known = known_here(world, record)
    is_elsewhere = known.is_foreign and not record.is_foreign
    if is_elsewhere:
        wanted = world.settings.observe_all_jobs
    else:
        wanted = known.is_foreign or world.settings.record_own_jobs
    return wanted and observe_job(world, known, by_event=True)


def known_here(world: World, record: JobRecord) -> JobRecord:
    """The record as this stage has it: a job is ours only if the run that it names is one of this stage's."""
    if record.is_foreign or (record.run_id is not None and world.knows_run(record.run_id)):
        return record
    return replace(record, managed_by=None, run_id=None, task=None, attempt=None)


def observe_job(world: World, record: JobRecord, *, by_event: bool = False) -> bool:
    """Record what an event, or Batch when asked, told of a job, and have the monitors say what they have to; whether it
    was news. Raises TryAgain.

    The record is the commit: what must be told is seen to before, and what is to be counted is counted by that write.
    """
    judge(world, record)
    is_news = world.store.observe_job(record, keep_until_ms(world), counted(world, record)) is None
    if is_news:
        telemetry.foreign_job_told(world, record, by_event=by_event)
    return is_news


def keep_until_ms(world: World) -> int:
    """Until when a record is kept of which something was heard just now."""
    return world.clock.now_ms() + world.settings.jobs_kept_days * DAY_MS


def ask_about_silent(world: World) -> int:
    """Ask Batch about jobs that did not end and of which nothing was heard for a day; about how many.

    One call of DescribeJobs a sweep: those that are left wait for the next one. Raises TryAgain.
    """
    silent = world.store.silent_jobs(world.clock.now_ms() - SILENT_MS, DESCRIBE_IDS)
    if not silent:
        return 0
    details = world.batch.describe([record.job_id for record in silent])
    now_ms = world.clock.now_ms()
    for known in silent:
        detail = details.get(known.job_id)
        if detail is None:
            about = telemetry.ids(job_id=known.job_id)
            log.warning("Batch does not know job %s of queue %s any more", known.job_id, known.queue, extra=about)
            world.store.job_lost(known, now_ms)
        elif (news := _news(world, known, detail, now_ms)) is not None:
            observe_job(world, news)
        else:
            world.store.job_asked(known, now_ms, keep_until_ms(world))
    return len(silent)


def as_batch_knows(world: World, records: Sequence[JobRecord]) -> list[JobRecord]:
    """These jobs, DESCRIBE_IDS at most, as Batch tells them when asked, which is recorded; without those that it tells
    nothing of. One that still waits is left as it was, for a later record would have it wait since then. Raises
    TryAgain."""
    details = world.batch.describe([record.job_id for record in records])
    now_ms = world.clock.now_ms()
    found = []
    for known in records:
        detail = details.get(known.job_id)
        if detail is not None:
            news = _news(world, known, detail, now_ms)
            if news is None or (waiting_since_ms(known) is not None and waiting_since_ms(news) is not None):
                found.append(known)
            else:
                observe_job(world, news)
                found.append(news)
    return found


def _news(world: World, known: JobRecord, detail: Mapping[str, Any], now_ms: int) -> JobRecord | None:
    """What Batch told of a job when asked; None when that is nothing new, or cannot be read."""
    try:
        job = read_job(detail)
    except MalformedMessage as error:
        about = telemetry.ids(job_id=known.job_id)
        log.warning("what Batch tells of job %s cannot be read: %s", known.job_id, error, extra=about)
        return None
    record = None if job is None else job.record(now_ms)
    if record is None:
        return None
    told = known_here(world, record)
    return told if told.order > known.order else None
