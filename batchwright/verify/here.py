"""The place that is verified: a stage in an account, an emulator with a stage in it, or the local AWS.

Owns what its things are called, and what it means when a look at them is refused.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import urlsplit

from botocore.exceptions import BotoCoreError, ClientError

from batchwright.deploy.functions import RECORD_KEY
from batchwright.deploy.policies import GRANTS, Place
from batchwright.stage.connection import Aws
from batchwright.verify.observed import Look, NotHere, Saw, Unseen
from chalicelib.api.port import Api
from chalicelib.aws.answers import code_of, message_of
from chalicelib.wiring import API_AUTH

T = TypeVar("T")

NO_LAMBDA = NotHere("the local AWS runs the functions in one process, not in Lambda")
NO_POLICIES = NotHere("the local AWS holds nobody to policies")
_AWS_HOSTS = (".amazonaws.com", ".amazonaws.com.cn", ".api.aws")


@dataclass
class Here:
    """Where a call of verify works. `api` looks and acts in the caller's own name. Clients are made once a service."""

    aws: Aws
    api: Api
    place: Place
    _clients: dict[str, Any] = field(default_factory=dict)

    def client(self, service: str) -> Any:
        if service not in self._clients:
            self._clients[service] = self.aws.client(service)
        return self._clients[service]

    @property
    def is_local(self) -> bool:
        """Whether it is the local AWS, which fires schedules and runs the functions without Lambda."""
        return self.aws.is_local

    @property
    def is_emulated(self) -> bool:
        """Whether something else than AWS answers."""
        return not _is_aws(self.client("sqs").meta.endpoint_url)

    def watch_name(self, stamp: str) -> str:
        """The name of a call's temporary queue and rule."""
        return f"{self.watch_prefix}{stamp}"

    @property
    def watch_prefix(self) -> str:
        return f"{self.place.prefix}-verify-"

    @property
    def topic_arn(self) -> str:
        return self.aws.environment["BATCHWRIGHT_TOPIC_ARN"]

    @property
    def table(self) -> str:
        return self.aws.environment["BATCHWRIGHT_TABLE"]

    def looked(self, look: Callable[[], T]) -> Look[T]:
        """What a look comes to. A refusal of AWS is no judgement of it: it says what could not be looked at."""
        try:
            return Saw(look())
        except ClientError as error:
            told = f"{error.operation_name}: {code_of(error)}: {message_of(error)}"
        except BotoCoreError as error:
            told = str(error)
        return NotHere(f"this emulator does not answer: {told}") if self.is_emulated else Unseen(told)

    def functions(self) -> list[str]:
        """The functions of the stage that are there."""
        client, found = self.client("lambda"), []
        for name in GRANTS:
            try:
                client.get_function_configuration(FunctionName=self.place.function_name(name))
            except client.exceptions.ResourceNotFoundException:
                continue
            found.append(name)
        return found

    def api_address(self) -> Look[str]:
        """The address of the HTTP API, if tokens open it."""
        if self.is_local:
            address = self.aws.environment.get("BATCHWRIGHT_API")
            return Saw(address) if address else NotHere("this local AWS was started without the HTTP API")
        return self.looked(self._variables_of_start).then(self._address_in_the_bucket)

    def _variables_of_start(self) -> dict[str, str]:
        found = self.client("lambda").get_function_configuration(FunctionName=self.place.function_name("start"))
        variables: dict[str, str] = found.get("Environment", {}).get("Variables", {})
        return variables

    def _address_in_the_bucket(self, variables: dict[str, str]) -> Look[str]:
        if variables.get(API_AUTH) == "iam":
            return NotHere("the API of this stage trusts IAM and takes no tokens")
        noted = self.looked(self._noted)
        return noted.then(self._reachable)

    def _noted(self) -> str | None:
        bucket = self.aws.environment["BATCHWRIGHT_BUCKET"]
        record = json.loads(self.client("s3").get_object(Bucket=bucket, Key=RECORD_KEY)["Body"].read())
        made = (record.get("chalice") or {}).get("resources", [])
        return next((one["rest_api_url"] for one in made if one.get("resource_type") == "rest_api"), None)

    def _reachable(self, address: str | None) -> Look[str]:
        if address is None:
            return Unseen("the stage's bucket notes no address of the HTTP API; was it deployed by a pipeline?")
        if self.is_emulated and _is_aws(address):
            return NotHere("this emulator does not serve the HTTP API at the address that was noted")
        return Saw(address)


def _is_aws(address: str) -> bool:
    return (urlsplit(address).hostname or "").endswith(_AWS_HOSTS)
