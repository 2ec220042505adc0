"""The rows that a call of verify leaves in the stage's table: found by the names that follow from its stamp.

Owns which rows these are. docs/reference/table.md shows each. Statistics that many jobs share are not among them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from batchwright.verify.jobs import stamped, workflow_names
from chalicelib.aws.table.items import (
    RUNS_BY_WORKFLOW,
    WORKFLOWS,
    digest_partition,
    latest_key,
    run_key,
    schedule_key,
    shard_partition,
)
from chalicelib.aws.table.jobs import ENTRIES, job_key
from chalicelib.aws.table.tokens import PARTITION as TOKENS
from chalicelib.core.notice.window import run_scope

BATCH_ITEMS = 25
"""The most that one BatchWriteItem takes."""
_EPOCHS = 3
"""More than a call makes of its runs."""

Row = tuple[str, str]


@dataclass(frozen=True)
class Rows:
    """The rows of one call. `client` is boto3's of DynamoDB."""

    client: Any
    table: str
    stamp: str
    stage: str

    def find(self) -> list[str]:
        """What is there, as `pk / sk`."""
        return [f"{pk} / {sk}" for pk, sk in self._rows()]

    def remove(self, found: Sequence[str]) -> None:
        """Delete what is there. A run's rows are deleted at last, because the others are found by it."""
        rows = [(pk, sk) for pk, _, sk in (one.partition(" / ") for one in found)]
        for at in range(0, len(rows), BATCH_ITEMS):
            batch = rows[at : at + BATCH_ITEMS]
            asked = {self.table: [{"DeleteRequest": {"Key": {"pk": {"S": pk}, "sk": {"S": sk}}}} for pk, sk in batch]}
            while asked:
                asked = self.client.batch_write_item(RequestItems=asked).get("UnprocessedItems") or {}

    def _rows(self) -> list[Row]:
        found: dict[Row, None] = {}
        for workflow in workflow_names(self.stamp):
            for run_id in self._run_ids(workflow):
                found |= dict.fromkeys(self._rows_of_run(run_id))
            for item in self._query(latest_key(workflow)[0]):
                found |= dict.fromkeys(self._keys(f"PLAN#{item.get('plan_digest', {}).get('S')}"))
                found[item["pk"]["S"], item["sk"]["S"]] = None
            found |= dict.fromkeys(self._keys(schedule_key(workflow, "")[0]))
            found |= dict.fromkeys(self._keys(WORKFLOWS, workflow))
        for pk, sk in self._keys(ENTRIES, f"{stamped(self.stamp)}-"):
            found |= dict.fromkeys(self._keys(job_key(sk.rpartition("#")[2])[0]))
            found[pk, sk] = None
        for item in self._query(TOKENS):
            if item.get("name", {}).get("S") == stamped(self.stamp):
                found[item["pk"]["S"], item["sk"]["S"]] = None
        return list(found)

    def _rows_of_run(self, run_id: str) -> Iterator[Row]:
        yield from self._keys(shard_partition(run_id, 0))
        for epoch in range(_EPOCHS):
            yield from self._keys(digest_partition(run_scope(run_id, epoch)))
        yield from self._keys(run_key(run_id)[0])

    def _run_ids(self, workflow: str) -> list[str]:
        pages = self.client.get_paginator("query").paginate(
            TableName=self.table,
            IndexName=RUNS_BY_WORKFLOW,
            KeyConditionExpression="workflow = :workflow",
            ExpressionAttributeValues={":workflow": {"S": workflow}},
        )
        return [item["pk"]["S"].removeprefix("RUN#") for page in pages for item in page["Items"]]

    def _keys(self, partition: str, begins: str = "") -> list[Row]:
        return [(item["pk"]["S"], item["sk"]["S"]) for item in self._query(partition, begins)]

    def _query(self, partition: str, begins: str = "") -> list[dict[str, Any]]:
        condition, values = "pk = :pk", {":pk": {"S": partition}}
        if begins:
            condition, values = f"{condition} AND begins_with(sk, :begins)", {**values, ":begins": {"S": begins}}
        pages = self.client.get_paginator("query").paginate(
            TableName=self.table,
            ConsistentRead=True,
            KeyConditionExpression=condition,
            ExpressionAttributeValues=values,
        )
        return [item for page in pages for item in page["Items"]]
