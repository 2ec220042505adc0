"""`batchwright start` over an Api: what it asks for before it starts a run."""

from __future__ import annotations

from typing import Any

import pytest
from click.testing import CliRunner

from batchwright.cli import start as module
from batchwright.cli.target import Target
from chalicelib.api import models as m


class Api:
    """Notes what it is asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.params: dict[str, Any] = {}

    def workflow(self, name: str, version: int | None = None) -> m.Workflow:
        self.asked.append("workflow")
        definition = {"name": name, "params": {"day": {"type": "integer"}}, "tasks": {}}
        return m.Workflow(name=name, version=1, etag="e", pushed_at_ms=1, definition=definition)

    def start_run(self, request: m.StartRun, key: str) -> m.Run:
        self.asked.append("start_run")
        self.params = dict(request.params)
        return m.Run(
            run_id="r", workflow=request.workflow, version=1, state="running", epoch=0, params={}, created_at_ms=1
        )


@pytest.mark.parametrize(
    ("words", "asked", "params"),
    [([], ["start_run"], {}), (["--param", "day=7"], ["workflow", "start_run"], {"day": 7})],
)
def test_the_definition_is_asked_for_only_where_params_need_its_types(
    words: list[str], asked: list[str], params: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    api = Api()

    class OnTarget:
        def __init__(self, *_: Any) -> None:
            pass

        def __enter__(self) -> Target:
            return Target("here", api, None, 0)  # type: ignore[arg-type]

        def __exit__(self, *_: Any) -> None:
            pass

    monkeypatch.setattr(module, "on_target", OnTarget)
    done = CliRunner().invoke(module.start, ["films", *words], standalone_mode=False)
    assert done.exception is None
    assert (api.asked, api.params) == (asked, params)
