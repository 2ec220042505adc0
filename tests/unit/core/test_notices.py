"""Notices: one id for one happening, and listed fields only."""

from dataclasses import replace

import pytest

from chalicelib.core.records import Run
from chalicelib.core.runnotices import run_ended
from chalicelib.core.states import RunState

RUN = Run(
    run_id="films-abc",
    workflow="films",
    version=3,
    plan_digest="d" * 64,
    params={"password": "hunter2"},
    state=RunState.SUCCEEDED,
    created_at_ms=1_700_000_000_000,
    request_digest="e" * 64,
    epoch=1,
    ended_at_ms=1_700_000_060_000,
)


def test_the_document_of_a_runs_end_has_these_fields_and_no_others():
    assert run_ended(RUN, "dev", RunState.SUCCEEDED, 1_700_000_060_000).document() == {
        "version": "1",
        "id": "films-abc/1/succeeded",
        "kind": "run_succeeded",
        "severity": "info",
        "stage": "dev",
        "thread": "films-abc",
        "run_id": "films-abc",
        "workflow": "films",
        "epoch": 1,
        "subject": "films: run films-abc succeeded",
        "at_ms": 1_700_000_060_000,
        "began_at_ms": 1_700_000_000_000,
        "ended_at_ms": 1_700_000_060_000,
    }


def test_a_runs_params_never_leave():
    notice = run_ended(RUN, "dev", RunState.SUCCEEDED, 0)
    assert "hunter2" not in repr(notice) + str(notice.document())


def test_telling_again_has_the_same_id_whenever_it_is_told():
    assert run_ended(RUN, "dev", RunState.FAILED, 1).notice_id == run_ended(RUN, "dev", RunState.FAILED, 2).notice_id


@pytest.mark.parametrize(
    "other",
    [
        run_ended(RUN, "dev", RunState.FAILED, 0),
        run_ended(replace(RUN, epoch=2), "dev", RunState.SUCCEEDED, 0),
        run_ended(replace(RUN, run_id="films-abd"), "dev", RunState.SUCCEEDED, 0),
    ],
)
def test_another_happening_has_another_id(other):
    assert other.notice_id != run_ended(RUN, "dev", RunState.SUCCEEDED, 0).notice_id
