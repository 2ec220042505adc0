"""What AWS refuses is told in one sentence that says what to do."""

from __future__ import annotations

from pathlib import Path

import pytest
from botocore import exceptions as aws
from click.testing import CliRunner, Result

from batchwright.cli.group import main
from batchwright.deploy.account import DeployError, sentence
from chalicelib.core.errors import UserMistake


def refusal(code: str, text: str = "no") -> aws.ClientError:
    return aws.ClientError({"Error": {"Code": code, "Message": text}}, "CreateChangeSet")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (refusal("ExpiredToken"), "the AWS credentials of the profile 'company' have expired: get new ones"),
        (refusal("ExpiredTokenException"), "have expired"),
        (refusal("RequestExpired"), "have expired"),
        (refusal("InvalidClientTokenId"), "AWS does not know the credentials of the profile 'company'"),
        (refusal("AccessDenied", "User x may not"), "lack a permission for CreateChangeSet: User x may not"),
        (refusal("ValidationError", "too long"), "CreateChangeSet was refused: ValidationError: too long"),
        (aws.NoCredentialsError(), "no AWS credentials were found: give --profile"),
        (aws.TokenRetrievalError(provider="sso", error_msg="x"), "run `aws sso login --profile company` and try again"),
        (aws.EndpointConnectionError(endpoint_url="https://x"), "AWS cannot be reached"),
    ],
)
def test_an_error_of_aws_is_one_sentence(error: Exception, said: str) -> None:
    told = sentence(error, "company")
    assert isinstance(told, DeployError)
    assert said in str(told)
    assert "\n" not in str(told)


def test_a_profile_that_is_not_there_is_a_mistake_of_the_caller() -> None:
    assert isinstance(sentence(aws.ProfileNotFound(profile="x"), "x"), UserMistake)


@pytest.fixture
def nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Somebody without any credentials."""
    for name in ("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


def give(*words: str) -> Result:
    return CliRunner().invoke(main, list(words))


@pytest.mark.parametrize("command", ["deploy", "destroy"])
@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ([], 2, "no region is set: give --region"),
        (["--region", "eu-west-1"], 1, "Error: no AWS credentials were found"),
        (["--profile", "nobody"], 2, "The config profile (nobody) could not be found"),
        (["--stage", "Dev"], 2, "--stage Dev: a stage is a lower-case letter"),
        (["--stage", "local"], 2, "--stage local: that is the local AWS's own"),
    ],
)
def test_a_command_that_cannot_begin_says_why(
    nobody: None, command: str, words: list[str], code: int, said: str
) -> None:
    done = give(command, *words)
    assert done.exit_code == code, done.output
    assert said in done.output
    assert "Traceback" not in done.output


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--parameter", "MaxVcpu=3"], "--parameter MaxVcpu: no template has it; did you mean 'MaxVcpus'?"),
        (["--parameter", "MaxVcpus"], "--parameter MaxVcpus: write NAME=VALUE"),
        (["--parameter", "Stage=x"], "--parameter Stage: no template has it"),
        (["--project", "/"], "infra/foundation.yaml is not there"),
    ],
)
def test_a_mistake_in_an_option_is_told_before_anything_is_done(nobody: None, words: list[str], said: str) -> None:
    done = give("deploy", "--region", "eu-west-1", *words)
    assert done.exit_code == 2, done.output
    assert said in done.output
