from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError, UnauthorizedSSOTokenError
from click.testing import CliRunner, Result

from batchwright.cli import target
from batchwright.cli.group import main
from batchwright.cli.target import Where, find_target
from batchwright.local.ministack import MiniStack
from batchwright.terminal.aws_words import sentence
from chalicelib.aws.answers import answers
from chalicelib.core.errors import TryAgain, UserMistake
from chalicelib.core.notice.kinds import NoticeKind
from tests.contract import foundation

SECRET = f"bw_{'0' * 16}_{'a' * 64}"
VARIABLES = ("BATCHWRIGHT_STAGE", "BATCHWRIGHT_API", "BATCHWRIGHT_TOKEN", "AWS_PROFILE", "AWS_REGION")


@pytest.fixture(autouse=True)
def nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No local AWS, no stage, no API; credentials that no account has."""
    for name in (*VARIABLES, "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "nobody")
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / name))
    monkeypatch.setenv("BATCHWRIGHT_HOME", str(tmp_path / "none"))


@pytest.mark.parametrize(
    ("where", "variables", "said"),
    [
        (
            Where(),
            {"BATCHWRIGHT_HOME": "/none"},
            "no local AWS is up in /none (BATCHWRIGHT_HOME), and neither a stage ",
        ),
        (Where(stage="dev", address="http://x"), {}, "--stage and --api are two places to speak to; take one of them"),
        (
            Where(),
            {"BATCHWRIGHT_STAGE": "dev", "BATCHWRIGHT_API": "http://x"},
            "BATCHWRIGHT_STAGE and BATCHWRIGHT_API are both set; say which with --stage or --api, or unset one",
        ),
        (Where(region="eu-west-1"), {}, "--profile and --region say where a stage is; name the stage with --stage"),
        (Where(address="http://x"), {}, "an API wants a token: set BATCHWRIGHT_TOKEN"),
        (Where(stage="dev"), {}, "in which region is the stage? give --region, or set AWS_REGION"),
        (Where(stage="dev", profile="wrok"), {}, "AWS has no profile 'wrok'; did you mean 'work'?"),
    ],
)
def test_what_is_not_clear_is_a_mistake_in_a_sentence(
    where: Where, variables: dict[str, str], said: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "AWS_CONFIG_FILE").write_text("[profile work]\n")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(UserMistake) as refused:
        find_target(where)
    assert str(refused.value).startswith(said)


def test_an_option_goes_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BATCHWRIGHT_STAGE", "dev")
    monkeypatch.setenv("BATCHWRIGHT_TOKEN", SECRET)
    found = find_target(Where(address="https://films.example/api"))
    assert (found.who, found.aws) == ("the API at https://films.example/api", None)
    with pytest.raises(UserMistake, match="`batchwright doctor` looks at AWS itself"):
        found.needed_aws("doctor")


@pytest.fixture
def stack(ministack: MiniStack, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, dict[str, str]], None]:
    """Creates a stack of that name with these outputs, in the AWS that the environment names."""
    for name, value in {**ministack.environment(), "AWS_REGION": "eu-west-1"}.items():
        monkeypatch.setenv(name, value)
    client = boto3.client("cloudformation", region_name="eu-west-1")

    def create(name: str, outputs: dict[str, str]) -> None:
        body = {
            "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
            "Outputs": {key: {"Value": value} for key, value in outputs.items()},
        }
        client.create_stack(StackName=name, TemplateBody=json.dumps(body))
        client.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig={"Delay": 0.1})

    return create


def test_a_stage_is_found_by_its_stacks_outputs(stack: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    outputs = foundation.template()["Outputs"]
    figures = {"JobsKeptDays": "90", "ObservedJobs": "ours", "ObservedStates": "deciding", "RecordedJobs": "foreign"}
    figures |= {"Notify": "run_failed", "BlockedQueues": "untold", "EventBus": "changes"}
    stack("batchwright-whole", {output: figures.get(output, f"the {output}") for output in outputs})
    monkeypatch.setenv("BATCHWRIGHT_STAGE", "whole")
    found = find_target(Where())
    assert found.who == "AWS (stage whole, eu-west-1)"
    assert found.aws is not None
    assert found.aws.environment["BATCHWRIGHT_TABLE"] == "the TableName"
    # A run that this command starts tells what the stage's own functions would.
    world = found.aws.wired.world
    assert (world.settings.notify_kinds, world.settings.tells_blocked_queues) == ((NoticeKind.RUN_FAILED,), False)
    assert world.changes is not None


def test_a_stage_that_is_not_there_or_not_whole_is_a_mistake(stack: Callable[..., None]) -> None:
    with pytest.raises(UserMistake, match="there is no stage 'nil' in eu-west-1: no stack batchwright-nil is there"):
        find_target(Where(stage="nil", region="eu-west-1"))
    stack("batchwright-half", {"TableName": "t"})
    with pytest.raises(UserMistake, match="has no output 'EventsQueueName'; deploy the stage again"):
        find_target(Where(stage="half", region="eu-west-1"))


def refused(code: str, message: str = "no") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "GetItem")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (NoCredentialsError(), "there are no AWS credentials: sign in (`aws configure`, `aws sso login`)"),
        (UnauthorizedSSOTokenError(), "the AWS sign-in has expired, renew it with `aws sso login`"),
        (refused("ExpiredToken"), "the AWS credentials have expired, renew them with `aws sso login` or new keys"),
        (refused("InvalidClientTokenId", "what?"), "AWS does not accept the credentials: what? (InvalidClientTokenId)"),
        (refused("AccessDenied", "not you"), "AWS does not allow this with your credentials: not you (GetItem)"),
        (EndpointConnectionError(endpoint_url="http://x"), "AWS cannot be reached: Could not connect to"),
        (refused("Strange"), "AWS did not answer as it should: An error occurred (Strange)"),
        (TryAgain("it is late"), "AWS did not answer as it should: it is late"),
    ],
)
def test_what_goes_wrong_with_aws_is_told_in_a_sentence(error: Exception, said: str) -> None:
    told = sentence("AWS", error)
    assert told.startswith(said)
    assert "\n" not in told


def test_the_adapters_errors_are_told_by_what_is_behind_them() -> None:
    with pytest.raises(TryAgain) as raised, answers("GetItem"):
        raise refused("ExpiredTokenException")
    assert sentence("AWS", raised.value).startswith("the AWS credentials have expired")


def given(*words: str) -> Result:
    return CliRunner().invoke(main, list(words))


def test_an_api_that_cannot_be_reached_is_one_sentence_without_the_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BATCHWRIGHT_TOKEN", SECRET)
    done = given("runs", "--api", "http://127.0.0.1:9/api")
    assert (done.exit_code, done.stdout) == (1, "")
    assert len(done.stderr.splitlines()) == 1
    assert SECRET not in done.stderr


@pytest.mark.parametrize("broken", [f"{SECRET}x", f'"{SECRET}"', f"{SECRET[:40]}\n{SECRET[40:]}", "ключ"])
def test_a_variable_without_a_token_is_a_mistake_that_shows_nothing_of_it(
    broken: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BATCHWRIGHT_TOKEN", broken)
    done = given("runs", "--api", "http://127.0.0.1:9/api")
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith("BATCHWRIGHT_TOKEN holds no token: one is 'bw_', 16 hex digits")
    assert "aaaa" not in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("ending", ["\r", "\n", "\r\n"])
def test_a_line_ending_after_the_token_changes_nothing(ending: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BATCHWRIGHT_TOKEN", f"{SECRET}{ending}")
    assert find_target(Where(address="https://films.example/api")).who == "the API at https://films.example/api"


def test_the_token_is_never_an_option() -> None:
    for name in ("runs", "start", "show"):
        assert "--token" not in given(name, "--help").stdout
        assert target.TOKEN in given(name, "--help").stdout
