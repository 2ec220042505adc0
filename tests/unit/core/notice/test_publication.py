"""What each kind of subscriber receives: golden files for every kind of notice, and any notice at all."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.core.failure import FailureClass
from chalicelib.core.notice.email import LINE_OCTETS, email_text, subject_line
from chalicelib.core.notice.kinds import NoticeKind
from chalicelib.core.notice.model import Notice, ToldJob
from chalicelib.core.notice.publication import (
    BODIES_BYTES,
    MESSAGE_BYTES,
    attribute_values,
    bodies,
    cleaned,
    message,
    message_bytes,
)
from chalicelib.core.notice.schema import MalformedNotice, notice_json_schema, read_notice
from chalicelib.core.notice.slack import slack_message
from tests.notices import NOTICES, OUT_OF_MEMORY

GOLDEN = Path(__file__).parents[3] / "golden" / "notices"
PREFIX = "arn:aws:batch:eu-west-1:111122223333:job/"
SCHEMA = jsonschema_rs.validator_for(notice_json_schema())


def held_to_golden(name: str, text: str) -> None:
    """`WRITE_GOLDEN=1` writes the files anew; look at what changed."""
    path = GOLDEN / name
    if os.environ.get("WRITE_GOLDEN"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


def lines_of(document: object) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def test_there_is_a_notice_of_every_kind() -> None:
    assert set(NOTICES) == set(NoticeKind)


@pytest.mark.parametrize("kind", NoticeKind)
def test_an_email_of_every_kind_is_as_in_its_golden_file(kind: NoticeKind) -> None:
    notice = NOTICES[kind]
    held_to_golden(f"{kind}.email.txt", f"Subject: {subject_line(notice)}\n\n{bodies(notice)['email']}")


@pytest.mark.parametrize("kind", [NoticeKind.RUN_FAILED, NoticeKind.TASK_FAILED, NoticeKind.QUEUE_BLOCKED])
def test_what_chats_and_programs_get_is_as_in_its_golden_file(kind: NoticeKind) -> None:
    found = bodies(NOTICES[kind], PREFIX)
    held_to_golden(f"{kind}.document.json", lines_of(json.loads(found["default"])))
    held_to_golden(f"{kind}.chat.json", lines_of(json.loads(found["https"])))
    held_to_golden(f"{kind}.slack.json", lines_of(slack_message(cleaned(NOTICES[kind]))))


@pytest.mark.parametrize("kind", NoticeKind)
def test_programs_get_the_whole_document_and_can_read_it_back(kind: NoticeKind) -> None:
    document = json.loads(bodies(NOTICES[kind])["default"])
    assert document == NOTICES[kind].document()
    SCHEMA.validate(document)
    assert read_notice(document) == NOTICES[kind]


def test_one_thread_a_run() -> None:
    of_run = [notice for notice in NOTICES.values() if notice.run_id]
    assert len({json.loads(bodies(notice)["https"])["metadata"]["threadId"] for notice in of_run}) == 1


def test_a_filter_policy_can_choose_by_these() -> None:
    assert attribute_values(NOTICES[NoticeKind.RUN_FAILED]) == {
        "kind": "run_failed",
        "severity": "error",
        "workflow": "movie_ratings",
        "queue": ("default",),
    }
    assert attribute_values(NOTICES[NoticeKind.JOB_WAITING]) == {
        "kind": "job_waiting",
        "severity": "warning",
        "monitor": "nightly",
        "queue": ("gpu",),
    }


@pytest.mark.parametrize(
    ("subject", "line"),
    [
        ("Amélie\nis late", "[error] Amelie is late (prod)"),
        ("映画: failed", "[error] ??: failed (prod)"),
        ("x" * 200, "[error] " + "x" * 81 + "... (prod)"),
    ],
)
def test_a_subject_is_made_what_sns_takes(subject: str, line: str) -> None:
    assert subject_line(replace(NOTICES[NoticeKind.RUN_FAILED], subject=subject)) == line


def test_a_chat_obeys_nothing_that_a_job_wrote() -> None:
    hostile = "<!channel> <@U123|you> @here *bold* ```end``` <https://evil.example|click>"
    job = replace(OUT_OF_MEMORY, reason=hostile, log_lines=(hostile,), task=hostile)
    notice = replace(NOTICES[NoticeKind.RUN_FAILED], subject=hostile, text=hostile, jobs=(job,))
    for told in (json.loads(bodies(notice)["https"]), slack_message(cleaned(notice))):
        texts = [text for text in texts_of(told) if "channel" in text]
        assert texts
        for text in texts:
            # A header is plain text, in which Slack reads no markup.
            if text != told.get("blocks", [{}])[0].get("text", {}).get("text"):
                assert "<" not in text
                assert "@here" not in text
                assert text.count("```") in (0, 2)


def texts_of(part: Any) -> list[str]:
    if isinstance(part, dict):
        return [text for name, one in part.items() if name not in ("id", "threadId") for text in texts_of(one)]
    if isinstance(part, list):
        return [text for one in part for text in texts_of(one)]
    return [part] if isinstance(part, str) else []


def test_a_notice_that_is_too_large_loses_log_lines_first_and_counts_what_it_does_not_name() -> None:
    jobs = tuple(replace(OUT_OF_MEMORY, log_lines=("\N{FILM FRAMES}" * 5_000,) * 60) for _ in range(30))
    large = replace(NOTICES[NoticeKind.RUN_FAILED], jobs=jobs, job_count=30)
    found = bodies(large)
    document = json.loads(found["default"])
    assert message_bytes(found) <= BODIES_BYTES
    assert len(document["jobs"]) == 10
    assert document["job_count"] == 30
    assert 0 < len(document["jobs"][0]["log_lines"]) < 50
    assert "... and 20 more." in found["email"]


@pytest.mark.parametrize(
    "document", [None, [], {}, {"version": "2"}, {"version": "1"}, {"version": "1", "id": "x", "kind": "y"}]
)
def test_what_is_no_notice_is_said_to_be_none(document: object) -> None:
    with pytest.raises(MalformedNotice):
        read_notice(document)


texts = st.text(max_size=400) | st.sampled_from(
    ["<!here>", "`" * 400, "&" * 3_000, "\x00" * 300, "a b " * 600, "é" * 2_000]
)
times = st.none() | st.integers(-(10**6), 10**19)
jobs = st.builds(
    ToldJob,
    job_id=st.none() | texts,
    name=texts,
    queue=st.none() | texts,
    task=st.none() | texts,
    attempt=st.none() | st.integers(1, 20),
    failure=st.none() | st.sampled_from(FailureClass),
    exit_code=st.none() | st.integers(),
    reason=st.none() | texts,
    log_stream=st.none() | texts,
    log_lines=st.lists(texts, max_size=6).map(tuple) | texts.map(lambda line: (line,) * 60),
    created_at_ms=times,
    started_at_ms=times,
    stopped_at_ms=times,
    array_size=st.none() | st.integers(2, 10_000),
    failed_children=st.none() | st.integers(0, 10_000),
)
notices = st.builds(
    Notice,
    notice_id=texts,
    kind=st.sampled_from(NoticeKind),
    stage=texts,
    subject=texts,
    at_ms=st.integers(0, 10**14),
    thread=texts,
    text=st.none() | texts,
    run_id=st.none() | texts,
    workflow=st.none() | texts,
    epoch=st.none() | st.integers(0, 99),
    monitor=st.none() | texts,
    queues=st.lists(texts.filter(bool), max_size=3).map(tuple),
    began_at_ms=times,
    ended_at_ms=times,
    jobs=st.lists(jobs, max_size=3).map(tuple) | jobs.map(lambda job: (job,) * 12),
    job_count=st.integers(0, 10**6),
    task_counts=st.lists(st.tuples(texts, st.integers(0, 10**6)), max_size=30).map(tuple),
)


@settings(max_examples=60, deadline=None)
@given(notices)
def test_any_notice_makes_bodies_that_sns_and_the_chats_take(notice: Notice) -> None:
    found = bodies(notice, PREFIX)
    subject = subject_line(notice)
    assert 0 < len(subject) < 100
    assert subject.isascii()
    assert subject.isprintable()
    assert subject[0].isalnum() or subject[0] in "[("
    assert message_bytes(found) + 10 * 1024 < MESSAGE_BYTES
    assert json.loads(message(found)) == found
    assert bodies(notice, PREFIX) == found
    SCHEMA.validate(json.loads(found["default"]))
    chat = json.loads(found["https"])
    assert len(chat["content"]["title"]) <= 250
    assert 0 < len(chat["content"]["description"]) <= 3_000
    assert all(len(step) <= 300 for step in chat["content"].get("nextSteps", ()))
    slack = slack_message(cleaned(notice))
    assert len(slack["blocks"]) <= 50
    assert all(1 <= len(text) <= 3_000 for text in texts_of(slack["blocks"]))
    lines = email_text(cleaned(notice)).splitlines()
    assert all(len(line.encode()) <= LINE_OCTETS for line in lines)
    assert all(letter.isprintable() or not letter.isascii() for line in lines for letter in line)


def test_a_text_without_spaces_in_characters_of_three_bytes_is_folded_in_an_email() -> None:
    told = replace(NOTICES[NoticeKind.RUN_FAILED], text="映" * 400)
    lines = bodies(told, PREFIX)["email"].split("\n")
    assert max(len(line.encode()) for line in lines) <= 998
    assert [line for line in lines if "映" in line] == ["映" * 332, "映" * 68]
