"""Workflow versions and plans in the table.

Owns the numbering of versions and the chunks of what does not fit an item. What a plan means is core/plan/model.py's.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

from chalicelib.aws.table.calls import Item, Table
from chalicelib.aws.table.items import (
    CHUNK_PREFIX,
    WORKFLOWS,
    chunk_key,
    entry_attributes,
    entry_key,
    entry_of,
    latest_key,
    version_key,
)
from chalicelib.core.errors import Defect, PreconditionFailed, TryAgain
from chalicelib.core.ids import definition_digest
from chalicelib.core.limits import PLAN_CHUNK_BYTES
from chalicelib.core.plan.model import Plan
from chalicelib.core.run.records import WorkflowEntry, WorkflowVersion, entry_of_push

TASKS_KEPT = 100_000
"""Tasks of plans that a warm Lambda remembers; one of them takes up to about 1 KB of memory. The plan read last stays
whatever its size."""
_TRIES = 100


class DynamoWorkflows:
    """The part of the store port that is about workflows and plans."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._warm_plans: dict[str, Plan] = {}

    def push(
        self, name: str, definition: Mapping[str, Any], plan: Plan, now_ms: int, *, after: int | None = None
    ) -> WorkflowVersion:
        """As the port says. A version's number is taken by a put that must find none; whoever loses it carries
        `LATEST` forward for the winner, who may have died before that, and tries the next number."""
        digest, packed = definition_digest(definition), _packed(definition)
        fits = len(packed) <= PLAN_CHUNK_BYTES
        chunks_stored = False
        for _ in range(_TRIES):
            latest = self._table.get(latest_key(name))
            _check_latest(name, latest, after)
            if latest and _is_there(latest) and self._is_same(latest, plan, digest):
                self._list(name, definition, plan, latest, " OR (#version = :version AND attribute_exists(#deleted))")
                return self._version_of(name, latest)
            if not chunks_stored:
                # Before the version that names them: a version is whole from its first moment.
                self._put_chunks(f"PLAN#{plan.digest}", plan.chunks())
                self._put_chunks(f"DEFINITION#{digest}", () if fits else _pieces(packed))
                chunks_stored = True
            version: int = latest["version"] + 1 if latest else 1
            attributes = {
                "version": version,
                "plan_digest": plan.digest,
                "definition_digest": digest,
                "definition": packed if fits else None,
                "pushed_at_ms": now_ms,
            }
            taken = self._table.put_if(version_key(name, version), attributes, "attribute_not_exists(#pk)")
            self._move_latest(name, attributes if taken.landed else taken.item)
            if taken.landed:
                self._list(name, definition, plan, attributes)
                return self._version_of(name, attributes)
        raise TryAgain(f"{_TRIES} others pushed workflow '{name}' at the same time")

    def workflow(self, name: str, version: int | None = None) -> WorkflowVersion | None:
        latest = self._table.get(latest_key(name))
        if latest is None or not _is_there(latest):
            return None
        item = latest if version in (None, latest["version"]) else self._table.get(version_key(name, version))
        return self._version_of(name, item) if item else None

    def delete_workflow(self, name: str, version: int) -> bool:
        # The entry first: what dies in between can be deleted again. It stays as a mark, so that a push which comes
        # late does not list an older version again.
        entry = WorkflowEntry(name, version, tasks=0, pushed_at_ms=0, is_deleted=True)
        condition = "attribute_not_exists(#pk) OR #version <= :version"
        self._table.put_if(entry_key(name), entry_attributes(entry), condition, {"version": version})
        is_latest = "#version = :version AND attribute_not_exists(#deleted)"
        values = {"version": version, "yes": True}
        return self._table.update_if(latest_key(name), "SET #deleted = :yes", is_latest, values).landed

    def list_workflows(self, limit: int, *, after: str = "", with_deleted: bool = False) -> list[WorkflowEntry]:
        items = self._table.query_after(WORKFLOWS, after, limit)
        entries = (entry for entry in map(entry_of, items) if with_deleted or not entry.is_deleted)
        return list(islice(entries, limit))

    def plan(self, digest: str) -> Plan:
        plan = self._warm_plans.pop(digest, None) or self._read_plan(digest)
        # The one used last stands last; those used longest ago make room.
        self._warm_plans[digest] = plan
        while len(self._warm_plans) > 1 and sum(len(warm.tasks) for warm in self._warm_plans.values()) > TASKS_KEPT:
            del self._warm_plans[next(iter(self._warm_plans))]
        return plan

    def _read_plan(self, digest: str) -> Plan:
        chunks = self._chunks(f"PLAN#{digest}")
        if not chunks:
            raise Defect(f"plan {digest} is not in the table")
        try:
            return Plan.from_chunks(digest, chunks)
        except zlib.error as error:
            raise Defect(f"plan {digest} is not whole in the table: {error}") from error

    def _is_same(self, version: Item, plan: Plan, definition_digest: str) -> bool:
        """True if a version holds this definition and plan, also if an older format of plans gave it another digest."""
        if version["definition_digest"] != definition_digest:
            return False
        return version["plan_digest"] == plan.digest or self.plan(version["plan_digest"]) == plan

    def _move_latest(self, name: str, item: Item | None) -> None:
        """Copy a version's item to `LATEST`, unless that is as new already."""
        if item is None:
            raise Defect(f"a version of workflow '{name}' stood in the way of the next, yet was not told")
        attributes = {key: value for key, value in item.items() if key not in ("pk", "sk")}
        condition = "attribute_not_exists(#pk) OR #version < :version"
        self._table.put_if(latest_key(name), attributes, condition, {"version": item["version"]})

    def _list(self, name: str, definition: Mapping[str, Any], plan: Plan, version: Item, or_if: str = "") -> None:
        """Put the version in the list of workflows, unless one as new is there."""
        entry = entry_of_push(name, definition, len(plan.tasks), version["version"], version["pushed_at_ms"])
        condition = f"attribute_not_exists(#pk) OR #version < :version{or_if}"
        self._table.put_if(entry_key(name), entry_attributes(entry), condition, {"version": entry.version})

    def _version_of(self, name: str, item: Mapping[str, Any]) -> WorkflowVersion:
        packed = item.get("definition") or b"".join(self._chunks(f"DEFINITION#{item['definition_digest']}"))
        return WorkflowVersion(
            name=name,
            version=item["version"],
            definition=json.loads(zlib.decompress(packed)),
            plan_digest=item["plan_digest"],
            pushed_at_ms=item["pushed_at_ms"],
        )

    def _put_chunks(self, partition: str, chunks: Sequence[bytes]) -> None:
        for number, chunk in enumerate(chunks):
            self._table.put(chunk_key(partition, number), {"data": chunk})

    def _chunks(self, partition: str) -> list[bytes]:
        return [item["data"] for item in self._table.query(partition, CHUNK_PREFIX)]


def _check_latest(name: str, latest: Item | None, after: int | None) -> None:
    number = latest["version"] if latest and _is_there(latest) else 0
    if after is not None and after != number:
        raise PreconditionFailed(f"workflow '{name}' was pushed or deleted meanwhile; look at it again")


def _is_there(latest: Item) -> bool:
    return not latest.get("deleted")


def _packed(definition: Mapping[str, Any]) -> bytes:
    """The compressed JSON of a definition, its keys in their own order."""
    return zlib.compress(json.dumps(definition, separators=(",", ":"), ensure_ascii=False).encode())


def _pieces(data: bytes) -> list[bytes]:
    return [data[start : start + PLAN_CHUNK_BYTES] for start in range(0, len(data), PLAN_CHUNK_BYTES)]
