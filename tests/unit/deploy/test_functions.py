"""Whose note of what Chalice made counts: the bucket's before the clone's, and none of another account or region."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
from botocore.exceptions import ClientError

from batchwright.deploy.account import Account, DeployError
from batchwright.deploy.deployment import XRAY_VARIABLE, Wish, _variables
from batchwright.deploy.functions import Became, Functions, _last_words, check_runtime, this_runtime
from batchwright.deploy.policies import Place, policy
from batchwright.deploy.refusal import refusal_of
from batchwright.stage.foundation import _OUTPUT_OF
from chalicelib.core.errors import UserMistake

PLACE = Place("dev", "123456789012", "eu-west-1")


class Bucket:
    """The stage's bucket, with at most a record in it; what else is deleted there, and which functions are traced."""

    def __init__(self, record: dict[str, Any] | None = None) -> None:
        self.record = record
        self.deleted: list[str] = []
        self.traced: set[str] = set()
        self.policies: dict[str, Any] = {}

    def put_role_policy(self, RoleName: str, PolicyName: str, PolicyDocument: str) -> None:
        assert PolicyName == RoleName
        self.policies[RoleName] = json.loads(PolicyDocument)

    def get_object(self, **_: str) -> dict[str, Any]:
        if self.record is None:
            raise ClientError({"Error": {"Code": "NoSuchKey", "Message": ""}}, "GetObject")
        return {"Body": io.BytesIO(json.dumps(self.record).encode())}

    def get_function_configuration(self, FunctionName: str) -> dict[str, Any]:
        if FunctionName == PLACE.function_name("bearer"):
            raise ClientError({"Error": {"Code": "ResourceNotFoundException", "Message": ""}}, "GetFunction")
        return {"TracingConfig": {"Mode": "Active" if FunctionName in self.traced else "PassThrough"}}

    def update_function_configuration(self, FunctionName: str, TracingConfig: dict[str, str]) -> None:
        assert TracingConfig == {"Mode": "PassThrough"}
        self.traced.remove(FunctionName)

    def delete_event_source_mapping(self, UUID: str) -> None:
        self.deleted.append(UUID)
        raise ClientError({"Error": {"Code": "ResourceNotFoundException", "Message": ""}}, "DeleteEventSourceMapping")

    def delete_rest_api(self, restApiId: str) -> None:
        self.deleted.append(restApiId)

    def put_object(self, Body: bytes, **_: str) -> None:
        self.record = json.loads(Body)


class Chalice(Functions):
    """Functions whose Chalice does what a test says, and which find nothing else on AWS."""

    runs: Callable[[], None]

    def _chalice(self, command: str, say: Callable[[str], None]) -> None:
        self.runs()

    def _fingerprint(self) -> str:
        return "of-this-clone"

    def _code(self) -> dict[str, str]:
        return {}


@pytest.fixture(autouse=True)
def nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("batchwright.deploy.functions.Leftovers.check_ours", lambda self: None)
    monkeypatch.setattr("batchwright.deploy.functions.Leftovers.remove", lambda self, say: None)
    monkeypatch.setattr("batchwright.deploy.functions.LambdaSettings.apply", lambda self, say: False)
    monkeypatch.setattr("batchwright.deploy.functions.ApiSettings.apply", lambda self: False)


def note(api: str, account: str = PLACE.account, region: str = PLACE.region) -> dict[str, Any]:
    role = {"resource_type": "iam_role", "role_arn": f"arn:aws:iam::{account}:role/batchwright-dev-start"}
    function = {"resource_type": "lambda_function", "lambda_arn": f"arn:aws:lambda:{region}:{account}:function:x"}
    rest_api = {"resource_type": "rest_api", "rest_api_url": api, "rest_api_id": "api-1"}
    return {"resources": [role, function, rest_api], "schema_version": "2.0"}


def functions(project: Path, bucket: Bucket, local: dict[str, Any] | None, runs: Callable[[], None]) -> Chalice:
    session = type("Session", (), {"region_name": PLACE.region, "client": lambda self, service: bucket})()
    found = Chalice(Account(session), PLACE, project, "bucket")
    object.__setattr__(found, "runs", runs)
    path = found.config.deployed_path("dev")
    path.parent.mkdir(parents=True)
    found.config.path.write_text("{}")
    if local is not None:
        path.write_text(json.dumps(local))
    return found


def breaks() -> None:
    raise DeployError("chalice deploy failed")


def test_the_bucket_s_record_wins_over_an_old_note_of_this_clone(tmp_path: Path) -> None:
    bucket = Bucket({"fingerprint": "of-this-clone", "code": {}, "chalice": note("new")})
    found = functions(tmp_path, bucket, note("old"), breaks)
    assert found.deploy(lambda line: None) is Became.UNCHANGED
    assert found.api_url() == "new"


@pytest.mark.parametrize("local", [note("old"), note("foreign", account="999999999999"), None])
def test_a_deployment_that_breaks_leaves_what_the_record_knows(tmp_path: Path, local: dict[str, Any] | None) -> None:
    bucket = Bucket({"fingerprint": "of-another-clone", "code": {}, "chalice": note("new")})
    with pytest.raises(DeployError, match="chalice deploy failed"):
        functions(tmp_path, bucket, local, breaks).deploy(lambda line: None)
    assert bucket.record == {"fingerprint": None, "code": None, "chalice": note("new")}


@pytest.mark.parametrize(
    "foreign", [note("foreign", account="999999999999"), note("foreign", region="us-east-1")], ids=["account", "region"]
)
def test_a_note_of_another_place_counts_for_nothing_and_is_kept_aside(tmp_path: Path, foreign: dict[str, Any]) -> None:
    bucket = Bucket()
    found = functions(tmp_path, bucket, foreign, breaks)
    with pytest.raises(DeployError):
        found.deploy(lambda line: None)
    assert found.api_url() is None
    assert bucket.record is None
    path = found.config.deployed_path("dev")
    assert [json.loads(one.read_text()) for one in path.parent.iterdir()] == [foreign]
    assert not path.exists()


def test_settings_that_somebody_undid_are_put_right_although_nothing_else_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket = Bucket({"fingerprint": "of-this-clone", "code": {}, "chalice": note("new")})
    monkeypatch.setattr("batchwright.deploy.functions.ApiSettings.apply", lambda self: self.rest_api_id == "api-1")
    assert functions(tmp_path, bucket, None, breaks).deploy(lambda line: None) is Became.SET


@pytest.mark.parametrize("fingerprint", ["of-this-clone", "of-another-clone"])
def test_settings_that_failed_make_the_next_deployment_begin_with_chalice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fingerprint: str
) -> None:
    def fails(self: object) -> bool:
        raise DeployError("half done")

    bucket = Bucket({"fingerprint": fingerprint, "code": {}, "chalice": note("new")})
    monkeypatch.setattr("batchwright.deploy.functions.ApiSettings.apply", fails)
    with pytest.raises(DeployError, match="half done"):
        functions(tmp_path, bucket, None, lambda: None).deploy(lambda line: None)
    assert bucket.record is not None
    assert bucket.record["fingerprint"] is None


def test_a_note_of_this_place_counts_where_the_bucket_has_none(tmp_path: Path) -> None:
    bucket = Bucket()
    assert functions(tmp_path, bucket, note("mine"), lambda: None).deploy(lambda line: None) is Became.DEPLOYED
    assert cast(dict[str, Any], bucket.record)["chalice"] == note("mine")


def test_a_removal_goes_on_where_chalice_stops_at_what_is_gone(tmp_path: Path) -> None:
    noted = note("api")
    noted["resources"] += [{"resource_type": "sqs_event", "event_uuid": "feed"}]
    bucket = Bucket({"chalice": noted})
    assert functions(tmp_path, bucket, None, breaks).delete(lambda line: None)
    assert bucket.deleted == ["api-1", "feed"]


def test_a_deployment_narrows_the_policies_of_the_roles_that_chalice_made(tmp_path: Path) -> None:
    bucket, noted = Bucket(), note("mine")
    noted["resources"][0]["role_name"] = "batchwright-dev-start"
    assert functions(tmp_path, bucket, noted, lambda: None).deploy(lambda line: None)
    assert bucket.policies == {"batchwright-dev-start": policy(PLACE, "start")}


CHALICE_WAS_REFUSED = """\
Creating IAM role: batchwright-dev-start
Traceback (most recent call last):
  File "chalice/awsclient.py", line 1112, in create_role
botocore.exceptions.ClientError: An error occurred (AccessDenied)

During handling of the above exception, another exception occurred:

chalice.deploy.deployer.ChaliceDeploymentError: ERROR - While deploying your chalice application, received
the following error:

 An error occurred (AccessDenied) when calling the CreateRole operation: User:
 arn:aws:iam::123456789012:user/me is not authorized to perform:
 iam:CreateRole on resource:
 arn:aws:iam::123456789012:role/batchwright-dev-start because no
 identity-based policy allows the iam:CreateRole action
"""


def test_all_of_what_chalice_says_was_wrong_is_told() -> None:
    said = _last_words(CHALICE_WAS_REFUSED.splitlines())
    assert said.startswith("While deploying your chalice application, received the following error: An error occurred")
    assert said.endswith("identity-based policy allows the iam:CreateRole action")
    refusal = refusal_of(DeployError(f"chalice deploy failed: {said}"))
    assert refusal is not None
    role = "arn:aws:iam::123456789012:role/batchwright-dev-start"
    assert (refusal.action, refusal.resource) == ("iam:CreateRole", role)
    assert _last_words(["Traceback", "  File x", "KeyError: 'x'", ""]) == "KeyError: 'x'"


@pytest.mark.parametrize("wished", [True, False])
def test_a_deployment_without_x_ray_turns_it_off_which_chalice_does_not(tmp_path: Path, wished: bool) -> None:
    bucket = Bucket()
    bucket.traced = {PLACE.function_name("sweep"), PLACE.function_name("start")}
    found = functions(tmp_path, bucket, note("mine"), lambda: None)
    found.config.path.write_text(json.dumps({"stages": {"dev": {"xray": wished}}}))
    found.deploy(lambda line: None)
    assert len(bucket.traced) == (2 if wished else 0)


@pytest.mark.parametrize(
    ("wished", "deployed", "traced"),
    [
        (None, None, None),
        (None, "true", "true"),
        (None, "false", None),
        (True, "false", "true"),
        (False, "true", None),
    ],
)
def test_whether_x_ray_traces_stays_as_it_was_unless_it_is_said_anew(
    tmp_path: Path, wished: bool | None, deployed: str | None, traced: str | None
) -> None:
    class Deployed:
        def variable(self, name: str) -> str | None:
            return deployed if name == XRAY_VARIABLE else None

    outputs = dict.fromkeys(_OUTPUT_OF.values(), "x")
    wish = Wish("dev", tmp_path, xray=wished)
    assert _variables(cast(Functions, Deployed()), wish, outputs)[XRAY_VARIABLE] == traced


class Deployed:
    """Lambda, with the function `start` on a runtime; without one where it is None."""

    def __init__(self, runtime: str | None) -> None:
        self.runtime = runtime
        self.exceptions = type("Exceptions", (), {"ResourceNotFoundException": LookupError})

    def get_function_configuration(self, FunctionName: str) -> dict[str, str]:
        assert FunctionName == PLACE.function_name("start")
        if self.runtime is None:
            raise LookupError
        return {"Runtime": self.runtime}


def check(deployed: str | None, wished: str | None) -> None:
    session = type("Session", (), {"region_name": PLACE.region, "client": lambda self, service: Deployed(deployed)})()
    check_runtime(Account(session), PLACE, wished)


@pytest.mark.parametrize(
    ("deployed", "wished"),
    [(None, None), (None, this_runtime()), (this_runtime(), None), ("python3.10", this_runtime())],
)
def test_a_stage_keeps_its_runtime_unless_it_is_moved(deployed: str | None, wished: str | None) -> None:
    check(deployed, wished)


def test_a_second_deployer_with_another_python_does_not_flip_the_runtime() -> None:
    told = rf"run on python3\.10, and this .* move the stage with --runtime {this_runtime()}"
    with pytest.raises(DeployError, match=told):
        check("python3.10", None)


def test_a_runtime_of_another_python_cannot_be_wished_for() -> None:
    with pytest.raises(
        UserMistake, match=r"--runtime python3\.10: the packages are made for the Python that runs this"
    ):
        check(None, "python3.10")


def test_the_runtime_is_the_one_that_chalice_deploys() -> None:
    assert this_runtime() == f"python{sys.version_info[0]}.{sys.version_info[1]}"
