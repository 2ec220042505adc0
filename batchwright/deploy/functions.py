"""The functions of a stage: Chalice puts them up and takes them down; what it made is remembered in the stage's bucket.

Chalice notes what it made in a file beside its configuration, and without that note would make everything once more. So
a copy of it lies in the bucket, together with a fingerprint of what was deployed: any clone can change or remove the
stage, and a deployment of the same again is found to change nothing.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from importlib.metadata import version
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError
from chalice.config import Config

from batchwright.deploy.account import Account, DeployError, gone_is_fine
from batchwright.deploy.api_settings import ApiSettings
from batchwright.deploy.config import ChaliceConfig
from batchwright.deploy.lambda_settings import LambdaSettings
from batchwright.deploy.leftovers import Leftovers
from batchwright.deploy.policies import GRANTS, Place, functions_of, policy
from chalicelib.core.errors import UserMistake

RECORD_KEY = "batchwright/deployment.json"
_CHALICE = "import sys; from chalice.cli import main; sys.exit(main())"
_PACKAGED = ("app.py", "requirements.txt", "chalicelib", "vendor")
"""What of a project goes into the package."""


class Became(StrEnum):
    """What a deployment did to the functions."""

    DEPLOYED = "deployed"
    SET = "settings put right"
    """Their code stays, and what Chalice has no word for was not in force."""
    UNCHANGED = "unchanged"


@dataclass(frozen=True)
class Functions:
    """The functions of one stage, from one project."""

    account: Account
    place: Place
    project: Path
    bucket: str
    reserved: int | None = None
    """Executions that are reserved for the authorizer."""

    @property
    def config(self) -> ChaliceConfig:
        return ChaliceConfig(self.project / ".chalice")

    def deploy(self, say: Callable[[str], None], *, again: bool = False) -> Became:
        """Put the functions up, if that is needed, and their settings in force. Raises DeployError. `again` puts them
        up in any case."""
        record = self._record()
        self._recall(record)
        fingerprint = self._fingerprint()
        if not again and record.get("fingerprint") == fingerprint and record.get("code") == self._code():
            return Became.SET if self._settled(say) else Became.UNCHANGED
        leftovers = Leftovers(self.account, self.place)
        leftovers.check_ours()
        if not self.made():
            leftovers.remove(say)
        say("functions: packaging and deploying (chalice), which takes a minute or two")
        try:
            self._chalice("deploy", lambda line: say(f"  {line}"))
            self._narrow_policies()
            if not self.config.is_traced(self.place.stage):
                self._stop_tracing()
        finally:
            # Also of a deployment that failed: the next one goes on from what this one made.
            self._remember(None)
        self._settled(say)
        self._remember(fingerprint)
        return Became.DEPLOYED

    def _settled(self, say: Callable[[str], None]) -> bool:
        """Put the settings in force that Chalice has no word for; whether any was not. If that fails, the next
        deployment begins with Chalice, so that nothing is taken for done that was half done."""
        try:
            changed = LambdaSettings(self.account.client("lambda"), self.place, self.reserved).apply(say)
            api = next((one for one in self.made() if one["resource_type"] == "rest_api"), None)
            if api is not None:
                stage_name = api["rest_api_url"].rstrip("/").rpartition("/")[2]
                changed |= ApiSettings(self.account.client("apigateway"), api["rest_api_id"], stage_name).apply()
        except Exception:
            self._remember(None)
            raise
        return changed

    def _narrow_policies(self) -> None:
        """Give each role that Chalice made a policy of this account and region alone; the files name none."""
        traced = self.config.is_traced(self.place.stage)
        made = {one.get("role_name") for one in self.made()}
        for function in functions_of(self.place):
            role = f"{self.place.prefix}-{function}"
            if role in made:
                document = json.dumps(policy(self.place, function, xray=traced))
                # Under the name that Chalice gives a role's policy, so that it takes the place of the file's.
                self.account.client("iam").put_role_policy(RoleName=role, PolicyName=role, PolicyDocument=document)

    def _stop_tracing(self) -> None:
        """Chalice turns X-Ray on, and never off."""
        client = self.account.client("lambda")
        for function in GRANTS:
            name = self.place.function_name(function)
            with gone_is_fine():
                tracing = client.get_function_configuration(FunctionName=name).get("TracingConfig", {})
                if tracing.get("Mode") == "Active":
                    client.update_function_configuration(FunctionName=name, TracingConfig={"Mode": "PassThrough"})

    def delete(self, say: Callable[[str], None]) -> bool:
        """Take the functions down; whether Chalice had made any. Raises DeployError."""
        leftovers = Leftovers(self.account, self.place)
        leftovers.check_ours()
        self._recall(self._record())
        made = bool(self.made())
        if made:
            say("functions: deleting (chalice)")
            try:
                self._chalice("delete", lambda line: say(f"  {line}"))
            except DeployError as error:
                # Chalice stops at the first thing that is gone already, as after a removal that was broken off.
                say(f"functions: {error}; going on without it")
                self._delete_noted()
        leftovers.remove(say)
        return made

    def _delete_noted(self) -> None:
        """Remove what could not be found by a function's name once the function is gone."""
        for one in self.made():
            with gone_is_fine():
                if one.get("event_uuid"):
                    self.account.client("lambda").delete_event_source_mapping(UUID=one["event_uuid"])
                elif one.get("rest_api_id"):
                    self.account.client("apigateway").delete_rest_api(restApiId=one["rest_api_id"])

    def made(self) -> list[dict[str, Any]]:
        """What Chalice has made for the stage, by its own note."""
        found: list[dict[str, Any]] = (self._note() or {}).get("resources", [])
        return found

    def variable(self, name: str) -> str | None:
        """A variable of the functions as they are deployed, from whichever clone."""
        client = self.account.client("lambda")
        try:
            found = client.get_function_configuration(FunctionName=self.place.function_name("start"))
        except client.exceptions.ResourceNotFoundException:
            return None
        value: str | None = found.get("Environment", {}).get("Variables", {}).get(name)
        return value

    def api_url(self) -> str | None:
        """The address of the HTTP API, if there is one."""
        return next((one["rest_api_url"] for one in self.made() if one["resource_type"] == "rest_api"), None)

    def _chalice(self, command: str, say: Callable[[str], None]) -> None:
        """Run a command of Chalice on the project, which says what it does as it does it."""
        process = subprocess.Popen(
            [sys.executable, "-c", _CHALICE, command, "--stage", self.place.stage],
            cwd=self.project,
            env=self.account.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(line.rstrip())
            if lines[-1] and not lines[-1].startswith((" ", "Traceback")):
                say(lines[-1])
        if process.wait() != 0:
            raise DeployError(f"chalice {command} failed: {_last_words(lines)}")

    def _record(self) -> dict[str, Any]:
        s3 = self.account.client("s3")
        try:
            body = s3.get_object(Bucket=self.bucket, Key=RECORD_KEY)["Body"].read()
        except ClientError as error:
            if error.response["Error"]["Code"] in ("NoSuchKey", "NoSuchBucket", "404"):
                return {}
            raise
        found: dict[str, Any] = json.loads(body)
        return found

    def _recall(self, record: Mapping[str, Any]) -> None:
        """Give Chalice the note of this stage. The bucket's is of whatever clone deployed last, so it wins; where there
        is none, this clone's own counts, if it is of this account and region."""
        path = self.config.deployed_path(self.place.stage)
        noted = record.get("chalice")
        if noted is not None and is_of(noted, self.place):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(noted, indent=2), encoding="utf-8")
        elif path.exists() and self._note() is None:
            # It may be all that is known of a stage of the name elsewhere. Chalice does not look at this name.
            path.replace(path.with_suffix(".json.of-another-place"))

    def _note(self) -> dict[str, Any] | None:
        """Chalice's note in this clone; None when there is none of this account and region."""
        try:
            note = json.loads(self.config.deployed_path(self.place.stage).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return note if isinstance(note, dict) and is_of(note, self.place) else None

    def _remember(self, fingerprint: str | None) -> None:
        note = self._note()
        if note is None:
            return
        record = {
            "fingerprint": fingerprint,
            "code": self._code() if fingerprint else None,
            "chalice": note,
        }
        body = json.dumps(record, indent=2).encode()
        self.account.client("s3").put_object(
            Bucket=self.bucket, Key=RECORD_KEY, Body=body, ContentType="application/json"
        )

    def _code(self) -> dict[str, str]:
        """The hash of each function's code, as Lambda has it; what is not there is not in it."""
        client = self.account.client("lambda")
        found = {}
        for function in GRANTS:
            name = self.place.function_name(function)
            try:
                found[name] = client.get_function_configuration(FunctionName=name)["CodeSha256"]
            except client.exceptions.ResourceNotFoundException:
                continue
        return found

    def _fingerprint(self) -> str:
        """Names everything that a deployment is made of: code, requirements, values, policies, and who packages it."""
        config = self.config.read()
        config["stages"] = {self.place.stage: config.get("stages", {}).get(self.place.stage)}
        digest = hashlib.sha256(json.dumps(config, sort_keys=True).encode())
        digest.update(f"{version('chalice')} {sys.version_info[:2]}".encode())
        policies = sorted(self.config.policy_folder(self.place.stage).glob("*.json"))
        for path in (*_files(self.project), *policies):
            digest.update(str(path.relative_to(self.project)).encode() + b"\0" + path.read_bytes() + b"\0")
        return digest.hexdigest()


def this_runtime() -> str:
    """The runtime of Lambda that Chalice deploys: that of the Python which runs it."""
    found: str = Config().lambda_python_version
    return found


def check_runtime(account: Account, place: Place, wished: str | None) -> None:
    """Raises UserMistake for a runtime that this Python cannot deploy, and DeployError where the functions run on
    another one than it would deploy: two people with two Pythons would change it by turns."""
    ours = this_runtime()
    if wished is not None and wished != ours:
        raise UserMistake(
            f"--runtime {wished}: the packages are made for the Python that runs this command, which is {ours}; run it "
            f"with the Python of {wished}"
        )
    client = account.client("lambda")
    name = place.function_name("start")
    try:
        deployed = client.get_function_configuration(FunctionName=name).get("Runtime", ours)
    except client.exceptions.ResourceNotFoundException:
        return
    if wished is None and deployed != ours:
        raise DeployError(
            f"the functions run on {deployed}, and this command runs on {ours}: run it with the Python of {deployed}, "
            f"or move the stage with --runtime {ours}"
        )


def is_of(note: Mapping[str, Any], place: Place) -> bool:
    """Whether all that a note of Chalice names is in the account and region of a place."""
    of_here = (place.region, place.account)
    # arn:partition:service:region:account:resource; roles belong to no region.
    parts = [arn.split(":", 5) for arn in _arns(note)]
    return all((part[3] or place.region, part[4] or place.account) == of_here for part in parts)


def _arns(part: Any) -> Iterator[str]:
    if isinstance(part, Mapping):
        part = list(part.values())
    if isinstance(part, list):
        for one in part:
            yield from _arns(one)
    elif isinstance(part, str) and part.startswith("arn:") and part.count(":") >= 5:
        yield part


def _files(project: Path) -> Iterator[Path]:
    for name in _PACKAGED:
        path = project / name
        if path.is_file():
            yield path
        elif path.is_dir():
            yield from sorted(one for one in path.rglob("*") if one.is_file() and "__pycache__" not in one.parts)


def _last_words(lines: list[str]) -> str:
    """The reason in Chalice's output: its own error, whose lines it wraps, or the last line of a stack trace."""
    said = [line.strip() for line in lines if line.strip()]
    for at, line in enumerate(said):
        # Behind the name of the exception, if a stack trace comes before it.
        _, sign, error = line.partition("ERROR - ")
        if sign:
            return " ".join([error, *said[at + 1 :]])
    return said[-1] if said else "it said nothing"
