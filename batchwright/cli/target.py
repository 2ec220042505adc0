"""Which AWS a command speaks to: the local AWS that is up, else the deployment that the environment names."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import boto3

from batchwright.cli.told import told_plainly
from batchwright.interrupts import raised
from batchwright.local import home
from batchwright.local.isolation import client, enter
from batchwright.local.stack import LocalAwsError
from chalicelib.core.errors import UserMistake
from chalicelib.wiring import VARIABLES, Wired, wired


@dataclass(frozen=True, slots=True)
class Target:
    """The AWS that is meant. `who` is for messages, `running` the local AWS if it is that."""

    who: str
    environment: Mapping[str, str]
    running: home.Running | None = None

    def client(self, service: str) -> Any:
        """A boto3 client of it."""
        return boto3.client(service) if self.running is None else client(service, self.environment)

    def wired(self) -> Wired:
        """The app as it is wired there. Of a local AWS, this process becomes a part."""
        if self.running is not None:
            enter(self.environment)
        return wired()

    def check(self) -> None:
        """Raise LocalAwsError when it was a local AWS and is gone."""
        if self.running is not None and not self.running.is_alive():
            raise LocalAwsError("the local AWS that was up has gone; was it stopped?")


def find_target(names: Sequence[str] = VARIABLES) -> Target:
    """The target, whose environment has all variables of these names. Raises UserMistake without one."""
    running = home.running()
    environment = dict(os.environ) if running is None else running.environment
    missing = [name for name in names if not environment.get(name)]
    if running is not None:
        if missing:
            raise UserMistake("the local AWS that is up is of an older version; stop it with `batchwright local down`")
        return Target("the local AWS", environment, running)
    if missing:
        raise UserMistake(
            f"no local AWS is up and the environment lacks {', '.join(missing)}: start one with "
            "`batchwright local up`, or set them to what a deployment has (docs/runs.md)"
        )
    return Target("AWS", environment)


@contextmanager
def on_target(names: Sequence[str] = VARIABLES) -> Iterator[Target]:
    """The target for one command; what goes wrong is told in a sentence, and an interrupt ends the command."""
    with raised(), told_plainly("AWS"):
        target = find_target(names)
        with told_plainly(target.who):
            yield target
