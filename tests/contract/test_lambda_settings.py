"""The settings that Chalice has no word for, put in force on functions and mappings of MiniStack, and read back."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest

from batchwright.deploy.lambda_settings import QUEUE_FUNCTIONS, LambdaSettings, Seen
from batchwright.deploy.policies import Place
from batchwright.local.ministack import MiniStack
from chalicelib.wiring import PARTIAL_RESPONSES
from tests.contract import servers

PLACE = Place("settings", "000000000000", "us-east-1")


class Functions:
    """The stage's queue functions in a MiniStack, as Chalice makes them."""

    def __init__(self, endpoint_url: str) -> None:
        self.client = servers.client("lambda", endpoint_url)
        self.sqs = servers.client("sqs", endpoint_url)
        self.mappings: dict[str, str] = {}

    def put(self) -> None:
        package = io.BytesIO()
        with zipfile.ZipFile(package, "w") as archive:
            archive.writestr("app.py", "def handle(event, context): pass\n")
        for function in QUEUE_FUNCTIONS:
            name = PLACE.function_name(function)
            self.sqs.create_queue(QueueName=name)
            self.client.create_function(
                FunctionName=name,
                Runtime="python3.12",
                Handler="app.handle",
                Role="arn:aws:iam::000000000000:role/any",
                Code={"ZipFile": package.getvalue()},
                Environment={"Variables": {"BATCHWRIGHT_STAGE": PLACE.stage}},
            )
            self.map(name)

    def map(self, name: str) -> None:
        """Make the mapping of a function, as Chalice does: without the setting."""
        arn = PLACE.arn("sqs", name)
        answer = self.client.create_event_source_mapping(EventSourceArn=arn, FunctionName=name, BatchSize=10)
        self.mappings[name] = answer["UUID"]

    def variables(self, name: str) -> dict[str, str]:
        found: dict[str, str] = self.client.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
        return found

    def remove(self) -> None:
        for name, uuid in self.mappings.items():
            self.client.delete_event_source_mapping(UUID=uuid)
            self.client.delete_function(FunctionName=name)
            self.sqs.delete_queue(QueueUrl=self.sqs.get_queue_url(QueueName=name)["QueueUrl"])


@pytest.fixture
def functions(ministack: MiniStack) -> Iterator[Functions]:
    found = Functions(ministack.endpoint_url)
    found.put()
    yield found
    found.remove()


def settings(functions: Functions) -> LambdaSettings:
    return LambdaSettings(functions.client, PLACE)


def heard(functions: Functions) -> tuple[bool, list[str]]:
    lines: list[str] = []
    return settings(functions).apply(lines.append), lines


def test_functions_as_chalice_makes_them_lack_every_setting(functions: Functions) -> None:
    names = [PLACE.function_name(function) for function in QUEUE_FUNCTIONS]
    assert settings(functions).seen() == [Seen(name, False, False, False) for name in names]


def test_a_deployment_allows_the_loop_and_asks_for_reports_of_single_messages(functions: Functions) -> None:
    assert heard(functions) == (True, [])
    for function in QUEUE_FUNCTIONS:
        name = PLACE.function_name(function)
        assert functions.client.get_function_recursion_config(FunctionName=name)["RecursiveLoop"] == "Allow"
        mapping = functions.client.get_event_source_mapping(UUID=functions.mappings[name])
        assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
        assert functions.variables(name) == {"BATCHWRIGHT_STAGE": PLACE.stage, PARTIAL_RESPONSES: "true"}


def test_a_second_deployment_finds_the_settings_in_force(functions: Functions) -> None:
    heard(functions)
    assert heard(functions) == (False, [])
    assert all(seen.may_loop and seen.mappings_report and seen.relies_on_report for seen in settings(functions).seen())


def test_a_mapping_that_was_made_anew_gets_the_setting_back(functions: Functions) -> None:
    heard(functions)
    name = PLACE.function_name("on_commands")
    functions.client.delete_event_source_mapping(UUID=functions.mappings[name])
    functions.map(name)
    [_, seen] = settings(functions).seen()
    assert seen.loses_messages
    assert heard(functions) == (True, [])
    assert not any(seen.loses_messages for seen in settings(functions).seen())


def test_a_stage_without_functions_needs_no_settings(ministack: MiniStack) -> None:
    client: Any = servers.client("lambda", ministack.endpoint_url)
    found = LambdaSettings(client, Place("stackonly", PLACE.account, PLACE.region))
    assert found.seen() == []
    assert not found.apply(lambda line: None)
