"""`chalice package` for people who deploy by pipeline: what comes out is clean, small and named as the stage is."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from batchwright.deploy.api_settings import BURST, RATE_PER_SECOND
from batchwright.deploy.config import STAGE_VARIABLE, ChaliceConfig
from batchwright.deploy.lambda_settings import QUEUE_FUNCTIONS, REPORT
from batchwright.deploy.policies import Place, functions_of, policy
from batchwright.stage.project import PROJECT_FOLDER
from chalicelib.core.tokens import HEADER_EXPRESSION
from chalicelib.wiring import PARTIAL_RESPONSES
from tests.e2e.stage import CHALICE, copy_project

PLACE = Place("prod", "123456789012", "eu-west-1")
PACKAGE_BYTES_MAXIMUM = 15_000_000


@pytest.fixture(scope="module")
def packaged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the command wrote: for the architecture that the committed configuration names."""
    project = tmp_path_factory.mktemp("package") / "clone"
    copy_project(project, of_this_machine=False)
    ChaliceConfig(project / ".chalice").put_stage(PLACE, functions_of(PLACE), {STAGE_VARIABLE: PLACE.stage})
    program = "import sys; from chalice.cli import main; sys.exit(main())"
    words = ["package", "--stage", "prod", "--merge-template", str(PROJECT_FOLDER / "infra" / "package-merge.yaml")]
    done = subprocess.run(
        [sys.executable, "-c", program, *words, "--template-format", "yaml", "out"],
        cwd=project,
        env={"PATH": "/usr/bin:/bin", "AWS_DEFAULT_REGION": PLACE.region, "HOME": str(Path.home())},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done
    return project / "out"


@pytest.fixture(scope="module")
def resources(packaged: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((packaged / "sam.yaml").read_text())["Resources"]
    return found


def test_cfn_lint_finds_nothing(packaged: Path) -> None:
    command = [str(Path(sys.executable).with_name("cfn-lint")), "--", str(packaged / "sam.yaml")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)


def test_the_package_is_small(packaged: Path) -> None:
    size_bytes = (packaged / "deployment.zip").stat().st_size
    print(f"the deployment package has {size_bytes / 1e6:.1f} MB")
    assert size_bytes < PACKAGE_BYTES_MAXIMUM


def test_every_function_has_the_name_that_is_watched_and_its_own_policy(resources: dict[str, Any]) -> None:
    functions = {name: one for name, one in resources.items() if one["Type"] == "AWS::Serverless::Function"}
    names = {one["Properties"]["FunctionName"]["Fn::Sub"].replace("${Stage}", "prod") for one in functions.values()}
    assert names == {PLACE.function_name(name) for name in functions_of(PLACE)}
    roles = [one["Properties"] for one in resources.values() if one["Type"] == "AWS::IAM::Role"]
    documents = [json.dumps(role["Policies"][0]["PolicyDocument"], sort_keys=True) for role in roles]
    for name in functions_of(PLACE):
        assert json.dumps(policy(PLACE.anywhere, name), sort_keys=True) in documents


def test_a_fresh_clone_is_packaged_without_an_account_or_a_region(tmp_path: Path) -> None:
    copy_project(tmp_path / "clone", of_this_machine=False)
    done = subprocess.run(
        [CHALICE, "package", "--stage", "dev", "out"],
        cwd=tmp_path / "clone",
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done
    assert (
        "without --merge-template infra/package-merge.yaml CloudFormation invents the functions' names" in done.stderr
    )
    template = tmp_path / "clone" / "out" / "sam.json"
    lint = [str(Path(sys.executable).with_name("cfn-lint")), "--", str(template)]
    assert subprocess.run(lint, capture_output=True, text=True).stdout == ""
    resources = json.loads(template.read_text())["Resources"].values()
    functions = [one["Properties"] for one in resources if one["Type"] == "AWS::Serverless::Function"]
    assert len(functions) == len(functions_of(PLACE))
    # The stage is all that they are told.
    assert [one["Environment"]["Variables"] for one in functions] == [{"BATCHWRIGHT_STAGE": "dev"}] * len(functions)
    queues = [one["Properties"]["Events"] for one in resources if "Events" in one.get("Properties", {})]
    for name in ("batchwright-dev-events", "batchwright-dev-commands"):
        assert name in json.dumps(queues)


def test_the_queue_functions_have_the_settings_that_chalice_leaves_out(resources: dict[str, Any]) -> None:
    functions = {
        one["Properties"]["FunctionName"]["Fn::Sub"].replace("${Stage}", "prod"): one["Properties"]
        for one in resources.values()
        if one["Type"] == "AWS::Serverless::Function"
    }
    for name in QUEUE_FUNCTIONS:
        function = functions[PLACE.function_name(name)]
        assert function["RecursiveLoop"] == "Allow"
        # Both or neither: the variable without the mapping's setting loses messages.
        assert function["Environment"]["Variables"][PARTIAL_RESPONSES] == "true"
        [source] = function["Events"].values()
        assert source["Type"] == "SQS", "the merge met Chalice's own event source, and made no second one"
        assert source["Properties"]["FunctionResponseTypes"] == [REPORT]
        assert "Queue" in source["Properties"]


def test_the_api_asks_the_authorizer_about_tokens_alone_and_has_a_rate(resources: dict[str, Any]) -> None:
    api = resources["RestAPI"]["Properties"]
    [scheme] = api["DefinitionBody"]["securityDefinitions"].values()
    authorizer = scheme["x-amazon-apigateway-authorizer"]
    assert authorizer["identityValidationExpression"] == HEADER_EXPRESSION
    assert authorizer["type"] == "token", "the merge met Chalice's own authorizer, and made no second one"
    [rate] = api["MethodSettings"]
    assert (rate["HttpMethod"], rate["ResourcePath"]) == ("*", "/*")
    assert (rate["ThrottlingRateLimit"], rate["ThrottlingBurstLimit"]) == (RATE_PER_SECOND, BURST)


def test_the_api_is_regional(resources: dict[str, Any]) -> None:
    """GovCloud and China have no other: https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-api-endpoint-types.html"""
    assert resources["RestAPI"]["Properties"]["EndpointConfiguration"] == "REGIONAL"
