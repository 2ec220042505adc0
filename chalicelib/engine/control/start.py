"""Starting a run of a workflow that was pushed, on request or for a time of one of its schedules."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from chalicelib.core.errors import IdempotencyConflict, UnknownWorkflow
from chalicelib.core.ids import run_id, scheduled_key
from chalicelib.core.limits import QUEUE_DELAY_SECONDS_MAXIMUM
from chalicelib.core.notice.preferences import resolve
from chalicelib.core.params import complete_params, declarations
from chalicelib.core.plan.job_request import check_run
from chalicelib.core.run.commands import Command, HealRun, encode, in_chunks
from chalicelib.core.run.records import Run
from chalicelib.core.schedule.decisions import ScheduleRecord
from chalicelib.core.schedule.model import Schedule, render_params
from chalicelib.core.states import RunState
from chalicelib.engine.advance.settle import settle, start
from chalicelib.engine.publishing.outbox import start_to_tell, tell_or_leave
from chalicelib.engine.world import telemetry
from chalicelib.engine.world.world import NotYet, World


def start_run(
    world: World,
    workflow: str,
    params: Mapping[str, Any],
    idempotency_key: str,
    version: int | None = None,
    notify_queue: str | None = None,
) -> Run:
    """Start a run of a pushed workflow, or return the run that this idempotency key started before.

    `notify_queue` names an SQS queue of the run's own that hears of it, in place of the workflow's.
    Params are checked and every task is rendered first: a mistake raises UserMistake and leaves nothing behind.
    Raises UnknownWorkflow, and IdempotencyConflict when the key started something else.
    """
    asked = _digest([workflow, version, params, *([notify_queue] if notify_queue else [])])
    # What the key started comes first: a version pushed since then may want other params.
    run = world.store.run(run_id(world.stage, workflow, idempotency_key))
    if run is None:
        run = _create_run(world, workflow, params, idempotency_key, version, asked, notify_queue=notify_queue)
    if run.request_digest != asked:
        raise IdempotencyConflict(
            f"idempotency key '{idempotency_key}' started run '{run.run_id}' with another version, other params or "
            "another queue"
        )
    _begin(world, run)
    return run


def start_scheduled(world: World, record: ScheduleRecord, schedule: Schedule, at_ms: int) -> Run:
    """Start the run of a schedule's time, or return it: whoever asks, however often, it is one. Raises UserMistake when
    the schedule's params do not fit."""
    run = world.store.run(record.run_id(world.stage, at_ms))
    if run is None:
        params = render_params(schedule.params, at_ms, schedule.time_zone)
        key = scheduled_key(record.name, at_ms)
        # The time alone is what is asked for: a version pushed meanwhile makes it no other request.
        asked = _digest([record.workflow, "schedule", record.name, at_ms])
        scheduled = (record.name, at_ms)
        run = _create_run(world, record.workflow, params, key, record.version, asked, scheduled)
    _begin(world, run)
    return run


def _begin(world: World, run: Run) -> None:
    if run.state is RunState.RUNNING and run.epoch == 0:
        _start_roots(world, run)
        tell_or_leave(world, run)


def _create_run(
    world: World,
    workflow: str,
    params: Mapping[str, Any],
    idempotency_key: str,
    version: int | None,
    request_digest: str,
    scheduled: tuple[str | None, int | None] = (None, None),
    notify_queue: str | None = None,
) -> Run:
    pushed = world.store.workflow(workflow, version)
    if pushed is None:
        named = f"'{workflow}'" if version is None else f"'{workflow}' in version {version}"
        raise UnknownWorkflow(f"no workflow {named} was pushed")
    complete = complete_params(declarations(pushed.definition), params)
    check_run(world.store.plan(pushed.plan_digest), complete)
    now_ms = world.clock.now_ms()
    wanted = Run(
        run_id=run_id(world.stage, workflow, idempotency_key),
        workflow=workflow,
        version=pushed.version,
        plan_digest=pushed.plan_digest,
        params=complete,
        state=RunState.RUNNING,
        created_at_ms=now_ms,
        request_digest=request_digest,
        sweep_at_ms=now_ms + world.settings.look_seconds * 1000,
        schedule=scheduled[0],
        scheduled_at_ms=scheduled[1],
        notify=resolve(pushed.definition.get("notify"), world.settings.notify_kinds, notify_queue),
    )
    untold = start_to_tell(world, wanted)
    wanted = replace(wanted, untold=untold, lease=world.lease() if untold else None)
    run = world.store.create_run(wanted)
    if run is wanted:
        telemetry.run_started(world, run)
    return run


def _start_roots(world: World, run: Run) -> None:
    facts = world.facts_of(run)
    roots = facts.plan.roots
    if facts.empty.isdisjoint(roots):
        outcome = start(world, facts, roots)
        rest: list[Command] = [*in_chunks(run.run_id, run.epoch, roots, world.settings.chunk_size)]
    else:
        # Arrays of none are skipped, and what follows them is settled as after an ending.
        outcome = settle(world, facts, (), {}, roots).outcome
        rest = [HealRun(run.run_id, run.epoch)]
    if isinstance(outcome, NotYet):
        # Whoever called may never call again, so the commands queue sees to the rest.
        delay_seconds = min(outcome.after_seconds, QUEUE_DELAY_SECONDS_MAXIMUM)
        world.commands.send([encode(command) for command in rest], delay_seconds=delay_seconds)


def _digest(asked: list[Any]) -> str:
    request = json.dumps(asked, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(request.encode()).hexdigest()
