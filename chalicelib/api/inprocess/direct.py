"""The API in process: what the port says, on the table and the queues of one deployment."""

from __future__ import annotations

from chalicelib.api import models as m
from chalicelib.api.inprocess.actions import DirectActions
from chalicelib.api.inprocess.diagnosis import DirectDiagnosis
from chalicelib.api.inprocess.events import DirectEvents
from chalicelib.api.inprocess.jobs import DirectJobs
from chalicelib.api.inprocess.logs import DirectLogs
from chalicelib.api.inprocess.monitors import DirectMonitors
from chalicelib.api.inprocess.runs import DirectRuns
from chalicelib.api.inprocess.schedules import DirectSchedules
from chalicelib.api.inprocess.tokens import DirectTokens
from chalicelib.api.inprocess.workflows import DirectWorkflows
from chalicelib.core.errors import TryAgain
from chalicelib.version import VERSION


class DirectApi(
    DirectWorkflows,
    DirectRuns,
    DirectLogs,
    DirectEvents,
    DirectDiagnosis,
    DirectActions,
    DirectSchedules,
    DirectJobs,
    DirectMonitors,
    DirectTokens,
):
    """All of it, for one invocation."""

    def health(self) -> m.Health:
        status = "ok"
        try:
            self._ground.store.due_runs(0, 1)
        except TryAgain:
            status = "the table does not answer"
        return m.Health(status=status, stage=self._ground.world.stage, version=VERSION)
