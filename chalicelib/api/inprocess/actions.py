"""The API in process: what may be asked of a run that is there."""

from __future__ import annotations

from chalicelib.api import models as m
from chalicelib.api.inprocess.base import Part
from chalicelib.api.to_models import run_model
from chalicelib.core.errors import WrongState
from chalicelib.core.run.records import Run
from chalicelib.core.run.requests import redrive_request
from chalicelib.core.states import RunState
from chalicelib.engine.control.cancel import request_cancel
from chalicelib.engine.control.pause import pause_run, resume_run
from chalicelib.engine.control.redrive import kept_count, redrive_run


class DirectActions(Part):
    """What the protocol says of actions."""

    def cancel(self, run_id: str, request: m.Cancel) -> m.Acted:
        run = self._ground.run(run_id)
        asked = request_cancel(self._ground.world, run_id, request.reason)
        now = self._ground.run(run_id)
        if now.state in (RunState.SUCCEEDED, RunState.FAILED):
            raise WrongState(f"run '{run_id}' has ended already, it {now.state}; there is nothing to cancel")
        return _acted(now, asked and run.state is not RunState.CANCELLING)

    def pause(self, run_id: str) -> m.Acted:
        self._ground.run(run_id)
        paused = pause_run(self._ground.world, run_id)
        return _acted(self._ground.run(run_id), paused)

    def resume(self, run_id: str) -> m.Acted:
        self._ground.run(run_id)
        resumed = resume_run(self._ground.world, run_id)
        return _acted(self._ground.run(run_id), resumed)

    def redrive(self, run_id: str, request: m.Redrive) -> m.Acted:
        before = self._ground.run(run_id)
        asked = redrive_request(run_id, request.scope, request.tasks, request.version, request.epoch, request.params)
        run = redrive_run(self._ground.world, asked)
        return _acted(run, before.epoch != run.epoch).model_copy(update={"kept": kept_count(self._ground.world, run)})


def _acted(run: Run, changed: bool) -> m.Acted:
    return m.Acted(run=run_model(run), changed=changed)
