"""What is wrong with a run's jobs: pure checks of its records against what Batch tells of the jobs.

Owns the rules about jobs. `jobs` is what DescribeJobs told, by id; a job that is not in it is unknown to Batch, or
was not asked about.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from batchwright.doctor.rules import REPORT, SWEEP, Finding, Patience, Seen, Severity
from chalicelib.core.errors import UserMistake
from chalicelib.core.ids import Attempt, attempt_from_parameters, job_name, refused_job_id
from chalicelib.core.plan.job_request import job_request
from chalicelib.core.run.records import Run, TaskRecord
from chalicelib.core.states import UNDER_WAY, JobStatus

Jobs = Mapping[str, Mapping[str, Any]]

TERMINATE = "terminate it: `aws batch terminate-job --job-id {} --reason ...`; then report this"
_REFUSED = refused_job_id("")
_ENDED = (JobStatus.SUCCEEDED, JobStatus.FAILED)


def job_ids_of(seen: Seen) -> list[str]:
    """The jobs to ask Batch about: those of open records, all of a run that ended, and the second ones."""
    ids: dict[str, None] = {}
    for record in seen.records:
        if record.job_id and (seen.run.state.ended or record.state in UNDER_WAY):
            ids[record.job_id] = None
        ids |= dict.fromkeys(sorted(record.second_jobs))
    return [job_id for job_id in ids if not job_id.startswith(_REFUSED)]


def queues_of(seen: Seen) -> set[str]:
    """The queues of the run's jobs: those that the records hold, and the plan's as far as they can be rendered, those
    that a retry goes to included."""
    queues = {record.requested.queue for record in seen.records if record.requested is not None}
    varying: set[tuple[str, ...]] = set()
    for index, task in enumerate(seen.plan.tasks):
        written = (task.job.queue, *(one.queue for one in task.retry.on if one.queue is not None))
        if written in varying and not any("${task." in queue for queue in written):
            continue
        varying.add(written)
        queues |= {queue for queue in written if "${" not in queue}
        try:
            queues.add(job_request(seen.plan, Attempt(seen.run.run_id, 0, index, 1), params=seen.run.params).queue)
        except UserMistake:
            continue  # what cannot be rendered was never submitted
    return queues


def check_jobs(seen: Seen, jobs: Jobs, now_ms: int, patience: Patience) -> list[Finding]:
    """Everything that is wrong with the jobs of the run's records."""
    findings: list[Finding] = []
    for record in seen.records:
        if record.attempt.index >= len(seen.plan.tasks):
            continue
        if record.job_id is not None and record.job_id in jobs:
            findings += _check_job(seen, record, jobs[record.job_id], now_ms, patience)
        for job_id in sorted(record.second_jobs & jobs.keys()):
            job = jobs[job_id]
            if _is_alive(job) and now_ms > job.get("createdAt", 0) + patience.late_ms:
                value = f"second job {job_id} is {job['status']}"
                advice = TERMINATE.format(job_id)
                rule = "an attempt has one job"
                findings.append(seen.finding(Severity.ERROR, rule, value, advice, record.attempt.index))
    return findings


def _check_job(
    seen: Seen, record: TaskRecord, job: Mapping[str, Any], now_ms: int, patience: Patience
) -> Iterator[Finding]:
    index, job_id = record.attempt.index, job["jobId"]
    if _is_alive(job):
        if now_ms > seen.healed_from_ms + patience.late_ms:
            value = f"job {job_id} is {job['status']}, and the run is {seen.run.state}"
            advice = TERMINATE.format(job_id)
            yield seen.finding(Severity.ERROR, "no job outlives its run", value, advice, index)
        return
    if record.state not in UNDER_WAY or now_ms <= _told_by_ms(record, job, patience):
        return
    ending = seen.ending_of(index)
    if ending is None:
        value = f"job {job_id} is {job['status']}, and the record is {record.state}"
        yield seen.finding(Severity.LATE, "a job's end is heard of", value, SWEEP, index)
    elif not seen.waits_for_the_end(index) and not seen.run.state.ended:
        # Of a run that has ended, the table alone tells it.
        value = f"tallied as {ending}, and the record is {record.state}"
        yield seen.finding(Severity.LATE, "who tallies commits", value, SWEEP, index)


def _told_by_ms(record: TaskRecord, job: Mapping[str, Any], patience: Patience) -> int:
    """When the end of a job is known at the latest, its event lost: Batch is asked each time that the silence has
    doubled (core/run/silence.py)."""
    heard_ms = record.started_at_ms or record.claimed_at_ms or 0
    silence_ms = max(int(job.get("stoppedAt", heard_ms)) - heard_ms, patience.quiet_ms)
    return heard_ms + 2 * silence_ms + patience.late_ms


def check_strays(
    listed: Sequence[Mapping[str, Any]],
    runs: Mapping[str, Run],
    known: Mapping[str, Seen],
    now_ms: int,
    patience: Patience,
) -> list[Finding]:
    """What is wrong with jobs that Batch has alive, whatever the records say. `runs` are all there are; `known` is the
    current epoch of those that were looked at."""
    findings: list[Finding] = []
    by_attempt: dict[Attempt, list[str]] = {}
    for job in listed:
        attempt = attempt_from_parameters(job.get("parameters") or {})
        if attempt is None or not _is_alive(job) or now_ms <= job.get("createdAt", 0) + patience.late_ms:
            continue
        seen = known.get(attempt.run_id)
        if seen is not None and not _is_ours(seen, attempt, job):
            continue
        by_attempt.setdefault(attempt, []).append(job["jobId"])
        findings += _check_stray(attempt, job, runs.get(attempt.run_id), seen, now_ms, patience)
    for attempt, ids in by_attempt.items():
        if len(ids) > 1:
            place = _place(attempt, known.get(attempt.run_id))
            value = f"{len(ids)} jobs are alive: {', '.join(sorted(ids))}"
            rule = "an attempt has one job"
            findings.append(Finding(Severity.ERROR, rule, attempt.run_id, place, value, REPORT))
    return findings


def _check_stray(
    attempt: Attempt, job: Mapping[str, Any], run: Run | None, seen: Seen | None, now_ms: int, patience: Patience
) -> Iterator[Finding]:
    job_id, place = job["jobId"], _place(attempt, seen)
    told, rule = f"job {job_id} is {job['status']}", "no job outlives its run"

    def finding(why: str, broken: str = rule) -> Finding:
        return Finding(Severity.ERROR, broken, attempt.run_id, place, f"{told}, and {why}", TERMINATE.format(job_id))

    if run is None:
        yield finding("there is no such run")
    elif run.epoch > attempt.epoch:
        yield finding(f"the run is in epoch {run.epoch}")
    elif seen is not None and run.epoch == attempt.epoch:
        records = {record.attempt.index: record for record in seen.records}
        record = records.get(attempt.index)
        if record is None:
            yield finding("its task was never claimed", "only a claimed task gets a job")
        elif job_id in record.second_jobs or job_id == record.job_id:
            return  # told of with its record
        elif run.state.ended and now_ms > seen.healed_from_ms + patience.late_ms:
            yield finding(f"the run is {run.state}")
        elif record.job_id is not None:
            yield finding(f"the record has job {record.job_id}", "an attempt has one job")


def _is_ours(seen: Seen, attempt: Attempt, job: Mapping[str, Any]) -> bool:
    """Whether we submitted it: a copy of a job has its parameters, and not its name. Of another epoch's plan nobody
    knows here."""
    if attempt.epoch != seen.run.epoch or attempt.index >= len(seen.plan.tasks):
        return True
    return bool(job.get("jobName") == job_name(attempt, seen.plan.tasks[attempt.index].name))


def _place(attempt: Attempt, seen: Seen | None) -> str:
    if seen is not None and attempt.epoch == seen.run.epoch:
        return seen.place(attempt.index)
    return f"epoch {attempt.epoch}, task {attempt.index}"


def _is_alive(job: Mapping[str, Any]) -> bool:
    return job["status"] not in _ENDED
