"""A notice as the document that Amazon Q Developer shows in Slack and Teams, one thread a run.

Owns that document: https://docs.aws.amazon.com/chatbot/latest/adminguide/custom-notifs.html. What does not keep to its
schema is dropped without a word, so every text stays well below what a channel takes, and of the optional fields only
those are given that are documented as free text, or of which the form is known.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from chalicelib.core.notice.chat_text import code, code_block, escaped
from chalicelib.core.notice.kinds import Severity
from chalicelib.core.notice.model import Notice, ToldJob
from chalicelib.core.notice.words import (
    facts_of_job,
    facts_of_run,
    heading,
    how_it_failed,
    more_jobs,
    next_commands,
    title,
)

TITLE_CHARACTERS = 200
DESCRIPTION_CHARACTERS = 2_800
"""A section of a message in Slack holds 3,000."""
JOB_CHARACTERS = 900
STEP_CHARACTERS = 300
KEYWORD_CHARACTERS = 60
SUMMARY_CHARACTERS = 200
CONTEXT_CHARACTERS = 200
RESOURCES_MAXIMUM = 5
QUEUES_MAXIMUM = 5

SIGNS = {
    Severity.ERROR: ":red_circle:",
    Severity.WARNING: ":large_yellow_circle:",
    Severity.INFO: ":large_green_circle:",
}
"""Emoji by the names that Slack knows, and Amazon Q Developer in Teams, too."""

_JOB_ID = re.compile(r"[A-Za-z0-9-]{1,64}(?:[:#][0-9]{1,5})?")


def chat_document(notice: Notice, job_arn_prefix: str | None) -> dict[str, Any]:
    """The document. `job_arn_prefix` is what the ARN of a job is before its id, where it is known. The notice's texts
    must be clean (core/notice/publication.py sees to it)."""
    content = {
        "textType": "client-markdown",
        "title": f"{SIGNS[notice.severity]} {escaped(notice.subject, TITLE_CHARACTERS - 30)}",
        "description": description(notice, DESCRIPTION_CHARACTERS),
        "nextSteps": [code(command, STEP_CHARACTERS) for command in next_commands(notice)],
        "keywords": [escaped(word, KEYWORD_CHARACTERS) for word in _keywords(notice)],
    }
    metadata = {
        "threadId": notice.thread,
        "summary": escaped(notice.subject, SUMMARY_CHARACTERS),
        "eventType": notice.kind,
        "relatedResources": list(_resources(notice, job_arn_prefix)),
        "additionalContext": {
            name: escaped(str(value), CONTEXT_CHARACTERS) for name, value in _context(notice).items() if value
        },
    }
    return {
        "version": "1.0",
        "source": "custom",
        "id": notice.notice_id,
        "content": {name: value for name, value in content.items() if value},
        "metadata": {name: value for name, value in metadata.items() if value},
    }


def description(notice: Notice, characters: int) -> str:
    """What happened, as the chats' markdown; jobs that have no room are counted."""
    parts = []
    if notice.text:
        parts.append(escaped(notice.text, characters // 4))
    parts.append(escaped(" | ".join(f"{name}: {value}" for name, value in facts_of_run(notice)), characters // 4))
    said = "\n\n".join(parts)
    told = 0
    if notice.jobs:
        said += f"\n\n*{heading(notice)}*"
        for job in notice.jobs:
            text = "\n" + job_text(job, JOB_CHARACTERS)
            if len(said) + len(text) > characters - 40:
                break
            said += text
            told += 1
    if more := more_jobs(notice) + len(notice.jobs) - told:
        said += f"\n... and {more:,} more."
    return said


def job_text(job: ToldJob, characters: int) -> str:
    """A job and what it died of, as the chats' markdown, of so many characters at most."""
    facts = dict(facts_of_job(job))
    lines = [f"• {code(title(job), 200)}"]
    said = [facts["Array"]] if "Array" in facts else []
    if job.child is not None:
        said.append(f"{job.child.title}, {how_it_failed(job, job.child)}")
    elif job.failure is not None:
        said.insert(0, facts["Why"] + ("" if job.exit_code is None else f", exit code {job.exit_code}"))
    if said:
        lines[0] += f": {', '.join(said)}"
    if "Reason" in facts:
        lines.append(code(facts["Reason"], max(40, min(300, characters // 3))))
    told = "\n".join(lines)
    block = code_block(job.log_lines, characters - len(told) - 1)
    return f"{told}\n{block}" if block else told


def _keywords(notice: Notice) -> Iterator[str]:
    yield from filter(None, (notice.workflow, notice.monitor, *notice.queues[:QUEUES_MAXIMUM], notice.kind))


def _context(notice: Notice) -> dict[str, Any]:
    return {
        "id": notice.notice_id,
        "stage": notice.stage,
        "severity": notice.severity,
        "run": notice.run_id,
        "workflow": notice.workflow,
        "monitor": notice.monitor,
        "queue": ", ".join(notice.queues),
        "jobs": notice.job_count,
    }


def _resources(notice: Notice, job_arn_prefix: str | None) -> Iterator[str]:
    if job_arn_prefix is None:
        return
    for job in notice.jobs[:RESOURCES_MAXIMUM]:
        if job.job_id and _JOB_ID.fullmatch(job.job_id):
            yield f"{job_arn_prefix}{job.job_id}"
