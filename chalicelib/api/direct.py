"""The API in process: what the port says, on the table and the queues of one deployment."""

from __future__ import annotations

from chalicelib.api import models as m
from chalicelib.api.direct_actions import DirectActions
from chalicelib.api.direct_events import DirectEvents
from chalicelib.api.direct_jobs import DirectJobs
from chalicelib.api.direct_logs import DirectLogs
from chalicelib.api.direct_monitors import DirectMonitors
from chalicelib.api.direct_runs import DirectRuns
from chalicelib.api.direct_schedules import DirectSchedules
from chalicelib.api.direct_tokens import DirectTokens
from chalicelib.api.direct_workflows import DirectWorkflows
from chalicelib.core.errors import TryAgain
from chalicelib.version import VERSION


class DirectApi(
    DirectWorkflows,
    DirectRuns,
    DirectLogs,
    DirectEvents,
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
