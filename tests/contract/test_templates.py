"""The templates beside the foundation: that they are clean, that they fit the functions, and what they promise."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import botocore.session
import pytest
import yaml
from botocore.validate import ParamValidator

from batchwright.deploy.policies import GRANTS, Place
from chalicelib.core.telemetry.metrics import NAMESPACE
from tests.contract import foundation

INFRA = foundation.TEMPLATE.parent
PLACE = Place("dev", "123456789012", "us-east-1")


def template(name: str) -> dict[str, Any]:
    document: dict[str, Any] = yaml.load((INFRA / f"{name}.yaml").read_text(), Loader=foundation.Loader)
    return document


def resources(name: str, kind: str) -> list[dict[str, Any]]:
    """The properties of a template's resources of a type."""
    return [one["Properties"] for one in template(name)["Resources"].values() if one["Type"] == kind]


def said(text: Any) -> str:
    """A text of the template as it is in the stage dev."""
    return str(text.get("!Sub", text) if isinstance(text, dict) else text).replace("${Stage}", "dev")


@pytest.mark.long
def test_cfn_lint_finds_nothing() -> None:
    paths = [str(INFRA / f"{name}.yaml") for name in ("foundation", "observability", "batch")]
    command = [str(Path(sys.executable).with_name("cfn-lint")), "--", *paths]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)


@pytest.mark.parametrize("name", ["foundation", "observability", "batch"])
def test_a_template_is_small_enough_to_be_sent_with_the_request(name: str) -> None:
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html"""
    assert len((INFRA / f"{name}.yaml").read_bytes()) < 51_200


def test_every_function_has_a_log_group_with_an_end() -> None:
    groups = resources("observability", "AWS::Logs::LogGroup")
    assert {said(one["LogGroupName"]) for one in groups} == {
        f"/aws/lambda/{PLACE.function_name(name)}" for name in GRANTS
    }
    assert all(one["RetentionInDays"] == {"!Ref": "LogsKeptDays"} for one in groups)


def test_every_alarm_tells_somebody_when_it_begins_and_when_it_is_over() -> None:
    alarms = resources("observability", "AWS::CloudWatch::Alarm")
    assert len(alarms) == 23
    for alarm in alarms:
        assert said(alarm["AlarmName"]).startswith("batchwright-dev-")
        assert alarm["AlarmActions"] == alarm["OKActions"] == [{"!Ref": "AlarmTopic"}]


def test_alarms_watch_only_what_the_stage_has() -> None:
    queues = {said(one["QueueName"]) for one in resources("foundation", "AWS::SQS::Queue")}
    rules = {said(one["Name"]) for one in resources("foundation", "AWS::Events::Rule")}
    topics = {said(one["TopicName"]) for one in resources("foundation", "AWS::SNS::Topic")}
    there = queues | rules | topics | {PLACE.function_name(name) for name in GRANTS}
    for alarm in resources("observability", "AWS::CloudWatch::Alarm"):
        [dimension] = alarm["Dimensions"]
        assert alarm["Namespace"] == NAMESPACE or said(dimension["Value"]) in there, alarm["AlarmName"]


@pytest.mark.parametrize("alarm", ["rule-fails", "rule-loses"])
def test_what_the_rule_of_the_runs_could_not_deliver_raises_an_alarm(alarm: str) -> None:
    alarms = {said(one["AlarmName"]): one for one in resources("observability", "AWS::CloudWatch::Alarm")}
    [dimension] = alarms[f"batchwright-dev-{alarm}"]["Dimensions"]
    assert said(dimension["Value"]) == "batchwright-dev-job-state-changes"


def test_both_kinds_of_dead_letters_raise_an_alarm_at_the_first() -> None:
    alarms = {said(one["AlarmName"]): one for one in resources("observability", "AWS::CloudWatch::Alarm")}
    for queue in ("events", "commands"):
        alarm = alarms[f"batchwright-dev-{queue}-dead"]
        assert (alarm["MetricName"], alarm["Threshold"]) == ("ApproximateNumberOfMessagesVisible", 0)
        assert said(alarm["Dimensions"][0]["Value"]) == f"batchwright-dev-{queue}-dead"


def test_the_dashboard_is_json() -> None:
    [dashboard] = resources("observability", "AWS::CloudWatch::Dashboard")
    assert len(json.loads(said(dashboard["DashboardBody"]))["widgets"]) == 22


@pytest.mark.parametrize(
    ("kind", "operation"),
    [
        ("AWS::Batch::ComputeEnvironment", "CreateComputeEnvironment"),
        ("AWS::Batch::JobQueue", "CreateJobQueue"),
    ],
)
def test_batch_would_take_what_the_batch_environment_asks_for(kind: str, operation: str) -> None:
    """Against the service model, for no emulator has Batch in its CloudFormation and all that Batch knows."""
    model = botocore.session.get_session().get_service_model("batch").operation_model(operation).input_shape
    wanted = resources("batch", kind)
    assert len(wanted) == 5
    for properties in wanted:
        request = as_request({name: one for name, one in properties.items() if name not in ONLY_CLOUDFORMATION})
        assert ParamValidator().validate(request, model).generate_report() == ""


def test_batch_would_take_the_example_s_job_definition() -> None:
    model = botocore.session.get_session().get_service_model("batch").operation_model("RegisterJobDefinition")
    [properties] = resources("batch", "AWS::Batch::JobDefinition")
    request = as_request(properties)
    assert ParamValidator().validate(request, model.input_shape).generate_report() == ""
    assert request["jobDefinitionName"] == "batchwright-dev-movie-ratings"


def test_the_example_s_role_reaches_no_table_but_those_of_its_runs() -> None:
    [role] = [one for one in resources("batch", "AWS::IAM::Role") if said(one["RoleName"]).endswith("-example")]
    [policy] = role["Policies"]
    found = {
        (action, said(one["Resource"]).rpartition(":")[2])
        for one in policy["PolicyDocument"]["Statement"]
        for action in ([one["Action"]] if isinstance(one["Action"], str) else one["Action"])
    }
    tables = {(action, resource) for action, resource in found if action.startswith("dynamodb:")}
    assert {resource for _, resource in tables} == {"table/movie-ratings-*"}
    writes = {resource.partition("/")[2] for action, resource in found if action == "s3:PutObject"}
    assert writes == {"runs/*"}, "the archive, the scripts and what deploy remembers are only read"


ONLY_CLOUDFORMATION = ("ReplaceComputeEnvironment", "UpdatePolicy")
"""What tells CloudFormation how to change a compute environment; UpdateComputeEnvironment takes the latter."""
NUMBERS = ("MaxVcpus", "StuckSeconds")


def as_request(value: Any) -> Any:
    """Properties of a resource as Batch's own API spells them, with something in the place of each function."""
    if isinstance(value, list):
        return [as_request(one) for one in value]
    if not isinstance(value, dict):
        return value
    match value:
        case {"!If": [_, chosen, _]}:
            return as_request(chosen)
        case {"!Ref": "GpuInstanceTypes"}:
            return ["g5"]
        case {"!Ref": name}:
            return 64 if name in NUMBERS else name
        case {"!Sub": text}:
            return said(text)
        case {"!GetAtt": name}:
            return name
    return {name[0].lower() + name[1:]: as_request(one) for name, one in value.items()}


def test_every_queue_of_the_batch_environment_gets_rid_of_jobs_that_block_it() -> None:
    for queue in resources("batch", "AWS::Batch::JobQueue"):
        actions = queue["JobStateTimeLimitActions"]
        assert {one["Reason"].partition(":")[0] for one in actions} == {"CAPACITY", "MISCONFIGURATION"}
        assert {(one["State"], one["Action"]) for one in actions} == {("RUNNABLE", "CANCEL")}


def test_a_fresh_account_s_compute_environments_do_not_make_batch_s_role_at_once() -> None:
    environments = {
        name: one
        for name, one in template("batch")["Resources"].items()
        if one["Type"] == "AWS::Batch::ComputeEnvironment"
    }
    first = [name for name, one in environments.items() if "DependsOn" not in one]
    assert len(first) == 1
    assert {one["DependsOn"] for name, one in environments.items() if name not in first} == set(first)
    assert "Condition" not in environments[first[0]], "what the others wait for is always there"


def test_a_compute_environment_is_changed_in_place() -> None:
    """A replacement would need the name that the old one still has."""
    environments = resources("batch", "AWS::Batch::ComputeEnvironment")
    assert [one["ReplaceComputeEnvironment"] for one in environments] == [False] * 5


def test_machines_get_their_role_in_china_too() -> None:
    """EC2's principal has the partition's suffix there: https://docs.amazonaws.cn/en_us/aws/latest/userguide/iam.html"""
    services = [
        statement["Principal"]["Service"]
        for role in resources("batch", "AWS::IAM::Role")
        for statement in role["AssumeRolePolicyDocument"]["Statement"]
    ]
    assert [one for one in services if "ec2" in str(one)] == [{"!Sub": "ec2.${AWS::URLSuffix}"}]


@pytest.mark.parametrize("name", ["foundation", "observability", "batch"])
def test_conditions_compare_parameters_with_texts(name: str) -> None:
    """CloudFormation compares texts, whatever the type of a parameter."""
    for condition in _equals(template(name)["Conditions"]):
        assert all(isinstance(side, (str, dict)) for side in condition), condition


def _equals(part: Any) -> list[list[Any]]:
    if isinstance(part, list):
        return [found for one in part for found in _equals(one)]
    if not isinstance(part, dict):
        return []
    return [*([part["!Equals"]] if "!Equals" in part else []), *_equals(list(part.values()))]


@pytest.mark.parametrize(
    ("metric", "functions"),
    [
        ("RecursiveInvocationsDropped", {"on_events", "on_commands"}),
        ("Throttles", {"on_events", "on_commands", "sweep", "bearer", "api_handler"}),
    ],
)
def test_what_lambda_drops_or_refuses_raises_an_alarm(metric: str, functions: set[str]) -> None:
    watched = {
        said(one["Dimensions"][0]["Value"])
        for one in resources("observability", "AWS::CloudWatch::Alarm")
        if one["MetricName"] == metric
    }
    assert watched == {PLACE.function_name(name) for name in functions}
