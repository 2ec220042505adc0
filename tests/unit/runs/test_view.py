from __future__ import annotations

from batchwright.runs.view import changed, every, load_view
from chalicelib.api import models as m
from chalicelib.core.states import TaskState
from tests.contract.apis import TASK, Desk, definition_of
from tests.memory.store import MemoryStore
from tests.unit.rows import row


def test_a_task_has_changed_when_its_state_or_attempt_has() -> None:
    before = [row(0, "a", TaskState.RUNNING), row(1, "b", TaskState.RUNNING)]
    after = [row(0, "a", TaskState.RUNNING, started_at_ms=5), row(1, "b", TaskState.RUNNING, 2)]
    assert changed(before, after) == [after[1]]
    assert changed((), [row(0, "a", TaskState.WAITING, 0), after[1]]) == [after[1]]


def test_a_view_holds_the_tasks_of_all_pages() -> None:
    desk = Desk(MemoryStore())
    tasks = {f"t{number}": TASK for number in range(1_000)}
    desk.api.put_workflow("many", definition_of("many", tasks=tasks))
    run = desk.api.start_run(m.StartRun(workflow="many"), "key")
    view = load_view(desk.api, run.run_id)
    assert view.run == desk.api.run(run.run_id)
    assert [task.index for task in view.tasks] == list(range(1_000))


def test_the_pages_of_a_list_are_asked_for_one_after_the_other_as_they_are_needed() -> None:
    asked: list[str | None] = []

    def page(given: str | None) -> m.Page[int]:
        asked.append(given)
        return m.Page(items=[len(asked)], next="more" if len(asked) < 3 else None)

    numbers = every(page)
    assert (next(numbers), asked) == (1, [None])
    assert (list(numbers), asked) == ([2, 3], [None, "more", "more"])
