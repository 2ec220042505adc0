from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchwright.terminal.time_axis import cell_of, label, ticks


@pytest.mark.parametrize(
    ("span_ms", "cells", "labels"),
    [
        (400, 40, ["0", "0.1s", "0.2s", "0.3s"]),
        (2_000, 40, ["0", "0.5s", "1s", "1.5s"]),
        (95_000, 60, ["0", "15s", "30s", "45s", "1m", "1m15s"]),
        (95_000, 20, ["0", "1m"]),
        (10 * 3_600_000, 60, ["0", "1h", "2h", "3h", "4h", "5h", "6h", "7h", "8h", "9h"]),
        (21 * 86_400_000, 60, ["0", "2d", "4d", "6d", "8d", "10d", "12d", "14d", "16d", "18d", "20d"]),
        (3 * 365 * 86_400_000, 60, ["0", "224d", "448d", "672d", "896d"]),
        (1, 10, ["0"]),
    ],
)
def test_ticks_are_where_people_count(span_ms: int, cells: int, labels: list[str]) -> None:
    assert [said for _, said in ticks(span_ms, cells)] == labels


@pytest.mark.parametrize(
    ("offset_ms", "said"), [(0, "0"), (1_500, "1.5s"), (90_000, "1m30s"), (7_200_000, "2h"), (129_600_000, "1d12h")]
)
def test_a_label_names_the_units_that_it_needs(offset_ms: int, said: str) -> None:
    assert label(offset_ms) == said


@given(st.integers(1, 10**12), st.integers(10, 300))
def test_labels_neither_touch_nor_leave_the_axis(span_ms: int, cells: int) -> None:
    end = -1
    for cell, said in ticks(span_ms, cells):
        assert cell > end
        end = cell + len(said)
        assert end <= cells


@given(st.integers(), st.integers(1, 10**12), st.integers(1, 300))
def test_every_moment_has_a_cell_of_the_axis(offset_ms: int, span_ms: int, cells: int) -> None:
    assert 0 <= cell_of(offset_ms, span_ms, cells) < cells
