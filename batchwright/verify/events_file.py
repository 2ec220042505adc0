"""The file of raw events that goes with a bug report, and that the tests replay.

Owns its form and what is taken out: values of environment variables, where secrets are kept, and the account's number.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from batchwright.verify.observed import JobKind, Observed, Received, Submitted
from chalicelib.core.errors import UserMistake

FORMAT = 1
REMOVED = "(removed)"
ACCOUNT = "111122223333"
"""What stands for the number of the account."""
_VALUES_REMOVED = ("environment", "env", "secrets")
"""Lists of named things of which only the names stay."""


def document(observed: Observed, account: str, where: str) -> dict[str, Any]:
    """What is saved. `where` says in words what kind of place it was."""
    found = {
        "format": FORMAT,
        "where": where,
        "run_ids": list(observed.run_ids),
        "jobs": [
            {"kind": job.kind.value, "job_id": job.job_id, "name": job.name, "parameters": dict(job.parameters)}
            for job in observed.submitted
        ],
        "events": [{"sent_at_ms": one.sent_at_ms, "event": without_values(one.document)} for one in observed.received],
    }
    anonymous: dict[str, Any] = json.loads(json.dumps(found).replace(account, ACCOUNT))
    return anonymous


def without_values(part: Any) -> Any:
    """The same document with nothing in it that somebody may have meant to keep."""
    if isinstance(part, Mapping):
        return {
            key: [_named(one) for one in value] if key in _VALUES_REMOVED and isinstance(value, list) else value
            for key, value in ((key, without_values(value)) for key, value in part.items())
        }
    if isinstance(part, Sequence) and not isinstance(part, str):
        return [without_values(one) for one in part]
    return part


def _named(one: Any) -> Any:
    """An entry with its name alone."""
    if not isinstance(one, Mapping):
        return REMOVED
    return {key: value if key == "name" else REMOVED for key, value in one.items()}


def write(path: Path, observed: Observed, account: str, where: str) -> None:
    path.write_text(json.dumps(document(observed, account, where), indent=1) + "\n", encoding="utf-8")


def read(path: Path) -> Observed:
    """The events of a file, to be judged again. Raises UserMistake for a file of another form."""
    found = json.loads(path.read_text(encoding="utf-8"))
    if found.get("format") != FORMAT:
        raise UserMistake(f"{path}: format must be {FORMAT}, not {found.get('format')!r}")
    return Observed(
        submitted=tuple(
            Submitted(JobKind(one["kind"]), one["job_id"], one["name"], one["parameters"]) for one in found["jobs"]
        ),
        received=tuple(Received(one["event"], one["sent_at_ms"]) for one in found["events"]),
        run_ids=tuple(found["run_ids"]),
    )
