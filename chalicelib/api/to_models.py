"""Records as the models tell them: what leaves, and under which name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from chalicelib.api import models as m
from chalicelib.core.batch.job_event import read_result
from chalicelib.core.batch.job_record import JobRecord
from chalicelib.core.batch.result import JobResult
from chalicelib.core.ids import definition_digest
from chalicelib.core.run.records import Run, WorkflowEntry, WorkflowVersion, entry_of_push
from chalicelib.core.schedule.decisions import ScheduleRecord
from chalicelib.core.schedule.model import Schedule

_OF_JOB = tuple(name for name in m.Job.model_fields if name not in ("children", "tries", "failed_children"))


def workflow_model(version: WorkflowVersion) -> m.Workflow:
    return m.Workflow(
        name=version.name,
        version=version.version,
        etag=definition_digest(version.definition),
        pushed_at_ms=version.pushed_at_ms,
        definition=dict(version.definition),
    )


def summary_model(entry: WorkflowEntry) -> m.WorkflowSummary:
    return m.WorkflowSummary(
        name=entry.name,
        version=entry.version,
        description=entry.description,
        tasks=entry.tasks,
        pushed_at_ms=entry.pushed_at_ms,
    )


def summary_of(workflow: m.Workflow) -> m.WorkflowSummary:
    """A workflow in its latest version as the list of workflows has it."""
    definition = workflow.definition
    tasks = len(definition["tasks"])
    return summary_model(entry_of_push(workflow.name, definition, tasks, workflow.version, workflow.pushed_at_ms))


def job_model(record: JobRecord) -> m.Job:
    values = {name: getattr(record, name) for name in _OF_JOB}
    tries = [m.JobTry(**asdict(one)) for one in record.tries]
    return m.Job(**values, children=dict(record.children), tries=tries)


def failed_children_model(jobs: Sequence[Mapping[str, Any]], labels: Sequence[str] = ()) -> list[m.FailedChild]:
    """Jobs of an array, in DescribeJobs' shape, by their place in it, told as single jobs are. `labels` name the
    array's jobs."""
    children = []
    for job in jobs:
        result = read_result(job)
        children.append(
            m.FailedChild(
                index=(index := job["arrayProperties"]["index"]),
                label=labels[index] if index < len(labels) else None,
                exit_code=result.exit_code,
                failure=result.failure,
                reason=result.reason,
                log_stream=result.log_stream,
                started_at_ms=result.started_at_ms,
            )
        )
    return sorted(children, key=lambda child: child.index)


def run_model(run: Run) -> m.Run:
    redrive = None
    if run.redrive is not None:
        redrive = m.Redriven(scope=run.redrive.scope, tasks=list(run.redrive.tasks), params=dict(run.redrive.params))
    past = [
        m.PastEpoch(epoch=epoch, version=past.version, state=past.state, ended_at_ms=past.ended_at_ms)
        for epoch, past in enumerate(run.past)
    ]
    return m.Run(
        run_id=run.run_id,
        workflow=run.workflow,
        version=run.version,
        state=run.state,
        epoch=run.epoch,
        params=dict(run.params),
        created_at_ms=run.created_at_ms,
        # Of an earlier epoch the record does not have it.
        began_at_ms=run.redriven_at_ms if run.epoch else run.created_at_ms,
        ended_at_ms=run.ended_at_ms,
        pauses=(run.switches + 1) // 2,
        redrive=redrive,
        past=past,
        schedule=run.schedule,
        scheduled_at_ms=run.scheduled_at_ms,
        notify_queue=run.notify.queue,
    )


def schedule_model(stage: str, record: ScheduleRecord, schedule: Schedule) -> m.Schedule:
    last_ms = record.last_ms if record.last_ms != record.failed_ms else None
    return m.Schedule(
        workflow=record.workflow,
        name=record.name,
        expression=schedule.expression,
        time_zone=schedule.time_zone,
        overlap=schedule.overlap,
        catch_up=schedule.catch_up,
        enabled=schedule.enabled,
        paused=record.paused_at_ms is not None,
        starts_at_ms=schedule.starts_at_ms,
        ends_at_ms=schedule.ends_at_ms,
        next_at_ms=record.next_ms,
        waiting=len(record.pending) + len(record.backfill),
        last_at_ms=last_ms,
        last_run_id=None if last_ms is None else record.run_id(stage, last_ms),
        failed_at_ms=record.failed_ms,
        failure=record.failure,
        placed=record.placed == record.wanted_placing,
    )


def attempt_model(result: JobResult) -> m.Attempt:
    return m.Attempt(
        job_id=result.job_id,
        succeeded=result.succeeded,
        exit_code=result.exit_code,
        failure=result.failure,
        reason=result.reason,
        log_stream=result.log_stream,
        started_at_ms=result.started_at_ms,
        stopped_at_ms=result.stopped_at_ms,
        tries=[m.JobTry(**asdict(one)) for one in result.tries],
    )
