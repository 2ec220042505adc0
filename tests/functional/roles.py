"""A role for every function, as a deployment makes them, and clients that sign with that of the function that runs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import boto3
import botocore.session
from botocore.credentials import Credentials, ReadOnlyCredentials

from batchwright.deploy.policies import GRANTS, Place, policy
from batchwright.local.isolation import client
from tests.iam import Asked

_POLICY = "policy"


class Roles:
    """The roles of a place, each with its function's policy alone. `wearing` names the function whose role signs what
    is sent; while it is empty, the account itself does, which may do everything."""

    def __init__(self, place: Place, environment: Mapping[str, str]) -> None:
        self.wearing = ""
        self._place = place
        self._iam = client("iam", environment)
        sts = client("sts", environment)
        self._keys = {
            "": ReadOnlyCredentials(environment["AWS_ACCESS_KEY_ID"], environment["AWS_SECRET_ACCESS_KEY"], None)
        }
        # On AWS it is Lambda that takes the role.
        trust = _document({"Effect": "Allow", "Principal": {"AWS": place.account}, "Action": "sts:AssumeRole"})
        for function in GRANTS:
            role = self._iam.create_role(RoleName=self._role_name(function), AssumeRolePolicyDocument=trust)["Role"]
            self._put(function, policy(place, function))
            keys = sts.assume_role(RoleArn=role["Arn"], RoleSessionName=function)["Credentials"]
            self._keys[function] = ReadOnlyCredentials(
                keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"]
            )

    def session(self) -> boto3.session.Session:
        """A session whose clients sign each call with the role that is worn just then."""
        core = botocore.session.Session()
        core._credentials = _Worn(self)
        return boto3.session.Session(botocore_session=core)

    def keys(self) -> ReadOnlyCredentials:
        return self._keys[self.wearing]

    @contextmanager
    def without(self, function: str, lost: Asked) -> Iterator[None]:
        """Take a pair of an action and a resource, as written, out of a function's policy for a while."""
        whole = policy(self._place, function)
        left = [one for statement in whole["Statement"] for one in _apart(statement) if _pair(one) != lost]
        self._put(function, {**whole, "Statement": left})
        try:
            yield
        finally:
            self._put(function, whole)

    @contextmanager
    def forged(self, function: str) -> Iterator[None]:
        """Sign with a secret that is not the role's for a while."""
        own = self._keys[function]
        self._keys[function] = own._replace(secret_key="guessed")
        try:
            yield
        finally:
            self._keys[function] = own

    def _role_name(self, function: str) -> str:
        """What Chalice calls it."""
        return f"{self._place.prefix}-{function}"

    def _put(self, function: str, document: Mapping[str, Any]) -> None:
        name = self._role_name(function)
        self._iam.put_role_policy(RoleName=name, PolicyName=_POLICY, PolicyDocument=json.dumps(document))


class _Worn(Credentials):
    """What botocore asks for keys whenever it signs."""

    def __init__(self, roles: Roles) -> None:
        super().__init__("worn", "worn")
        self._roles = roles

    def get_frozen_credentials(self) -> ReadOnlyCredentials:
        return self._roles.keys()


def _document(statement: Mapping[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def _apart(statement: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """A statement as one for each action on each resource; one that denies is left whole."""
    if statement["Effect"] == "Deny":
        yield {**statement}
        return
    for action in statement["Action"]:
        for resource in statement["Resource"]:
            yield {**{name: given for name, given in statement.items() if name != "Sid"}, **_one(action, resource)}


def _one(action: str, resource: str) -> dict[str, str]:
    return {"Action": action, "Resource": resource}


def _pair(statement: Mapping[str, Any]) -> object:
    return statement["Action"], statement["Resource"]
