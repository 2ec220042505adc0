"""Bugs put into the leases under which notices are published, each of which some seed must catch."""

from __future__ import annotations

from dataclasses import replace

from chalicelib.core import lease
from chalicelib.engine.control import redrive
from chalicelib.engine.inbox import sweep
from chalicelib.engine.publishing import outbox, overdue
from chalicelib.engine.watch import monitor_looks
from tests.bug import Bug, left_out, returns
from tests.memory.monitors import MemoryMonitors
from tests.memory.store import MemoryStore
from tests.simulation.foreign import NAME as FOREIGN
from tests.simulation.mutation import Mutation
from tests.simulation.scope import Scope
from tests.simulation.telling import NAME as TELLING

TOLD = Scope(shares={TELLING: 1.0})
"""Notices of all kinds in every world."""
OTHERS = Scope(shares={FOREIGN: 1.0})
"""Jobs of others, and monitors, in every world."""
BOTH = Scope(shares={FOREIGN: 1.0, TELLING: 1.0})
"""Both, and so sweeps that come several at once."""
FAR_FUTURE_MS = 2**53


def _take_the_lease_anyway(right, store, run_id, *change, **rest):
    landed = right(store, run_id, *change, **rest)
    if landed and rest.get("lease"):
        store._runs[run_id] = replace(store._runs[run_id], lease=rest["lease"])
    return landed


def _keep_the_lease(right, store, scope, *settled):
    before = store.window(scope)
    landed = right(store, scope, *settled)
    if landed:
        store._windows[scope] = replace(store.window(scope), lease=before.lease)
    return landed


def claims_a_rate(look):
    """Whether the look is put to claim a rate that is to be told, and not a time of day."""
    return look.lease is not None and look.above_from_ms is not None and not look.above_is_told


LEASE_MUTATIONS = {
    "whoever asks for a lease gets it": Mutation(
        Bug(lease.is_free, returns(True)),
        seeds=(4,),
        scope=TOLD,
    ),
    "whoever ends a run tells so whatever lease there is": Mutation(
        Bug(MemoryStore.change_run, _take_the_lease_anyway),
        seeds=(4,),
        scope=TOLD,
    ),
    "the lease on a run is never ended": Mutation(
        Bug(
            MemoryStore.note_run_told,
            lambda right, store, run_id, told, owner, **seen: right(store, run_id, told, owner),
        ),
        seeds=(0,),
        scope=TOLD,
    ),
    "a record that was read before its lease was ended counts as leased": Mutation(
        Bug(outbox.leased, lambda right, world, run: run if outbox._is_ours(world, run) else right(world, run)),
        seeds=(10,),
        scope=TOLD,
    ),
    "a redrive takes the lease of whoever tells of the run": Mutation(
        Bug(lease.is_free, returns(True), used_by=redrive),
        seeds=(578,),
        scope=TOLD,
    ),
    "a lease that is over is never taken over": Mutation(
        Bug(lease.is_free, lambda right, lease, owner, now_ms: right(lease, owner, 0)),
        seeds=(2,),
        scope=TOLD,
    ),
    "a lease is taken over while its owner may live": Mutation(
        Bug(lease.is_free, lambda right, lease, owner, now_ms: right(lease, owner, now_ms + 88_000)),
        seeds=(4,),
        scope=TOLD,
    ),
    "the lease on a digest is not looked at": Mutation(
        Bug(
            MemoryStore.close_window,
            lambda right, store, scope, number, lease, now_ms: right(store, scope, number, lease, FAR_FUTURE_MS),
        ),
        seeds=(381,),
        scope=TOLD,
    ),
    "the lease on a digest is never ended": Mutation(
        Bug(MemoryStore.settle_window, _keep_the_lease),
        seeds=(30,),
        scope=TOLD,
    ),
    "a job that another sweep has just told of is told again": Mutation(
        Bug(overdue._drop_told, left_out),
        seeds=(1641,),
        scope=BOTH,
    ),
    "jobs that wait or run for long are told without the lease on their run": Mutation(
        Bug(outbox.leased, lambda right, world, run: run, used_by=sweep),
        seeds=(1521,),
        scope=BOTH,
    ),
    "what a monitor is about to tell is told by whoever finds it": Mutation(
        Bug(MemoryMonitors.lease_telling, returns(True)),
        seeds=(213,),
        scope=OTHERS,
    ),
    "the lease on what a monitor tells is never taken over": Mutation(
        Bug(
            MemoryMonitors.lease_telling,
            lambda right, store, telling, lease, now_ms: right(store, telling, lease, 0),
        ),
        seeds=(
            204,
            83,
        ),
        scope=OTHERS,
    ),
    "a rate is told by whoever finds that it is to be": Mutation(
        Bug(lease.is_free, returns(True), used_by=monitor_looks),
        seeds=(126,),
        scope=OTHERS,
    ),
    "that nothing ran is told before the lease": Mutation(
        Bug(
            monitor_looks._put_next,
            lambda right, world, look: look if look.lease and not claims_a_rate(look) else right(world, look),
        ),
        seeds=(117,),
        scope=OTHERS,
    ),
}
