"""A notice as an e-mail: a subject that says it all, and a text that reads well without any markup.

Owns the layout. SNS takes a subject of up to 100 characters of ASCII that begins with a letter, a digit or a mark:
https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
"""

from __future__ import annotations

import textwrap
import unicodedata
from collections.abc import Iterable, Iterator

from chalicelib.core.cleantext import clean, cut, folded
from chalicelib.core.notice.kinds import Severity
from chalicelib.core.notice.model import Notice, ToldJob
from chalicelib.core.notice.words import (
    commands_to_look,
    commands_to_redrive,
    facts_of_job,
    facts_of_run,
    heading,
    more_jobs,
    title,
)

SUBJECT_CHARACTERS = 99
"""Fewer than 100, as SNS says in one place; up to 100, in another."""
STAGE_CHARACTERS = 32
WIDTH = 78
LINE_OCTETS = 998
"""Of any line, as mail allows without its line end: https://www.rfc-editor.org/rfc/rfc5322#section-2.1.1"""
LINE_CHARACTERS = 230
"""Of a line of a log, so that no folded one stands between the others."""

_MARKS = {Severity.ERROR: "[error]", Severity.WARNING: "[warning]", Severity.INFO: "[info]"}


def subject_line(notice: Notice) -> str:
    """The subject as SNS takes it: one line of ASCII, letters without their accents. Of a long one the end is cut, but
    not the stage: a mail reader shows no more than this of what may be a matter of prod."""
    mark, stage = _MARKS[notice.severity], f" ({_ascii(notice.stage, STAGE_CHARACTERS)})"
    return f"{mark} {_ascii(notice.subject, SUBJECT_CHARACTERS - len(mark) - 1 - len(stage))}{stage}"


def _ascii(text: str, characters: int) -> str:
    apart = unicodedata.normalize("NFKD", clean(text, SUBJECT_CHARACTERS))
    plain = "".join(letter for letter in apart if not unicodedata.combining(letter)).encode("ascii", "replace").decode()
    # What NFKD takes apart may be more than it was, and may be a space of another kind.
    return cut(" ".join(plain.split()), characters)


def email_text(notice: Notice) -> str:
    """The body. The notice's texts must be clean (core/notice/publication.py sees to it)."""
    paragraphs = [_wrapped(notice.subject)]
    if notice.text:
        paragraphs.append(_wrapped(notice.text))
    paragraphs.append("\n".join(_facts(facts_of_run(notice), "")))
    if notice.jobs:
        jobs = [f"{heading(notice)}:", *("\n".join(_job(job)) for job in notice.jobs)]
        if more := more_jobs(notice):
            jobs.append(f"  ... and {more:,} more.")
        paragraphs += jobs
    for why, commands in (
        ("To see more:", commands_to_look(notice)),
        ("To run again what did not succeed:", commands_to_redrive(notice)),
    ):
        if commands:
            # Not wrapped: whoever copies one must get all of it.
            paragraphs.append("\n".join([why, "", *(f"  {command}" for command in commands)]))
    paragraphs.append(
        "\n".join(
            [
                f"Id of this notice: {notice.notice_id}",
                "Below, Amazon SNS adds the link that ends this subscription.",
            ]
        )
    )
    lines = "\n\n".join(paragraphs).split("\n")
    return "\n".join(shorter for line in lines for shorter in folded(line, LINE_OCTETS)) + "\n"


def _wrapped(text: str) -> str:
    return "\n".join(textwrap.wrap(text, WIDTH, break_long_words=False, break_on_hyphens=False)) or text


def _facts(facts: Iterable[tuple[str, str]], indent: str) -> Iterator[str]:
    """A line each, values below one another; a long value goes on below its beginning."""
    for name, value in facts:
        begin = f"{indent}{name + ':':<11} "
        yield from textwrap.wrap(
            value,
            WIDTH,
            initial_indent=begin,
            subsequent_indent=" " * len(begin),
            break_long_words=False,
            break_on_hyphens=False,
        ) or [begin.rstrip()]


def _job(job: ToldJob) -> Iterator[str]:
    yield f"  {title(job)}"
    yield from _facts(facts_of_job(job), "    ")
    if job.log_lines:
        who = "it" if job.child is None else job.child.title
        last = f"The last {len(job.log_lines)} lines that {who} wrote:"
        yield f"    {last if job.log_lines[1:] else f'{who[0].upper()}{who[1:]} last wrote:'}"
        yield ""
        yield from (f"      | {cut(line, LINE_CHARACTERS)}" for line in job.log_lines)
