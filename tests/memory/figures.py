"""The figures port in memory: what was counted and timed, each under what it was told by."""

from __future__ import annotations

from collections import Counter, defaultdict

from chalicelib.core.telemetry.metrics import ABOUT, Figure, Unit


class MemoryFigures:
    """Keeps what it is told, and holds the teller to what core/telemetry/metrics.py says of each figure."""

    def __init__(self) -> None:
        self.counts: Counter[tuple[str, ...]] = Counter()
        """By the figure and the values of its dimensions, in the order of their names."""
        self.times: defaultdict[tuple[str, ...], list[int]] = defaultdict(list)
        """Likewise, in milliseconds."""
        self.run_ids: set[str] = set()
        self.flushed: list[str] = []

    def count(self, figure: Figure, count: int = 1, *, run_id: str | None = None, **told_by: str) -> None:
        self.counts[self._key(figure, Unit.COUNT, run_id, told_by)] += count

    def time(self, figure: Figure, duration_ms: int, *, run_id: str | None = None, **told_by: str) -> None:
        self.times[self._key(figure, Unit.SECONDS, run_id, told_by)].append(max(duration_ms, 0))

    def flush(self, request_id: str) -> None:
        self.flushed.append(request_id)

    def of(self, figure: Figure, *values: str) -> int:
        """How many were counted, with these values or with any."""
        wanted = (str(figure), *map(str, values))
        return sum(count for key, count in self.counts.items() if key[: len(wanted)] == wanted)

    def _key(self, figure: Figure, unit: Unit, run_id: str | None, told_by: dict[str, str]) -> tuple[str, ...]:
        assert ABOUT[figure].unit is unit, f"{figure} is in {ABOUT[figure].unit}"
        assert told_by.keys() == ABOUT[figure].dimensions, f"{figure} is told by {set(ABOUT[figure].dimensions)}"
        if run_id is not None:
            self.run_ids.add(run_id)
        return (str(figure), *(str(told_by[name]) for name in sorted(told_by)))
