"""The axis of a chart of time: where its ticks are and what they say, from fractions of a second to months. Pure."""

from __future__ import annotations

from collections.abc import Iterator

_SECOND, _MINUTE, _HOUR, _DAY = 1_000, 60_000, 3_600_000, 86_400_000
_STEPS_MS = (
    *(_SECOND // 10, _SECOND // 5, _SECOND // 2),
    *(_SECOND * number for number in (1, 2, 5, 10, 15, 30)),
    *(_MINUTE * number for number in (1, 2, 5, 10, 15, 30)),
    *(_HOUR * number for number in (1, 2, 3, 6, 12)),
    *(_DAY * number for number in (1, 2, 7, 14, 28)),
)
"""Steps that people count in."""
_BETWEEN_LABELS = 2


def ticks(span_ms: int, cells: int) -> list[tuple[int, str]]:
    """The ticks of an axis of so many cells for so much time, from 0 on: their cells, and labels that do not touch and
    stay within the axis."""
    for step_ms in _steps():
        offsets = range(0, span_ms + 1, step_ms) if span_ms // step_ms <= cells else None
        if offsets is None:
            continue
        widest = max(len(label(offset)) for offset in offsets)
        if step_ms * cells >= (widest + _BETWEEN_LABELS) * span_ms or len(offsets) == 1:
            placed = ((cell_of(offset, span_ms, cells), label(offset)) for offset in offsets)
            return [(cell, said) for cell, said in placed if cell + len(said) <= cells]
    raise AssertionError("steps have no end")


def _steps() -> Iterator[int]:
    yield from _STEPS_MS
    step_ms = _STEPS_MS[-1]
    while True:
        step_ms *= 2
        yield step_ms


def cell_of(offset_ms: int, span_ms: int, cells: int) -> int:
    """The cell of a moment, counted from the beginning of the axis; the nearest one for a moment outside of it."""
    return max(0, min(cells - 1, offset_ms * cells // span_ms))


def label(offset_ms: int) -> str:
    """`0`, `0.5s`, `30s`, `1m30s`, `2h`, `1d12h`."""
    if offset_ms % _SECOND:
        return f"{offset_ms / _SECOND:.1f}s"
    said, left = "", offset_ms
    for unit_ms, unit in ((_DAY, "d"), (_HOUR, "h"), (_MINUTE, "m"), (_SECOND, "s")):
        count, left = divmod(left, unit_ms)
        said += f"{count}{unit}" if count else ""
    return said or "0"
