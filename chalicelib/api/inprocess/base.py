"""What every part of the API in process stands on: the world, the logs, and how runs and workflows are looked up."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from chalicelib.core.errors import UnknownEpoch, UnknownRun, UnknownWorkflow, UserMistake
from chalicelib.core.ids import run_id_stem
from chalicelib.core.run.records import Run, in_epoch
from chalicelib.core.suggest import Names
from chalicelib.engine.world.world import World
from chalicelib.ports.services import Logs, Tokens
from chalicelib.ports.store import Store

WORKFLOWS_MAXIMUM = 500
"""Of how many workflows the runs are listed together, and names are suggested."""
_RUNS_FOR_A_SUGGESTION = 100


@dataclass(frozen=True)
class Ground:
    """Of one invocation. `draw` gives so many random bytes."""

    world: World
    logs: Logs
    tokens: Tokens
    draw: Callable[[int], bytes]

    @property
    def store(self) -> Store:
        return self.world.store

    def run(self, run_id: str, epoch: int | None = None) -> Run:
        """A run as it is, or as it was in an earlier epoch. Raises UnknownRun with the nearest id, UnknownEpoch."""
        run = self.store.run(run_id)
        if run is None:
            raise UnknownRun(with_suggestion(f"there is no run '{run_id}'", self._run_suggestion(run_id)))
        if epoch is None or epoch == run.epoch:
            return run
        if not 0 <= epoch < run.epoch:
            raise UnknownEpoch(f"run '{run_id}' is in epoch {run.epoch}; it has no epoch {epoch}")
        # What an earlier epoch ran again of the one before is not kept.
        return replace(in_epoch(run, epoch), redrive=None)

    def workflow_names(self) -> Iterator[str]:
        """The names of all workflows, deleted ones included: their runs stay."""
        after = ""
        while entries := self.store.list_workflows(WORKFLOWS_MAXIMUM, after=after, with_deleted=True):
            yield from (entry.name for entry in entries)
            after = entries[-1].name

    def unknown_workflow(self, name: str, version: int | None = None) -> UnknownWorkflow:
        """The error for a workflow that is not there, with the nearest name."""
        if version is not None and (latest := self.store.workflow(name)):
            return UnknownWorkflow(f"workflow '{name}' has no version {version}; the latest is {latest.version}")
        names = [entry.name for entry in self.store.list_workflows(WORKFLOWS_MAXIMUM)]
        return UnknownWorkflow(with_suggestion(f"no workflow '{name}' was pushed", Names(names).suggestion(name)))

    def _run_suggestion(self, run_id: str) -> str | None:
        """The nearest id among the newest runs of the workflow whose name the id begins with, or nearly so."""
        stems: dict[str, str] = {}
        for name, _ in zip(self.workflow_names(), range(WORKFLOWS_MAXIMUM), strict=False):
            stems.setdefault(run_id_stem(name), name)
        stem = Names(stems).nearest(run_id.rpartition("-")[0]) or Names(stems).nearest(run_id)
        if stem is None:
            return None
        newest = self.store.list_runs(stems[stem], _RUNS_FOR_A_SUGGESTION).runs
        return Names(run.run_id for run in newest).suggestion(run_id)


class Part:
    """A part of the API in process."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground


def check_limit(limit: int, maximum: int) -> int:
    """How many of a list are wanted. Raises UserMistake when that is none or too many."""
    if not 1 <= limit <= maximum:
        raise UserMistake(f"limit must be 1 to {maximum:,}, not {limit}")
    return limit


def with_suggestion(text: str, suggestion: str | None) -> str:
    """A message, and what may have been meant."""
    return f"{text}; {suggestion}" if suggestion else text
