"""The document of a notice, as programs receive it: its JSON Schema, and the reading of one.

Owns the description of what `Notice.document()` makes. Within a version fields are only added, so a reader ignores what
it does not know; docs/reference/notices.md says so to everybody.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chalicelib.core.errors import BatchwrightError
from chalicelib.core.failure import FailureClass
from chalicelib.core.notice.kinds import NoticeKind, Severity
from chalicelib.core.notice.model import VERSION, Notice, ToldChild, ToldJob
from chalicelib.core.suggest import shown

DIALECT = "https://json-schema.org/draft/2020-12/schema"

_MS = {"type": "integer", "description": "Milliseconds since 1970-01-01 UTC."}


class MalformedNotice(BatchwrightError):
    """Record as poison: this is no notice that this version can read. Nothing of what it says is in the text."""


def _text(description: str) -> dict[str, Any]:
    return {"type": "string", "description": description}


def _ms(description: str) -> dict[str, Any]:
    return {**_MS, "description": f"{description} {_MS['description']}"}


_FAILURE = {"type": "string", "description": "Class of the failure.", "examples": [one.value for one in FailureClass]}
_EXIT_CODE = {"type": "integer", "description": "Exit code of the program."}
_REASON = _text("The reason that Batch gives.")
_LOG_STREAM = _text("Log stream in /aws/batch/job; GROUP:STREAM in another log group.")
_CHILD: dict[str, Any] = {
    "type": "object",
    "required": ["index", "alike"],
    "description": "Of a failed array: one child that failed in the most common way.",
    "properties": {
        "index": {"type": "integer", "minimum": 0, "description": "Index in the array, from 0."},
        "label": {"type": "string", "description": "Label of the child, if it has one."},
        "failure": _FAILURE,
        "exit_code": _EXIT_CODE,
        "reason": _REASON,
        "log_stream": _LOG_STREAM,
        "alike": {
            "type": "integer",
            "minimum": 1,
            "description": "How many of the children looked at (25 at most) failed in this way.",
        },
    },
}
_JOB: dict[str, Any] = {
    "type": "object",
    "required": ["name"],
    "properties": {
        "job_id": _text("Batch's id. Absent if Batch refused the job."),
        "name": _text("Name in Batch."),
        "queue": _text("Name of the job queue."),
        "task": _text("The run's task, if a run submitted the job."),
        "attempt": {"type": "integer", "minimum": 1, "description": "Attempt of the task, from 1."},
        "failure": _FAILURE,
        "exit_code": _EXIT_CODE,
        "reason": _REASON,
        "log_stream": _LOG_STREAM,
        "log_lines": {
            "type": "array",
            "items": {"type": "string"},
            "description": "The last lines of the log, oldest first; of an array, of `child`.",
        },
        "created_at_ms": _ms("When it was submitted."),
        "started_at_ms": _ms("When it began to run."),
        "stopped_at_ms": _ms("When it ended."),
        "array_size": {"type": "integer", "minimum": 2, "description": "How many children the array has."},
        "failed_children": {"type": "integer", "minimum": 0, "description": "How many children of the array failed."},
        "child": _CHILD,
        "is_allowed": {"type": "boolean", "description": "The task has allow_failure."},
    },
}


def notice_json_schema() -> dict[str, Any]:
    """The JSON Schema of a notice's document."""
    kinds = [kind.value for kind in NoticeKind]
    return {
        "$schema": DIALECT,
        "title": "A notice of Batchwright",
        "description": "What is told once, under one id. Ignore fields that you do not know: some may be added.",
        "type": "object",
        "required": ["version", "id", "kind", "severity", "stage", "subject", "at_ms", "thread"],
        "properties": {
            "version": {
                "const": VERSION,
                "description": "Version of this document. Within a version, fields and kinds are only added.",
            },
            "id": _text("The same whenever the notice is repeated. Drop an id that you have seen."),
            "kind": {"type": "string", "description": "What happened.", "examples": kinds},
            "severity": {"enum": [one.value for one in Severity], "description": "How much it matters."},
            "stage": _text("The stage that published it."),
            "subject": _text("One line about what happened."),
            "text": _text("A sentence or two more than the subject."),
            "at_ms": _ms("When it happened, or was found; of a late run, since when it is late."),
            "thread": _text("Shared by related notices: a run's id, a monitor and the day, or a queue and a job."),
            "run_id": _text("The run."),
            "workflow": _text("The run's workflow."),
            "epoch": {"type": "integer", "minimum": 0, "description": "How often the run was redriven."},
            "monitor": _text("The monitor that reports it."),
            "queue": _text("The job queue. Absent if there are several."),
            "queues": {
                "type": "array",
                "items": {"type": "string"},
                "description": "All job queues it is about, also of jobs that it does not name, as far as known.",
            },
            "began_at_ms": _ms("When the run or the window began."),
            "ended_at_ms": _ms("When it ended."),
            "jobs": {"type": "array", "items": _JOB, "description": "Jobs in full, at most ten."},
            "job_count": {"type": "integer", "minimum": 0, "description": "How many jobs it is about, named or not."},
            "task_counts": {
                "type": "object",
                "additionalProperties": {"type": "integer", "minimum": 0},
                "description": "How many tasks of the run are in each final state.",
            },
        },
    }


def read_notice(document: object) -> Notice:
    """The notice that a document tells. Raises MalformedNotice."""
    if not isinstance(document, Mapping):
        raise MalformedNotice(f"a notice must be an object, not {type(document).__name__}")
    if document.get("version") != VERSION:
        raise MalformedNotice(f"a notice must have version {VERSION}, not {shown(document.get('version'))}")
    try:
        return _notice(document)
    except (KeyError, TypeError, ValueError) as error:
        # The error's own text may hold a value.
        place = error.args[0] if isinstance(error, KeyError) else "a field"
        raise MalformedNotice(f"{place} is missing or has a value that does not fit") from None


def _notice(document: Mapping[str, Any]) -> Notice:
    counts = document.get("task_counts") or {}
    return Notice(
        notice_id=_string(document, "id"),
        kind=NoticeKind(_string(document, "kind")),
        stage=_string(document, "stage"),
        subject=_string(document, "subject"),
        at_ms=int(document["at_ms"]),
        thread=_string(document, "thread"),
        text=_optional(document, "text"),
        run_id=_optional(document, "run_id"),
        workflow=_optional(document, "workflow"),
        epoch=_number(document, "epoch"),
        monitor=_optional(document, "monitor"),
        queues=tuple(str(queue) for queue in document.get("queues") or filter(None, [_optional(document, "queue")])),
        began_at_ms=_number(document, "began_at_ms"),
        ended_at_ms=_number(document, "ended_at_ms"),
        jobs=tuple(_job(job) for job in document.get("jobs") or ()),
        job_count=_number(document, "job_count") or 0,
        task_counts=tuple((str(state), int(count)) for state, count in counts.items()),
    )


def _job(job: Mapping[str, Any]) -> ToldJob:
    failure = _optional(job, "failure")
    return ToldJob(
        job_id=_optional(job, "job_id"),
        name=_string(job, "name"),
        queue=_optional(job, "queue"),
        task=_optional(job, "task"),
        attempt=_number(job, "attempt"),
        failure=None if failure is None else FailureClass(failure),
        exit_code=_number(job, "exit_code"),
        reason=_optional(job, "reason"),
        log_stream=_optional(job, "log_stream"),
        log_lines=tuple(str(line) for line in job.get("log_lines") or ()),
        created_at_ms=_number(job, "created_at_ms"),
        started_at_ms=_number(job, "started_at_ms"),
        stopped_at_ms=_number(job, "stopped_at_ms"),
        array_size=_number(job, "array_size"),
        failed_children=_number(job, "failed_children"),
        child=_child(job["child"]) if job.get("child") is not None else None,
        is_allowed=job.get("is_allowed") is True,
    )


def _child(child: Mapping[str, Any]) -> ToldChild:
    failure = _optional(child, "failure")
    return ToldChild(
        index=int(child["index"]),
        label=_optional(child, "label"),
        failure=None if failure is None else FailureClass(failure),
        exit_code=_number(child, "exit_code"),
        reason=_optional(child, "reason"),
        log_stream=_optional(child, "log_stream"),
        alike=int(child["alike"]),
    )


def _string(fields: Mapping[str, Any], name: str) -> str:
    return str(fields[name])


def _optional(fields: Mapping[str, Any], name: str) -> str | None:
    return None if fields.get(name) is None else str(fields[name])


def _number(fields: Mapping[str, Any], name: str) -> int | None:
    return None if fields.get(name) is None else int(fields[name])
