"""A notice of every kind, as real ones look, and what each kind of subscriber receives of it.

Owns the reading of the examples beside it (example_notices.json, which is made by what makes notices in earnest:
`WRITE_GOLDEN=1 pytest tests/unit/test_example_notices.py`), and the names of the forms. How one looks is chalicelib's.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

from chalicelib.core.notice.email import subject_line
from chalicelib.core.notice.kinds import NoticeKind
from chalicelib.core.notice.model import Notice
from chalicelib.core.notice.publication import bodies, cleaned
from chalicelib.core.notice.schema import read_notice
from chalicelib.core.notice.slack import slack_message

EXAMPLES = Path(__file__).with_suffix(".json")
JOB_ARN_PREFIX = "arn:aws:batch:eu-west-1:111122223333:job/"


def example_notice(kind: NoticeKind) -> Notice:
    """The example of that kind."""
    return read_notice(json.loads(EXAMPLES.read_text(encoding="utf-8"))[kind])


def form_of(notice: Notice, form: str) -> str:
    """The notice in one of FORMS: with its subject where it has one, and JSON so that people can read it."""
    return _MAKERS[form](notice)


def _email(notice: Notice) -> str:
    return f"Subject: {subject_line(notice)}\n\n{bodies(notice)['email']}"


def _lines(document: object) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


_MAKERS: Mapping[str, Callable[[Notice], str]] = {
    "email": _email,
    "slack": lambda notice: _lines(slack_message(cleaned(notice))),
    "json": lambda notice: _lines(json.loads(bodies(notice)["default"])),
    "chat": lambda notice: _lines(json.loads(bodies(notice, JOB_ARN_PREFIX)["https"])),
    "sms": lambda notice: bodies(notice)["sms"] + "\n",
}
FORMS = tuple(_MAKERS)
"""What `notices preview --as` knows: an e-mail, a message of a Slack webhook, the document for programs, the card of
Amazon Q Developer in chats, a text message."""
