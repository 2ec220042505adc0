"""What the contract suite of the API needs around each implementation: its jobs, its log, its time."""

from __future__ import annotations

import secrets
from typing import Any

from chalicelib.api.inprocess.base import Ground
from chalicelib.api.inprocess.direct import DirectApi
from chalicelib.api.port import Api
from chalicelib.core.definition.check import workflow_from
from chalicelib.core.definition.compile import compile_workflow
from chalicelib.ports.store import Store
from tests.memory.logs import MemoryLogs
from tests.memory.theatre import Theatre
from tests.memory.tokens import MemoryTokens

TASK = {"job_definition": "shell", "queue": "default", "command": ["true"]}
STAGE = "contract"


def definition_of(name: str, **more: Any) -> dict[str, Any]:
    """A workflow whose task `second` follows `first`, with a param that has a default."""
    tasks = {"first": TASK, "second": {**TASK, "depends_on": ["first"]}}
    return {"name": name, "params": {"parts": {"type": "integer", "default": 4}}, "tasks": tasks, **more}


class Desk:
    """An API over a toy Batch whose jobs end when the test says so. `films` is pushed."""

    def __init__(self, store: Store) -> None:
        films = definition_of("films", description="Import films.")
        plan = compile_workflow(workflow_from(films))
        self.play = Theatre(plan, definition=films, store=store, stage=STAGE)
        self.logs = MemoryLogs()
        self.tokens = MemoryTokens()

    @property
    def api(self) -> Api:
        """The API for one more invocation."""
        return self.direct()

    def direct(self) -> DirectApi:
        return DirectApi(Ground(self.play.world(), self.logs, self.tokens, secrets.token_bytes))

    def carry_out(self) -> None:
        """Let everything happen that was sent as a command."""
        while self.play.deliver_commands():
            pass

    def now_ms(self) -> int:
        return self.play.clock.now_ms()

    def pass_seconds(self, seconds: float) -> None:
        self.play.clock.advance(seconds=seconds)
