"""The items of the table: their keys, and how records become items and items records.

Owns the names of keys and attributes; docs/reference/table.md lists them. Makes no call.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

from chalicelib.aws.table.calls import Item, Key
from chalicelib.core.batch.result import JobResult, JobTry
from chalicelib.core.failure import FailureClass
from chalicelib.core.ids import Attempt
from chalicelib.core.lease import Lease
from chalicelib.core.notice.kinds import NoticeKind
from chalicelib.core.notice.preferences import BY_DEFAULT, DURATIONS, LOG_LINES, Notify
from chalicelib.core.plan.model import shard_of
from chalicelib.core.plan.task import Requested
from chalicelib.core.run.records import Claim, PastEpoch, Redrive, Run, Scope, Tally, TaskRecord, WorkflowEntry
from chalicelib.core.states import ENDINGS, RunState, TaskState
from chalicelib.ports.store import PAST_REASON_CHARACTERS

RUNS_BY_WORKFLOW = "runs-by-workflow"
RUNS_BY_SWEEP = "runs-by-sweep"
DUE = "due"
"""The value of `sweep`, the partition key of the index of runs that the sweep has to look at."""
SCHEDULE = "schedule"
"""The value of `sweep` of the schedules that the sweep has to look at: in the same index, and apart from the runs."""
SCHEDULE_PREFIX = "SCHEDULE#"
TASK_PREFIX = "TASK#"
CHUNK_PREFIX = "CHUNK#"
MEMBER_PREFIX = "MEMBER#"
LATEST = "LATEST"
PARAMS, PARAMS_DIGEST = "params", "params_digest"
WORKFLOWS = "WORKFLOWS"
"""The partition that lists the workflows, an item each."""


_RESULT_FIELDS = tuple(field.name for field in fields(JobResult))


def run_key(run_id: str) -> Key:
    return f"RUN#{run_id}", "RUN"


def params_key(run_id: str, digest: str) -> Key:
    """The item of a run's params, by the SHA-256 of their JSON."""
    return f"RUN#{run_id}", f"PARAMS#{digest}"


def shard_partition(run_id: str, shard: int) -> str:
    return f"RUN#{run_id}#{shard:05d}"


def tally_key(run_id: str, epoch: int, shard: int) -> Key:
    return shard_partition(run_id, shard), f"TALLY#{epoch:04d}"


def task_key(run_id: str, epoch: int, index: int) -> Key:
    return shard_partition(run_id, shard_of(index)), f"{task_prefix(epoch)}{index:06d}"


def task_prefix(epoch: int) -> str:
    """What the sort keys of an epoch's task records begin with."""
    return f"{TASK_PREFIX}{epoch:04d}#"


def version_key(workflow: str, version: int) -> Key:
    return f"WORKFLOW#{workflow}", f"VERSION#{version:06d}"


def latest_key(workflow: str) -> Key:
    return f"WORKFLOW#{workflow}", LATEST


def schedule_key(workflow: str, name: str) -> Key:
    return f"{SCHEDULE_PREFIX}{workflow}", name


def digest_partition(scope: str) -> str:
    return f"DIGEST#{scope}"


def window_key(scope: str) -> Key:
    return digest_partition(scope), "WINDOW"


def entry_key(workflow: str) -> Key:
    return WORKFLOWS, workflow


def entry_attributes(entry: WorkflowEntry) -> Item:
    return {
        "version": entry.version,
        "tasks": entry.tasks,
        "pushed_at_ms": entry.pushed_at_ms,
        "description": entry.description,
        "deleted": entry.is_deleted or None,
    }


def entry_of(item: Mapping[str, Any]) -> WorkflowEntry:
    return WorkflowEntry(
        name=item["sk"],
        version=item["version"],
        tasks=item["tasks"],
        pushed_at_ms=item["pushed_at_ms"],
        description=item.get("description"),
        is_deleted=item.get("deleted", False),
    )


def chunk_key(partition: str, number: int) -> Key:
    return partition, f"{CHUNK_PREFIX}{number:04d}"


LEASE_IS_FREE = "(attribute_not_exists(#lease_owner) OR #lease_owner = :lease_owner OR #lease_until_ms <= :now)"
"""The condition under which the lease of `lease_attributes` may be taken at the time `now`."""
TAKE_LEASE = "#lease_owner = :lease_owner, #lease_until_ms = :lease_until_ms"
END_LEASE = "#lease_owner, #lease_until_ms"


def lease_attributes(lease: Lease | None) -> Item:
    return {"lease_owner": lease and lease.owner, "lease_until_ms": lease and lease.until_ms}


def lease_of(item: Mapping[str, Any]) -> Lease | None:
    return Lease(item["lease_owner"], item["lease_until_ms"]) if "lease_owner" in item else None


def run_attributes(run: Run, past_params: Sequence[Item]) -> Item:
    """A run's record but for its params, which params.py keeps. `past_params` holds those of `past`."""
    return {
        "workflow": run.workflow,
        "version": run.version,
        "plan_digest": run.plan_digest,
        "state": run.state,
        "created_at_ms": run.created_at_ms,
        "request_digest": run.request_digest,
        "epoch": run.epoch,
        "ended_at_ms": run.ended_at_ms,
        "redrive": run.redrive and _redrive_attributes(run.redrive),
        "past": [{**_past_attributes(epoch), **params} for epoch, params in zip(run.past, past_params, strict=True)]
        or None,
        "switches": run.switches,
        "swept_at_ms": run.swept_at_ms,
        "sweep": None if run.sweep_at_ms is None else DUE,
        "sweep_at_ms": run.sweep_at_ms,
        "sweep_shard": run.sweep_shard,
        "schedule": run.schedule,
        "scheduled_at_ms": run.scheduled_at_ms,
        "notify": _notify_attributes(run.notify),
        "redriven_at_ms": run.redriven_at_ms,
        "untold": run.untold or None,
        **lease_attributes(run.lease),
    }


def _notify_attributes(notify: Notify) -> Item:
    durations = {name: notify.after_seconds.get(kind) for kind, name in DURATIONS.items()}
    return {**durations, "kinds": list(notify.kinds), "log_lines": notify.log_lines, "queue": notify.queue}


def _notify_of(item: Mapping[str, Any] | None) -> Notify:
    """Of a run that an earlier version started, what holds by default."""
    if not item:
        return BY_DEFAULT
    return Notify(
        kinds=tuple(map(NoticeKind, item["kinds"])),
        after_seconds={kind: item[name] for kind, name in DURATIONS.items() if item.get(name) is not None},
        log_lines=item.get("log_lines", LOG_LINES),
        queue=item.get("queue"),
    )


def _redrive_attributes(redrive: Redrive) -> Item:
    attributes = {"scope": redrive.scope, "tasks": list(redrive.tasks), "prepared": redrive.prepared}
    return {**attributes, "params": params_text(redrive.params)} if redrive.params else attributes


def _past_attributes(epoch: PastEpoch) -> Item:
    return {
        "version": epoch.version,
        "plan_digest": epoch.plan_digest,
        "state": epoch.state,
        "ended_at_ms": epoch.ended_at_ms,
    }


def params_text(params: Mapping[str, Any]) -> str:
    """Params as text, because DynamoDB's numbers are not JSON's: 1.0 would come back as 1."""
    return json.dumps(params, separators=(",", ":"), ensure_ascii=False)


def run_of(
    item: Mapping[str, Any], params: Mapping[str, Any], past_params: Sequence[Mapping[str, Any] | None] | None = None
) -> Run:
    """The run of a record, whose params were read already; without `past_params` they are left out of `past`."""
    past = item.get("past", ())
    return Run(
        run_id=item["pk"].removeprefix("RUN#"),
        workflow=item["workflow"],
        version=item["version"],
        plan_digest=item["plan_digest"],
        params=params,
        state=RunState(item["state"]),
        created_at_ms=item["created_at_ms"],
        request_digest=item["request_digest"],
        epoch=item["epoch"],
        ended_at_ms=item.get("ended_at_ms"),
        redrive=_redrive_of(item.get("redrive")),
        past=tuple(map(_past_of, past, past_params or (None,) * len(past))),
        switches=item["switches"],
        swept_at_ms=item.get("swept_at_ms"),
        sweep_at_ms=item.get("sweep_at_ms"),
        sweep_shard=item["sweep_shard"],
        schedule=item.get("schedule"),
        scheduled_at_ms=item.get("scheduled_at_ms"),
        notify=_notify_of(item.get("notify")),
        redriven_at_ms=item.get("redriven_at_ms"),
        untold=frozenset(item.get("untold", ())),
        lease=lease_of(item),
    )


def _past_of(item: Mapping[str, Any], params: Mapping[str, Any] | None) -> PastEpoch:
    return PastEpoch(item["version"], item["plan_digest"], RunState(item["state"]), item.get("ended_at_ms"), params)


def _redrive_of(item: Mapping[str, Any] | None) -> Redrive | None:
    if not item:
        return None
    params = json.loads(item["params"]) if "params" in item else {}
    return Redrive(Scope(item["scope"]), tuple(item["tasks"]), item["prepared"], params)


def tally_of(item: Mapping[str, Any] | None) -> Tally:
    """The tally of an item; the empty one of no item."""
    if not item:
        return Tally()
    masks = {ending.value: sum(1 << offset for offset in item.get(ending, ())) for ending in ENDINGS}
    return Tally(
        **masks,
        halt=item.get("halt", False),
        pace=item.get("pace", 0),
        kept_failed=sum(1 << offset for offset in item.get("kept_failed", ())),
        waiting_told=frozenset(item.get("waiting_told", ())),
        running_told=frozenset(item.get("running_told", ())),
    )


def task_of(item: Mapping[str, Any]) -> TaskRecord:
    run_id = item["pk"].removeprefix("RUN#").rpartition("#")[0]
    index = int(item["sk"].rpartition("#")[2])
    job_id = item.get("job_id")
    result = item.get("result")
    return TaskRecord(
        attempt=Attempt(run_id, item["epoch"], index, item["number"]),
        state=TaskState(item["state"]),
        claim=Claim(item["owner"], item["lease_until_ms"]) if "owner" in item else None,
        claimed_at_ms=item.get("claimed_at_ms"),
        requested=Requested(item["queue"], item.get("array_size")) if "queue" in item else None,
        job_id=job_id,
        job_tries=item.get("job_tries", 0),
        cancel_requested=item.get("cancel_requested", False),
        started_at_ms=item.get("started_at_ms"),
        retry_at_ms=item.get("retry_at_ms"),
        missing_since_ms=item.get("missing_since_ms"),
        forbidden_since_ms=item.get("forbidden_since_ms"),
        second_jobs=frozenset(item.get("second_jobs", ())),
        result=_result_of({"job_id": job_id, **result}) if result else None,
        past=tuple(_result_of(past) for past in item.get("past", ())),
    )


def _result_of(attributes: Mapping[str, Any]) -> JobResult:
    """A result; what a later version may have added is left out."""
    known = {name: attributes[name] for name in _RESULT_FIELDS if name in attributes}
    failure = known.get("failure")
    tries = tuple(JobTry(**one) for one in known.get("tries", ()))
    return JobResult(**{**known, "failure": None if failure is None else FailureClass(failure), "tries": tries})


def result_attributes(result: JobResult) -> Item:
    """A result as a map; what it does not know is left out."""
    values = {name: getattr(result, name) for name in _RESULT_FIELDS}
    values["tries"] = [try_attributes(one) for one in result.tries] or None
    return {name: value for name, value in values.items() if value is not None}


def try_attributes(one: JobTry) -> Item:
    """A try inside Batch as a map; what it does not know is left out."""
    values = {field.name: getattr(one, field.name) for field in fields(JobTry)}
    return {name: value for name, value in values.items() if value is not None}


def past_result(result: JobResult) -> Item:
    """The result of an attempt that is followed by another: its reason cut, so that twenty of them stay small."""
    return result_attributes(replace(result, reason=result.reason and result.reason[:PAST_REASON_CHARACTERS]))
