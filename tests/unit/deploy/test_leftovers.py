"""Chalice makes a trigger anew only after Lambda has deleted the old one, which takes it a while."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from batchwright.deploy import leftovers
from batchwright.deploy.account import Account, DeployError
from batchwright.deploy.leftovers import Leftovers
from batchwright.deploy.policies import Place

PLACE = Place("dev", "123456789012", "eu-west-1")
EVENTS = PLACE.function_name("on_events")


class ResourceInUse(Exception):
    """Lambda's refusal while it makes, changes or deletes a mapping."""


class ResourceNotFound(Exception):
    """Lambda knows no such function."""


class Lambda:
    """A function with a mapping, which goes through `states` from look to look once it is to be deleted. `busy` calls
    of its deletion are refused before."""

    def __init__(self, states: list[str], busy: int = 0) -> None:
        self.meta = SimpleNamespace(endpoint_url="http://127.0.0.1:1")
        self.exceptions = SimpleNamespace(
            ResourceInUseException=ResourceInUse, ResourceNotFoundException=ResourceNotFound
        )
        self.states = states
        self.busy = busy
        self.asked = self.deleted = False

    def get_paginator(self, name: str) -> Any:
        def pages(**of: str) -> Iterator[dict[str, Any]]:
            if "EventSourceArn" in of and self.asked and self.states:
                self.states.pop(0)
            mapping = {"UUID": "feed", "FunctionArn": PLACE.arn("lambda", f"function:{EVENTS}")}
            is_there = self.states and of.get("EventSourceArn", "events").endswith("events")
            yield {"EventSourceMappings": [mapping] if is_there else []}

        return SimpleNamespace(paginate=pages)

    def delete_event_source_mapping(self, UUID: str) -> None:
        if self.busy:
            self.busy -= 1
            raise ResourceInUse
        self.asked = True

    def get_event_source_mapping(self, UUID: str) -> dict[str, str]:
        return {"State": "Updating"}

    def get_function(self, FunctionName: str) -> dict[str, Any]:
        if FunctionName != EVENTS or self.deleted:
            raise ResourceNotFound
        return {"Configuration": {"Environment": {"Variables": {"BATCHWRIGHT_STAGE": "dev"}}}}

    def get_policy(self, FunctionName: str) -> None:
        raise ResourceNotFound

    def delete_function(self, FunctionName: str) -> None:
        self.deleted = True


@pytest.fixture(autouse=True)
def nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leftovers, "LOCAL_POLL_SECONDS", 0.0)
    monkeypatch.setattr(Leftovers, "roles", lambda self: [])
    monkeypatch.setattr(Leftovers, "_remove_rule", lambda self, name: None)


def of(client: Lambda) -> Leftovers:
    return Leftovers(Account(SimpleNamespace(region_name=PLACE.region, client=lambda service: client)), PLACE)


def test_a_removal_is_over_only_when_its_mappings_are_gone() -> None:
    client = Lambda(["Deleting"] * 4)
    of(client).remove(lambda line: None)
    assert client.deleted
    assert client.states == []


def test_a_mapping_that_is_being_changed_is_deleted_afterwards() -> None:
    client = Lambda(["Deleting"], busy=3)
    of(client).remove(lambda line: None)
    assert client.asked


def test_a_mapping_that_chalice_had_deleted_is_waited_for_too() -> None:
    client = Lambda(["Deleting"] * 3)
    client.asked = client.deleted = True
    of(client).remove(lambda line: None)
    assert client.states == []


def test_a_mapping_that_stays_is_told_by_its_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leftovers, "WAIT_SECONDS", 0.02)
    client = Lambda(["Deleting"] * 1_000_000)
    with pytest.raises(DeployError, match=r"still deletes the event source mapping of .*:batchwright-dev-events"):
        of(client).remove(lambda line: None)
