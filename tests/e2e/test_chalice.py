"""Chalice's own commands from a fresh clone, on MiniStack; then a deployment of Batchwright that takes the stage over.

The tests follow each other: each finds the stage as the one before left it. At the end all calls of AWS that any of
the commands made are held to the policy that a deployer is told to have.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from batchwright.deploy.config import SHIPPED_STAGE
from batchwright.deploy.policies import Place, functions_of, policy
from batchwright.local.isolation import isolated
from batchwright.local.queues import COMPUTE_ENVIRONMENT, create_queues, definition_for
from tests.deployer import POLICY, Ask, allows, recorded
from tests.e2e.inventory import inventory
from tests.e2e.stage import CHALICE, COMMAND, Account, copy_project, wait_until
from tests.functional.commands import SHELL, Command, Terminal

PLACE = Place(SHIPPED_STAGE, "000000000000", "us-east-1")
FOUNDATION = PLACE.prefix
WORKFLOW = {
    "name": "two-steps",
    "defaults": SHELL,
    "tasks": {"first": {"command": ["true"]}, "then": {"command": ["true"], "depends_on": ["first"]}},
}


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    account = Account(tmp_path_factory.mktemp("chalice"), SHIPPED_STAGE)
    try:
        account.start()
        yield account
    finally:
        account.stop()


def git(account: Account, *words: str) -> str:
    identity = ["-c", "user.name=somebody", "-c", "user.email=somebody@test"]
    done = subprocess.run(["git", *identity, *words], cwd=account.project, check=True, capture_output=True, text=True)
    return done.stdout


def test_a_fresh_clone_says_what_to_run_first(account: Account) -> None:
    done = account.chalice("deploy", "--stage", "dev")
    assert done.returncode == 1
    assert done.stderr == (
        f"Error: there is no stack {FOUNDATION} in us-east-1, and the functions need what is in it: first give `aws "
        f"cloudformation deploy --template-file infra/foundation.yaml --stack-name {FOUNDATION} --capabilities "
        "CAPABILITY_NAMED_IAM`, then this again\n"
    )
    assert inventory(account) == {}


def test_the_foundation_and_chalice_deploy_are_a_stage(account: Account) -> None:
    cloudformation = account.client("cloudformation")
    template = (account.project / "infra" / "foundation.yaml").read_text()
    cloudformation.create_stack(StackName=FOUNDATION, TemplateBody=template, Capabilities=["CAPABILITY_NAMED_IAM"])
    cloudformation.get_waiter("stack_create_complete").wait(StackName=FOUNDATION, WaiterConfig={"Delay": 1})
    rule = account.client("events").describe_rule(Name=f"{PLACE.prefix}-job-state-changes")
    queue_url = account.client("sqs").get_queue_url(QueueName=f"{PLACE.prefix}-events")["QueueUrl"]
    account.start_batch(json.loads(rule["EventPattern"]), queue_url)
    # The local Batch is not where Lambda would look for it. All else is as it was cloned.
    account.put_variable("AWS_ENDPOINT_URL_BATCH", account.batch_url)
    git(account, "init", "-q")
    git(account, "add", ".")
    git(account, "commit", "-qm", "as it was cloned")
    done = account.chalice("deploy")
    assert done.returncode == 0, done
    assert set(inventory(account)["functions"]) == {PLACE.function_name(name) for name in functions_of(PLACE)}
    assert git(account, "status", "--porcelain") == ""


def test_chalice_url_is_the_api_s_address(account: Account) -> None:
    done = account.chalice("url")
    assert done.stdout.startswith("https://")


def test_chalice_invoke_starts_a_run_that_succeeds(account: Account) -> None:
    batch = account.client("batch")
    batch.create_compute_environment(
        computeEnvironmentName=COMPUTE_ENVIRONMENT,
        type="MANAGED",
        state="ENABLED",
        computeResources={"type": "FARGATE", "maxvCpus": 4, "subnets": ["subnet-1"], "securityGroupIds": ["sg-1"]},
    )
    create_queues(account.environment, [SHELL["queue"]])
    definition_for(account.environment, SHELL["job_definition"], account.folder)
    path = account.folder / "two-steps.json"
    path.write_text(json.dumps(WORKFLOW))
    pushed = subprocess.run(
        [COMMAND, "workflows", "push", str(path), "--stage", SHIPPED_STAGE],
        env=isolated(os.environ, account.environment),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert pushed.returncode == 0, pushed
    done = account.chalice("invoke", "-n", "start", payload=json.dumps({"workflow": "two-steps"}))
    assert done.returncode == 0, done
    run_id = json.loads(done.stdout)["run_id"]
    wait_until(lambda: state_of(account, run_id) != "running", "the end of the run", 120.0)
    assert state_of(account, run_id) == "succeeded"


def state_of(account: Account, run_id: str) -> str:
    key = {"pk": {"S": f"RUN#{run_id}"}, "sk": {"S": "RUN"}}
    item: dict[str, Any] = account.client("dynamodb").get_item(TableName=PLACE.prefix, Key=key)["Item"]
    return str(item["state"]["S"])


def test_chalice_logs_shows_what_a_function_wrote_without_the_stack_that_has_the_log_groups(account: Account) -> None:
    done = account.chalice("logs", "-n", "on_events")
    assert done.returncode == 0, done
    assert '"level"' in done.stdout


def test_a_deployment_takes_the_stage_over_and_leaves_the_clone_as_it_was(account: Account) -> None:
    api = account.chalice("url").stdout
    done = account.give("deploy")
    assert done.returncode == 0, done
    assert f"stack {PLACE.prefix}-observability: taking up what Lambda made (" in done.stdout
    assert "functions: deployed" in done.stdout
    assert account.chalice("url").stdout == api
    assert git(account, "status", "--porcelain") == ""
    iam = account.client("iam")
    for name in functions_of(PLACE):
        role = f"{PLACE.prefix}-{name}"
        [policy_name] = iam.list_role_policies(RoleName=role)["PolicyNames"]
        found = iam.get_role_policy(RoleName=role, PolicyName=policy_name)["PolicyDocument"]
        assert found == policy(PLACE, name)


def test_a_second_deployment_changes_nothing(account: Account) -> None:
    assert "Nothing changed" in account.give("deploy").stdout


def test_chalice_deploys_over_a_deployment(account: Account) -> None:
    done = account.chalice("deploy")
    assert done.returncode == 0, done
    done = account.chalice("invoke", "-n", "start", payload=json.dumps({"workflow": "no-such"}))
    assert "no workflow 'no-such' was pushed" in done.stderr


def test_settings_that_chalice_would_not_deploy_are_told(account: Account) -> None:
    cloudformation = account.client("cloudformation")
    cloudformation.update_stack(
        StackName=FOUNDATION,
        UsePreviousTemplate=True,
        Capabilities=["CAPABILITY_NAMED_IAM"],
        Parameters=[{"ParameterKey": "Notify", "ParameterValue": "none"}],
    )
    cloudformation.get_waiter("stack_update_complete").wait(StackName=FOUNDATION, WaiterConfig={"Delay": 1})
    done = account.chalice("deploy")
    assert done.returncode == 1
    assert done.stderr.startswith(f"Error: BATCHWRIGHT_NOTIFY is none by the parameters of the stack {FOUNDATION}")
    assert account.give("deploy", "--stacks-only").returncode == 0
    assert git(account, "status", "--porcelain") == " M .chalice/config.json\n"
    assert account.chalice("deploy").returncode == 0


def test_destroying_leaves_nothing_and_the_clone_as_it_was(account: Account) -> None:
    done = account.give("destroy", "--yes")
    assert done.returncode == 0, done
    left = inventory(account)
    left["log groups"] = [name for name in left.get("log groups", []) if name != "/aws/batch/job"]
    assert {kind: names for kind, names in left.items() if names} == {}
    assert git(account, "status", "--porcelain") == ""


@pytest.fixture(scope="module")
def deployer(account: Account) -> dict[str, str]:
    """The keys of a user who may do nothing yet."""
    iam = account.client("iam")
    iam.create_user(UserName="deployer")
    key = iam.create_access_key(UserName="deployer")["AccessKey"]
    return {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}


def allow(account: Account, *, but: str = "") -> None:
    """Give the deployer the policy of the repository, without one action."""
    document = json.loads((account.project / "infra" / "deployer-policy.json").read_text())
    for statement in document["Statement"]:
        if isinstance(statement["Action"], list):
            statement["Action"] = [action for action in statement["Action"] if action != but]
    text = json.dumps(document)
    account.client("iam").put_user_policy(UserName="deployer", PolicyName="deployer", PolicyDocument=text)


def test_a_deployer_who_lacks_a_permission_is_told_which(account: Account, deployer: dict[str, str]) -> None:
    nothing = account.give("deploy", **deployer)
    assert nothing.returncode == 1
    assert nothing.stderr.startswith("AWS refuses cloudformation:DescribeStacks")
    allow(account, but="iam:CreateRole")
    # Chalice is refused, behind whose words the permission is.
    done = account.give("deploy", **deployer)
    assert done.returncode == 1
    # AWS would also say of which role, as tests/unit/deploy/test_refusal.py has it.
    assert done.stderr.startswith(
        "AWS refuses iam:CreateRole: your credentials lack this permission. All that a deployer needs is in "
        "infra/deployer-policy.json (docs/how-to/deploy-a-stage.md)."
    )


def test_the_deployer_s_policy_is_enough_for_a_stage_s_whole_life(account: Account, deployer: dict[str, str]) -> None:
    allow(account)
    done = account.give("deploy", **deployer)
    assert done.returncode == 0, done
    assert "Nothing changed" in account.give("deploy", **deployer).stdout
    done = account.give("destroy", "--yes", **deployer)
    assert done.returncode == 0, done
    assert inventory(account).get("functions", []) == []


def test_the_deployer_s_policy_allows_every_call_that_was_made_and_none_of_them_on_what_is_others(
    account: Account,
) -> None:
    asked = recorded(account.recording, PLACE)
    actions = {ask.action for ask in asked}
    # The calls of the command, of the `chalice` that it starts, and of those that push workflows.
    assert {"cloudformation:CreateChangeSet", "lambda:CreateFunction", "lambda:CreateEventSourceMapping"} <= actions
    assert {"iam:PassRole", "apigateway:POST", "apigateway:PUT", "dynamodb:PutItem", "s3:DeleteObject"} <= actions
    assert [ask for ask in asked if not allows(POLICY, ask)] == []
    named = [ask for ask in asked if PLACE.prefix in ask.resource and not ask.action.startswith("lambda:Delete")]
    assert len(named) > 50
    others = [Ask(ask.action, ask.resource.replace(PLACE.prefix, "theirs"), ask.context) for ask in named]
    reads = ("Get", "List", "Describe")
    changes = [ask for ask in others if not ask.action.split(":")[1].startswith(reads)]
    assert [ask for ask in changes if allows(POLICY, ask)] == []


def test_chalice_local_serves_the_local_aws_that_is_up(user_variables: dict[str, str], tmp_path: Path) -> None:
    copy_project(tmp_path)
    terminal = Terminal(tmp_path, user_variables)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    serve = [CHALICE, "local", "--port", str(port), "--no-autoreload"]
    nothing = subprocess.run(serve, cwd=tmp_path, env=user_variables, capture_output=True, text=True, timeout=60)
    assert (nothing.returncode, nothing.stdout) == (1, "")
    assert nothing.stderr == (
        f"Error: no local AWS is up in {tmp_path} or above it: start it with `batchwright local up`, then give this "
        "again\n"
    )
    assert terminal.give("local", "up").returncode == 0
    served = Command(
        subprocess.Popen(
            serve,
            cwd=tmp_path,
            env={**user_variables, "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
    )
    try:
        address = f"http://127.0.0.1:{port}"
        served.wait_for(f"Serving on {address}")
        assert f"This serves the local AWS in {tmp_path / '.batchwright'}" in served.printed
        token = terminal.give("tokens", "create", "me").stdout.strip()
        listed = terminal.give("runs", "--api", address, BATCHWRIGHT_TOKEN=token)
        assert listed.returncode == 0, listed
        refused = terminal.give("runs", "--api", address, BATCHWRIGHT_TOKEN=f"{token[:-4]}0000")
        assert refused.returncode != 0
    finally:
        served.process.terminate()
        served.process.wait()
        assert terminal.give("local", "down", "--yes").returncode == 0
