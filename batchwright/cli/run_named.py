"""A run as people name it on a command line: by its id, by a beginning that no other run has, or as the latest."""

from __future__ import annotations

from collections.abc import Iterator

from batchwright.runs.view import every
from chalicelib.api.port import Api
from chalicelib.core.errors import UnknownRun, UserMistake
from chalicelib.core.ids import run_id_stem

LATEST = "latest"
_RUNS_LOOKED_AT = 1_000
"""So many of the newest runs of a workflow are compared with a beginning."""
_NAMED = 5


def run_named(api: Api, text: str, *, may_be_latest: bool = False) -> str:
    """The id of the run that is meant. `latest` is for commands that only look, because another run may start any time.

    Raises UnknownRun with the nearest id, and UserMistake for a beginning that several runs have.
    """
    if text == LATEST and may_be_latest:
        newest = api.runs(limit=1).items
        if not newest:
            raise UnknownRun("there is no run yet; `batchwright start NAME` starts one")
        return newest[0].run_id
    try:
        return api.run(text).run_id
    except UnknownRun:
        found = sorted(set(_beginning_so(api, text)))
        if not found:
            raise
    if len(found) > 1:
        more = f" and {len(found) - _NAMED:,} more" if len(found) > _NAMED else ""
        raise UserMistake(f"several runs begin with '{text}': {', '.join(found[:_NAMED])}{more}; give more of the id")
    return found[0]


def _beginning_so(api: Api, text: str) -> Iterator[str]:
    """The ids that begin so, of the newest runs of the workflows that they may be of."""
    for workflow in every(lambda page: api.workflows(limit=_RUNS_LOOKED_AT, page=page)):
        stem = run_id_stem(workflow.name)
        if text.startswith(f"{stem}-") or stem.startswith(text):
            for run in api.runs(workflow=workflow.name, limit=_RUNS_LOOKED_AT).items:
                if run.run_id.startswith(text):
                    yield run.run_id
