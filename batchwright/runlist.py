"""The runs of a table: those of one workflow, or the newest of all, and the one that somebody meant.

Owns the look through all workflows, which no procedure of the engine needs: one bounded pass over the index of runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from rich.table import Table
from rich.text import Text

from batchwright.progress import duration
from batchwright.summary import COLOURS
from chalicelib.aws.answers import answers
from chalicelib.aws.dynamodb_items import RUNS_BY_WORKFLOW, run_of
from chalicelib.aws.dynamodb_table import from_wire_item
from chalicelib.core.errors import UnknownRun, UnknownWorkflow, UserMistake
from chalicelib.core.records import Run
from chalicelib.core.suggest import Names
from chalicelib.ports import Store

_PAGES = 4
"""Of at most 1 MB each; runs with few params have about 400 bytes."""


@dataclass(frozen=True, slots=True)
class Runs:
    """The runs of one table. `dynamodb` is a client."""

    store: Store
    dynamodb: Any
    table: str

    def of_workflow(self, workflow: str, limit: int) -> list[Run]:
        """The runs of a workflow, newest first. Raises UnknownWorkflow when there is none of that name."""
        runs = list(self.store.list_runs(workflow, limit).runs)
        if not runs and self.store.workflow(workflow) is None:
            hint = Names({run.workflow for run in self._looked_through()[0]}).suggestion(workflow)
            raise UnknownWorkflow(f"no workflow '{workflow}' was pushed" + (f"; {hint}" if hint else ""))
        return runs

    def newest(self, limit: int) -> list[Run]:
        """The runs of all workflows, newest first. Raises UserMistake when there are too many to look through."""
        runs, complete = self._looked_through()
        if not complete:
            names = ", ".join(sorted({run.workflow for run in runs})[:10])
            raise UserMistake(
                f"there are more runs than the {len(runs):,} that were looked through; "
                f"name a workflow with --workflow, for example one of {names}"
            )
        return sorted(runs, key=lambda run: run.created_at_ms, reverse=True)[:limit]

    def run(self, run_id: str) -> Run:
        """The run of that id. Raises UnknownRun, with the nearest among the runs that are found quickly."""
        run = self.store.run(run_id)
        if run is None:
            hint = Names(run.run_id for run in self._looked_through()[0]).suggestion(run_id)
            raise UnknownRun(f"there is no run '{run_id}'" + (f"; {hint}" if hint else ""))
        return run

    def _looked_through(self) -> tuple[list[Run], bool]:
        """The runs that a few reads find, in no order, and whether these are all."""
        runs: list[Run] = []
        request: dict[str, Any] = {"TableName": self.table, "IndexName": RUNS_BY_WORKFLOW}
        for _ in range(_PAGES):
            with answers("Scan"):
                answer = self.dynamodb.scan(**request)
            runs += [run_of(from_wire_item(item)) for item in answer["Items"]]
            if not answer.get("LastEvaluatedKey"):
                return runs, True
            request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]
        return runs, False


def runs_table(runs: Sequence[Run], now_ms: int) -> Table:
    """A line each, in the given order. Workflow and epoch are columns when they are not the same for all."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    several = len({run.workflow for run in runs}) > 1
    redriven = any(run.epoch for run in runs)
    for title, is_shown in (("run", True), ("workflow", several), ("state", True), ("started (UTC)", True)):
        if is_shown:
            table.add_column(title, no_wrap=True)
    for title, is_shown in (("duration", True), ("epoch", redriven)):
        if is_shown:
            table.add_column(title, no_wrap=True, justify="right")
    for run in runs:
        cells = [
            Text(run.run_id),
            *([Text(run.workflow)] if several else []),
            Text(run.state.value, style=COLOURS.get(run.state, "")),
            Text(datetime.fromtimestamp(run.created_at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")),
            Text(duration((run.ended_at_ms or now_ms) - run.created_at_ms)),
            *([Text(str(run.epoch))] if redriven else []),
        ]
        table.add_row(*cells)
    return table


def runs_document(runs: Sequence[Run]) -> list[dict[str, Any]]:
    """The runs for programs. Times in milliseconds since the epoch; keys are only ever added."""
    return [
        {
            "run_id": run.run_id,
            "workflow": run.workflow,
            "version": run.version,
            "state": run.state.value,
            "epoch": run.epoch,
            "created_at_ms": run.created_at_ms,
            "ended_at_ms": run.ended_at_ms,
        }
        for run in runs
    ]
