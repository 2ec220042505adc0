"""The HTTP API of a local AWS, as tests ask it: raw requests, and a token of every kind."""

from __future__ import annotations

import http.client
import json
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from batchwright.local.isolation import client
from chalicelib.api import models as m
from chalicelib.api.inprocess.direct import DirectApi
from chalicelib.aws.clients import clients
from chalicelib.core.tokens import DAY_MS, TokenScope
from chalicelib.wiring import Wired, wire

TASK = {"job_definition": "shell", "queue": "default", "command": ["true"]}
SCHEDULES = {"nightly": {"cron": "0 3 * * ? *"}}
KINDS = ("none", "malformed", "wrong", "expired", "revoked", "read", "start", "admin", "another", "IAM")
"""The credentials that a request may come with; `another` is a token for another workflow that allows everything."""


@dataclass(frozen=True)
class Reply:
    """An answer. Headers by their lower-case names."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Service:
    """Where the API is, and the AWS behind it. `environment` is that of the local AWS."""

    address: str
    environment: dict[str, str]
    iam_address: str = ""
    _connections: dict[str, http.client.HTTPConnection] = field(default_factory=dict)

    @cached_property
    def wired(self) -> Wired:
        """The app, wired in this process to the same table."""
        environment = self.environment

        class Session:
            def client(self, service: str, **_: Any) -> Any:
                return client(service, environment)

        return wire(environment, clients(Session()))

    @property
    def direct(self) -> DirectApi:
        return self.wired.api("test")

    @cached_property
    def credentials(self) -> dict[str, dict[str, str]]:
        """By kind: the headers of a request that comes with it."""
        told = {scope: self.new_token(scope) for scope in TokenScope}
        revoked = self.new_token(TokenScope.ADMIN)
        self.direct.revoke_token(revoked.split("_")[1])
        headers = {
            "malformed": "Bearer nonsense",
            "wrong": f"Bearer {told[TokenScope.ADMIN][:-64]}{'0' * 64}",
            "expired": f"Bearer {self.expired_token()}",
            "revoked": f"Bearer {revoked}",
            **{scope.value: f"Bearer {token}" for scope, token in told.items()},
            "another": f"Bearer {self.new_token(TokenScope.ADMIN, 'another')}",
        }
        return {"none": {}, "IAM": {}, **{kind: {"Authorization": header} for kind, header in headers.items()}}

    def new_token(self, scope: TokenScope, workflow: str | None = None) -> str:
        return self.direct.create_token(m.NewToken(name="test", scope=scope, workflow=workflow)).secret

    def expired_token(self) -> str:
        """A token that was good until a moment ago."""
        made = self.direct.create_token(m.NewToken(name="test", scope=TokenScope.ADMIN, expires_in_days=1))
        self.environment_table("expires_at_ms", made.token.token_id, made.token.created_at_ms - DAY_MS)
        return made.secret

    def environment_table(self, attribute: str, token_id: str, value: int) -> None:
        client("dynamodb", self.environment).update_item(
            TableName=self.environment["BATCHWRIGHT_TABLE"],
            Key={"pk": {"S": "TOKENS"}, "sk": {"S": f"TOKEN#{token_id}"}},
            UpdateExpression=f"SET {attribute} = :value",
            ExpressionAttributeValues={":value": {"N": str(value)}},
        )

    def ask(
        self,
        method: str,
        path: str,
        kind: str = "admin",
        *,
        body: Any = None,
        headers: dict[str, str | None] | None = None,
        raw: bytes | None = None,
    ) -> Reply:
        """Send a request with a credential of that kind. A header that is None is left out."""
        address = self.iam_address if kind == "IAM" else self.address
        if address not in self._connections:
            parts = urlsplit(address)
            assert parts.hostname
            self._connections[address] = http.client.HTTPConnection(parts.hostname, parts.port, timeout=30)
        connection = self._connections[address]
        content = raw if raw is not None else None if body is None else json.dumps(body).encode()
        typed = {"Content-Type": "application/json"} if content is not None else {}
        sent = {**self.credentials[kind], **typed, **(headers or {})}
        given = {name: value for name, value in sent.items() if value is not None}
        connection.request(method, path, body=content, headers=given)
        answer = connection.getresponse()
        return Reply(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())

    def push(self, name: str, **more: Any) -> m.Workflow:
        return self.direct.put_workflow(name, {"name": name, "tasks": {"only": TASK}, **more})

    def start(self, workflow: str, key: str) -> str:
        return self.direct.start_run(m.StartRun(workflow=workflow), key).run_id
