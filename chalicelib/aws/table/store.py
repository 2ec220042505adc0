"""The store port over one DynamoDB table: its parts put together. docs/reference/table.md describes the items."""

from __future__ import annotations

from typing import Any

from chalicelib.aws.table.calls import Table
from chalicelib.aws.table.digests import DynamoDigests
from chalicelib.aws.table.jobs import DynamoJobs
from chalicelib.aws.table.monitors import DynamoMonitors
from chalicelib.aws.table.params import DynamoParams
from chalicelib.aws.table.runs import DynamoRuns
from chalicelib.aws.table.schedules import DynamoSchedules
from chalicelib.aws.table.tallies import DynamoTallies
from chalicelib.aws.table.tasks import DynamoTasks
from chalicelib.aws.table.workflows import DynamoWorkflows


class DynamoStore(
    DynamoWorkflows,
    DynamoRuns,
    DynamoTallies,
    DynamoTasks,
    DynamoSchedules,
    DynamoDigests,
    DynamoJobs,
    DynamoMonitors,
):
    """All that is in the table. `client` is boto3's for DynamoDB; its retries are botocore's own, bounded."""

    def __init__(self, client: Any, table_name: str) -> None:
        table = Table(client, table_name)
        super().__init__(table)
        self._params = DynamoParams(table)
