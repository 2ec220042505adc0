"""What the environment sets, and what it is told when that makes no sense."""

from __future__ import annotations

import time
from typing import Any

import boto3
import pytest
from botocore.config import Config

from chalicelib import wiring
from chalicelib.aws.clients import Clients, clients, sdk_versions
from chalicelib.core.errors import UserMistake
from chalicelib.core.notice.kinds import NoticeKind
from chalicelib.core.notice.preferences import DEFAULT_KINDS
from chalicelib.engine.inbox.messages import MessagesLeft
from chalicelib.engine.world.world import Settings
from chalicelib.wiring import (
    BLOCKED_QUEUES,
    EVENT_BUS,
    LEASE_SECONDS,
    NOTIFY,
    PARTIAL_RESPONSES,
    SUBMIT_RATE,
    VARIABLES,
    WallClock,
    event_bus,
    settings_of,
    wire,
    wired,
    with_addresses,
)


@pytest.mark.parametrize(("given", "rate"), [({}, 48), ({SUBMIT_RATE: ""}, 48), ({SUBMIT_RATE: " 20 "}, 20)])
def test_the_rate_of_submissions_is_48_a_second_unless_the_environment_says_otherwise(
    given: dict[str, str], rate: int
) -> None:
    assert settings_of(given) == Settings(submit_rate=rate)


@pytest.mark.parametrize("given", ["0", "-1", "48.5", "many", "10001", "²"])
def test_a_rate_that_is_none_is_refused_with_the_rule_and_the_value(given: str) -> None:
    with pytest.raises(UserMistake, match=f"^{SUBMIT_RATE} must be .* from 1 to 10000, not '{given}'; leave it out"):
        settings_of({SUBMIT_RATE: given})


def test_a_lease_may_be_short_where_no_lambda_runs_and_not_in_one() -> None:
    assert settings_of({LEASE_SECONDS: "12"}) == Settings(lease_seconds=12)
    in_lambda = {"AWS_LAMBDA_FUNCTION_NAME": "batchwright-dev-on_events"}
    assert settings_of({LEASE_SECONDS: "61", **in_lambda}) == Settings(lease_seconds=61)
    with pytest.raises(
        UserMistake, match=f"^{LEASE_SECONDS} must be .* from 61 to 3600, not '60'; leave it out for 90"
    ):
        settings_of({LEASE_SECONDS: "60", **in_lambda})


@pytest.mark.parametrize(
    ("given", "kinds"),
    [
        ({}, DEFAULT_KINDS),
        ({NOTIFY: "usual"}, DEFAULT_KINDS),
        ({NOTIFY: "none"}, ()),
        ({NOTIFY: ""}, ()),
        ({NOTIFY: "run_failed"}, (NoticeKind.RUN_FAILED,)),
    ],
)
def test_a_stage_says_which_notices_its_runs_send(given: dict[str, str], kinds: tuple[NoticeKind, ...]) -> None:
    assert settings_of(given).notify_kinds == kinds


ENVIRONMENT = {name: f"http://127.0.0.1:9/0/{name.lower()}" for name in VARIABLES}


def batch_of(*bodies: str) -> dict[str, Any]:
    attributes = {"ApproximateReceiveCount": "1"}
    return {
        "Records": [
            {"messageId": f"id-{body}", "receiptHandle": f"handle-{body}", "body": body, "attributes": attributes}
            for body in bodies
        ]
    }


@pytest.mark.parametrize("handle", ["handle_events", "handle_commands"])
def test_where_lambda_takes_partial_responses_the_messages_that_are_left_are_returned(handle: str) -> None:
    wired = wire({**ENVIRONMENT, PARTIAL_RESPONSES: "true"}, no_clients())
    assert getattr(wired, handle)(batch_of("bad", "worse"), "owner") == {
        "batchItemFailures": [{"itemIdentifier": "id-bad"}, {"itemIdentifier": "id-worse"}]
    }
    assert getattr(wired, handle)({"Records": []}, "owner") == {"batchItemFailures": []}


@pytest.mark.parametrize("handle", ["handle_events", "handle_commands"])
@pytest.mark.parametrize("given", [None, "", "false", "True", "yes"])
def test_elsewhere_messages_that_are_left_are_raised_because_lambda_would_delete_them(
    handle: str, given: str | None
) -> None:
    wired = wire(ENVIRONMENT | ({} if given is None else {PARTIAL_RESPONSES: given}), no_clients())
    with pytest.raises(MessagesLeft) as left:
        getattr(wired, handle)(batch_of("bad"), "owner")
    assert left.value.message_ids == ("id-bad",)
    assert getattr(wired, handle)({"Records": []}, "owner") is None


def no_clients() -> Clients:
    """Clients that reach nothing."""
    session = boto3.session.Session("local", "local", region_name="us-east-1")
    once = Config(retries={"total_max_attempts": 1}, connect_timeout=1)
    session._session.set_default_client_config(once)
    return clients(session)


def test_a_process_says_once_which_sdk_it_runs_with(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(wiring, "_built", [])
    for name, value in {**ENVIRONMENT, "AWS_DEFAULT_REGION": "us-east-1"}.items():
        monkeypatch.setenv(name, value)
    with caplog.at_level("INFO", "chalicelib.wiring"):
        for _ in range(2):
            wired()
    assert [line for line in caplog.messages if "boto3" in line] == [f"a process begins with {sdk_versions()}"]


@pytest.mark.parametrize(
    ("given", "tells"),
    [
        ({}, True),
        ({NOTIFY: "run_failed,task_failed"}, True),
        ({NOTIFY: "none"}, True),
        ({BLOCKED_QUEUES: "told"}, True),
        ({BLOCKED_QUEUES: "untold"}, False),
        ({BLOCKED_QUEUES: "untold", NOTIFY: "usual"}, False),
    ],
)
def test_blocked_queues_are_told_of_unless_that_is_turned_off(given: dict[str, str], tells: bool) -> None:
    assert settings_of(given).tells_blocked_queues is tells


def test_what_is_no_word_for_blocked_queues_and_no_kind_of_a_run_is_refused() -> None:
    with pytest.raises(UserMistake, match=f"^{BLOCKED_QUEUES} must be told or untold, not 'no'; leave it out for told"):
        settings_of({BLOCKED_QUEUES: "no"})
    with pytest.raises(UserMistake, match=f"^{NOTIFY} names 'queue_blocked', which is no kind of notice of a run"):
        settings_of({NOTIFY: "run_failed,queue_blocked"})


@pytest.mark.parametrize(("given", "bus"), [({}, None), ({EVENT_BUS: "none"}, None), ({EVENT_BUS: "mine"}, "mine")])
def test_a_stage_has_an_event_bus_only_where_one_is_named(given: dict[str, str], bus: str | None) -> None:
    assert event_bus(given) == bus


def test_the_wall_clock_waits_until_a_time_and_not_for_one_that_is_past() -> None:
    clock = WallClock()
    at_ms = clock.now_ms() + 30
    clock.wait_until(at_ms)
    assert at_ms <= clock.now_ms()
    begun = time.monotonic()
    clock.wait_until(at_ms - 60_000)
    assert time.monotonic() - begun < 10


ARN = "arn:aws:lambda:eu-west-1:123456789012:function:batchwright-dev-start"


def clients_in(region: str) -> Clients:
    session = boto3.session.Session(region_name=region, aws_access_key_id="nobody", aws_secret_access_key="nothing")
    return clients(session)


def test_a_function_that_is_told_its_stage_alone_knows_all_names() -> None:
    found = with_addresses({"BATCHWRIGHT_STAGE": "dev"}, clients_in("eu-west-1"), ARN)
    assert set(VARIABLES) <= set(found)
    assert found["BATCHWRIGHT_TABLE"] == "batchwright-dev"
    events = "https://sqs.eu-west-1.amazonaws.com/123456789012/batchwright-dev-events"
    assert (found["BATCHWRIGHT_EVENTS_QUEUE_URL"], found["BATCHWRIGHT_EVENTS_DEAD_URL"]) == (events, f"{events}-dead")
    assert found["BATCHWRIGHT_TOPIC_ARN"] == "arn:aws:sns:eu-west-1:123456789012:batchwright-dev-notices"
    assert found["BATCHWRIGHT_SCHEDULER_ROLE_ARN"] == "arn:aws:iam::123456789012:role/batchwright-dev-scheduler"


def test_names_are_those_of_the_partition() -> None:
    arn = "arn:aws-cn:execute-api:cn-north-1:123456789012:api/api/GET/runs"
    found = with_addresses({"BATCHWRIGHT_STAGE": "dev"}, clients_in("cn-north-1"), arn)
    assert found["BATCHWRIGHT_TOPIC_ARN"] == "arn:aws-cn:sns:cn-north-1:123456789012:batchwright-dev-notices"
    assert found["BATCHWRIGHT_COMMANDS_QUEUE_URL"].startswith("https://sqs.cn-north-1.amazonaws.com.cn/123456789012/")


def test_a_name_that_the_environment_says_wins_and_an_empty_one_says_nothing() -> None:
    environment = {"BATCHWRIGHT_STAGE": "dev", "BATCHWRIGHT_TABLE": "mine", "BATCHWRIGHT_TOPIC_ARN": "", NOTIFY: ""}
    found = with_addresses(environment, clients_in("eu-west-1"), ARN)
    assert found["BATCHWRIGHT_TABLE"] == "mine"
    assert found["BATCHWRIGHT_TOPIC_ARN"].endswith(":batchwright-dev-notices")
    # An empty setting is one: no notices.
    assert found[NOTIFY] == ""


@pytest.mark.parametrize(
    ("environment", "arn"), [({}, ARN), ({"BATCHWRIGHT_STAGE": "dev"}, ""), ({"BATCHWRIGHT_STAGE": "dev"}, "no arn")]
)
def test_nothing_is_derived_without_a_stage_and_an_account(environment: dict[str, str], arn: str) -> None:
    with pytest.raises(UserMistake, match=r"the environment lacks BATCHWRIGHT_TABLE, .*`batchwright local env`"):
        with_addresses(environment, clients_in("eu-west-1"), arn)
