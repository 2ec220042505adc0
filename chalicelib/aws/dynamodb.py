"""The store port over one DynamoDB table: its parts put together. docs/table.md describes the items."""

from __future__ import annotations

from typing import Any

from chalicelib.aws.dynamodb_digests import DynamoDigests
from chalicelib.aws.dynamodb_jobs import DynamoJobs
from chalicelib.aws.dynamodb_monitors import DynamoMonitors
from chalicelib.aws.dynamodb_params import DynamoParams
from chalicelib.aws.dynamodb_runs import DynamoRuns
from chalicelib.aws.dynamodb_schedules import DynamoSchedules
from chalicelib.aws.dynamodb_table import Table
from chalicelib.aws.dynamodb_tallies import DynamoTallies
from chalicelib.aws.dynamodb_tasks import DynamoTasks
from chalicelib.aws.dynamodb_workflows import DynamoWorkflows


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
