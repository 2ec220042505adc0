"""Redriving a run: a new epoch that keeps some endings of the one before and runs the rest again.

The run's record is moved to the next epoch first. What is kept follows from that record, the plans and the old
tallies, none of which change any more, so whoever comes first writes it into the new tallies, and twice is once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from chalicelib.core.errors import UnknownRun, UnknownWorkflow, WrongState
from chalicelib.core.lease import is_free
from chalicelib.core.params import complete_params, declarations
from chalicelib.core.plan.job_request import check_run
from chalicelib.core.plan.model import Plan
from chalicelib.core.run.commands import HealRun, encode
from chalicelib.core.run.records import PastEpoch, Redrive, Run, in_epoch
from chalicelib.core.run.redrive import Kept, kept_endings, other_params
from chalicelib.core.run.requests import RedriveRequest
from chalicelib.core.states import RunState
from chalicelib.engine.publishing.outbox import start_to_tell, tell_or_leave
from chalicelib.engine.world import telemetry
from chalicelib.engine.world.world import RunFacts, World


def redrive_run(world: World, request: RedriveRequest) -> Run:
    """Begin the next epoch of a run that has ended; returns the run in it. Raises UnknownRun, UnknownWorkflow,
    WrongState when it has not ended, UserMistake when what is asked for makes no sense: then nothing was changed."""
    run = world.store.run(request.run_id)
    if run is None:
        raise UnknownRun(f"there is no run '{request.run_id}'")
    redrive = Redrive(request.scope, request.tasks, params=request.params)
    if request.epoch is not None and run.epoch != request.epoch:
        if run.epoch == request.epoch + 1 and _is_the_same(run, redrive, request.version):
            return _go_on(world, run)
        raise WrongState(f"run '{run.run_id}' was redriven meanwhile")
    if not run.state.ended:
        raise WrongState(f"run '{run.run_id}' is {run.state}; only a run that has ended can be redriven")
    following = _following(world, run, redrive, request.version)
    _kept(world, following)
    # Not over what somebody has just noted as still to be told.
    if not world.store.begin_epoch(following, run):
        return redrive_run(world, replace(request, epoch=run.epoch))
    telemetry.run_redriven(world, following)
    return _go_on(world, following)


def prepare(world: World, run: Run) -> RunFacts:
    """See to it that the tallies of a redriven run's epoch hold what it keeps; the facts of the run."""
    facts = world.facts_of(run)
    if run.redrive is not None and not run.redrive.prepared:
        for shard, endings in _kept(world, run).items():
            # None when a task ended otherwise: then somebody prepared the epoch before, and it went on since.
            world.store.tally(run.run_id, run.epoch, shard, endings, kept=True)
        world.store.epoch_prepared(run.run_id, run.epoch)
    return facts


def kept_count(world: World, run: Run) -> int:
    """How many endings the epoch of a redriven run keeps of the one before; 0 of a run that was never redriven."""
    if run.redrive is None:
        return 0
    return sum(mask.bit_count() for of_shard in _kept(world, run).values() for mask in of_shard.values())


def _is_the_same(run: Run, redrive: Redrive, version: int | None) -> bool:
    """Whether the run's epoch was begun by such a request."""
    asked = run.past[-1].version if version is None else version
    return run.redrive is not None and replace(run.redrive, prepared=False) == redrive and run.version == asked


def _go_on(world: World, run: Run) -> Run:
    tell_or_leave(world, run)
    # Should this get lost, the sweep finds the run, which is due for it.
    world.commands.send([encode(HealRun(run.run_id, run.epoch))])
    return run


def _following(world: World, run: Run, redrive: Redrive, version: int | None) -> Run:
    """The run's record in its next epoch, if it is begun now."""
    now_ms = world.clock.now_ms()
    plan_digest, params, number = run.plan_digest, run.params, run.version
    if redrive.params or version not in (None, run.version):
        wanted = run.version if version is None else version
        pushed = world.store.workflow(run.workflow, wanted)
        if pushed is None:
            raise UnknownWorkflow(f"no workflow '{run.workflow}' in version {wanted} was pushed")
        plan_digest, number = pushed.plan_digest, pushed.version
        params = complete_params(declarations(pushed.definition), {**run.params, **redrive.params})
        check_run(world.store.plan(plan_digest), params)
    following = Run(
        run_id=run.run_id,
        workflow=run.workflow,
        version=number,
        plan_digest=plan_digest,
        params=params,
        state=RunState.RUNNING,
        created_at_ms=run.created_at_ms,
        request_digest=run.request_digest,
        epoch=run.epoch + 1,
        redrive=redrive,
        past=(*run.past, _past(run, params)),
        # Where it came from. For its schedule it has ended: a redrive is not the schedule's run.
        schedule=run.schedule,
        scheduled_at_ms=run.scheduled_at_ms,
        notify=run.notify,
        redriven_at_ms=now_ms,
        sweep_at_ms=now_ms + world.settings.look_seconds * 1000,
    )
    # With what is still to be told of the epochs before, and the lease of an invocation that is about to.
    untold = run.untold | start_to_tell(world, following)
    lease = world.lease() if is_free(run.lease, world.owner, now_ms) else run.lease
    return replace(following, untold=untold, lease=lease if untold else run.lease)


def _past(run: Run, params: Mapping[str, Any]) -> PastEpoch:
    """The epoch that has ended; with its params, if those of the next one are others."""
    before = run.params if other_params(run.params, params) else None
    return PastEpoch(run.version, run.plan_digest, run.state, run.ended_at_ms, before)


def _kept(world: World, run: Run) -> Kept:
    """What the run's epoch keeps of the one before."""
    assert run.redrive is not None, "every epoch but the first is a redrive's"
    before = in_epoch(run, run.epoch - 1)
    old: Plan = world.store.plan(before.plan_digest)
    tallies = {shard: world.store.read_tally(run.run_id, before.epoch, shard) for shard in range(old.shard_count)}
    new = world.store.plan(run.plan_digest)
    return kept_endings(old, tallies, new, run.redrive, other_params(before.params, run.params))
