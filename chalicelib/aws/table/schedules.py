"""Records of schedules in the table: read, put in place of what was read, and listed for the sweep."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from itertools import islice
from typing import Any

from chalicelib.aws.table.calls import Item, Table
from chalicelib.aws.table.items import RUNS_BY_SWEEP, SCHEDULE, SCHEDULE_PREFIX, schedule_key
from chalicelib.core.schedule.decisions import ScheduleRecord
from chalicelib.core.schedule.model import document_of, schedule_of

_LISTS = ("pending", "backfill")
_NOT_PLAIN = ("workflow", "name", "schedule", *_LISTS)
_PLAIN = tuple(field.name for field in fields(ScheduleRecord) if field.name not in _NOT_PLAIN)


class DynamoSchedules:
    """The part of the store port that is about schedules."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def schedule(self, workflow: str, name: str) -> ScheduleRecord | None:
        item = self._table.get(schedule_key(workflow, name))
        return _record_of(item) if item else None

    def schedules(self, workflow: str) -> list[ScheduleRecord]:
        partition, _ = schedule_key(workflow, "")
        return [_record_of(item) for item in self._table.query_all(partition)]

    def put_schedule(self, record: ScheduleRecord) -> bool:
        condition, values = "attribute_not_exists(#pk)", None
        if record.revision > 1:
            condition, values = "#revision = :before", {"before": record.revision - 1}
        key = schedule_key(record.workflow, record.name)
        return self._table.put_if(key, _attributes(record), condition, values).landed

    def due_schedules(self, until_ms: int, limit: int) -> list[tuple[str, str]]:
        condition = "#sweep = :schedule AND #sweep_at_ms <= :until"
        values = {"schedule": SCHEDULE, "until": until_ms}
        items = self._table.query_index(RUNS_BY_SWEEP, condition, values, limit, ascending=True)
        return [(item["pk"].removeprefix(SCHEDULE_PREFIX), item["sk"]) for item in islice(items, limit)]


def _attributes(record: ScheduleRecord) -> Item:
    schedule = record.schedule
    return {
        **{name: getattr(record, name) for name in _PLAIN},
        **{name: list(getattr(record, name)) or None for name in _LISTS},
        # As text, for DynamoDB's numbers are not JSON's.
        "schedule": None if schedule is None else json.dumps(document_of(schedule), separators=(",", ":")),
        "sweep": None if record.is_gone else SCHEDULE,
    }


def _record_of(item: Mapping[str, Any]) -> ScheduleRecord:
    schedule = item.get("schedule")
    values: dict[str, Any] = {name: item[name] for name in _PLAIN if name in item}
    values |= {name: tuple(item.get(name, ())) for name in _LISTS}
    return ScheduleRecord(
        workflow=item["pk"].removeprefix(SCHEDULE_PREFIX),
        name=item["sk"],
        schedule=None if schedule is None else schedule_of(json.loads(schedule)),
        **values,
    )
