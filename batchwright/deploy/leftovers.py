"""Functions of a stage that Chalice has no note of, because a deployment was broken off before it wrote one.

Chalice would make their triggers and the API a second time, and could not remove them. So they are removed here, by
their names, before it deploys anew and after it has deleted what it knows.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from batchwright.deploy.account import Account, DeployError, gone_is_fine
from batchwright.deploy.config import STAGE_VARIABLE
from batchwright.deploy.policies import GRANTS, Place
from batchwright.deploy.stacks import Stacks
from batchwright.stage.foundation import stack_name

POLL_SECONDS = 2.0
LOCAL_POLL_SECONDS = 0.1
WAIT_SECONDS = 300.0
"""Deleting an event source mapping takes Lambda a minute or two."""
_BY_A_STACK = "aws:cloudformation:stack-name"
_API_OF_ARN = re.compile(r"arn:[\w-]+:execute-api:[\w-]+:\d+:(\w+)/")


def log_groups(account: Account, place: Place) -> dict[str, str]:
    """The names of the log groups of a stage's functions that are there, by function."""
    wanted = {f"/aws/lambda/{place.function_name(function)}": function for function in GRANTS}
    pages = account.client("logs").get_paginator("describe_log_groups")
    there = pages.paginate(logGroupNamePrefix=f"/aws/lambda/{place.prefix}")
    names = [one["logGroupName"] for page in there for one in page["logGroups"]]
    return {wanted[name]: name for name in names if name in wanted}


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
        # Before the functions go: some roles are only known by them.
        roles = self.roles()
        for name in there:
            self._remove_function(self.place.function_name(name))
            say(f"function {self.place.function_name(name)}: removed, which nothing was noted of")
        self._wait_for_mappings()
        for role in roles:
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
                    "stack (docs/how-to/deploy-with-chalice.md)"
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
        """The roles of the stage's functions. Roles belong to no region: those are left out that are of another one,
        where a stage of the same name must be."""
        return [f"{self.place.prefix}-{name}" for name in GRANTS if self._is_of_this_region(name)]

    def _is_of_this_region(self, function: str) -> bool:
        """Whether the role of a function is there, and is of this region.

        Its policy says so after a deployment. After a `chalice deploy` by itself the policy names no region. Then the
        role is of the region that has the function or the stage's stack.
        """
        iam, role = self.account.client("iam"), f"{self.place.prefix}-{function}"
        if not self.account.has("iam", "get_role", RoleName=role):
            return False
        names = iam.list_role_policies(RoleName=role)["PolicyNames"]
        policies = [iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"] for name in names]
        text = json.dumps(policies)
        if f":{self.place.region}:{self.place.account}:" in text:
            return True
        names_no_region = f":logs:{self.place.anywhere.region}:{self.place.anywhere.account}:" in text
        return names_no_region and (self._has_role(function, role) or self._has_stack())

    def _has_role(self, function: str, role: str) -> bool:
        found = self._function(function)
        return found is not None and str(found["Configuration"]["Role"]).endswith(f"/{role}")

    def _has_stack(self) -> bool:
        return Stacks(self.account.client("cloudformation")).find(stack_name(self.place.stage)) is not None

    def _function(self, name: str) -> dict[str, Any] | None:
        client = self.account.client("lambda")
        try:
            found: dict[str, Any] = client.get_function(FunctionName=self.place.function_name(name))
        except client.exceptions.ResourceNotFoundException:
            return None
        return found

    def _remove_function(self, name: str) -> None:
        client = self.account.client("lambda")
        for mapping in self._mappings(FunctionName=name):
            with gone_is_fine():
                self._delete_mapping(mapping["UUID"])
        for api in self.apis_that_call(name):
            with gone_is_fine():
                self.account.client("apigateway").delete_rest_api(restApiId=api)
        with gone_is_fine():
            client.delete_function(FunctionName=name)

    def _mappings(self, **of: str) -> list[dict[str, Any]]:
        pages = self.account.client("lambda").get_paginator("list_event_source_mappings").paginate(**of)
        return [mapping for page in pages for mapping in page["EventSourceMappings"]]

    def _delete_mapping(self, uuid: str) -> None:
        """Delete a mapping. Lambda refuses that while it still makes or changes it, or deletes it already."""
        client = self.account.client("lambda")

        def is_asked() -> bool:
            try:
                client.delete_event_source_mapping(UUID=uuid)
            except client.exceptions.ResourceInUseException:
                return bool(client.get_event_source_mapping(UUID=uuid)["State"] == "Deleting")
            return True

        self._until(is_asked, f"the event source mapping {uuid} cannot be deleted")

    def _wait_for_mappings(self) -> None:
        """Wait until no mapping of the stage's queues to its functions is left. Deleting one takes Lambda a while, in
        which it makes no other one of the same two."""
        for queue in ("events", "commands"):
            arn = self.place.arn("sqs", f"{self.place.prefix}-{queue}")
            ours = f":function:{self.place.function_name(f'on_{queue}')}"

            def is_gone(arn: str = arn, ours: str = ours) -> bool:
                return not any(one.get("FunctionArn", "").endswith(ours) for one in self._mappings(EventSourceArn=arn))

            self._until(is_gone, f"Lambda still deletes the event source mapping of {arn}")

    def _until(self, holds: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + WAIT_SECONDS
        is_local = self.account.client("lambda").meta.endpoint_url.startswith("http://127.0.0.1")
        while not holds():
            if time.monotonic() > deadline:
                raise DeployError(f"{what} after {WAIT_SECONDS:.0f} s: try again later")
            time.sleep(LOCAL_POLL_SECONDS if is_local else POLL_SECONDS)

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
