"""Bugs put into the engine on purpose, each of which some seed must catch: the proof that the judge judges."""

from __future__ import annotations

from tests.simulation.advance_mutations import ADVANCE_MUTATIONS
from tests.simulation.control_mutations import CONTROL_MUTATIONS
from tests.simulation.inbox_mutations import INBOX_MUTATIONS
from tests.simulation.lease_mutations import LEASE_MUTATIONS
from tests.simulation.monitor_mutations import MONITOR_MUTATIONS
from tests.simulation.publishing_mutations import PUBLISHING_MUTATIONS
from tests.simulation.schedule_mutations import SCHEDULE_MUTATIONS

MUTATIONS = {
    **MONITOR_MUTATIONS,
    **LEASE_MUTATIONS,
    **ADVANCE_MUTATIONS,
    **CONTROL_MUTATIONS,
    **INBOX_MUTATIONS,
    **SCHEDULE_MUTATIONS,
    **PUBLISHING_MUTATIONS,
}
