"""What a deployment does when the name of a queue is not free yet, which no emulator shows."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace

import pytest

from batchwright.deploy.account import DeployError
from batchwright.deploy.stacks import StackChange, Stacks, Template

CLIENT = SimpleNamespace(meta=SimpleNamespace(endpoint_url="http://127.0.0.1:1"))
TEMPLATE = Template(Path("foundation.yaml"))
NOT_FREE = (
    "the stack batchwright-dev could not be created: EventsQueue (AWS::SQS::Queue): Resource handler returned message: "
    '"You must wait 60 seconds after deleting a queue before you can create another with the same name."'
)


class Failing(Stacks):
    """Stacks whose changes fail in these ways, one after the other."""

    failures: list[str]
    tries = 0

    def _apply(
        self, name: str, template: Template, parameters: Mapping[str, str], tags: Mapping[str, str]
    ) -> StackChange:
        self.tries += 1
        if self.failures:
            raise DeployError(self.failures.pop(0))
        return StackChange(name, "created", (), {})


def failing(*failures: str) -> Failing:
    found = Failing(CLIENT, queue_name_seconds=0.0)
    found.failures = list(failures)
    return found


def test_a_stage_that_was_destroyed_a_moment_ago_is_deployed_once_its_queues_names_are_free() -> None:
    stacks = failing(NOT_FREE)
    assert stacks.apply("batchwright-dev", TEMPLATE, {}, {}).how == "created"
    assert stacks.tries == 2


def test_a_name_that_does_not_become_free_is_told() -> None:
    stacks = failing(NOT_FREE, NOT_FREE)
    with pytest.raises(DeployError, match="You must wait 60 seconds"):
        stacks.apply("batchwright-dev", TEMPLATE, {}, {})
    assert stacks.tries == 2


def test_another_failure_is_told_at_once() -> None:
    stacks = failing("the stack batchwright-dev could not be created: no")
    with pytest.raises(DeployError, match="could not be created: no"):
        stacks.apply("batchwright-dev", TEMPLATE, {}, {})
    assert stacks.tries == 1
