"""The monitors of a stage as they were pushed, and what a push makes of what was there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from chalicelib.core.monitor.monitor import Monitor, monitors_of, watched_alike


@dataclass(frozen=True, slots=True)
class PushedMonitors:
    """The monitors of a stage as they were pushed; no `definition` once they were deleted. `revision` counts the
    pushes and deletions. By name: `since_ms`, since when each watches these jobs for what ran by a time of day, and
    `failed_since_ms`, since when for these failures."""

    revision: int
    definition: Mapping[str, Any] | None
    pushed_at_ms: int
    since_ms: Mapping[str, int] = field(default_factory=dict)
    failed_since_ms: Mapping[str, int] = field(default_factory=dict)

    @property
    def monitors(self) -> tuple[Monitor, ...]:
        if self.definition is None:
            return ()
        return monitors_of(self.definition, self.since_ms, self.failed_since_ms)


NOT_PUSHED = PushedMonitors(0, None, 0)
"""What is there before the first push."""


def pushed_after(before: PushedMonitors, definition: Mapping[str, Any] | None, now_ms: int) -> PushedMonitors:
    """What a push of the definition (valid; None for a deletion) makes of what was there. A monitor that watches as it
    did goes on; any other begins now."""
    earlier = {} if before.definition is None else before.definition["monitors"]
    later = {} if definition is None else definition["monitors"]

    def since_ms(known_ms: Mapping[str, int], rule: str) -> dict[str, int]:
        return {
            name: known_ms[name]
            if name in earlier and name in known_ms and watched_alike(earlier[name], given, rule)
            else now_ms
            for name, given in later.items()
        }

    return PushedMonitors(
        before.revision + 1,
        definition,
        now_ms,
        since_ms(before.since_ms, "nothing_ran"),
        since_ms(before.failed_since_ms, "failed"),
    )
