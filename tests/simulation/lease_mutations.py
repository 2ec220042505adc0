"""Bugs put into the leases under which notices are published, each of which some seed must catch."""

from __future__ import annotations

from chalicelib.core import lease
from chalicelib.engine.control import redrive as redrive_engine
from chalicelib.engine.inbox import sweep
from chalicelib.engine.publishing import outbox, overdue
from chalicelib.engine.watch import monitor_looks
from tests.bug import Bug
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

LEASE_MUTATIONS = {
    "whoever asks for a lease gets it": Mutation(
        Bug(lease, "is_free", {"return lease is None": "return True or lease is None"}),
        seeds=(4,),
        scope=TOLD,
    ),
    "whoever ends a run tells so whatever lease there is": Mutation(
        Bug(MemoryStore, "change_run", {"lease=stored.lease or lease": "lease=lease or stored.lease"}),
        seeds=(4,),
        scope=TOLD,
    ),
    "the lease on a run is never ended": Mutation(
        Bug(MemoryStore, "note_run_told", {"lease = None if ends else stored.lease": "lease = stored.lease"}),
        seeds=(0,),
        scope=TOLD,
    ),
    "a record that was read before its lease was ended counts as leased": Mutation(
        Bug(outbox, "leased", {" and run.run_id not in world.unleased": ""}),
        seeds=(10,),
        scope=TOLD,
    ),
    "a redrive takes the lease of whoever tells of the run": Mutation(
        Bug(redrive_engine, "_following", {"if is_free(run.lease, world.owner, now_ms) else run.lease": ""}),
        seeds=(578,),
        scope=TOLD,
    ),
    "a lease that is over is never taken over": Mutation(
        Bug(lease, "is_free", {" or lease.until_ms <= now_ms": ""}),
        seeds=(2,),
        scope=TOLD,
    ),
    "a lease is taken over while its owner may live": Mutation(
        Bug(lease, "is_free", {"lease.until_ms <= now_ms": "lease.until_ms <= now_ms + 88_000"}),
        seeds=(4,),
        scope=TOLD,
    ),
    "the lease on a digest is not looked at": Mutation(
        Bug(
            MemoryStore,
            "close_window",
            {" or not is_free(found.lease, lease.owner, now_ms)": ""},
        ),
        seeds=(381,),
        scope=TOLD,
    ),
    "the lease on a digest is never ended": Mutation(
        Bug(MemoryStore, "settle_window", {"is_settled=settled, lease=None": "is_settled=settled"}),
        seeds=(30,),
        scope=TOLD,
    ),
    "a job that another sweep has just told of is told again": Mutation(
        Bug(overdue, "tell_overdue", {"    _drop_told(world, run, overdue)\n": ""}),
        seeds=(1641,),
        scope=BOTH,
    ),
    "jobs that wait or run for long are told without the lease on their run": Mutation(
        Bug(sweep, "_tell_overdue", {"    leased(world, run)\n": ""}),
        seeds=(1521,),
        scope=BOTH,
    ),
    "what a monitor is about to tell is told by whoever finds it": Mutation(
        Bug(
            monitor_looks,
            "_tell_overdue",
            {
                "not store.lease_telling(telling, around.world.lease(), around.world.clock.now_ms())": "False",
            },
        ),
        seeds=(213,),
        scope=OTHERS,
    ),
    "the lease on what a monitor tells is never taken over": Mutation(
        Bug(MemoryMonitors, "lease_telling", {"if not is_free(found.lease, lease.owner, now_ms)": "if found.lease"}),
        seeds=(204,),
        scope=OTHERS,
    ),
    "a rate is told by whoever finds that it is to be": Mutation(
        Bug(
            monitor_looks,
            "_look_at_counts",
            {"not is_free(look.lease, around.world.owner, around.world.clock.now_ms())": "False"},
        ),
        seeds=(126,),
        scope=OTHERS,
    ),
    "that nothing ran is told before the lease": Mutation(
        Bug(
            monitor_looks,
            "_look_at_deadline",
            {"_put_next(world, replace(look, lease=world.lease()))": "look"},
        ),
        seeds=(117,),
        scope=OTHERS,
    ),
}
