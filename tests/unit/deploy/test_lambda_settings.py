"""In which order the settings of the queue functions are made, and what is done where Lambda does not take one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from batchwright.deploy.account import DeployError
from batchwright.deploy.lambda_settings import REPORT, LambdaSettings, Seen
from batchwright.deploy.policies import Place
from batchwright.deploy.quota import Quota
from batchwright.doctor.rules import Finding, Severity
from batchwright.doctor.stage_rules import check_functions
from chalicelib.wiring import PARTIAL_RESPONSES

PLACE = Place("dev", "123456789012", "eu-west-1")
EVENTS = PLACE.function_name("on_events")
COMMANDS = PLACE.function_name("on_commands")
ENOUGH = Quota(1000, 1000)
LOOP, REPORTED = "a queue's function may send to its own queue", "what a function reports as failed comes again"


class Lambda:
    """One queue function with its mapping. `takes` says whether the mapping keeps the setting; each state of `states`
    is seen once, then the mapping is Enabled."""

    def __init__(self, *, takes: bool = True, states: tuple[str, ...] = (), variable: str | None = None) -> None:
        self.meta = SimpleNamespace(endpoint_url="http://127.0.0.1:1")
        self.takes = takes
        self.states = list(states)
        self.variables = {"BATCHWRIGHT_STAGE": "dev"} | ({PARTIAL_RESPONSES: variable} if variable else {})
        self.reports: list[str] = []
        self.loop = "Terminate"
        self.updating = 0
        self.made: list[str] = []
        self.busy = 0

    def get_function_configuration(self, FunctionName: str) -> dict[str, Any]:
        if FunctionName != EVENTS:
            raise ClientError({"Error": {"Code": "ResourceNotFoundException", "Message": ""}}, "GetFunction")
        self.updating, under_way = max(self.updating - 1, 0), self.updating > 0
        status = "InProgress" if under_way else "Successful"
        return {"Environment": {"Variables": dict(self.variables)}, "LastUpdateStatus": status}

    def get_function_recursion_config(self, FunctionName: str) -> dict[str, Any]:
        return {"RecursiveLoop": self.loop}

    def put_function_recursion_config(self, FunctionName: str, RecursiveLoop: str) -> None:
        self.loop = RecursiveLoop
        self.made.append(f"loop {RecursiveLoop}")

    def get_paginator(self, name: str) -> Any:
        assert name == "list_event_source_mappings"

        def pages(FunctionName: str) -> Iterator[dict[str, Any]]:
            yield {"EventSourceMappings": [self._mapping("Enabled")]}

        return SimpleNamespace(paginate=pages)

    def _mapping(self, state: str) -> dict[str, Any]:
        scaling = {"MaximumConcurrency": 20}
        return {"UUID": "feed", "State": state, "FunctionResponseTypes": list(self.reports), "ScalingConfig": scaling}

    def get_event_source_mapping(self, UUID: str) -> dict[str, Any]:
        return self._mapping(self.states.pop(0) if self.states else "Enabled")

    def update_event_source_mapping(self, UUID: str, FunctionResponseTypes: list[str]) -> None:
        assert not self.states, "a mapping that is being made or changed cannot be changed"
        if self.busy:
            self.busy -= 1
            raise ClientError({"Error": {"Code": "ResourceInUseException", "Message": ""}}, "UpdateEventSourceMapping")
        self.made.append("mapping")
        self.states = ["Updating", "Updating"]
        if self.takes:
            self.reports = FunctionResponseTypes

    def update_function_configuration(self, FunctionName: str, Environment: dict[str, Any]) -> None:
        assert not self.states, "the mapping has not settled"
        assert not self.updating, "Lambda refuses a change during another one"
        self.variables = Environment["Variables"]
        self.updating = 2
        self.made.append(f"variable {self.variables.get(PARTIAL_RESPONSES)}")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("batchwright.deploy.lambda_settings.LOCAL_POLL_SECONDS", 0.0)


def applied(client: Lambda, say: Callable[[str], None] = lambda line: None) -> bool:
    return LambdaSettings(client, PLACE, wait_seconds=5.0).apply(say)


def test_the_variable_is_set_only_after_the_mapping_has_settled() -> None:
    client = Lambda(states=("Creating", "Enabling"))
    assert applied(client)
    assert client.made == ["loop Allow", "mapping", "variable true"]
    assert client.variables == {"BATCHWRIGHT_STAGE": "dev", PARTIAL_RESPONSES: "true"}
    assert not applied(client)


def test_a_mapping_that_is_in_use_is_asked_again() -> None:
    client = Lambda()
    client.busy = 3
    applied(client)
    assert client.reports == [REPORT]


@pytest.mark.parametrize("before", [None, "true"])
def test_a_mapping_that_does_not_take_the_setting_leaves_no_function_that_relies_on_it(before: str | None) -> None:
    client = Lambda(takes=False, variable=before)
    lines: list[str] = []
    applied(client, lines.append)
    assert PARTIAL_RESPONSES not in client.variables
    [line] = lines
    assert line.startswith(f"{EVENTS}: Lambda did not take {REPORT} for its queue")


def test_a_mapping_that_never_settles_ends_the_deployment_with_its_name() -> None:
    client = Lambda(states=("Creating",) * 1_000_000)
    with pytest.raises(DeployError, match="the event source mapping feed has not settled"):
        LambdaSettings(client, PLACE, wait_seconds=0.05).apply(lambda line: None)


def test_the_doctor_has_nothing_to_say_of_functions_as_a_deployment_leaves_them() -> None:
    client = Lambda()
    applied(client)
    assert check_functions(LambdaSettings(client, PLACE).seen(), ENOUGH, "dev") == []


@pytest.mark.parametrize(
    ("seen", "rule", "said"),
    [
        (
            Seen(EVENTS, False, True, True, 20),
            "a queue's function may send to its own queue",
            "RecursiveLoop is Terminate",
        ),
        (Seen(EVENTS, True, False, True, 20), REPORTED, "are lost"),
        (Seen(EVENTS, True, False, False, 20), REPORTED, f"lacks {REPORT}: the"),
        (
            Seen(EVENTS, True, True, False, 20),
            "what a function reports as failed comes again",
            "is not true: the function",
        ),
    ],
)
def test_the_doctor_names_the_setting_that_is_not_in_force(seen: Seen, rule: str, said: str) -> None:
    [found] = check_functions([seen], ENOUGH, "dev")
    assert isinstance(found, Finding)
    assert (found.severity, found.rule, found.place) == (Severity.ERROR, rule, f"function {EVENTS}")
    assert said in found.value
    assert "`batchwright deploy --stage dev`" in found.advice


@pytest.mark.parametrize(
    ("quota", "events", "commands", "said"),
    [
        (1000, 20, 10, []),
        (10, 4, 2, []),
        (10, 20, 2, [f"{EVENTS}: its queue may feed 20 at once, of 10; at most 4 leave enough"]),
        (
            1000,
            None,
            10,
            [f"{EVENTS}: its queue may feed any number at once, of 1,000; at most 20 leave enough"],
        ),
        (10, 4, 10, [f"{COMMANDS}: its queue may feed 10 at once, of 10; at most 2 leave enough"]),
    ],
)
def test_the_doctor_names_a_queue_that_may_use_up_the_account(
    quota: int, events: int | None, commands: int | None, said: list[str]
) -> None:
    seen = [Seen(EVENTS, True, True, True, events), Seen(COMMANDS, True, True, True, commands)]
    found = check_functions(seen, Quota(quota, quota), "dev")
    assert [f"{one.place.removeprefix('function ')}: {one.value}" for one in found] == said


class Authorizer:
    """The authorizer of a stage without any queue function, and what is reserved for it."""

    def __init__(self, reserved: int | None) -> None:
        self.meta = SimpleNamespace(endpoint_url="http://127.0.0.1:1")
        self.reserved = reserved

    def get_function_configuration(self, FunctionName: str) -> dict[str, Any]:
        if FunctionName != PLACE.function_name("bearer"):
            raise ClientError({"Error": {"Code": "ResourceNotFoundException", "Message": ""}}, "GetFunction")
        return {}

    def get_function_concurrency(self, FunctionName: str) -> dict[str, int]:
        return {} if self.reserved is None else {"ReservedConcurrentExecutions": self.reserved}

    def put_function_concurrency(self, FunctionName: str, ReservedConcurrentExecutions: int) -> None:
        self.reserved = ReservedConcurrentExecutions

    def delete_function_concurrency(self, FunctionName: str) -> None:
        self.reserved = None


@pytest.mark.parametrize(
    ("there", "wished", "then", "changed"),
    [
        (None, 10, 10, True),
        (10, 10, 10, False),
        (10, None, None, True),
        (None, None, None, False),
        # Somebody's own number.
        (25, 10, 25, False),
        (25, None, 25, False),
    ],
)
def test_executions_are_reserved_for_the_authorizer(
    there: int | None, wished: int | None, then: int | None, changed: bool
) -> None:
    client = Authorizer(there)
    assert LambdaSettings(client, PLACE, wished).apply(lambda line: None) is changed
    assert client.reserved == then
