"""The API in process: runs and their tasks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from itertools import islice

from chalicelib.api import models as m
from chalicelib.api.inprocess.base import WORKFLOWS_MAXIMUM, Part, check_limit
from chalicelib.api.inprocess.run_view import RunLook, children_counted
from chalicelib.api.to_models import failed_children_model, run_model
from chalicelib.core.cursors import COUNT, NAME, page_of, place_in
from chalicelib.core.errors import UnknownTask, UnknownWorkflow, UserMistake
from chalicelib.core.limits import DESCRIBE_IDS, SHARD_SIZE
from chalicelib.core.plan.job_request import array_labels_of
from chalicelib.core.plan.model import shard_of
from chalicelib.core.run.merge_lists import merged
from chalicelib.core.run.records import ListedRuns, RunPlace
from chalicelib.core.states import RunState, TaskState
from chalicelib.core.suggest import Names
from chalicelib.engine.control.start import start_run

RUNS_A_PAGE = 1_000
TASKS_A_PAGE = 1_000
ATTEMPTS_A_PAGE = 4_000
"""A page of tasks ends when it holds so many attempts: an attempt has up to 1.5 KB, and a Lambda answers with 6 MB."""
SHARDS_A_PAGE = 40
"""How many shards one page of tasks looks at."""
FAILED_CHILDREN = 3
"""How many of an array's jobs that failed are told."""
_RUN_PLACE = {"created_at_ms": COUNT, "run_id": NAME}
_TASK_PLACE = {"index": COUNT, "epoch": COUNT}
_FETCHED_AT_A_TIME = 25
_FETCHES = 100
"""How often, beyond the first time of each workflow, one page of all workflows' runs asks the index."""


class DirectRuns(Part):
    """What the protocol says of runs and tasks."""

    def start_run(self, request: m.StartRun, idempotency_key: str) -> m.Run:
        world = self._ground.world
        try:
            run = start_run(
                world,
                request.workflow,
                request.params,
                idempotency_key,
                request.version,
                request.notify_queue,
            )
        except UnknownWorkflow:
            raise self._ground.unknown_workflow(request.workflow, request.version) from None
        return run_model(run)

    def runs(
        self,
        *,
        workflow: str | None = None,
        state: RunState | None = None,
        since_ms: int | None = None,
        until_ms: int | None = None,
        limit: int = 20,
        page: str | None = None,
    ) -> m.Page[m.Run]:
        check_limit(limit, RUNS_A_PAGE)
        of_list = ("runs", workflow, state, since_ms, until_ms)
        after = None if page is None else RunPlace(**place_in(of_list, page, _RUN_PLACE))
        asked = partial(self._ground.store.list_runs, state=state, since_ms=since_ms, until_ms=until_ms)
        if workflow is None:
            at_a_time = min(limit, _FETCHED_AT_A_TIME)
            fetches = [partial(_fetched, asked, name, at_a_time) for name in self._names()]
            listed = merged(fetches, limit, after, _FETCHES)
        else:
            listed = asked(workflow, limit, after=after)
            if not listed.runs and after is None and workflow not in self._ground.workflow_names():
                raise self._ground.unknown_workflow(workflow)
        following = None if listed.after is None else page_of(of_list, asdict(listed.after))
        return m.Page(items=[run_model(run) for run in listed.runs], next=following)

    def run(self, run_id: str, epoch: int | None = None) -> m.Run:
        return run_model(self._ground.run(run_id, epoch))

    def tasks(
        self,
        run_id: str,
        *,
        epoch: int | None = None,
        state: TaskState | None = None,
        limit: int = 1000,
        page: str | None = None,
    ) -> m.Page[m.Task]:
        check_limit(limit, TASKS_A_PAGE)
        of_list, first = ("tasks", run_id, state), 0
        if page is not None:
            place = place_in(of_list, page, _TASK_PLACE)
            # The epoch in which the list began, also when the run was redriven since.
            first, epoch = place["index"], place["epoch"]
        look = RunLook(self._ground.store, self._ground.run(run_id, epoch))
        tasks: list[m.Task] = []
        attempts = 0
        end = min(len(look.plan.tasks), (shard_of(first) + SHARDS_A_PAGE) * SHARD_SIZE)
        shards = range(shard_of(first), shard_of(end - 1) + 1)
        for task in (task for shard in shards for task in look.tasks(shard, state)):
            if task.index < first:
                continue
            if len(tasks) == limit or attempts >= ATTEMPTS_A_PAGE:
                end = task.index
                break
            tasks.append(task)
            attempts += len(task.attempts) + 1
        goes_on = end < len(look.plan.tasks)
        following = page_of(of_list, {"index": end, "epoch": look.run.epoch}) if goes_on else None
        return m.Page(items=self._with_children(tasks), next=following)

    def task(self, run_id: str, name: str, epoch: int | None = None) -> m.Task:
        look = RunLook(self._ground.store, self._ground.run(run_id, epoch))
        (task,) = self._with_children([look.task(index_of_task(look, name))])
        labels = array_labels_of(look.plan.tasks[task.index], look.run.params)
        ends_in_children = task.is_array and task.state is TaskState.FAILED
        failed = self._first_failed(task.job_id, labels) if ends_in_children and task.job_id else []
        return task.model_copy(update={"child_labels": list(labels), "failed_children": failed})

    def _names(self) -> list[str]:
        names = list(islice(self._ground.workflow_names(), WORKFLOWS_MAXIMUM + 1))
        if len(names) > WORKFLOWS_MAXIMUM:
            raise UserMistake(
                f"there are more than {WORKFLOWS_MAXIMUM} workflows, whose runs are not listed together; "
                f"name one, for example '{names[0]}'"
            )
        return names

    def _first_failed(self, job_id: str, labels: Sequence[str]) -> list[m.FailedChild]:
        jobs = self._ground.world.batch.failed_children(job_id, FAILED_CHILDREN)
        return failed_children_model(jobs, labels)

    def _with_children(self, tasks: list[m.Task]) -> list[m.Task]:
        """The tasks with how far arrays are: as many of them as one call of Batch tells."""
        arrays = [task.job_id for task in tasks if task.job_id and task.is_array and not task.state.ended]
        if not arrays:
            return tasks
        jobs = self._ground.world.batch.describe(arrays[:DESCRIBE_IDS])
        return [children_counted(task, jobs) for task in tasks]


def _fetched(asked: Callable[..., ListedRuns], name: str, limit: int, after: RunPlace | None) -> ListedRuns:
    return asked(name, limit, after=after)


def index_of_task(look: RunLook, name: str) -> int:
    """The index of the task of that name. Raises UnknownTask with the nearest."""
    index = look.plan.index_of.get(name)
    if index is None:
        hint = Names(look.plan.index_of).suggestion(name)
        raise UnknownTask(f"run '{look.run.run_id}' has no task '{name}'" + (f"; {hint}" if hint else ""))
    return index
