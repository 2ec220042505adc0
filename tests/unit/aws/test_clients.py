"""What our clients really send: no lineage to the services that put messages on our own queues."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest

from chalicelib.aws.clients import Clients, clients, sdk_versions
from tests.unit.aws.scripted import Answer, Scripted, scripted_server

TRACE = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=557abcec3ee5a047;Sampled=0;Lineage=1:fc3b4ff1:14"


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Iterator[Scripted]:
    """A server that answers every client, and the environment of a function amid a chain of invocations."""
    with scripted_server() as script:
        monkeypatch.setenv("AWS_ENDPOINT_URL", script.endpoint_url)
        monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "batchwright-dev-on_commands")
        monkeypatch.setenv("_X_AMZN_TRACE_ID", TRACE)
        script.answers.append(Answer())
        yield script


def local_clients() -> Clients:
    return clients(boto3.session.Session("local", "local", region_name="us-east-1"))


def send(made: Clients) -> Any:
    return made.sqs.send_message(QueueUrl=f"{os.environ['AWS_ENDPOINT_URL']}/0/commands", MessageBody="{}")


def schedule(made: Clients) -> Any:
    target = {
        "Arn": "arn:aws:sqs:us-east-1:123456789012:commands",
        "RoleArn": "arn:aws:iam::123456789012:role/scheduler",
    }
    return made.make_scheduler().create_schedule(
        Name="often", ScheduleExpression="rate(1 hour)", FlexibleTimeWindow={"Mode": "OFF"}, Target=target
    )


@pytest.mark.parametrize("call", [send, schedule])
def test_what_puts_messages_on_our_queues_sends_no_lineage(script: Scripted, call: Callable[[Clients], Any]) -> None:
    call(local_clients())
    assert "x-amzn-trace-id" not in script.headers[0]


def test_without_our_care_botocore_sends_the_lineage(script: Scripted) -> None:
    made = boto3.session.Session("local", "local", region_name="us-east-1").client("sqs")
    made.send_message(QueueUrl=f"{script.endpoint_url}/0/commands", MessageBody="{}")
    assert "Lineage=1:fc3b4ff1:14" in script.headers[0]["x-amzn-trace-id"]


def test_a_runs_own_queue_gets_the_lineage_because_its_consumer_may_start_runs(script: Scripted) -> None:
    made = local_clients().make_run_queues()
    made.send_message(QueueUrl=f"{script.endpoint_url}/0/theirs", MessageBody="{}")
    assert "Lineage=1:fc3b4ff1:14" in script.headers[0]["x-amzn-trace-id"]


def test_the_versions_of_the_sdk_are_told() -> None:
    assert sdk_versions().startswith(f"boto3 {boto3.__version__} and botocore ")
