"""Settings of the HTTP API that Chalice does not know: which headers reach the authorizer, and the rate of requests.

Owns these settings and how they are put in force after Chalice has deployed, which makes the authorizer anew each time.
A pipeline gets the same ones from infra/package-merge.yaml.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from chalicelib.core.tokens import HEADER_EXPRESSION

RATE_PER_SECOND = 50
BURST = 100
"""Requests that the stage takes: some 15 people who follow runs at a terminal. Above it API Gateway answers 429."""
_NO_LIMIT_RATE = 10_000
"""What API Gateway gives as a stage's rate that has none of its own: the account's."""
_EVERY_METHOD = "*/*"


@dataclass(frozen=True, slots=True)
class SeenApi:
    """An API as it is: the expressions of its authorizers of tokens, and whether its stage has a rate of its own."""

    expressions: tuple[str, ...]
    is_throttled: bool

    @property
    def is_narrow(self) -> bool:
        """Whether nothing but what looks like a token reaches an authorizer."""
        return all(expression == HEADER_EXPRESSION for expression in self.expressions)


@dataclass(frozen=True, slots=True)
class ApiSettings:
    """The settings of one API's stage, through a client of API Gateway."""

    client: Any
    rest_api_id: str
    stage_name: str

    def apply(self) -> bool:
        """Put the settings in force; whether any was not. A rate that somebody set stays."""
        narrow = [one["id"] for one in self._authorizers() if _expression(one) != HEADER_EXPRESSION]
        stage = self._stage()
        operation = {"op": "replace", "path": "/identityValidationExpression", "value": HEADER_EXPRESSION}
        for authorizer_id in narrow:
            self.client.update_authorizer(
                restApiId=self.rest_api_id,
                authorizerId=authorizer_id,
                patchOperations=[operation],
            )
        if narrow:
            # What changes in an API holds from its next deployment on.
            self.client.create_deployment(
                restApiId=self.rest_api_id,
                stageName=self.stage_name,
                tracingEnabled=bool(stage.get("tracingEnabled")),
            )
        throttled = _is_throttled(stage)
        if not throttled:
            self._throttle()
        return bool(narrow) or not throttled

    def seen(self) -> SeenApi:
        """The API as it is."""
        return SeenApi(tuple(_expression(one) for one in self._authorizers()), _is_throttled(self._stage()))

    def _authorizers(self) -> list[dict[str, Any]]:
        # An API has ten at most, and ours one: https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html
        found = self.client.get_authorizers(restApiId=self.rest_api_id, limit=500).get("items", [])
        return [one for one in found if one["type"] == "TOKEN"]

    def _stage(self) -> dict[str, Any]:
        found: dict[str, Any] = self.client.get_stage(restApiId=self.rest_api_id, stageName=self.stage_name)
        return found

    def _throttle(self) -> None:
        wanted = {"rateLimit": RATE_PER_SECOND, "burstLimit": BURST}
        self.client.update_stage(
            restApiId=self.rest_api_id,
            stageName=self.stage_name,
            patchOperations=[
                {"op": "replace", "path": f"/{_EVERY_METHOD}/throttling/{name}", "value": str(value)}
                for name, value in wanted.items()
            ],
        )


def _expression(authorizer: dict[str, Any]) -> str:
    return str(authorizer.get("identityValidationExpression") or "")


def _is_throttled(stage: dict[str, Any]) -> bool:
    rate = stage.get("methodSettings", {}).get(_EVERY_METHOD, {}).get("throttlingRateLimit", _NO_LIMIT_RATE)
    return 0 <= float(rate) < _NO_LIMIT_RATE
