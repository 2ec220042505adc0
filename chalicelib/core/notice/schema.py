"""The document of a notice, as programs receive it: its JSON Schema, and the reading of one.

Within a version fields are only added, so a reader ignores what it does not know; docs/reference/notices.md says so to
everybody. The fields are declared in core/notice/model.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chalicelib.core.documents import read_document, schema_of
from chalicelib.core.errors import BatchwrightError
from chalicelib.core.notice.kinds import Severity
from chalicelib.core.notice.model import VERSION, Notice
from chalicelib.core.suggest import shown

DIALECT = "https://json-schema.org/draft/2020-12/schema"


class MalformedNotice(BatchwrightError):
    """Record as poison: this is no notice that this version can read. Nothing of what it says is in the text."""


def notice_json_schema() -> dict[str, Any]:
    """The JSON Schema of a notice's document."""
    declared = schema_of(Notice)
    derived = {
        "version": {
            "const": VERSION,
            "description": "Version of this document. Within a version, fields and kinds are only added.",
        },
        "id": {},
        "kind": {},
        "severity": {"enum": [one.value for one in Severity], "description": "How much it matters."},
    }
    queue = {"type": "string", "description": "The job queue. Absent if there are several."}
    return {
        "$schema": DIALECT,
        "title": "A notice of Batchwright",
        "description": "What is published once, under one id. Ignore fields that you do not know: some may be added.",
        "type": "object",
        "required": ["version", "severity", *declared["required"]],
        "properties": {**derived, **declared["properties"], "queue": queue},
    }


def read_notice(document: object) -> Notice:
    """The notice of a document. Raises MalformedNotice."""
    if not isinstance(document, Mapping):
        raise MalformedNotice(f"a notice must be an object, not {type(document).__name__}")
    if document.get("version") != VERSION:
        raise MalformedNotice(f"a notice must have version {VERSION}, not {shown(document.get('version'))}")
    if document.get("queue") and not document.get("queues"):
        document = {**document, "queues": [document["queue"]]}
    try:
        notice: Notice = read_document(Notice, document)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        # The error's own text may hold a value.
        place = error.args[0] if isinstance(error, KeyError) else "a field"
        raise MalformedNotice(f"{place} is missing or has a value that does not fit") from None
    return notice
