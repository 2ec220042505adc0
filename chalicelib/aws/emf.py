"""The figures port over CloudWatch's embedded metric format: lines on the standard output, of which CloudWatch makes
metrics when they reach the log. No call, no wait, no right: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html

Owns the gathering within one invocation, and which figures share a line. Powertools writes the lines and checks them.
It is loaded at the first flush: what an invocation does is done then, and nobody waits for it.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from threading import Lock

from chalicelib.core.telemetry.metrics import ABOUT, NAMESPACE, STAGE, Figure

log = logging.getLogger(__name__)

_Values = tuple[tuple[str, str], ...]
"""The values of a figure's dimensions, by their names."""


class EmfFigures:
    """Gathers figures, and prints them at the flush."""

    def __init__(self, stage: str, function: str) -> None:
        self._stage = stage
        self._function = function
        self._counts: dict[tuple[Figure, _Values], int] = {}
        self._seconds: dict[tuple[Figure, _Values], list[float]] = {}
        self._runs: dict[tuple[Figure, _Values], set[str | None]] = defaultdict(set)
        # An invocation is alone in its process; those of the local AWS are not.
        self._lock = Lock()

    def count(self, figure: Figure, count: int = 1, *, run_id: str | None = None, **told_by: str) -> None:
        key = _key(figure, told_by)
        with self._lock:
            self._counts[key] = self._counts.get(key, 0) + count
            self._runs[key].add(run_id)

    def time(self, figure: Figure, duration_ms: int, *, run_id: str | None = None, **told_by: str) -> None:
        key = _key(figure, told_by)
        with self._lock:
            self._seconds.setdefault(key, []).append(max(duration_ms, 0) / 1000)
            self._runs[key].add(run_id)

    def flush(self, request_id: str) -> None:
        """Print what was gathered: a line for each combination of dimensions and their values."""
        with self._lock:
            gathered: dict[tuple[Figure, _Values], list[float]] = {
                **self._seconds,
                **{key: [float(count)] for key, count in self._counts.items()},
            }
            runs = dict(self._runs)
            self._counts, self._seconds = {}, {}
            self._runs.clear()
        lines: dict[tuple[tuple[tuple[str, ...], ...], _Values], list[tuple[Figure, _Values]]] = {}
        for key in gathered:
            lines.setdefault((ABOUT[key[0]].told_by, key[1]), []).append(key)
        try:
            for (told_by, values), keys in lines.items():
                of_one_run = set().union(*(runs[key] for key in keys))
                self._print(told_by, values, {key[0]: gathered[key] for key in keys}, of_one_run, request_id)
        except Exception:
            # What the invocation was for is done, and must not be done again for a figure.
            log.exception("figures could not be written")

    def _print(
        self,
        told_by: tuple[tuple[str, ...], ...],
        values: _Values,
        figures: dict[Figure, list[float]],
        runs: set[str | None],
        request_id: str,
    ) -> None:
        from aws_lambda_powertools.metrics.provider.cloudwatch_emf.cloudwatch import AmazonCloudWatchEMFProvider

        named = dict(values)
        emf = AmazonCloudWatchEMFProvider(namespace=NAMESPACE)
        # Powertools prints by itself once it has a hundred values, so all else must be there before the first one.
        first, *others = ({STAGE: self._stage, **{name: named[name] for name in names}} for names in told_by)
        for name, value in first.items():
            emf.add_dimension(name, value)
        for combination in others:
            emf.add_dimensions(**combination)
        # Properties: found by a query of the log, and no dimensions, which would make a metric of each.
        emf.add_metadata("function", self._function)
        emf.add_metadata("request_id", request_id)
        if len(runs) == 1 and None not in runs:
            emf.add_metadata("run_id", runs.pop())
        for figure, observed in figures.items():
            for one in observed:
                emf.add_metric(figure.value, ABOUT[figure].unit.value, one)
        if emf.metric_set:
            emf.flush_metrics()


def _key(figure: Figure, told_by: dict[str, str]) -> tuple[Figure, _Values]:
    return figure, tuple(sorted((str(name), str(value)) for name, value in told_by.items()))
