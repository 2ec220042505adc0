"""The API in process: workflows."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from chalicelib.api import models as m
from chalicelib.api.inprocess.base import Part, check_limit
from chalicelib.api.to_models import summary_model, workflow_model
from chalicelib.core.cursors import NAME, page_of, place_in
from chalicelib.core.definition.check import workflow_from
from chalicelib.core.definition.compile import compile_workflow
from chalicelib.core.errors import InvalidWorkflow, PreconditionFailed, SchedulesNotPlaced, TryAgain
from chalicelib.core.ids import definition_digest
from chalicelib.core.mistakes import Mistake
from chalicelib.core.run.records import WorkflowVersion
from chalicelib.core.suggest import shown
from chalicelib.engine.schedules.placement import place_schedules, push_workflow, remove_schedules

WORKFLOWS_A_PAGE = 1_000
_OF_LIST = ("workflows",)
_PLACE = {"name": NAME}
_ANY = "*"
_TRIES = 10


class DirectWorkflows(Part):
    """What the protocol says of workflows."""

    def put_workflow(
        self,
        name: str,
        definition: Mapping[str, Any],
        *,
        if_match: str | None = None,
        revisions: Collection[str] = (),
        keep_schedules: bool = False,
    ) -> m.Workflow:
        workflow = workflow_from(definition)
        if workflow.name != name:
            told = f"name must be '{name}', for it is pushed under that name, not {shown(workflow.name)}"
            raise InvalidWorkflow([Mistake(("name",), told)])
        plan = compile_workflow(workflow)
        after = None
        if if_match is not None:
            latest = self._ground.store.workflow(name)
            _check_match(name, latest, if_match)
            after = latest.version if latest and if_match != _ANY else None
        pushed = push_workflow(
            *(self._ground.world, name, definition, plan),
            after=after,
            revisions=revisions,
            keep_schedules=keep_schedules,
        )
        return workflow_model(pushed)

    def workflows(self, *, limit: int = 100, page: str | None = None) -> m.Page[m.WorkflowSummary]:
        check_limit(limit, WORKFLOWS_A_PAGE)
        after = "" if page is None else place_in(_OF_LIST, page, _PLACE)["name"]
        entries = self._ground.store.list_workflows(limit + 1, after=after)
        following = page_of(_OF_LIST, {"name": entries[limit - 1].name}) if len(entries) > limit else None
        return m.Page(items=[summary_model(entry) for entry in entries[:limit]], next=following)

    def workflow(self, name: str, version: int | None = None) -> m.Workflow:
        return workflow_model(self._known(name, version))

    def delete_workflow(self, name: str, *, if_match: str | None = None) -> None:
        for _ in range(_TRIES):
            latest = self._known(name)
            if if_match is not None:
                _check_match(name, latest, if_match)
            # First, so that none is left of a workflow that cannot be deleted again.
            try:
                remove_schedules(self._ground.world, name)
            except SchedulesNotPlaced as failure:
                raise SchedulesNotPlaced(
                    f"workflow '{name}' is not deleted, for {failure}; delete it again"
                ) from failure
            deleted = self._ground.store.delete_workflow(name, latest.version)
            # Of whoever pushed meanwhile. The same content is no new version, so that the deletion goes over it.
            self._settle(name, "is deleted" if deleted else "is not deleted, for it was pushed meanwhile")
            if deleted:
                return
        raise TryAgain(f"workflow '{name}' was pushed {_TRIES} times meanwhile")

    def _settle(self, name: str, what_was_done: str) -> None:
        try:
            place_schedules(self._ground.world, name)
        except TryAgain as failure:
            raise SchedulesNotPlaced(
                f"workflow '{name}' {what_was_done}, but {failure}; the sweep tries again what it knows of"
            ) from failure

    def _known(self, name: str, version: int | None = None) -> WorkflowVersion:
        found = self._ground.store.workflow(name, version)
        if found is None:
            raise self._ground.unknown_workflow(name, version)
        return found


def _check_match(name: str, latest: WorkflowVersion | None, if_match: str) -> None:
    if latest is None:
        raise PreconditionFailed(f"no workflow '{name}' is there to be replaced")
    if if_match not in (_ANY, definition_digest(latest.definition)):
        raise PreconditionFailed(f"workflow '{name}' is another in version {latest.version} than the one that you saw")
