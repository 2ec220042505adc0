"""The API in process: the monitors of the stage."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chalicelib.api import models as m
from chalicelib.api.inprocess.base import Part
from chalicelib.core.errors import PreconditionFailed, TryAgain
from chalicelib.core.ids import definition_digest
from chalicelib.core.monitor.check import check_monitors
from chalicelib.core.monitor.pushed import PushedMonitors, pushed_after

NOTHING: Mapping[str, Any] = {"monitors": {}}
"""The definition where none was pushed."""
_ANY = "*"
_TRIES = 10


class DirectMonitors(Part):
    """What the protocol says of monitors."""

    def monitors(self) -> m.Monitors:
        return _model(self._ground.store.monitors())

    def put_monitors(self, definition: Mapping[str, Any], *, if_match: str | None = None) -> m.Monitors:
        return self._put(check_monitors(definition), if_match)

    def delete_monitors(self, *, if_match: str | None = None) -> None:
        self._put(None, if_match)

    def _put(self, definition: Mapping[str, Any] | None, if_match: str | None) -> m.Monitors:
        store = self._ground.store
        for _ in range(_TRIES):
            before = store.monitors()
            _check_match(before, if_match)
            if before.definition == definition:
                return _model(before)
            pushed = pushed_after(before, definition, self._ground.world.clock.now_ms())
            if store.put_monitors(pushed):
                return _model(pushed)
        raise TryAgain(f"the monitors were pushed {_TRIES} times meanwhile")


def _model(pushed: PushedMonitors) -> m.Monitors:
    definition = pushed.definition or NOTHING
    return m.Monitors(
        revision=pushed.revision,
        etag=definition_digest(definition),
        pushed_at_ms=pushed.pushed_at_ms or None,
        definition=dict(definition),
    )


def _check_match(before: PushedMonitors, if_match: str | None) -> None:
    if if_match is None:
        return
    if before.definition is None:
        raise PreconditionFailed("no monitors are there to be replaced")
    if if_match not in (_ANY, definition_digest(before.definition)):
        raise PreconditionFailed(f"the monitors of revision {before.revision} are others than those that you saw")
