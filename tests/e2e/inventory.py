"""Everything that an account holds, service by service: what a deployment made, and that a removal left nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.e2e.stage import Account


def inventory(account: Account) -> dict[str, list[str]]:
    """The names of all there is, by kind; kinds of which there is nothing are left out."""
    found = {kind: sorted(names(account.client(service))) for kind, (service, names) in _KINDS.items()}
    return {kind: names for kind, names in found.items() if names}


def _stacks(client: Any) -> list[str]:
    return [
        one["StackName"] for one in client.list_stacks()["StackSummaries"] if one["StackStatus"] != "DELETE_COMPLETE"
    ]


def _roles(client: Any) -> list[str]:
    # Roles of services are AWS's own.
    return [one["RoleName"] for one in client.list_roles()["Roles"] if not one["Path"].startswith("/aws-service-role/")]


def _schedules(client: Any) -> list[str]:
    return [one["Name"] for one in client.list_schedules()["Schedules"]]


def _schedule_groups(client: Any) -> list[str]:
    return [one["Name"] for one in client.list_schedule_groups()["ScheduleGroups"] if one["Name"] != "default"]


_KINDS: dict[str, tuple[str, Callable[[Any], list[str]]]] = {
    "stacks": ("cloudformation", _stacks),
    "functions": ("lambda", lambda c: [one["FunctionName"] for one in c.list_functions()["Functions"]]),
    "event sources": (
        "lambda",
        lambda c: [one["UUID"] for one in c.list_event_source_mappings()["EventSourceMappings"]],
    ),
    "layers": ("lambda", lambda c: [one["LayerName"] for one in c.list_layers()["Layers"]]),
    "roles": ("iam", _roles),
    "policies": ("iam", lambda c: [one["PolicyName"] for one in c.list_policies(Scope="Local")["Policies"]]),
    "tables": ("dynamodb", lambda c: c.list_tables()["TableNames"]),
    "queues": ("sqs", lambda c: c.list_queues().get("QueueUrls", [])),
    "topics": ("sns", lambda c: [one["TopicArn"] for one in c.list_topics()["Topics"]]),
    "subscriptions": ("sns", lambda c: [one["SubscriptionArn"] for one in c.list_subscriptions()["Subscriptions"]]),
    "buckets": ("s3", lambda c: [one["Name"] for one in c.list_buckets()["Buckets"]]),
    "rules": ("events", lambda c: [one["Name"] for one in c.list_rules()["Rules"]]),
    "schedules": ("scheduler", _schedules),
    "schedule groups": ("scheduler", _schedule_groups),
    "log groups": ("logs", lambda c: [one["logGroupName"] for one in c.describe_log_groups()["logGroups"]]),
    "alarms": ("cloudwatch", lambda c: [one["AlarmName"] for one in c.describe_alarms()["MetricAlarms"]]),
    "dashboards": ("cloudwatch", lambda c: [one["DashboardName"] for one in c.list_dashboards()["DashboardEntries"]]),
    "APIs": ("apigateway", lambda c: [one["id"] for one in c.get_rest_apis()["items"]]),
    "secrets": ("secretsmanager", lambda c: [one["Name"] for one in c.list_secrets()["SecretList"]]),
}
