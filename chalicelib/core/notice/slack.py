"""A notice as a message for a Slack incoming webhook, in Slack's blocks.

Owns that message: https://docs.slack.dev/reference/block-kit/blocks. A webhook does not tell what it posted, so there
are no threads here; whoever wants one thread a run takes Amazon Q Developer (chat.py).
"""

from __future__ import annotations

from typing import Any

from chalicelib.core.cleantext import cut
from chalicelib.core.notice.chat import SIGNS, job_text
from chalicelib.core.notice.chat_text import code, escaped
from chalicelib.core.notice.model import Notice
from chalicelib.core.notice.words import facts_of_run, heading, more_jobs, next_commands

HEADER_CHARACTERS = 150
SECTION_CHARACTERS = 3_000
FIELD_CHARACTERS = 2_000
FIELDS_MAXIMUM = 10
JOBS_MAXIMUM = 5
JOB_CHARACTERS = 1_800
"""Five of them stay below what all blocks of a message may hold together, which Slack does not document: some 13,000
characters were seen to be refused."""


def slack_message(notice: Notice) -> dict[str, Any]:
    """The message. The notice's texts must be clean (core/notice/publication.py sees to it)."""
    sign = SIGNS[notice.severity]
    blocks: list[dict[str, Any]] = [
        {
            "type": "header",
            "text": {"type": "plain_text", "emoji": True, "text": cut(f"{sign} {notice.subject}", HEADER_CHARACTERS)},
        }
    ]
    if notice.text:
        blocks.append(_section(escaped(notice.text, SECTION_CHARACTERS)))
    fields = [_markdown(f"*{name}*\n{escaped(value, FIELD_CHARACTERS - 40)}") for name, value in facts_of_run(notice)]
    blocks.append({"type": "section", "fields": fields[:FIELDS_MAXIMUM]})
    named = notice.jobs[:JOBS_MAXIMUM]
    if named:
        blocks.append(_section(f"*{heading(notice)}*"))
        blocks += [_section(job_text(job, JOB_CHARACTERS)) for job in named]
    if more := more_jobs(notice) + len(notice.jobs) - len(named):
        blocks.append(_section(f"... and {more:,} more."))
    if commands := next_commands(notice):
        blocks.append(_section("\n".join(code(command, 500) for command in commands)))
    blocks.append({"type": "context", "elements": [_markdown(code(notice.notice_id, 400))]})
    # What a phone shows, and whoever cannot see blocks.
    return {"text": f"{sign} {escaped(notice.subject, HEADER_CHARACTERS)}", "blocks": blocks}


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": _markdown(text)}


def _markdown(text: str) -> dict[str, Any]:
    # `verbatim`: Slack makes no mention and no link of what merely looks like one.
    return {"type": "mrkdwn", "text": text, "verbatim": True}
