"""Settings of a stage's functions that Chalice does not know. They are put in force after it has deployed.

Owns what these settings must be, how they are brought there, and how they are read back (`batchwright doctor` does).
A pipeline gets the same ones from infra/package-merge.yaml.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from batchwright.deploy.account import DeployError, is_missing
from batchwright.deploy.policies import AUTHORIZER, Place
from chalicelib.core.concurrency import AUTHORIZER_RESERVED
from chalicelib.wiring import PARTIAL_RESPONSES

QUEUE_FUNCTIONS = ("on_events", "on_commands")
"""The functions that a queue feeds. Both also send to their own queue."""
REPORT = "ReportBatchItemFailures"
ALLOW = "Allow"
POLL_SECONDS = 2.0
LOCAL_POLL_SECONDS = 0.1
WAIT_SECONDS = 300.0
"""A mapping or a function takes seconds to settle; after this it is taken to be stuck."""
_SETTLED = ("Enabled", "Disabled")
_BUSY = "ResourceInUseException"

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Seen:
    """A function of a queue as it is: whether Lambda lets it loop, whether each of its mappings reads
    `batchItemFailures`, and whether the function relies on that. `ceiling` is how many invocations at once its queue
    may feed; None for as many as the account has."""

    function_name: str
    may_loop: bool
    mappings_report: bool
    relies_on_report: bool
    ceiling: int | None = None

    @property
    def loses_messages(self) -> bool:
        """Whether Lambda deletes messages that the function reports as failed."""
        return self.relies_on_report and not self.mappings_report


@dataclass(frozen=True)
class LambdaSettings:
    """Settings of a stage's functions, through a client of Lambda. `reserved` executions are the authorizer's own."""

    client: Any
    place: Place
    reserved: int | None = None
    wait_seconds: float = WAIT_SECONDS

    def apply(self, say: Say) -> bool:
        """Put the settings in force; whether any was not. `say` hears what could not be had. Raises DeployError."""
        changed = False
        for function in QUEUE_FUNCTIONS:
            name = self.place.function_name(function)
            if self._configuration(name) is None:
                continue
            changed |= self._allow_loop(name)
            changed |= self._report_failures(name, say)
        return self._reserve() or changed

    def _reserve(self) -> bool:
        """Reserve executions for the authorizer. Chalice takes a reservation away that its configuration does not name;
        a number that is there all the same is somebody's own, and stays."""
        name = self.place.function_name(AUTHORIZER)
        if self._configuration(name) is None:
            return False
        found = self.client.get_function_concurrency(FunctionName=name).get("ReservedConcurrentExecutions")
        if found == self.reserved or found not in (None, AUTHORIZER_RESERVED):
            return False
        if self.reserved is None:
            self.client.delete_function_concurrency(FunctionName=name)
        else:
            self.client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=self.reserved)
        return True

    def seen(self) -> list[Seen]:
        """The functions that are there, as they are."""
        found = []
        for function in QUEUE_FUNCTIONS:
            name = self.place.function_name(function)
            configuration = self._configuration(name)
            if configuration is not None:
                relies = _variables(configuration).get(PARTIAL_RESPONSES) == "true"
                mappings = self._mappings(name)
                found.append(Seen(name, self._may_loop(name), _all_report(mappings), relies, _ceiling(mappings)))
        return found

    def _allow_loop(self, name: str) -> bool:
        """A message that waits is sent anew by the function that received it. Lambda takes a chain of about 16 for a
        loop and ends it: https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html"""
        if self._may_loop(name):
            return False
        self.client.put_function_recursion_config(FunctionName=name, RecursiveLoop=ALLOW)
        return True

    def _may_loop(self, name: str) -> bool:
        found = self.client.get_function_recursion_config(FunctionName=name)
        return bool(found.get("RecursiveLoop") == ALLOW)

    def _report_failures(self, name: str, say: Say) -> bool:
        """First the mappings, then the variable. A function that reports failures to a mapping that does not read them
        loses these messages; one that raises instead only slows its queue."""
        mappings = self._mappings(name)
        changed = False
        for mapping in mappings:
            if not _reports(mapping):
                self._set_report(mapping["UUID"])
                changed = True
        mappings = [self._settled(mapping["UUID"]) for mapping in mappings] if changed else mappings
        reported = _all_report(mappings)
        if not reported:
            say(
                f"{name}: Lambda did not take {REPORT} for its queue, so the function raises when a message of a batch "
                "is not done, and Lambda slows that queue down"
            )
        return self._put_variable(name, "true" if reported else None) or changed

    def _mappings(self, name: str) -> list[dict[str, Any]]:
        pages = self.client.get_paginator("list_event_source_mappings").paginate(FunctionName=name)
        return [mapping for page in pages for mapping in page["EventSourceMappings"]]

    def _set_report(self, uuid: str) -> None:
        self._settled(uuid)
        self._when_free(lambda: self.client.update_event_source_mapping(UUID=uuid, FunctionResponseTypes=[REPORT]))

    def _settled(self, uuid: str) -> dict[str, Any]:
        """The mapping, once it is neither made nor changed any more."""

        def look() -> dict[str, Any] | None:
            found: dict[str, Any] = self.client.get_event_source_mapping(UUID=uuid)
            return found if found["State"] in _SETTLED else None

        return self._until(look, f"the event source mapping {uuid}")

    def _put_variable(self, name: str, value: str | None) -> bool:
        variables = dict(_variables(self._ready(name)))
        if variables.get(PARTIAL_RESPONSES) == value:
            return False
        variables.pop(PARTIAL_RESPONSES, None)
        if value is not None:
            variables[PARTIAL_RESPONSES] = value
        environment = {"Variables": variables}
        self._when_free(lambda: self.client.update_function_configuration(FunctionName=name, Environment=environment))
        self._ready(name)
        return True

    def _configuration(self, name: str) -> dict[str, Any] | None:
        try:
            found: dict[str, Any] = self.client.get_function_configuration(FunctionName=name)
        except ClientError as error:
            if is_missing(error):
                return None
            raise
        return found

    def _ready(self, name: str) -> dict[str, Any]:
        """The function's configuration, once no change of it is under way."""

        def look() -> dict[str, Any] | None:
            found: dict[str, Any] = self.client.get_function_configuration(FunctionName=name)
            return None if found.get("LastUpdateStatus") == "InProgress" else found

        return self._until(look, f"the function {name}")

    def _when_free(self, change: Callable[[], object]) -> None:
        """Make a change, which Lambda refuses while another one is under way."""

        def attempt() -> dict[str, Any] | None:
            try:
                change()
            except ClientError as error:
                if error.response["Error"]["Code"] == _BUSY:
                    return None
                raise
            return {}

        self._until(attempt, "a change of the functions")

    def _until(self, look: Callable[[], dict[str, Any] | None], what: str) -> dict[str, Any]:
        deadline = time.monotonic() + self.wait_seconds
        while (found := look()) is None:
            if time.monotonic() > deadline:
                raise DeployError(f"{what} has not settled in {self.wait_seconds:.0f} s: deploy again")
            time.sleep(self._poll_seconds)
        return found

    @property
    def _poll_seconds(self) -> float:
        is_local = self.client.meta.endpoint_url.startswith("http://127.0.0.1")
        return LOCAL_POLL_SECONDS if is_local else POLL_SECONDS


def _variables(configuration: Mapping[str, Any]) -> dict[str, str]:
    found: dict[str, str] = configuration.get("Environment", {}).get("Variables", {})
    return found


def _reports(mapping: Mapping[str, Any]) -> bool:
    return REPORT in mapping.get("FunctionResponseTypes", ())


def _all_report(mappings: list[dict[str, Any]]) -> bool:
    return bool(mappings) and all(_reports(mapping) for mapping in mappings)


def _ceiling(mappings: list[dict[str, Any]]) -> int | None:
    """The sum of the mappings' ceilings; None where one has none."""
    ceilings = [mapping.get("ScalingConfig", {}).get("MaximumConcurrency") for mapping in mappings]
    return None if None in ceilings else sum(ceilings)
