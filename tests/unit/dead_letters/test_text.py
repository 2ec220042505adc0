"""Dead letters in words: golden files for the table and one in full, and what strange messages look like."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchwright.dead_letters.queues import DeadLetter
from batchwright.dead_letters.text import NO_REASON, full_text, letter_columns, letter_document, reason_of, subject_of
from batchwright.terminal.tables import table_lines
from chalicelib.core.run.commands import CancelRun, SubmitTasks, encode

GOLDEN = Path(__file__).parents[2] / "golden"
SENT_AT_MS = 1_795_264_525_000


def event(job_id: object = "5f1c2a9e-77aa-4b21-9c06-6a1d0c6f3b10", **detail: object) -> str:
    given = {"jobId": job_id, "status": "SUCCEEDED", **detail}
    return json.dumps({"source": "aws.batch", "detail-type": "Batch Job State Change", "detail": given})


def letter(number: int, queue: str, body: str, receive_count: int | None = 5, **attributes: str) -> DeadLetter:
    message_id = f"{number:08x}-0000-4000-8000-000000000000"
    sent_at_ms = SENT_AT_MS + number * 61_000
    first_at_ms = sent_at_ms + 20 if receive_count else None
    return DeadLetter(message_id, queue, body, sent_at_ms, first_at_ms, receive_count, attributes)


UNDELIVERED = {
    "ERROR_CODE": "NO_PERMISSIONS",
    "ERROR_MESSAGE": "Access to the resource arn:aws:sqs:us-east-1:111122223333:q is denied.",
    "RETRY_ATTEMPTS": "185",
    "EXHAUSTED_RETRY_CONDITION": "MaximumRetryAttempts",
    "RULE_ARN": "arn:aws:events:us-east-1:111122223333:rule/r",
}
LETTERS = [
    letter(1, "events", "not json", reason="not a readable event: Expecting value: line 1 column 1 (char 0)"),
    letter(2, "events", event(), reason="ZeroDivisionError: oh\nand [bold]more[/]"),
    letter(3, "events", event(), None, **UNDELIVERED),
    letter(4, "commands", encode(CancelRun("films-1", 0, "no longer wanted")), None),
    letter(5, "commands", '{"kind":"cancel_run"}', reason="not a command of ours: cancel_run: run_id is missing"),
    letter(6, "commands", "[]", 7, reason="not a command of ours: it must be an object, not an empty list"),
]


def printed(width: int) -> str:
    return "".join(f"{line.plain}\n" for line in table_lines(letter_columns(LETTERS), width))


@pytest.mark.parametrize("width", [60, 100, 1000])
def test_the_table_is_as_in_the_golden_file(width: int) -> None:
    assert printed(width) == (GOLDEN / f"dead_letters.{width}.txt").read_text()


def test_one_in_full_is_as_in_the_golden_file() -> None:
    assert full_text(LETTERS[2]) + "\n" == (GOLDEN / "dead_letter.txt").read_text()


def test_a_body_that_is_no_json_is_shown_as_it_is() -> None:
    assert full_text(letter(1, "events", "two\nlines")).endswith("\nbody\ntwo\nlines")


@pytest.mark.parametrize(
    ("queue", "body", "says"),
    [
        ("events", event(status=None), "event of job 5f1c2a9e-77aa-4b21-9c06-6a1d0c6f3b10 without a status"),
        ("events", event(job_id=7), "event: Batch Job State Change"),
        ("events", '{"detail":{}}', "unreadable"),
        ("events", "[" * 100_000, "unreadable"),
        ("commands", encode(SubmitTasks("films-1", 0, (1,))), "command submit_tasks of run films-1"),
        ("commands", '{"kind":"brew_coffee"}', "malformed command brew_coffee"),
        ("commands", "{}", "unreadable"),
    ],
)
def test_a_message_is_named_by_what_it_is_about(queue: str, body: str, says: str) -> None:
    assert subject_of(letter(1, queue, body)) == says


def test_nobody_s_reason_is_none_for_programs_and_a_sentence_for_people() -> None:
    assert reason_of(LETTERS[3]) is None
    assert letter_document(LETTERS[3])["reason"] is None
    assert NO_REASON in full_text(LETTERS[3])


def test_a_message_cannot_steer_the_terminal() -> None:
    steering = "\x1b[2J\x9b31m\u202e"
    text = full_text(letter(1, "events", steering, reason=steering)) + printed(100)
    text += full_text(letter(1, "events", json.dumps([steering, "\ud800"])))
    assert all(character.isprintable() or character == "\n" for character in text)


@given(st.sampled_from(["events", "commands"]), st.text(st.characters()), st.integers(0, 10**17))
def test_any_message_can_be_shown(queue: str, body: str, sent_at_ms: int) -> None:
    any_letter = DeadLetter("id", queue, body, sent_at_ms, attributes={"reason": body})
    full_text(any_letter).encode()
    json.dumps(letter_document(any_letter))
