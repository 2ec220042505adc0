"""infra/foundation.yaml: that it is clean, that it can be created, and what it promises."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from batchwright.local.ministack import MiniStack
from batchwright.stage.foundation import USUAL_SETTINGS, function_variables, variables_of
from chalicelib.core.addresses import StageHome
from chalicelib.core.limits import RECEIPTS_MAXIMUM
from chalicelib.engine.inbox.messages import FAILED_AGAIN_SECONDS
from chalicelib.wiring import VARIABLES, event_bus, settings_of
from tests.contract import foundation, servers

EVENTS = Path(__file__).parents[1] / "data" / "events"
CHANGES = {"source": "aws.batch", "detail-type": "Batch Job State Change"}


@pytest.fixture
def sqs(ministack: MiniStack) -> Any:
    return servers.client("sqs", ministack.endpoint_url)


@pytest.fixture
def events(ministack: MiniStack) -> Any:
    return servers.client("events", ministack.endpoint_url)


@pytest.fixture
def pattern(events: Any, ministack_outputs: dict[str, str]) -> dict[str, Any]:
    """The rule's pattern as CloudFormation made it."""
    rule = events.describe_rule(Name="batchwright-contract-job-state-changes")
    found: dict[str, Any] = json.loads(rule["EventPattern"])
    return found


def passes(events: Any, pattern: dict[str, Any], event: dict[str, Any]) -> bool:
    """Whether the rule lets the event through, as the server's EventBridge judges."""
    answer = events.test_event_pattern(EventPattern=json.dumps(pattern), Event=json.dumps(event))
    return bool(answer["Result"])


def event(**detail: Any) -> dict[str, Any]:
    envelope = json.loads((EVENTS / "single_running.shape.json").read_text())
    ours = {"parameters": {"batchwright_run": "films-1"}}
    return {**envelope, **CHANGES, "detail": {**envelope["detail"], **ours, **detail}}


def test_the_outputs_name_what_the_wiring_and_the_cli_need(ministack_outputs: dict[str, str]) -> None:
    assert ministack_outputs["TableName"] == "batchwright-contract"
    assert ministack_outputs["EventsQueueName"] == "batchwright-contract-events"
    assert ministack_outputs["CommandsQueueName"] == "batchwright-contract-commands"
    assert ministack_outputs["EventsQueueUrl"].endswith("/batchwright-contract-events")
    assert ministack_outputs["CommandsQueueUrl"].endswith("/batchwright-contract-commands")
    assert ministack_outputs["EventsDeadLettersUrl"].endswith("/batchwright-contract-events-dead")
    assert ministack_outputs["CommandsDeadLettersUrl"].endswith("/batchwright-contract-commands-dead")
    assert ministack_outputs["EventsQueueArn"].endswith(":batchwright-contract-events")
    assert ministack_outputs["CommandsQueueArn"].endswith(":batchwright-contract-commands")
    assert ministack_outputs["TopicArn"].endswith(":batchwright-contract-notices")
    assert ministack_outputs["BucketName"].startswith("batchwright-contract-")


def test_the_outputs_give_every_variable_that_the_wiring_asks_for(ministack_outputs: dict[str, str]) -> None:
    variables = variables_of(ministack_outputs)
    assert set(VARIABLES) <= set(variables)
    assert all(variables.values())


def test_the_names_that_follow_from_the_stage_are_those_of_the_template(
    ministack_outputs: dict[str, str], sqs: Any
) -> None:
    home = StageHome("contract", "000000000000", "us-east-1", "aws", sqs.meta.endpoint_url)
    told = variables_of(ministack_outputs)
    assert {name: value for name, value in told.items() if name not in USUAL_SETTINGS} == home.variables()


def test_a_stage_with_the_usual_parameters_tells_its_functions_nothing(ministack_outputs: dict[str, str]) -> None:
    assert set(function_variables(ministack_outputs).values()) == {None}
    assert settings_of(USUAL_SETTINGS) == settings_of({})
    assert event_bus(USUAL_SETTINGS) is event_bus({}) is None


def test_the_table_is_on_demand_and_forgets_what_expired(ministack_dynamodb: tuple[Any, str]) -> None:
    client, name = ministack_dynamodb
    table = client.describe_table(TableName=name)["Table"]
    assert table["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    # MiniStack's CloudFormation passes over the expiry of tables, so this looks at the template itself.
    properties = foundation.template()["Resources"]["Table"]["Properties"]
    assert properties["TimeToLiveSpecification"] == {"AttributeName": "expires_at", "Enabled": True}
    assert properties["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}


@pytest.mark.parametrize("name", ["Table", "Bucket"])
def test_no_operation_on_the_stack_deletes_what_cannot_be_made_again(name: str) -> None:
    resource = foundation.template()["Resources"][name]
    assert (resource["DeletionPolicy"], resource["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain")


def test_queues_and_the_topic_are_encrypted() -> None:
    for resource in foundation.template()["Resources"].values():
        if resource["Type"] == "AWS::SQS::Queue":
            assert resource["Properties"]["SqsManagedSseEnabled"] is True
        if resource["Type"] == "AWS::SNS::Topic":
            assert resource["Properties"]["KmsMasterKeyId"] == "alias/aws/sns"


def test_the_bucket_is_closed_and_takes_nothing_in_clear(
    ministack: MiniStack, ministack_outputs: dict[str, str]
) -> None:
    s3 = servers.client("s3", ministack.endpoint_url)
    bucket = ministack_outputs["BucketName"]
    closed = s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
    assert closed == dict.fromkeys(closed, True)
    [statement] = json.loads(s3.get_bucket_policy(Bucket=bucket)["Policy"])["Statement"]
    assert (statement["Effect"], statement["Action"]) == ("Deny", "s3:*")
    assert statement["Resource"] == [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]


@pytest.mark.parametrize("queue", ["Events", "Commands"])
def test_sqs_moves_a_message_after_as_many_receipts_as_the_engine_gives_it(
    sqs: Any, ministack_outputs: dict[str, str], queue: str
) -> None:
    answer = sqs.get_queue_attributes(QueueUrl=ministack_outputs[f"{queue}QueueUrl"], AttributeNames=["All"])
    redrive = json.loads(answer["Attributes"]["RedrivePolicy"])
    assert int(redrive["maxReceiveCount"]) == RECEIPTS_MAXIMUM == len(FAILED_AGAIN_SECONDS) + 1
    assert redrive["deadLetterTargetArn"] == ministack_outputs[f"{queue}QueueArn"] + "-dead"
    assert answer["Attributes"]["VisibilityTimeout"] == "360"


def test_the_policy_of_a_queue_is_of_that_queue_alone() -> None:
    """SQS refuses any other, and the stack is rolled back; no emulator does."""
    policies = [one for one in foundation.template()["Resources"].values() if one["Type"] == "AWS::SQS::QueuePolicy"]
    assert len(policies) == 2
    for one in policies:
        [queue] = one["Properties"]["Queues"]
        for statement in one["Properties"]["PolicyDocument"]["Statement"]:
            assert statement["Resource"] == {"!GetAtt": f"{queue['!Ref']}.Arn"}


@pytest.mark.parametrize("queue", ["EventsQueueUrl", "EventsDeadLettersUrl"])
def test_the_rules_may_send_to_the_events_queue_and_its_dead_letters_alone(
    sqs: Any, ministack_outputs: dict[str, str], queue: str
) -> None:
    answer = sqs.get_queue_attributes(QueueUrl=ministack_outputs[queue], AttributeNames=["Policy", "QueueArn"])
    [statement] = json.loads(answer["Attributes"]["Policy"])["Statement"]
    assert statement["Resource"] == answer["Attributes"]["QueueArn"]
    assert statement["Principal"] == {"Service": "events.amazonaws.com"}
    assert statement["Action"] == "sqs:SendMessage"
    [sources] = statement["Condition"]["ArnEquals"].values()
    assert [source.partition(":rule/")[2] for source in sources] == [
        "batchwright-contract-job-state-changes",
        "batchwright-contract-queues-blocked",
    ]


def test_the_rule_sends_to_the_events_queue_with_retries_and_dead_letters(
    events: Any, ministack_outputs: dict[str, str]
) -> None:
    [target] = events.list_targets_by_rule(Rule="batchwright-contract-job-state-changes")["Targets"]
    assert target["Arn"] == ministack_outputs["EventsQueueArn"]
    assert target["DeadLetterConfig"]["Arn"] == ministack_outputs["EventsQueueArn"] + "-dead"
    assert int(target["RetryPolicy"]["MaximumEventAgeInSeconds"]) == 86_400


@pytest.mark.parametrize("status", ["PENDING", "RUNNING", "SUCCEEDED", "FAILED"])
def test_a_status_that_decides_something_passes(events: Any, pattern: dict[str, Any], status: str) -> None:
    assert passes(events, pattern, event(status=status))


@pytest.mark.parametrize("status", ["SUBMITTED", "RUNNABLE", "STARTING"])
def test_a_status_that_decides_nothing_is_left_out_at_the_source(
    events: Any, pattern: dict[str, Any], status: str
) -> None:
    assert not passes(events, pattern, event(status=status))


def test_an_array_parent_passes_and_its_children_do_not(events: Any, pattern: dict[str, Any]) -> None:
    assert passes(events, pattern, event(arrayProperties={"size": 3, "statusSummary": {"FAILED": 1}}))
    assert not passes(events, pattern, event(arrayProperties={"index": 0, "statusSummary": {}}))


def test_a_job_of_somebody_else_does_not_pass(events: Any, pattern: dict[str, Any]) -> None:
    assert not passes(events, pattern, event(parameters={}))
    assert not passes(events, pattern, event(parameters={"other_run": "films-1"}))


def test_another_kind_of_event_does_not_pass(events: Any, pattern: dict[str, Any]) -> None:
    assert not passes(events, pattern, {**event(), "detail-type": "Batch Job Queue Blocked"})
    assert not passes(events, pattern, {**event(), "source": "somebody.else"})


def test_the_event_of_a_blocked_queue_passes_by_a_rule_of_its_own(events: Any) -> None:
    rule = events.describe_rule(Name="batchwright-contract-queues-blocked")
    blocked = json.loads((EVENTS / "queue_blocked.doc.json").read_text())
    assert passes(events, json.loads(rule["EventPattern"]), blocked)
    assert not passes(events, json.loads(rule["EventPattern"]), event())
    (target,) = events.list_targets_by_rule(Rule="batchwright-contract-queues-blocked")["Targets"]
    assert target["Arn"].endswith(":batchwright-contract-events")


def test_jobs_of_others_and_children_of_arrays_pass_where_they_are_wanted(ministack: MiniStack, events: Any) -> None:
    cloudformation = servers.client("cloudformation", ministack.endpoint_url)
    foundation.create(cloudformation, "everything", ObserveAllJobs="true", ObserveArrayChildren="true")
    rule = events.describe_rule(Name="batchwright-everything-job-state-changes")
    pattern = json.loads(rule["EventPattern"])
    assert passes(events, pattern, event())
    assert passes(events, pattern, event(parameters={}))
    assert passes(events, pattern, event(arrayProperties={"index": 0, "statusSummary": {}}))
    assert not passes(events, pattern, {**event(), "source": "somebody.else"})


@pytest.mark.parametrize("status", ["RUNNABLE", "STARTING"])
def test_where_jobs_of_others_pass_they_do_while_they_wait_and_ours_do_not(
    ministack: MiniStack, events: Any, status: str
) -> None:
    cloudformation = servers.client("cloudformation", ministack.endpoint_url)
    stage = f"waiting-{status.lower()}"
    foundation.create(cloudformation, stage, ObserveAllJobs="true")
    pattern = json.loads(events.describe_rule(Name=f"batchwright-{stage}-job-state-changes")["EventPattern"])
    foreign = event(status=status, parameters={})
    assert passes(events, pattern, foreign)
    del foreign["detail"]["parameters"]
    assert passes(events, pattern, foreign)
    assert not passes(events, pattern, event(status=status))
    assert not passes(events, pattern, event(status="SUBMITTED", parameters={}))
    assert not passes(events, pattern, event(status=status, parameters={}, arrayProperties={"index": 0}))
    assert passes(events, pattern, event(status="RUNNING")), "what decides something passes as it did"


def test_what_a_stage_says_of_its_runs_does_not_keep_quiet_about_blocked_queues(ministack: MiniStack) -> None:
    cloudformation = servers.client("cloudformation", ministack.endpoint_url)
    told = foundation.create(cloudformation, "toldqueues", Notify="run_failed,task_failed")
    assert settings_of(variables_of(told)).tells_blocked_queues
    untold = foundation.create(cloudformation, "quietqueues", TellBlockedQueues="false")
    assert not settings_of(variables_of(untold)).tells_blocked_queues


def test_all_states_can_be_observed(ministack: MiniStack, events: Any) -> None:
    cloudformation = servers.client("cloudformation", ministack.endpoint_url)
    foundation.create(cloudformation, "allstates", ObserveAllStates="true")
    rule = events.describe_rule(Name="batchwright-allstates-job-state-changes")
    for status in ("PENDING", "RUNNABLE", "STARTING", "RUNNING", "SUCCEEDED", "FAILED"):
        assert passes(events, json.loads(rule["EventPattern"]), event(status=status))
