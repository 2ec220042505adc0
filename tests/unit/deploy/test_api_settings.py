"""What a deployment asks of API Gateway beyond Chalice, held to botocore's model of it, and what the doctor sees."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.stub import Stubber

from batchwright.deploy.api_settings import BURST, RATE_PER_SECOND, ApiSettings, SeenApi
from batchwright.doctor.stage_rules import check_apis
from chalicelib.core.tokens import HEADER_EXPRESSION
from tests.contract import servers

API = {"restApiId": "api-1"}
STAGE = {**API, "stageName": "api"}
OPEN = {"id": "auth-1", "name": "bearer", "type": "TOKEN"}
NARROW = {**OPEN, "identityValidationExpression": HEADER_EXPRESSION}
LIMITED = {"methodSettings": {"*/*": {"throttlingRateLimit": 50.0, "throttlingBurstLimit": 100}}}


class Gateway:
    """API Gateway, which answers what it is told to and takes no call that nobody foresaw."""

    def __init__(self) -> None:
        self.client = servers.client("apigateway", "http://127.0.0.1:1")
        self.stubber = Stubber(self.client)

    def has(self, authorizers: list[dict[str, Any]], stage: dict[str, Any]) -> None:
        self.stubber.add_response("get_authorizers", {"items": authorizers}, {**API, "limit": 500})
        self.stubber.add_response("get_stage", {"stageName": "api", **stage}, STAGE)

    def is_asked(self, operation: str, **params: Any) -> None:
        self.stubber.add_response(operation, {}, params)


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    found = Gateway()
    with found.stubber:
        yield found
    found.stubber.assert_no_pending_responses()


def settings(gateway: Gateway) -> ApiSettings:
    return ApiSettings(gateway.client, "api-1", "api")


def narrowing(gateway: Gateway, *, traced: bool) -> None:
    operation = {"op": "replace", "path": "/identityValidationExpression", "value": HEADER_EXPRESSION}
    gateway.is_asked("update_authorizer", **API, authorizerId="auth-1", patchOperations=[operation])
    gateway.is_asked("create_deployment", **STAGE, tracingEnabled=traced)


def throttling(gateway: Gateway) -> None:
    operations = [
        {"op": "replace", "path": "/*/*/throttling/rateLimit", "value": f"{RATE_PER_SECOND}"},
        {"op": "replace", "path": "/*/*/throttling/burstLimit", "value": f"{BURST}"},
    ]
    gateway.is_asked("update_stage", **STAGE, patchOperations=operations)


def test_an_api_as_chalice_makes_it_is_narrowed_deployed_and_throttled(gateway: Gateway) -> None:
    gateway.has([OPEN], {})
    narrowing(gateway, traced=False)
    throttling(gateway)
    assert settings(gateway).apply()


def test_a_second_deployment_finds_the_settings_in_force(gateway: Gateway) -> None:
    gateway.has([NARROW], LIMITED)
    assert not settings(gateway).apply()


def test_what_is_narrowed_keeps_its_tracing_and_a_rate_that_somebody_set(gateway: Gateway) -> None:
    theirs = {"methodSettings": {"*/*": {"throttlingRateLimit": 400.0, "throttlingBurstLimit": 10}}}
    gateway.has([OPEN], {"tracingEnabled": True, **theirs})
    narrowing(gateway, traced=True)
    assert settings(gateway).apply()


@pytest.mark.parametrize("rate", [10_000.0, -1.0])
def test_the_account_s_rate_is_no_rate_of_the_stage(gateway: Gateway, rate: float) -> None:
    gateway.has([NARROW], {"methodSettings": {"*/*": {"throttlingRateLimit": rate, "metricsEnabled": True}}})
    throttling(gateway)
    assert settings(gateway).apply()


def test_an_api_that_trusts_iam_has_no_authorizer_to_narrow(gateway: Gateway) -> None:
    gateway.has([], LIMITED)
    assert not settings(gateway).apply()


@pytest.mark.parametrize(
    ("authorizers", "stage", "said"),
    [
        ([NARROW], LIMITED, []),
        ([], LIMITED, []),
        ([OPEN], LIMITED, ["API Gateway asks the authorizer about any header, so strangers make it run"]),
        ([NARROW], {}, ["its stage takes as many requests a second as the account may have"]),
    ],
)
def test_the_doctor_names_what_lets_strangers_run_the_authorizer(
    gateway: Gateway, authorizers: list[dict[str, Any]], stage: dict[str, Any], said: list[str]
) -> None:
    gateway.has(authorizers, stage)
    seen = settings(gateway).seen()
    assert isinstance(seen, SeenApi)
    assert [finding.value for finding in check_apis([seen], "dev")] == said
