"""Starting a run of a workflow that was pushed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from chalicelib.core.commands import encode, in_chunks
from chalicelib.core.errors import IdempotencyConflict, UnknownWorkflow
from chalicelib.core.ids import run_id
from chalicelib.core.job import check_run
from chalicelib.core.limits import QUEUE_DELAY_SECONDS_MAXIMUM
from chalicelib.core.params import complete_params, declarations
from chalicelib.core.records import Run
from chalicelib.core.states import RunState
from chalicelib.engine.settle import start
from chalicelib.engine.world import NotYet, World


def start_run(
    world: World,
    workflow: str,
    params: Mapping[str, Any],
    idempotency_key: str,
    version: int | None = None,
) -> Run:
    """Start a run of a pushed workflow, or return the run that this idempotency key started before.

    Params are checked and every task is rendered first: a mistake raises UserMistake and leaves nothing behind.
    Raises UnknownWorkflow, and IdempotencyConflict when the key started something else.
    """
    asked = _request_digest(workflow, version, params)
    # What the key started comes first: a version pushed since then may want other params.
    run = world.store.run(run_id(workflow, idempotency_key))
    if run is None:
        run = _create_run(world, workflow, params, idempotency_key, version)
    if run.request_digest != asked:
        raise IdempotencyConflict(
            f"idempotency key '{idempotency_key}' started run '{run.run_id}' with another version or other params"
        )
    if run.state is RunState.RUNNING and run.epoch == 0:
        _start_roots(world, run)
    return run


def _create_run(
    world: World, workflow: str, params: Mapping[str, Any], idempotency_key: str, version: int | None
) -> Run:
    pushed = world.store.workflow(workflow, version)
    if pushed is None:
        named = f"'{workflow}'" if version is None else f"'{workflow}' in version {version}"
        raise UnknownWorkflow(f"no workflow {named} was pushed")
    complete = complete_params(declarations(pushed.definition), params)
    check_run(world.store.plan(pushed.plan_digest), complete)
    now_ms = world.clock.now_ms()
    return world.store.create_run(
        Run(
            run_id=run_id(workflow, idempotency_key),
            workflow=workflow,
            version=pushed.version,
            plan_digest=pushed.plan_digest,
            params=complete,
            state=RunState.RUNNING,
            created_at_ms=now_ms,
            request_digest=_request_digest(workflow, version, params),
            sweep_at_ms=now_ms + world.settings.sweep_seconds * 1000,
        )
    )


def _start_roots(world: World, run: Run) -> None:
    facts = world.facts_of(run)
    outcome = start(world, facts, facts.plan.roots)
    if isinstance(outcome, NotYet):
        # Whoever called may never call again, so the commands queue sees to the rest.
        chunks = in_chunks(run.run_id, run.epoch, facts.plan.roots, world.settings.chunk_size)
        delay_seconds = min(outcome.after_seconds, QUEUE_DELAY_SECONDS_MAXIMUM)
        world.commands.send([encode(chunk) for chunk in chunks], delay_seconds=delay_seconds)


def _request_digest(workflow: str, version: int | None, params: Mapping[str, Any]) -> str:
    request = json.dumps([workflow, version, params], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(request.encode()).hexdigest()
