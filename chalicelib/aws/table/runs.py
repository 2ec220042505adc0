"""Run records in the table: create, read, move, redrive, list, and when the sweep is to look at them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

from chalicelib.aws.table.calls import Item, Table
from chalicelib.aws.table.items import (
    DUE,
    END_LEASE,
    LEASE_IS_FREE,
    RUNS_BY_SWEEP,
    RUNS_BY_WORKFLOW,
    TAKE_LEASE,
    lease_attributes,
    run_key,
    run_of,
)
from chalicelib.aws.table.params import DynamoParams
from chalicelib.core.errors import Defect
from chalicelib.core.lease import Lease
from chalicelib.core.run.merge_lists import first_runs
from chalicelib.core.run.records import ListedRuns, Run, RunPlace
from chalicelib.core.states import RUN_STATES_BEFORE, RunState
from chalicelib.ports.store import RUNS_LOOKED_AT

_LATEST_MS = 10**15
"""No run is of the year 33,658."""


class DynamoRuns:
    """The part of the store port that is about run records."""

    def __init__(self, table: Table, params: DynamoParams) -> None:
        self._table = table
        self._params = params

    def create_run(self, run: Run) -> Run:
        attributes = self._params.attributes(run)
        outcome = self._table.put_if(run_key(run.run_id), attributes, "attribute_not_exists(#pk)")
        if outcome.landed:
            return run
        if outcome.item is None:
            raise Defect(f"run {run.run_id} stood in the way of its creation, yet was not told")
        return self._params.run_of(outcome.item)

    def run(self, run_id: str) -> Run | None:
        item = self._table.get(run_key(run_id))
        return self._params.run_of(item) if item else None

    def change_run(
        self,
        run_id: str,
        epoch: int,
        to: RunState,
        *,
        ended_at_ms: int | None = None,
        untold: Collection[str] = (),
        lease: Lease | None = None,
    ) -> bool:
        in_state, values = _one_of(RUN_STATES_BEFORE[to])
        update = "SET #state = :to"
        if ended_at_ms is not None:
            update += ", #ended_at_ms = :ended_at_ms"
            values["ended_at_ms"] = ended_at_ms
        update += _leasing(lease, values) + _joining(untold, values)
        values |= {"to": to, "epoch": epoch}
        return self._table.update_if(run_key(run_id), update, f"#epoch = :epoch AND {in_state}", values).landed

    def switch_run(
        self, run_id: str, epoch: int, to: RunState, *, untold: Collection[str] = (), lease: Lease | None = None
    ) -> Run | None:
        in_state, values = _one_of(RUN_STATES_BEFORE[to])
        values |= {"to": to, "epoch": epoch, "one": 1}
        update = "SET #state = :to, #switches = #switches + :one"
        update += _leasing(lease, values) + _joining(untold, values)
        outcome = self._table.update_if(run_key(run_id), update, f"#epoch = :epoch AND {in_state}", values)
        return self._params.run_of(outcome.item) if outcome.landed and outcome.item else None

    def lease_run(self, run_id: str, lease: Lease, now_ms: int) -> Run | None:
        condition = f"attribute_exists(#pk) AND {LEASE_IS_FREE}"
        values = {**lease_attributes(lease), "now": now_ms}
        outcome = self._table.update_if(run_key(run_id), f"SET {TAKE_LEASE}", condition, values)
        return self._params.run_of(outcome.item) if outcome.landed and outcome.item else None

    def note_run_told(
        self, run_id: str, told: Collection[str], owner: str, *, seen: Collection[str] | None = None
    ) -> Run | None:
        key = run_key(run_id)
        gone: dict[str, Any] = {"told": set(told)} if told else {}
        update = "DELETE #untold :told" if told else ""
        if seen is not None:
            same, values = "attribute_not_exists(#untold)", {**gone, "owner": owner}
            if seen:
                same, values["seen"] = "#untold = :seen", set(seen)
            ending = f"REMOVE {END_LEASE} {update}".rstrip()
            outcome = self._table.add_if(key, ending, f"#lease_owner = :owner AND {same}", values)
            if outcome.landed and outcome.item:
                return replace(_without(self._params.run_of(outcome.item), told), lease=None)
        if not told:
            return self.run(run_id)
        outcome = self._table.add_if(key, update, "attribute_exists(#pk)", gone)
        return _without(self._params.run_of(outcome.item), told) if outcome.item else None

    def note_run_untold(self, run_id: str, untold: Collection[str], sweep_at_ms: int) -> Run | None:
        values: dict[str, Any] = {"at": sweep_at_ms, "due": DUE}
        update = "SET #sweep_at_ms = if_not_exists(#sweep_at_ms, :at), #sweep = :due" + _joining(untold, values)
        outcome = self._table.update_if(run_key(run_id), update, "attribute_exists(#pk)", values)
        return self._params.run_of(outcome.item) if outcome.landed and outcome.item else None

    def begin_epoch(self, run: Run, before: Run) -> bool:
        in_state, values = _one_of([state for state in RunState if state.ended])
        values["before"] = run.epoch - 1
        same, same_lease = "attribute_not_exists(#untold)", "attribute_not_exists(#lease_owner)"
        if before.untold:
            same, values["untold"] = "#untold = :untold", set(before.untold)
        if before.lease is not None:
            same_lease = "#lease_owner = :lease_owner AND #lease_until_ms = :lease_until_ms"
            values |= lease_attributes(before.lease)
        condition = f"#epoch = :before AND {in_state} AND {same} AND {same_lease}"
        return self._table.put_if(run_key(run.run_id), self._params.attributes(run), condition, values).landed

    def epoch_prepared(self, run_id: str, epoch: int) -> None:
        # A run's record has `redrive` in every epoch but the first.
        self._table.update_if(
            run_key(run_id), "SET #redrive.#prepared = :yes", "#epoch = :epoch", {"yes": True, "epoch": epoch}
        )

    def due_runs(self, now_ms: int, limit: int) -> list[str]:
        condition = "#sweep = :due AND #sweep_at_ms <= :now"
        items = self._table.query_index(RUNS_BY_SWEEP, condition, {"due": DUE, "now": now_ms}, limit, ascending=True)
        return [item["pk"].removeprefix("RUN#") for item in islice(items, limit)]

    def swept(
        self,
        run: Run,
        *,
        swept_at_ms: int | None,
        sweep_at_ms: int | None,
        next_shard: int = 0,
        untold: Collection[str] = (),
        lease: Lease | None = None,
    ) -> bool:
        values: dict[str, Any] = {
            "epoch": run.epoch,
            "seen": run.sweep_at_ms,
            "seen_shard": run.sweep_shard,
            "shard": next_shard,
        }
        update = "SET #sweep_shard = :shard"
        if swept_at_ms is not None:
            update += ", #swept_at_ms = :swept_at_ms"
            values["swept_at_ms"] = swept_at_ms
        update += _leasing(lease, values)
        if sweep_at_ms is None:
            update += " REMOVE #sweep, #sweep_at_ms"
        else:
            update += ", #sweep_at_ms = :at, #sweep = :due"
            values |= {"at": sweep_at_ms, "due": DUE}
        update += _joining(untold, values)
        same = "#sweep_at_ms = :seen"
        if run.sweep_at_ms is None:
            same = "attribute_not_exists(#sweep_at_ms)"
            del values["seen"]
        condition = f"#epoch = :epoch AND {same} AND #sweep_shard = :seen_shard"
        if sweep_at_ms is None:
            condition += " AND attribute_not_exists(#untold)"
        return self._table.update_if(run_key(run.run_id), update, condition, values).landed

    def list_runs(
        self,
        workflow: str,
        limit: int,
        *,
        state: RunState | None = None,
        since_ms: int | None = None,
        until_ms: int | None = None,
        after: RunPlace | None = None,
    ) -> ListedRuns:
        first_ms = 0 if since_ms is None else since_ms
        last_ms = _LATEST_MS if until_ms is None else until_ms - 1
        if after is not None:
            last_ms = min(last_ms, after.created_at_ms)
        if first_ms > last_ms:
            return ListedRuns((), None)
        condition = "#workflow = :workflow AND #created_at_ms BETWEEN :first AND :last"
        values = {"workflow": workflow, "first": first_ms, "last": last_ms}
        # One more, which tells whether the list goes on.
        at_a_time = min(limit + 1, RUNS_LOOKED_AT) if state is None else RUNS_LOOKED_AT
        items = self._table.query_index(RUNS_BY_WORKFLOW, condition, values, at_a_time)
        met: dict[str, Item] = {}

        def without_params(item: Item) -> Run:
            run = run_of(item, {})
            met[run.run_id] = item
            return run

        listed = first_runs(map(without_params, items), limit, state, after, RUNS_LOOKED_AT)
        return replace(listed, runs=tuple(self._params.runs_of([met[run.run_id] for run in listed.runs])))


def _without(run: Run, told: Collection[str]) -> Run:
    return replace(run, untold=run.untold.difference(told))


def _leasing(lease: Lease | None, values: dict[str, Any]) -> str:
    """The part of a SET clause that takes the lease unless there is one, whose values are added to `values`."""
    if lease is None:
        return ""
    attributes = lease_attributes(lease)
    values |= attributes
    return "".join(f", #{name} = if_not_exists(#{name}, :{name})" for name in attributes)


def _joining(untold: Collection[str], values: dict[str, Any]) -> str:
    """The clause by which these join what is still to be told, whose value is added to `values`."""
    if not untold:
        return ""
    values["untold"] = set(untold)
    return " ADD #untold :untold"


def _one_of(states: Sequence[RunState]) -> tuple[str, dict[str, Any]]:
    """The condition that the run is in one of these states, and the values it names."""
    values: dict[str, Any] = {f"s{place}": state for place, state in enumerate(states)}
    return f"#state IN ({', '.join(f':{name}' for name in values)})", values
