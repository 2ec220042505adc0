"""What `chalice deploy` and `chalice package` say before they begin: what is missing, and what to run first."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, NoCredentialsError

from batchwright.deploy.chalice_commands import trouble_of
from batchwright.stage.foundation import _OUTPUT_OF, USUAL_SETTINGS
from batchwright.stage.project import PROJECT_FOLDER

CHALICE = str(Path(sys.executable).with_name("chalice"))
OUTPUTS = {output: USUAL_SETTINGS.get(variable, "x") for variable, output in _OUTPUT_OF.items()}


class Session:
    """A session of botocore whose CloudFormation has at most one stack."""

    def __init__(self, answer: Mapping[str, Any] | Exception, region: str | None = "eu-west-1") -> None:
        self._answer = answer
        self._region = region

    def get_config_variable(self, name: str) -> str | None:
        assert name == "region"
        return self._region

    def create_client(self, service: str) -> Session:
        assert service == "cloudformation"
        return self

    def describe_stacks(self, StackName: str) -> dict[str, Any]:
        if isinstance(self._answer, Exception):
            raise self._answer
        return {"Stacks": [{"StackName": StackName, **self._answer}]}


def stack(stage: str = "dev", status: str = "CREATE_COMPLETE", **outputs: str) -> dict[str, Any]:
    return {
        "StackStatus": status,
        "Parameters": [{"ParameterKey": "Stage", "ParameterValue": stage}],
        "Outputs": [{"OutputKey": key, "OutputValue": value} for key, value in {**OUTPUTS, **outputs}.items()],
    }


def refused(code: str, message: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "DescribeStacks")


NO_STACK = refused("ValidationError", "Stack with id batchwright-dev does not exist")


def test_nothing_is_missing_once_the_stack_is_there() -> None:
    assert trouble_of(Session(stack()), "dev", {}) is None
    assert trouble_of(Session(stack("prod", "UPDATE_COMPLETE")), "prod", {}) is None


@pytest.mark.parametrize(
    ("session", "said"),
    [
        (Session(stack(), region=None), "in which region is the stage 'dev'? set AWS_REGION"),
        (Session(NoCredentialsError()), "there are no AWS credentials: sign in"),
        (
            Session(NO_STACK),
            "there is no stack batchwright-dev in eu-west-1, and the functions need what is in it: first give `aws "
            "cloudformation deploy --template-file infra/foundation.yaml --stack-name batchwright-dev --capabilities "
            "CAPABILITY_NAMED_IAM`, then this again",
        ),
        (Session(refused("AccessDenied", "User: x is not authorized")), "AWS does not allow this with your credential"),
        (Session(stack(status="CREATE_IN_PROGRESS")), "the stack batchwright-dev in eu-west-1 is CREATE_IN_PROGRESS"),
        (Session(stack("prod")), "the stack batchwright-dev is of the stage 'prod', not of 'dev'"),
        (
            Session(stack(Notify="run_failed")),
            "BATCHWRIGHT_NOTIFY is run_failed by the parameters of the stack batchwright-dev and usual by",
        ),
    ],
)
def test_what_is_missing_is_one_sentence(session: Session, said: str) -> None:
    found = trouble_of(session, "dev", {})
    assert found is not None and found.startswith(said)
    assert "\n" not in found


def test_a_stack_of_another_version_is_to_be_brought_up_to_date() -> None:
    old = stack()
    old["Outputs"] = old["Outputs"][1:]
    assert "has no output 'TableName'" in str(trouble_of(Session(old), "dev", {}))


def test_another_stage_is_named_in_the_command_to_give_first() -> None:
    assert "--stack-name batchwright-prod --capabilities CAPABILITY_NAMED_IAM --parameter-overrides Stage=prod`" in str(
        trouble_of(Session(NO_STACK), "prod", {})
    )


def test_settings_of_the_stack_that_the_functions_have_too_are_no_trouble() -> None:
    told = {"BATCHWRIGHT_NOTIFY": "run_failed", "BATCHWRIGHT_EVENT_BUS": "none"}
    assert trouble_of(Session(stack(Notify="run_failed")), "dev", told) is None


def give(folder: Path, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Give a command of Chalice in the project, with nothing of the user's AWS."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "BATCHWRIGHT_"))}
    return subprocess.run(
        [CHALICE, "--project-dir", str(PROJECT_FOLDER), *words],
        cwd=folder,
        env={**own, "HOME": str(folder), "BATCHWRIGHT_HOME": str(folder / "home"), **variables},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize(
    ("words", "variables", "said"),
    [
        (["deploy"], {}, "in which region is the stage 'dev'?"),
        # Chalice itself does not look at AWS_REGION.
        (["deploy"], {"AWS_REGION": "eu-west-1", "AWS_EC2_METADATA_DISABLED": "true"}, "there are no AWS credentials"),
        # Also where the shell names that stage for the commands of Batchwright.
        (
            ["package", "--stage", "prod", "out"],
            {"BATCHWRIGHT_STAGE": "prod"},
            "the stage 'prod' is not in .chalice/config.json",
        ),
        (["local", "--no-autoreload"], {}, "no local AWS is up in "),
    ],
)
def test_a_command_that_cannot_begin_says_so_in_one_line(
    tmp_path: Path, words: list[str], variables: dict[str, str], said: str
) -> None:
    done = give(tmp_path, *words, **variables)
    [line] = done.stderr.splitlines()
    assert line.startswith(f"Error: {said}")
    assert done.returncode == 1
