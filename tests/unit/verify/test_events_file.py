"""The file of raw events: what is taken out of it, and that what was saved is judged and read as it was."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from batchwright.verify import event_checks as checks
from batchwright.verify.events_file import read, without_values, write
from batchwright.verify.observed import JobKind, Observed
from batchwright.verify.verdict import Verdict
from chalicelib.core.errors import UserMistake
from tests.job_events import read_event, read_record
from tests.unit.verify.samples import as_assumed, observed
from tests.unit.verify.test_event_checks import EVENT_CHECKS

SAVED = sorted((Path(__file__).parents[2] / "data" / "verify").glob("*.events.jsonl"))


def test_a_saved_file_is_judged_as_what_was_saved(tmp_path: Path) -> None:
    path, seen = tmp_path / "events.jsonl", observed(*as_assumed())
    write(path, seen, "111122223333", "AWS, us-east-1")
    again = read(path)
    assert [one.sent_at_ms for one in again.received] == [one.sent_at_ms for one in seen.received]
    assert [check(again) for check in EVENT_CHECKS] == [check(seen) for check in EVENT_CHECKS]


def test_no_value_of_a_variable_and_no_account_gets_into_the_file(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    write(path, observed(*as_assumed()), "111122223333", "AWS, us-east-1")
    text = path.read_text()
    assert "PASSWORD" in text
    assert "planted-secret" not in text
    other = tmp_path / "other.jsonl"
    write(other, observed(*as_assumed()), "0", "AWS, us-east-1")
    write(path, read(other), "111122223333", "")
    moved = Observed(received=tuple(read(other).received))
    write(path, moved, "us-east-1", "")
    assert "us-east-1" not in path.read_text()


def test_secrets_are_taken_out_wherever_a_document_has_them() -> None:
    container = {
        "name": "main",
        "image": "tools",
        "environment": [{"name": "KEY", "value": "planted"}],
        "secrets": [{"name": "TOKEN", "valueFrom": "arn:planted"}],
        "repositoryCredentials": {"credentialsParameter": "arn:planted"},
        "logConfiguration": {
            "logDriver": "splunk",
            "options": {"splunk-token": "planted"},
            "secretOptions": [{"name": "token", "valueFrom": "arn:planted"}],
        },
    }
    pod = {"containers": [{"env": [{"name": "KEY", "value": "planted"}]}]}
    document = {
        "container": container,
        "ecsProperties": {"taskProperties": [{"containers": [container]}]},
        "eksProperties": {"podProperties": pod},
        "nodeProperties": {"nodeRangeProperties": [{"container": container}]},
        "odd": {"environment": ["KEY=planted"]},
    }
    text = json.dumps(without_values(document))
    assert "planted" not in text
    assert all(name in text for name in ("KEY", "TOKEN", "splunk-token", "tools"))


def test_a_file_of_another_form_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_text('{"format": 2}\n')
    with pytest.raises(UserMistake, match="format must be 1, not 2"):
        read(path)


def test_there_are_saved_files_to_replay() -> None:
    assert [path.name for path in SAVED][:1] == ["local.events.jsonl"]


@pytest.mark.parametrize("path", SAVED, ids=lambda path: path.name)
def test_a_saved_file_is_read_by_the_projects_reader(path: Path) -> None:
    saved = read(path)
    assert {job.kind for job in saved.submitted} == set(JobKind)
    for one in saved.received:
        change, record = read_event(one.document), read_record(one.document)
        assert (change is None) is (":" in one.job_id), one.document
        assert record is None or record.name.startswith("verify-")


@pytest.mark.parametrize("path", SAVED, ids=lambda path: path.name)
def test_every_assumption_on_events_holds_in_a_saved_file(path: Path) -> None:
    saved = read(path)
    verdicts = {check.__name__: check(saved).verdict for check in (*EVENT_CHECKS, checks.check_duplicates)}
    assert set(verdicts.values()) == {Verdict.HOLDS}, verdicts
