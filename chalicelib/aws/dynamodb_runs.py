"""Run records in the table: create, read, move, list."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Any

from chalicelib.aws.dynamodb_items import RUNS_BY_WORKFLOW, run_attributes, run_key, run_of
from chalicelib.aws.dynamodb_table import Table
from chalicelib.core.errors import Defect, UserMistake
from chalicelib.core.records import Run
from chalicelib.core.states import RunState

PARAMS_BYTES_MAXIMUM = 300_000
"""DynamoDB refuses items above 400 KB, and a run's params are one item with the rest of its record."""


class DynamoRuns:
    """The part of the store port that is about run records."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def create_run(self, run: Run) -> Run:
        attributes = run_attributes(run)
        size_bytes = len(attributes["params"].encode())
        if size_bytes > PARAMS_BYTES_MAXIMUM:
            raise UserMistake(
                f"the params of a run may have {PARAMS_BYTES_MAXIMUM} bytes as JSON, not {size_bytes}; "
                "put large values in S3 and pass their address"
            )
        outcome = self._table.put_if(run_key(run.run_id), attributes, "attribute_not_exists(#pk)")
        if outcome.landed:
            return run
        if outcome.item is None:
            raise Defect(f"run {run.run_id} stood in the way of its creation, yet was not told")
        return run_of(outcome.item)

    def run(self, run_id: str) -> Run | None:
        item = self._table.get(run_key(run_id))
        return run_of(item) if item else None

    def change_run(
        self, run_id: str, to: RunState, *, expected: Sequence[RunState], ended_at_ms: int | None = None
    ) -> bool:
        if not expected:
            return False
        values: dict[str, Any] = {f"expected{place}": state for place, state in enumerate(expected)}
        condition = f"#state IN ({', '.join(f':{name}' for name in values)})"
        values["to"] = to
        update = "SET #state = :to"
        if ended_at_ms is not None:
            update += ", #ended_at_ms = :ended_at_ms"
            values["ended_at_ms"] = ended_at_ms
        return self._table.update_if(run_key(run_id), update, condition, values).landed

    def list_runs(self, workflow: str, limit: int) -> list[Run]:
        items = self._table.query_index(RUNS_BY_WORKFLOW, "workflow", workflow, limit)
        return [run_of(item) for item in islice(items, limit)]
