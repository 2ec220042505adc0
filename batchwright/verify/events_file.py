"""The file of raw events that goes with a bug report, and that the tests replay.

Owns its form and what is taken out: values of environment variables, where secrets are kept, and the account's number.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from batchwright.verify.observed import JobKind, Observed, Received, Submitted
from chalicelib.core.errors import UserMistake

FORMAT = 1
REMOVED = "(removed)"
ACCOUNT = "111122223333"
"""What stands for the number of the account."""
_NAMED = ("environment", "env", "secrets", "secretOptions")
"""Lists of named things of which only the names stay."""
_OPTIONS = ("options",)
"""Mappings of which only the names stay, such as the options of a log driver."""
_SINGLE = ("valueFrom", "credentialsParameter")
"""What says where a secret is kept."""


def lines(observed: Observed, account: str, where: str) -> Iterator[str]:
    """The lines of the file: what was submitted, then an event a line. `where` says what kind of place it was."""
    head = {
        "format": FORMAT,
        "where": where,
        "run_ids": list(observed.run_ids),
        "jobs": [
            {"kind": job.kind.value, "job_id": job.job_id, "name": job.name, "parameters": dict(job.parameters)}
            for job in observed.submitted
        ],
    }
    events = ({"sent_at_ms": one.sent_at_ms, "event": without_values(one.document)} for one in observed.received)
    for part in (head, *events):
        yield json.dumps(part).replace(account, ACCOUNT)


def without_values(part: Any) -> Any:
    """The same document with nothing in it that somebody may have meant to keep."""
    if isinstance(part, Mapping):
        return {key: _without(key, value) for key, value in part.items()}
    if isinstance(part, Sequence) and not isinstance(part, str):
        return [without_values(one) for one in part]
    return part


def _without(key: str, value: Any) -> Any:
    if key in _NAMED and isinstance(value, list):
        return [_name_alone(one) for one in value]
    if key in _OPTIONS and isinstance(value, Mapping):
        return dict.fromkeys(value, REMOVED)
    return REMOVED if key in _SINGLE else without_values(value)


def _name_alone(one: Any) -> Any:
    """An entry with its name and nothing else."""
    if not isinstance(one, Mapping):
        return REMOVED
    return {key: value if key == "name" else REMOVED for key, value in one.items()}


def write(path: Path, observed: Observed, account: str, where: str) -> None:
    path.write_text("".join(f"{line}\n" for line in lines(observed, account, where)), encoding="utf-8")


def read(path: Path) -> Observed:
    """The events of a file, to be judged again. Raises UserMistake for a file of another form."""
    head, *events = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    if head.get("format") != FORMAT:
        raise UserMistake(f"{path}: format must be {FORMAT}, not {head.get('format')!r}")
    return Observed(
        submitted=tuple(
            Submitted(JobKind(one["kind"]), one["job_id"], one["name"], one["parameters"]) for one in head["jobs"]
        ),
        received=tuple(Received(one["event"], one["sent_at_ms"]) for one in events),
        run_ids=tuple(head["run_ids"]),
    )
