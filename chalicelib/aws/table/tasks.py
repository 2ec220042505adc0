"""Task records in the table: claim, take over, submit, observe, wait, commit. One conditional write each.

The condition of a write is a row of the table of states (core/states.py), so a late or repeated event cannot move a
record backwards; what stood in the way comes back with the failed write.
"""

from __future__ import annotations

from typing import Any

from chalicelib.aws.table.calls import Key, Outcome, Table
from chalicelib.aws.table.items import (
    past_result,
    result_attributes,
    shard_partition,
    task_key,
    task_of,
    task_prefix,
)
from chalicelib.core.batch.result import JobResult
from chalicelib.core.errors import Defect
from chalicelib.core.ids import Attempt
from chalicelib.core.plan.task import Requested
from chalicelib.core.run.records import RELEASED, Claim, TaskRecord
from chalicelib.core.states import UNDER_WAY, TaskState, check_observed, states_before

_SAME_ATTEMPT = "#epoch = :epoch AND #number = :number"
_OPEN_CLAIM = f"{_SAME_ATTEMPT} AND #state = :claimed AND attribute_not_exists(#job_id)"


class DynamoTasks:
    """The part of the store port that is about task records."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def task(self, run_id: str, epoch: int, index: int) -> TaskRecord | None:
        item = self._table.get(task_key(run_id, epoch, index))
        return task_of(item) if item else None

    def tasks(self, run_id: str, epoch: int, shard: int) -> list[TaskRecord]:
        return [task_of(item) for item in self._table.query(shard_partition(run_id, shard), task_prefix(epoch))]

    def claim(
        self,
        attempt: Attempt,
        claim: Claim,
        now_ms: int,
        *,
        requested: Requested | None = None,
        replaces_job: str | None = None,
    ) -> TaskRecord | None:
        if replaces_job is None:
            attributes = {
                "epoch": attempt.epoch,
                "number": attempt.number,
                "state": TaskState.CLAIMED,
                "owner": claim.owner,
                "lease_until_ms": claim.lease_until_ms,
                "claimed_at_ms": now_ms,
                "queue": requested and requested.queue,
                "array_size": requested and requested.array_size,
            }
            outcome = self._table.put_if(_key(attempt), attributes, "attribute_not_exists(#pk)")
        else:
            outcome = self._claim_retry(attempt, claim, now_ms, requested, replaces_job)
        if outcome.landed:
            return None
        if outcome.item is None:
            raise Defect(f"attempt {attempt} is to replace job {replaces_job}, but its task has no record")
        return task_of(outcome.item)

    def _claim_retry(
        self, attempt: Attempt, claim: Claim, now_ms: int, requested: Requested | None, replaces_job: str
    ) -> Outcome:
        sets, removes, requested_values = _requested_update(requested)
        return self._table.update_if(
            _key(attempt),
            "SET #state = :claimed, #number = :number, #owner = :owner, #lease_until_ms = :lease, "
            f"#claimed_at_ms = :now{sets} REMOVE #job_id, #retry_at_ms{removes}",
            "#state = :waiting AND #epoch = :epoch AND #number = :number_before AND #job_id = :replaced",
            {
                "claimed": TaskState.CLAIMED,
                "waiting": TaskState.WAITING,
                "epoch": attempt.epoch,
                "number": attempt.number,
                "number_before": attempt.number - 1,
                "replaced": replaces_job,
                "owner": claim.owner,
                "lease": claim.lease_until_ms,
                "now": now_ms,
                **requested_values,
            },
        )

    def take_over(self, seen: TaskRecord, claim: Claim, requested: Requested | None = None) -> bool:
        if seen.claim is None:
            return False
        seen_lease_ms = seen.claim.lease_until_ms
        return self._change_claim(seen.attempt, seen.claim.owner, claim, requested, seen_lease_ms=seen_lease_ms)

    def release(self, attempt: Attempt, owner: str, *, forbidden_since_ms: int | None = None) -> None:
        self._change_claim(attempt, owner, Claim(owner, RELEASED), forbidden_since_ms=forbidden_since_ms)

    def _change_claim(
        self,
        attempt: Attempt,
        owner: str,
        claim: Claim,
        requested: Requested | None = None,
        *,
        seen_lease_ms: int | None = None,
        forbidden_since_ms: int | None = None,
    ) -> bool:
        condition = f"{_OPEN_CLAIM} AND #owner = :seen_owner"
        values = {
            "claimed": TaskState.CLAIMED,
            "seen_owner": owner,
            "owner": claim.owner,
            "lease": claim.lease_until_ms,
            **_attempt_values(attempt),
        }
        if seen_lease_ms is not None:
            condition += " AND #lease_until_ms = :seen_lease"
            values["seen_lease"] = seen_lease_ms
        update = "SET #owner = :owner, #lease_until_ms = :lease"
        if requested is not None:
            sets, removes, requested_values = _requested_update(requested)
            update += sets + (f" REMOVE {removes.removeprefix(', ')}" if removes else "")
            values |= requested_values
        if forbidden_since_ms is not None:
            update += ", #forbidden_since_ms = :since"
            values["since"] = forbidden_since_ms
        return self._table.update_if(_key(attempt), update, condition, values).landed

    def record_job(self, attempt: Attempt, job_id: str) -> TaskRecord:
        outcome = self._table.update_if(
            _key(attempt),
            "SET #state = :submitted, #job_id = :job_id",
            _OPEN_CLAIM,
            {
                "claimed": TaskState.CLAIMED,
                "submitted": TaskState.SUBMITTED,
                "job_id": job_id,
                **_attempt_values(attempt),
            },
        )
        if outcome.item is None:
            raise Defect(f"attempt {attempt} has job {job_id}, but its task has no record")
        return task_of(outcome.item)

    def observe(
        self, attempt: Attempt, job_id: str, state: TaskState, job_tries: int, started_at_ms: int | None
    ) -> TaskRecord | None:
        check_observed(state)
        same_try, same_try_values = _one_of(states_before(state), "a")
        later_try, later_try_values = _one_of(states_before(state, job_started_over=True), "b")
        tries = "attribute_not_exists(#job_tries)" if job_tries == 0 else "#job_tries = :tries"
        fewer = "attribute_not_exists(#job_tries) OR #job_tries < :tries"
        news = f"{tries} AND {same_try}"
        update = "SET #state = :state, #job_id = :job_id"
        values = {
            "state": state,
            "job_id": job_id,
            "claimed": TaskState.CLAIMED,
            **same_try_values,
            **_attempt_values(attempt),
        }
        if job_tries:
            # A record without the attribute has seen no ended try: 0 is not written, most jobs stay there.
            news = f"({news}) OR (({fewer}) AND {later_try})"
            update += ", #job_tries = :tries"
            values |= {"tries": job_tries, **later_try_values}
        if started_at_ms is not None:
            update += ", #started_at_ms = :started"
            values["started"] = started_at_ms
        its_job = "(#job_id = :job_id OR (attribute_not_exists(#job_id) AND #state = :claimed))"
        outcome = self._table.update_if(_key(attempt), update, f"{_SAME_ATTEMPT} AND {its_job} AND ({news})", values)
        return task_of(outcome.item) if outcome.item else None

    def wait_for_retry(self, attempt: Attempt, result: JobResult, retry_at_ms: int) -> bool:
        open_states, state_values = _one_of(states_before(TaskState.WAITING), "s")
        return self._table.update_if(
            _key(attempt),
            "SET #state = :waiting, #job_id = :job_id, #retry_at_ms = :retry_at, "
            "#past = list_append(if_not_exists(#past, :none), :ended) "
            "REMOVE #owner, #lease_until_ms, #claimed_at_ms, #started_at_ms, #job_tries, "
            "#cancel_requested, #missing_since_ms, #forbidden_since_ms",
            f"{_SAME_ATTEMPT} AND {open_states} AND (#job_id = :job_id OR attribute_not_exists(#job_id))",
            {
                "waiting": TaskState.WAITING,
                "job_id": result.job_id,
                "retry_at": retry_at_ms,
                "none": [],
                "ended": [past_result(result)],
                **state_values,
                **_attempt_values(attempt),
            },
        ).landed

    def commit(self, attempt: Attempt, state: TaskState, result: JobResult | None) -> TaskRecord | None:
        before = states_before(state)
        if not before:
            return self.task(attempt.run_id, attempt.epoch, attempt.index)
        open_states, values = _one_of(before, "s")
        values |= {"state": state, **_attempt_values(attempt)}
        update = "SET #state = :state"
        if result:
            update += ", #job_id = if_not_exists(#job_id, :job_id), #result = :result"
            values |= {"job_id": result.job_id, "result": result_attributes(result)}
        outcome = self._table.update_if(
            _key(attempt),
            f"{update} REMOVE #retry_at_ms",
            f"{_SAME_ATTEMPT} AND {open_states}",
            values,
            returns="ALL_OLD",
        )
        return task_of(outcome.item) if outcome.item else None

    def request_cancel(self, seen: TaskRecord) -> bool:
        values = {"claimed": TaskState.CLAIMED, "yes": True, **_attempt_values(seen.attempt)}
        return self._table.update_if(_key(seen.attempt), "SET #cancel_requested = :yes", _OPEN_CLAIM, values).landed

    def mark_missing(self, attempt: Attempt, job_id: str, since_ms: int | None) -> bool:
        under_way, values = _one_of(UNDER_WAY, "s")
        values |= {"job_id": job_id, **_attempt_values(attempt)}
        # Every update here begins with a SET, which carries the mark of the write.
        update = "SET #job_id = :job_id"
        if since_ms is None:
            update += " REMOVE #missing_since_ms"
        else:
            update += ", #missing_since_ms = :since"
            values["since"] = since_ms
        condition = f"{_SAME_ATTEMPT} AND #job_id = :job_id AND {under_way}"
        return self._table.update_if(_key(attempt), update, condition, values).landed

    def add_second_job(self, attempt: Attempt, job_id: str) -> bool:
        added = {"job": frozenset([job_id])}
        outcome = self._table.add_if(_key(attempt), "ADD #second_jobs :job", "attribute_exists(#pk)", added)
        return outcome.landed and job_id not in (outcome.item or {}).get("second_jobs", ())


def _key(attempt: Attempt) -> Key:
    return task_key(attempt.run_id, attempt.epoch, attempt.index)


def _requested_update(requested: Requested | None) -> tuple[str, str, dict[str, Any]]:
    """The SET and REMOVE clauses that store `requested` in place of an earlier one, and their values."""
    given = {"queue": requested and requested.queue, "array_size": requested and requested.array_size}
    values = {name: value for name, value in given.items() if value is not None}
    sets = "".join(f", #{name} = :{name}" for name in values)
    removes = "".join(f", #{name}" for name in given if name not in values)
    return sets, removes, values


def _attempt_values(attempt: Attempt) -> dict[str, int]:
    return {"epoch": attempt.epoch, "number": attempt.number}


def _one_of(states: tuple[TaskState, ...], prefix: str) -> tuple[str, dict[str, Any]]:
    """The condition that the record's state is one of these, and the values it names."""
    values: dict[str, Any] = {f"{prefix}{place}": state for place, state in enumerate(states)}
    return f"#state IN ({', '.join(f':{name}' for name in values)})", values
