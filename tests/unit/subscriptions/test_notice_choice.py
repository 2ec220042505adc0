"""Filters that let nothing through are found before anybody waits for a notice."""

from __future__ import annotations

import pytest

from batchwright.subscriptions.filter_policy import lets_through
from batchwright.subscriptions.notice_choice import impossible, possible_kinds, why_nothing
from chalicelib.core.notice.kinds import KIND_ROWS, NoticeKind
from chalicelib.core.notice.publication import attribute_values
from tests.notices import NOTICES


@pytest.mark.parametrize("kind", NoticeKind)
def test_what_a_notice_of_that_kind_has_is_possible(kind: NoticeKind) -> None:
    values = attribute_values(NOTICES[kind])
    assert possible_kinds({name: (value,) for name, value in values.items()}) == [kind]


def test_every_choice_that_lets_an_example_through_is_possible() -> None:
    for notice in NOTICES.values():
        values = attribute_values(notice)
        for name in ("workflow", "monitor", "queue"):
            for severity in {row.severity for row in KIND_ROWS.values()}:
                filters = {name: (values.get(name, "other"),), "severity": (severity.value,)}
                if lets_through({key: list(found) for key, found in filters.items()}, values):
                    assert notice.kind in possible_kinds(filters)


@pytest.mark.parametrize(
    ("filters", "why"),
    [
        (
            {"kind": ("run_failed",), "severity": ("info",)},
            "--kind run_failed --severity info: no notice is like this; run_failed is always of severity error",
        ),
        (
            {"workflow": ("a",), "monitor": ("b",), "severity": ("error",)},
            "--workflow a --monitor b --severity error: no notice is like this; no notice has a workflow and a "
            "monitor: one that a run tells has the one, a monitor's the other",
        ),
        (
            {"kind": ("run_started", "run_succeeded"), "queue": ("gpu",)},
            "--kind run_started --kind run_succeeded --queue gpu: no notice is like this; run_started has no queue, "
            "and run_succeeded has no queue",
        ),
        (
            {"kind": ("queue_blocked",), "monitor": ("b",)},
            "--kind queue_blocked --monitor b: no notice is like this; queue_blocked has no monitor",
        ),
        ({"kind": ("nothing_ran", "run_late"), "workflow": ("a",)}, None),
        ({"queue": ("gpu",), "monitor": ("b",)}, None),
        ({}, None),
    ],
)
def test_why_nothing_gets_through_is_told(filters: dict[str, tuple[str, ...]], why: str | None) -> None:
    assert why_nothing(filters) == why


def test_of_several_kinds_those_that_never_get_through_are_named() -> None:
    filters = {"kind": ("run_failed", "run_succeeded"), "severity": ("error",)}
    assert impossible(filters) == {NoticeKind.RUN_SUCCEEDED: "run_succeeded is always of severity info"}
