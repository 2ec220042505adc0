"""Functions of a stage that Chalice has no note of, because a deployment was broken off before it wrote one.

Chalice would make their triggers and the API a second time, and could not remove them. So they are removed here, by
their names, before it deploys anew and after it has deleted what it knows.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from batchwright.deploy.account import Account, DeployError, gone_is_fine
from batchwright.deploy.config import STAGE_VARIABLE
from batchwright.deploy.policies import GRANTS, Place

_BY_A_STACK = "aws:cloudformation:stack-name"
_API_OF_ARN = re.compile(r"arn:[\w-]+:execute-api:[\w-]+:\d+:(\w+)/")


@dataclass(frozen=True, slots=True)
class Leftovers:
    """The functions of a stage by their names, with all that hangs on them."""

    account: Account
    place: Place

    def remove(self, say: Callable[[str], None]) -> None:
        """Remove every function of the stage that is there, with its triggers, its API and its role. Raises
        DeployError, and removes nothing, when a stack made them or one is not the stage's."""
        there = [name for name in GRANTS if self._function(name)]
        self.check_ours()
        for name in there:
            self._remove_function(self.place.function_name(name))
            say(f"function {self.place.function_name(name)}: removed, which nothing was noted of")
        for role in self.roles():
            self._remove_role(role)
        self._remove_rule(f"{self.place.prefix}-sweep-event")

    def check_ours(self) -> None:
        """Raises DeployError when a pipeline's stack has made the functions, whose they are to change and to remove;
        and when one of them is not of the stage, for all that its name says."""
        for name in GRANTS:
            function = self._function(name)
            if function is None:
                continue
            called = self.place.function_name(name)
            stack = function.get("Tags", {}).get(_BY_A_STACK)
            if stack:
                raise DeployError(
                    f"the function {called} belongs to the stack {stack}, which a pipeline made: change or delete that "
                    "stack (docs/deploy.md)"
                )
            variables = function["Configuration"].get("Environment", {}).get("Variables", {})
            whose = variables.get(STAGE_VARIABLE)
            if whose != self.place.stage:
                says = f"says '{whose}'" if whose else "is not set"
                raise DeployError(
                    f"the function {called} is there already and is not of the stage '{self.place.stage}': its "
                    f"variable {STAGE_VARIABLE} {says}. It is left as it is; choose another --stage"
                )

    def roles(self) -> list[str]:
        """The roles of the stage's functions. Roles belong to no region: those are left out whose policy speaks of
        another one, where a stage of the same name must be."""
        return [role for role in (f"{self.place.prefix}-{name}" for name in GRANTS) if self._is_of_this_region(role)]

    def _is_of_this_region(self, role: str) -> bool:
        iam = self.account.client("iam")
        if not self.account.has("iam", "get_role", RoleName=role):
            return False
        names = iam.list_role_policies(RoleName=role)["PolicyNames"]
        policies = [iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"] for name in names]
        return f":{self.place.region}:{self.place.account}:" in json.dumps(policies)

    def _function(self, name: str) -> dict[str, Any] | None:
        client = self.account.client("lambda")
        try:
            found: dict[str, Any] = client.get_function(FunctionName=self.place.function_name(name))
        except client.exceptions.ResourceNotFoundException:
            return None
        return found

    def _remove_function(self, name: str) -> None:
        client = self.account.client("lambda")
        for page in client.get_paginator("list_event_source_mappings").paginate(FunctionName=name):
            for mapping in page["EventSourceMappings"]:
                with gone_is_fine():
                    client.delete_event_source_mapping(UUID=mapping["UUID"])
        for api in self.apis_that_call(name):
            with gone_is_fine():
                self.account.client("apigateway").delete_rest_api(restApiId=api)
        with gone_is_fine():
            client.delete_function(FunctionName=name)

    def apis_that_call(self, name: str) -> list[str]:
        """The ids of the APIs that may call a function: those that Chalice made for it."""
        client = self.account.client("lambda")
        try:
            policy = json.loads(client.get_policy(FunctionName=name)["Policy"])
        except client.exceptions.ResourceNotFoundException:
            return []
        return sorted(set(_API_OF_ARN.findall(json.dumps(policy))))

    def _remove_role(self, name: str) -> None:
        iam = self.account.client("iam")
        with gone_is_fine():
            for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]:
                with gone_is_fine():
                    iam.delete_role_policy(RoleName=name, PolicyName=policy)
            iam.delete_role(RoleName=name)

    def _remove_rule(self, name: str) -> None:
        events = self.account.client("events")
        with gone_is_fine():
            targets = [one["Id"] for one in events.list_targets_by_rule(Rule=name)["Targets"]]
            if targets:
                events.remove_targets(Rule=name, Ids=targets)
            events.delete_rule(Name=name)
