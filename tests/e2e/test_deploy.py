"""The life of a stage from its first deployment to its removal: the commands of the README, on MiniStack.

The tests follow each other: each finds the stage as the one before left it.
"""

from __future__ import annotations

import io
import json
import re
import shutil
import zipfile
from dataclasses import replace
from typing import Any

from batchwright.deploy.api_settings import ApiSettings, SeenApi
from batchwright.deploy.lambda_settings import QUEUE_FUNCTIONS, LambdaSettings, Seen
from batchwright.deploy.policies import Place, functions_of
from batchwright.deploy.policies import policy as policy_of
from batchwright.local.queues import COMPUTE_ENVIRONMENT, create_queues, definition_for
from batchwright.local.stack import DEFAULT_QUEUE
from batchwright.samples.sample_notice import sample_notice
from batchwright.stage.project import PROJECT_FOLDER
from chalicelib.aws.named_queues import NamedQueues
from chalicelib.aws.sns import SnsNotices
from chalicelib.core.concurrency import AUTHORIZER_RESERVED, CEILINGS
from chalicelib.core.notice.kinds import NoticeKind
from chalicelib.core.notice.webhook_address import read_webhook_place
from chalicelib.core.tokens import HEADER_EXPRESSION
from chalicelib.wiring import SLACK_LOOPBACK
from tests.e2e.inventory import inventory
from tests.e2e.stage import STAGE, Account, wait_until
from tests.receivers import http_receiver

WEBHOOK = "secret:team/slack"
PLACE = Place(STAGE, "000000000000", "us-east-1", slack_webhook=read_webhook_place(WEBHOOK))
TABLE = PLACE.prefix
BUCKET = f"{PLACE.prefix}-{PLACE.account}-{PLACE.region}"
ARCHIVE_KEY = "movie-ratings/movies.zip"
PACKAGE_BYTES_MAXIMUM = 15_000_000


def before(account: Account) -> dict[str, list[str]]:
    """What an account holds that nobody has used. Log groups of jobs are Batch's, in every account that has used it."""
    found = inventory(account)
    found["log groups"] = [name for name in found.get("log groups", []) if name != "/aws/batch/job"]
    return {kind: names for kind, names in found.items() if names}


def put_batch_environment(account: Account) -> None:
    """What somebody who has jobs has in the account: a queue, and the definition that the workflow names."""
    account.client("batch").create_compute_environment(
        computeEnvironmentName=COMPUTE_ENVIRONMENT,
        type="MANAGED",
        state="ENABLED",
        computeResources={"type": "FARGATE", "maxvCpus": 4, "subnets": ["subnet-1"], "securityGroupIds": ["sg-1"]},
    )
    create_queues(account.environment, [DEFAULT_QUEUE])
    definition_for(account.environment, "movie-ratings", account.project / "statemachines")


def run_item(account: Account, run_id: str) -> dict[str, Any]:
    key = {"pk": {"S": f"RUN#{run_id}"}, "sk": {"S": "RUN"}}
    found: dict[str, Any] = account.client("dynamodb").get_item(TableName=TABLE, Key=key, ConsistentRead=True)["Item"]
    return found


def test_an_unused_account_has_nothing_of_the_stage(account: Account) -> None:
    assert before(account) == {}
    done = account.give("destroy", "--yes")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"Nothing of the stage '{STAGE}' is there (account 000000000000, us-east-1).\n"


def test_the_stacks_can_be_put_up_first(account: Account) -> None:
    done = account.give("deploy", "--stacks-only")
    assert done.returncode == 0, done
    assert f"stack {TABLE}: created" in done.stdout
    assert f"chalice deploy --stage {STAGE}" in done.stdout
    rule = account.client("events").describe_rule(Name=f"{PLACE.prefix}-job-state-changes")
    queue_url = account.client("sqs").get_queue_url(QueueName=f"{PLACE.prefix}-events")["QueueUrl"]
    account.start_batch(json.loads(rule["EventPattern"]), queue_url)
    account.put_variable("AWS_ENDPOINT_URL_BATCH", account.batch_url)
    account.put_variable(SLACK_LOOPBACK, "1")


def test_deploying_puts_up_every_function_with_a_policy_of_its_own(account: Account) -> None:
    done = account.give("deploy", "--slack-webhook", WEBHOOK)
    assert done.returncode == 0, done
    assert "functions: deployed" in done.stdout
    assert "workflow movie-ratings: version 1" in done.stdout
    params = f"--param bucket={BUCKET} --param queue=QUEUE --param job_definition=DEFINITION"
    assert f"  batchwright start movie-ratings --stage {STAGE} {params}\n" in done.stdout
    assert re.search("^  API      https://", done.stdout, re.MULTILINE)
    found = inventory(account)
    assert set(found["functions"]) == {PLACE.function_name(name) for name in functions_of(PLACE)}
    iam = account.client("iam")
    for name in functions_of(PLACE):
        [policy_name] = iam.list_role_policies(RoleName=f"{PLACE.prefix}-{name}")["PolicyNames"]
        policy = iam.get_role_policy(RoleName=f"{PLACE.prefix}-{name}", PolicyName=policy_name)["PolicyDocument"]
        assert policy == policy_of(PLACE, name)
        written = account.project / ".chalice" / "policies" / STAGE / f"{name}.json"
        assert json.loads(written.read_text()) == policy_of(PLACE.anywhere, name)


def test_what_chalice_has_no_word_for_is_in_force(account: Account) -> None:
    client = account.client("lambda")
    ceilings = {"on_events": CEILINGS.events, "on_commands": CEILINGS.commands}
    assert LambdaSettings(client, PLACE).seen() == [
        Seen(PLACE.function_name(name), True, True, True, ceilings[name]) for name in QUEUE_FUNCTIONS
    ]
    reserved = client.get_function_concurrency(FunctionName=PLACE.function_name("bearer"))
    assert reserved["ReservedConcurrentExecutions"] == AUTHORIZER_RESERVED
    gateway = account.client("apigateway")
    [api] = gateway.get_rest_apis()["items"]
    assert api["endpointConfiguration"]["types"] == ["REGIONAL"]
    # MiniStack takes no authorizer from Chalice's import; the next test makes one.
    assert ApiSettings(gateway, api["id"], "api").seen() == SeenApi((), True)


def test_an_authorizer_is_narrowed_and_its_stage_throttled(account: Account) -> None:
    gateway = account.client("apigateway")
    api = gateway.create_rest_api(name="narrowed")["id"]
    uri = PLACE.arn("apigateway", "lambda:path/2015-03-31/functions/x/invocations")
    header = "method.request.header.Authorization"
    made = gateway.create_authorizer(
        restApiId=api, name="bearer", type="TOKEN", authorizerUri=uri, identitySource=header
    )
    gateway.create_deployment(restApiId=api, stageName="api")
    settings = ApiSettings(gateway, api, "api")
    assert settings.seen() == SeenApi(("",), False)
    assert settings.apply()
    assert settings.seen() == SeenApi((HEADER_EXPRESSION,), True)
    found = gateway.get_authorizer(restApiId=api, authorizerId=made["id"])
    assert found["identityValidationExpression"] == HEADER_EXPRESSION
    assert not settings.apply()
    gateway.delete_rest_api(restApiId=api)


def test_the_doctor_finds_the_settings_that_somebody_undid(account: Account) -> None:
    name = PLACE.function_name("on_events")
    account.client("lambda").put_function_recursion_config(FunctionName=name, RecursiveLoop="Terminate")
    told = account.ask("doctor", "--json")
    assert told.returncode == 1, told
    assert "RecursiveLoop is Terminate" in told.stdout, told
    done = account.give("deploy")
    assert "functions: settings put right" in done.stdout, done
    assert account.ask("doctor", "--json").returncode == 0


def test_the_package_is_small(account: Account) -> None:
    [package] = (account.project / ".chalice" / "deployments").glob("*.zip")
    size_bytes = package.stat().st_size
    print(f"the deployment package has {size_bytes / 1e6:.1f} MB")
    assert size_bytes < PACKAGE_BYTES_MAXIMUM
    names = zipfile.ZipFile(io.BytesIO(package.read_bytes())).namelist()
    assert "app.py" in names
    assert not [name for name in names if name.startswith(("batchwright/", "boto3/", "botocore/", "tests/"))]


def test_a_run_succeeds_on_the_deployed_functions(account: Account) -> None:
    put_batch_environment(account)
    archive = account.project / "statemachines" / "movie_ratings" / "movies.zip"
    account.client("s3").upload_file(str(archive), BUCKET, ARCHIVE_KEY)
    payload = {"workflow": "movie-ratings", "params": {"bucket": BUCKET, "parts": 2}}
    answer = account.client("lambda").invoke(FunctionName=f"{PLACE.prefix}-start", Payload=json.dumps(payload))
    body = json.loads(answer["Payload"].read())
    assert "run_id" in body, body
    run_id = body["run_id"]
    wait_until(lambda: run_item(account, run_id)["state"]["S"] not in ("running", "paused"), "the end of the run")
    assert run_item(account, run_id)["state"]["S"] == "succeeded", account.give("show", run_id).stdout
    report = account.client("s3").get_object(Bucket=BUCKET, Key=f"runs/{run_id}/report.json")["Body"].read()
    assert json.loads(report)["films_counted"] == 58_788


def test_a_deployed_function_is_refused_what_its_policy_does_not_allow(account: Account) -> None:
    iam, role = account.client("iam"), f"{PLACE.prefix}-start"
    [name] = iam.list_role_policies(RoleName=role)["PolicyNames"]
    whole = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
    left = [one for one in whole["Statement"] if "dynamodb:PutItem" not in one["Action"] or one["Effect"] == "Deny"]
    iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps({**whole, "Statement": left}))
    payload = json.dumps({"workflow": "movie-ratings", "params": {"bucket": BUCKET}})
    answer = account.client("lambda").invoke(FunctionName=role, Payload=payload)
    iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(whole))
    assert "FunctionError" in answer
    text = answer["Payload"].read().decode()
    assert f"assumed-role/{role}/" in text
    assert "is not authorized to perform: dynamodb:" in text


def test_deploying_the_same_again_changes_nothing(account: Account) -> None:
    was = inventory(account)
    done = account.give("deploy")
    assert done.returncode == 0, done
    assert f"Nothing changed: the stage '{STAGE}' is as this clone says." in done.stdout
    assert inventory(account) == was


def test_a_changed_parameter_is_told_and_stays(account: Account) -> None:
    # One that no function knows of: MiniStack cannot update functions in place together with the API.
    done = account.give("deploy", "--parameter", "ObserveArrayChildren=true")
    assert done.returncode == 0, done
    assert "  modify JobStateChanges (AWS::Events::Rule)" in done.stdout
    assert "functions: unchanged" in done.stdout
    again = account.give("deploy")
    assert "Nothing changed" in again.stdout, again
    rule = account.client("events").describe_rule(Name=f"{PLACE.prefix}-job-state-changes")
    assert "arrayProperties" not in json.loads(rule["EventPattern"])["detail"]


def test_another_clone_knows_what_was_deployed(account: Account) -> None:
    shutil.rmtree(account.project / ".chalice" / "deployed")
    done = account.give("deploy")
    assert "Nothing changed" in done.stdout, done
    assert (account.project / ".chalice" / "deployed" / f"{STAGE}.json").exists()


def test_notices_go_to_slack_by_a_function_that_may_read_one_secret(account: Account) -> None:
    with http_receiver() as slack:
        address = slack.url("/services/planted-webhook-secret")
        account.client("secretsmanager").create_secret(Name="team/slack", SecretString=address)
        topic_arn = PLACE.arn("sns", f"{PLACE.prefix}-notices")
        notices = SnsNotices(account.client("sns"), topic_arn, NamedQueues(lambda: account.client("sqs")))
        notices.publish(sample_notice(STAGE, {"kind": NoticeKind.RUN_LATE}, 0))
        # The notices of the runs before may be tried again meanwhile.
        wait_until(lambda: any("run_late" in one.body for one in slack.received), "the notice in Slack")
    assert {one.path for one in slack.received} == {"/services/planted-webhook-secret"}
    account.client("secretsmanager").delete_secret(SecretId="team/slack", ForceDeleteWithoutRecovery=True)


def test_verify_finds_that_the_stage_works_and_leaves_nothing_behind(account: Account) -> None:
    was = before(account)
    unsaid = account.ask("verify")
    assert (unsaid.returncode, unsaid.stdout) == (2, "")
    assert unsaid.stderr.startswith("give --queue and --job-definition: ")
    with http_receiver() as slack:
        # The stage posts its notices there, and a secret that is not there would be refused like one that is another's.
        account.client("secretsmanager").create_secret(Name="team/slack", SecretString=slack.url("/services/planted"))
        done = account.ask("verify", "--queue", DEFAULT_QUEUE, "--job-definition", "movie-ratings", "--json")
        account.client("secretsmanager").delete_secret(SecretId="team/slack", ForceDeleteWithoutRecovery=True)
    assert done.stdout, done
    rows = {one["key"]: (one["verdict"], one["told"]) for one in json.loads(done.stdout)["assumptions"]}
    verdicts = {key: verdict for key, (verdict, _) in rows.items()}
    not_here = {"schedule", "token", "wrong-token", "no-token", "authorizer-context"}
    assert {key for key, verdict in verdicts.items() if verdict == "not here"} == not_here, rows
    assert {key for key, verdict in verdicts.items() if verdict == "not seen"} <= {"duplicates"}, rows
    assert {key: rows[key] for key, verdict in verdicts.items() if verdict == "does not hold"} == {}
    assert before(account) == was


def test_destroying_can_keep_the_data(account: Account) -> None:
    done = account.give("destroy", "--yes", "--keep-data")
    assert done.returncode == 0, done
    assert before(account) == {"tables": _with_films(account), "buckets": [BUCKET]}


def test_what_was_kept_is_there_again_in_the_stage_s_next_life(account: Account) -> None:
    done = account.give("deploy", "--stacks-only")
    assert done.returncode == 0, done
    assert "taking up what was kept (table, bucket)" in done.stdout
    assert account.client("dynamodb").scan(TableName=TABLE, Select="COUNT")["Count"] > 10


def test_chalice_deploys_by_itself_once_the_stacks_are_up(account: Account) -> None:
    done = account.chalice("deploy", "--stage", STAGE)
    assert done.returncode == 0, done
    # Who destroyed the stage destroyed its settings, too: nothing says any more that it posts to Slack.
    without_slack = replace(PLACE, slack_webhook=None)
    assert set(inventory(account)["functions"]) == {PLACE.function_name(name) for name in functions_of(without_slack)}


def test_destroying_leaves_nothing_also_of_a_deployment_that_was_not_noted(account: Account) -> None:
    (account.project / ".chalice" / "deployed" / f"{STAGE}.json").unlink()
    done = account.give("destroy", "--yes")
    assert done.returncode == 0, done
    assert before(account) == {"tables": [name for name in _with_films(account) if name != TABLE]}
    config = json.loads((account.project / ".chalice" / "config.json").read_text())
    # What a person added stays theirs.
    theirs = {"AWS_ENDPOINT_URL_BATCH": account.batch_url, SLACK_LOOPBACK: "1"}
    shipped = json.loads((PROJECT_FOLDER / ".chalice" / "config.json").read_text())["stages"]
    assert config["stages"] == {**shipped, STAGE: {"environment_variables": theirs}}
    assert sorted(path.name for path in (account.project / ".chalice").iterdir()) == ["config.json", "policies"]
    assert [path.name for path in (account.project / ".chalice" / "policies").iterdir()] == list(shipped)
    assert "Nothing of the stage" in account.give("destroy", "--yes").stdout


def _with_films(account: Account) -> list[str]:
    """The tables, among which is the one of films that the run made: it is the workflow's, and not the stage's."""
    names: list[str] = account.client("dynamodb").list_tables()["TableNames"]
    assert len([name for name in names if name.startswith("movie-ratings-")]) == 1
    return [name for name in names if name == TABLE or name.startswith("movie-ratings-")]
