"""What each kind of subscriber receives of a notice: one publication to SNS, a body for each protocol.

Owns the choice of bodies and their size, which SNS limits to 256 KB in sum. What a subscriber cannot show is taken out
of the texts here, once for all of them. How a body looks is email.py's and chat.py's.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TypeVar

from chalicelib.core.cleantext import clean, clean_lines, cut
from chalicelib.core.notice.chat import chat_document
from chalicelib.core.notice.email import email_text, subject_line
from chalicelib.core.notice.model import Notice, ToldChild, ToldJob

MESSAGE_BYTES = 262_144
"""What SNS takes of a message with its attributes: https://docs.aws.amazon.com/sns/latest/api/API_Publish.html"""
BODIES_BYTES = 240_000
"""What we fill of it: the rest is for the subject, the attributes and what SNS wraps around them."""
SMS_CHARACTERS = 140
"""What a single text message holds."""

NAME_CHARACTERS = 300
TEXT_CHARACTERS = 2_000
TOLD_REASON_CHARACTERS = 1_024
COUNTS_MAXIMUM = 20
QUEUES_MAXIMUM = 50
"""As many job queues as an account has, unless AWS was asked for more."""

_Text = TypeVar("_Text", str, str | None)


@dataclass(frozen=True, slots=True)
class _Room:
    """How much of its jobs a notice tells."""

    jobs: int
    log_lines: int
    line_characters: int


_ROOMS = (_Room(10, 50, 1_000), _Room(10, 20, 500), _Room(10, 10, 200), _Room(10, 0, 0), _Room(1, 0, 0))
"""Tried in turn, until all bodies together are small enough: the last one always is."""


def bodies(notice: Notice, job_arn_prefix: str | None = None) -> dict[str, str]:
    """The bodies by protocol; `default` is for all that are not named, above all queues, functions and plain HTTP,
    which get the whole document. The same notice always makes the same. `job_arn_prefix` is what the ARN of a job is
    before its id, where it is known.
    """
    for room in _ROOMS:
        found = _bodies(_fitted(notice, room), job_arn_prefix)
        if message_bytes(found) <= BODIES_BYTES:
            break
    return found


def document_body(notice: Notice) -> str:
    """The body for programs alone, as a queue of a run's own receives it."""
    return bodies(notice)["default"]


def message(found: dict[str, str]) -> str:
    """The bodies as one publication holds them (MessageStructure `json`)."""
    return json.dumps(found, ensure_ascii=False, separators=(",", ":"))


def message_bytes(found: dict[str, str]) -> int:
    return len(message(found).encode())


def attribute_values(notice: Notice) -> dict[str, str | tuple[str, ...]]:
    """What a subscription's filter policy can choose by, beside the bodies; there is no empty one. Of several values
    one suffices: they are published as a `String.Array`."""
    values: dict[str, str | tuple[str, ...] | None] = {
        "kind": notice.kind.value,
        "severity": notice.severity.value,
        "workflow": _name(notice.workflow),
        "monitor": _name(notice.monitor),
        "queue": _queues(notice),
    }
    return {name: value for name, value in values.items() if value}


def cleaned(notice: Notice) -> Notice:
    """The notice as it is told at the most: its texts clean, its jobs and lines as many as there is room for."""
    return _fitted(notice, _ROOMS[0])


def _bodies(notice: Notice, job_arn_prefix: str | None) -> dict[str, str]:
    return {
        "default": _json(notice.document()),
        "email": email_text(notice),
        # Amazon Q Developer is subscribed by https, and shows nothing but this.
        "https": _json(chat_document(notice, job_arn_prefix)),
        "sms": cut(subject_line(notice), SMS_CHARACTERS),
    }


def _json(document: object) -> str:
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False)


def _fitted(notice: Notice, room: _Room) -> Notice:
    jobs = tuple(_fitted_job(job, room) for job in notice.jobs[: room.jobs])
    return replace(
        notice,
        notice_id=_name(notice.notice_id),
        stage=_name(notice.stage),
        subject=_name(notice.subject),
        thread=_name(notice.thread),
        text=None if notice.text is None else clean(notice.text, TEXT_CHARACTERS),
        run_id=_name(notice.run_id),
        workflow=_name(notice.workflow),
        monitor=_name(notice.monitor),
        queues=_queues(notice),
        jobs=jobs,
        job_count=max(notice.job_count, len(notice.jobs)),
        task_counts=tuple((_name(state), count) for state, count in notice.task_counts[:COUNTS_MAXIMUM]),
    )


def _queues(notice: Notice) -> tuple[str, ...]:
    return tuple(_name(queue) for queue in notice.queues[:QUEUES_MAXIMUM])


def _fitted_job(job: ToldJob, room: _Room) -> ToldJob:
    return replace(
        job,
        job_id=_name(job.job_id),
        name=_name(job.name),
        queue=_name(job.queue),
        task=_name(job.task),
        reason=None if job.reason is None else clean(job.reason, TOLD_REASON_CHARACTERS),
        log_stream=None if job.log_stream is None else clean(job.log_stream, 512),
        log_lines=tuple(_lines(job.log_lines, room)),
        child=None if job.child is None else _fitted_child(job.child),
    )


def _fitted_child(child: ToldChild) -> ToldChild:
    return replace(
        child,
        reason=None if child.reason is None else clean(child.reason, TOLD_REASON_CHARACTERS),
        log_stream=None if child.log_stream is None else clean(child.log_stream, 512),
    )


def _lines(lines: tuple[str, ...], room: _Room) -> Iterator[str]:
    """The last lines; one that holds several is several."""
    if room.log_lines:
        apart = [line for text in lines[-room.log_lines :] for line in clean_lines(text)]
        yield from (cut(line, room.line_characters) for line in apart[-room.log_lines :])


def _name(text: _Text) -> _Text:
    return None if text is None else clean(text, NAME_CHARACTERS)
