"""What `deploy --with-batch-environment` says next works as printed: the movie-ratings example runs on the stage.

MiniStack's CloudFormation knows nothing of AWS Batch, and no container runs here. So the test takes AWS Batch and the
network out of the clone's template, and gives the local Batch the job definition as the template has it. Its jobs start
as on the public image: in a folder without scripts, with the rights of the template's role and no others.
"""

from __future__ import annotations

import json
import re
import shlex
from typing import Any

import pytest
import yaml

from batchwright.local.queues import COMPUTE_ENVIRONMENT, create_queues
from tests.contract.foundation import Loader
from tests.contract.test_templates import as_request
from tests.e2e.stage import STAGE, Account, wait_until

PREFIX = f"batchwright-{STAGE}"
BUCKET = f"{PREFIX}-000000000000-us-east-1"
QUEUE, DEFINITION = f"{PREFIX}-default", f"{PREFIX}-movie-ratings"
NAMES = {"Stage": STAGE, "AWS::AccountId": "000000000000", "AWS::Region": "us-east-1"}
ROLE = f"{PREFIX}-us-east-1-example"
ROLES = {"MovieRatingsRole.Arn": ROLE, "ExecutionRole.Arn": f"{PREFIX}-us-east-1-execution"}
ENDED = ("succeeded", "failed", "cancelled")


def spelled_out(value: Any) -> Any:
    """A part of a template with CloudFormation's functions in their long form, as JSON has them."""
    if isinstance(value, list):
        return [spelled_out(one) for one in value]
    if not isinstance(value, dict):
        return value
    match value:
        case {"!Ref": name}:
            return {"Ref": name}
        case {"!GetAtt": name}:
            return {"Fn::GetAtt": name.split(".")}
    return {(f"Fn::{key[1:]}" if key[0] == "!" else key): spelled_out(one) for key, one in value.items()}


def filled_in(value: Any) -> Any:
    """A part of the template with its names as they are in the stage."""
    if isinstance(value, list):
        return [filled_in(one) for one in value]
    if not isinstance(value, dict):
        return value
    match value:
        case {"!Sub": text}:
            for name, known in NAMES.items():
                text = text.replace(f"${{{name}}}", known)
            return text
        case {"!Ref": name} if name in NAMES:
            return NAMES[name]
        case {"!GetAtt": name} if name in ROLES:
            return f"arn:aws:iam::000000000000:role/{ROLES[name]}"
    return {name: filled_in(one) for name, one in value.items()}


def keys_of_the_role(account: Account, role: str) -> dict[str, str]:
    """Keys with the rights of a role. On AWS it is ECS that takes the role, so it first lets the account take it."""
    trust = {"Effect": "Allow", "Principal": {"AWS": "000000000000"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    iam = account.client("iam")
    iam.update_assume_role_policy(RoleName=role, PolicyDocument=document)
    arn = iam.get_role(RoleName=role)["Role"]["Arn"]
    keys = account.client("sts").assume_role(RoleArn=arn, RoleSessionName="job")["Credentials"]
    return {
        "AWS_ACCESS_KEY_ID": keys["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": keys["SecretAccessKey"],
        "AWS_SESSION_TOKEN": keys["SessionToken"],
    }


def put_batch_environment(account: Account, template: dict[str, Any]) -> None:
    """Make in the local Batch what the stack makes on AWS."""
    batch = account.client("batch")
    batch.create_compute_environment(
        computeEnvironmentName=COMPUTE_ENVIRONMENT,
        type="MANAGED",
        state="ENABLED",
        computeResources={"type": "FARGATE", "maxvCpus": 4, "subnets": ["subnet-1"], "securityGroupIds": ["sg-1"]},
    )
    create_queues(account.environment, [QUEUE])
    # It denies what comes in clear. The stage's SDKs use TLS on AWS, and MiniStack has none.
    account.client("s3").delete_bucket_policy(Bucket=BUCKET)
    request = as_request(filled_in(template["Resources"]["MovieRatingsDefinition"]["Properties"]))
    keys = keys_of_the_role(account, ROLE)
    request["containerProperties"]["environment"] += [{"name": key, "value": one} for key, one in keys.items()]
    assert request["jobDefinitionName"] == DEFINITION
    batch.register_job_definition(**request)


def put_template(account: Account) -> dict[str, Any]:
    """Leave in the clone's template what MiniStack can make; the whole one."""
    path = account.project / "infra" / "batch.yaml"
    whole: dict[str, Any] = yaml.load(path.read_text(), Loader=Loader)
    left = {name: one for name, one in whole["Resources"].items() if one["Type"] == "AWS::IAM::Role"}
    path.write_text(json.dumps(spelled_out({**whole, "Resources": left}), default=str))
    return whole


def run_of(account: Account, run_id: str) -> dict[str, Any]:
    key = {"pk": {"S": f"RUN#{run_id}"}, "sk": {"S": "RUN"}}
    found: dict[str, Any] = account.client("dynamodb").get_item(TableName=PREFIX, Key=key, ConsistentRead=True)["Item"]
    return found


@pytest.fixture(scope="module")
def printed(account: Account) -> str:
    """What `deploy --with-batch-environment` prints; afterwards the environment is there."""
    template = put_template(account)
    assert account.give("deploy", "--stacks-only").returncode == 0
    rule = account.client("events").describe_rule(Name=f"{PREFIX}-job-state-changes")
    queue_url = account.client("sqs").get_queue_url(QueueName=f"{PREFIX}-events")["QueueUrl"]
    account.start_batch(json.loads(rule["EventPattern"]), queue_url)
    account.put_variable("AWS_ENDPOINT_URL_BATCH", account.batch_url)
    done = account.give("deploy", "--with-batch-environment")
    assert done.returncode == 0, done
    put_batch_environment(account, template)
    return done.stdout


def test_the_command_that_deploy_prints_runs_the_example_to_its_report(account: Account, printed: str) -> None:
    assert f"example: its archive and scripts are in s3://{BUCKET}/movie-ratings/" in printed
    [line] = re.findall(r"^  (batchwright start movie-ratings .*)$", printed, re.MULTILINE)
    started = account.typed(*shlex.split(line))
    assert started.returncode == 0, started
    run_id = started.stdout.strip()
    wait_until(lambda: run_of(account, run_id)["state"]["S"] in ENDED, "the end of the run")
    shown = account.ask("show", run_id)
    assert run_of(account, run_id)["state"]["S"] == "succeeded", (shown, account.ask("logs", run_id, "split"))
    report = account.client("s3").get_object(Bucket=BUCKET, Key=f"runs/{run_id}/report.json")["Body"].read()
    assert json.loads(report)["films_counted"] == 58_788


def test_the_batch_stack_names_the_queue_and_the_job_definition_that_verify_takes(
    account: Account, printed: str
) -> None:
    stack = account.client("cloudformation").describe_stacks(StackName=f"{PREFIX}-batch")["Stacks"][0]
    outputs = {one["OutputKey"]: one["OutputValue"] for one in stack["Outputs"]}
    assert (outputs["DefaultQueue"], outputs["MovieRatingsJobDefinition"]) == (QUEUE, DEFINITION)


def test_a_second_deployment_leaves_the_example_alone(account: Account, printed: str) -> None:
    done = account.give("deploy")
    assert "Nothing changed" in done.stdout, done
    assert "example: " not in done.stdout
