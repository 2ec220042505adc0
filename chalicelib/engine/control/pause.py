"""Pausing a run and resuming it: the run's record says which, and a command carries it to the shards.

A submitter reads its shard's `pace` after its claim and before its submission. Whoever resumes raises the pace first
and looks at the claims afterwards, so that a task which was not started for the pause is found.
"""

from __future__ import annotations

from chalicelib.core.errors import UnknownRun, WrongState
from chalicelib.core.run.commands import HealRun, encode
from chalicelib.core.states import RUN_STATES_BEFORE, RunState
from chalicelib.engine.publishing.outbox import change_to_tell, tell_or_leave
from chalicelib.engine.world.world import World


def pause_run(world: World, run_id: str) -> bool:
    """Let a run start nothing more; its running jobs go on. Whether it was going on. Raises UnknownRun, WrongState."""
    return _switch(world, run_id, RunState.PAUSED)


def resume_run(world: World, run_id: str) -> bool:
    """Let a paused run go on; whether it was paused. Raises UnknownRun, WrongState."""
    return _switch(world, run_id, RunState.RUNNING)


def _switch(world: World, run_id: str, to: RunState) -> bool:
    run = world.store.run(run_id)
    if run is None:
        raise UnknownRun(f"there is no run '{run_id}'")
    if run.state is not to and run.state not in RUN_STATES_BEFORE[to]:
        now = f"has ended ({run.state})" if run.state.ended else "is being cancelled"
        wanted = "paused" if to is RunState.PAUSED else "resumed"
        raise WrongState(f"run '{run_id}' {now}, and cannot be {wanted}")
    to_tell = change_to_tell(world, run.epoch, to)
    switched = world.store.switch_run(run_id, run.epoch, to, untold=to_tell, lease=world.lease() if to_tell else None)
    tell_or_leave(world, switched or run)
    # Also when it was so already: whoever switched it may have died before sending this.
    world.commands.send([encode(HealRun(run_id, run.epoch))])
    return switched is not None
