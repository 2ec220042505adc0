"""The store port: workflow versions and plans."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from chalicelib.aws.table.store import DynamoStore
from chalicelib.core import limits
from chalicelib.core.errors import Defect, PreconditionFailed
from chalicelib.core.plan.model import Plan
from chalicelib.core.plan.task import JobSpec, PlannedTask, RetryPolicy
from chalicelib.core.run.records import WorkflowEntry
from chalicelib.core.states import TriggerRule
from chalicelib.ports.store import Store
from tests.contract.conftest import SERVERS

DEFINITION: dict[str, Any] = {"name": "films", "tasks": {"a": {"command": ["echo", "é"]}, "b": {"depends_on": ["a"]}}}


def plan_of(name: str, *tasks: str) -> Plan:
    job = JobSpec("films:3", "queue", environment=(("KEY", "value"),), vcpus=0.25, memory_mib="${params.memory}")
    first = PlannedTask("first", job, TriggerRule.ALL_DONE, allow_failure=True, retry=RetryPolicy(3, 10))
    rest = tuple(PlannedTask(task, JobSpec("films", "queue", command=("echo", task))) for task in tasks)
    return Plan(name, (first, *rest), ((), *((0,) for _ in rest)))


def test_a_workflow_that_was_never_pushed_is_none(store: Store, fresh: str) -> None:
    assert store.workflow(fresh) is None
    assert store.workflow(fresh, 1) is None


def test_the_first_push_is_version_1_and_is_read_back_whole(store: Store, fresh: str) -> None:
    plan = plan_of(fresh, "b")
    pushed = store.push(fresh, DEFINITION, plan, 5_000)
    assert (pushed.name, pushed.version, pushed.pushed_at_ms) == (fresh, 1, 5_000)
    assert (pushed.plan_digest, pushed.definition) == (plan.digest, DEFINITION)
    assert store.workflow(fresh) == store.workflow(fresh, 1) == pushed


def test_the_keys_of_a_definition_stay_in_their_order(store: Store, fresh: str) -> None:
    store.push(fresh, {"z": 1, "a": 2}, plan_of(fresh), 5_000)
    found = store.workflow(fresh)
    assert found and list(found.definition) == ["z", "a"]


def test_pushing_the_same_again_makes_no_new_version(store: Store, fresh: str) -> None:
    pushed = store.push(fresh, DEFINITION, plan_of(fresh, "b"), 5_000)
    assert store.push(fresh, dict(reversed(DEFINITION.items())), plan_of(fresh, "b"), 6_000) == pushed
    assert store.workflow(fresh, 2) is None


def test_another_definition_or_another_plan_is_a_new_version(store: Store, fresh: str) -> None:
    first = store.push(fresh, DEFINITION, plan_of(fresh, "b"), 5_000)
    second = store.push(fresh, {**DEFINITION, "description": "films"}, plan_of(fresh, "b"), 6_000)
    third = store.push(fresh, {**DEFINITION, "description": "films"}, plan_of(fresh, "b", "c"), 7_000)
    assert [first.version, second.version, third.version] == [1, 2, 3]
    assert store.workflow(fresh) == third
    assert store.workflow(fresh, 1) == first


def test_going_back_to_an_earlier_definition_is_a_new_version(store: Store, fresh: str) -> None:
    store.push(fresh, DEFINITION, plan_of(fresh, "b"), 5_000)
    store.push(fresh, {}, plan_of(fresh), 6_000)
    assert store.push(fresh, DEFINITION, plan_of(fresh, "b"), 7_000).version == 3


def test_what_the_caller_does_to_its_definition_does_not_reach_the_store(store: Store, fresh: str) -> None:
    definition = {"tasks": ["a"]}
    store.push(fresh, definition, plan_of(fresh), 5_000)
    definition["tasks"].append("b")
    found = store.workflow(fresh)
    assert found and found.definition == {"tasks": ["a"]}


def test_a_plan_is_read_back_equal(store: Store, fresh: str) -> None:
    plan = plan_of(fresh, "b", "c")
    store.push(fresh, DEFINITION, plan, 5_000)
    found = store.plan(plan.digest)
    assert (found, found.digest, found.children) == (plan, plan.digest, plan.children)


def test_a_plan_that_is_not_stored_is_a_defect(store: Store, fresh: str) -> None:
    with pytest.raises(Defect, match="0123"):
        store.plan("0123")


def large_plan(name: str) -> Plan:
    """A plan of several chunks: random commands do not compress well."""
    draw = random.Random(name)
    commands = [("run", f"{draw.getrandbits(2_000):x}") for _ in range(5_000)]
    tasks = tuple(PlannedTask(f"t{at}", JobSpec("d", "q", command=command)) for at, command in enumerate(commands))
    return Plan(name, tasks, tuple(() for _ in tasks))


def test_a_plan_of_several_chunks_is_read_back_equal(store: Store, fresh: str) -> None:
    plan = large_plan(fresh)
    assert len(plan.chunks()) > 3
    store.push(fresh, DEFINITION, plan, 5_000)
    assert store.plan(plan.digest) == plan


def test_a_definition_too_large_for_an_item_is_read_back_equal(store: Store, fresh: str) -> None:
    draw = random.Random(fresh)
    definition = {"blob": [f"{draw.getrandbits(4_000):x}" for _ in range(1_500)]}
    pushed = store.push(fresh, definition, plan_of(fresh), 5_000)
    assert pushed.definition == definition
    assert store.workflow(fresh) == pushed == store.workflow(fresh, 1)
    assert store.push(fresh, definition, plan_of(fresh), 6_000) == pushed


def listed(store: Store, prefix: str, **asked: Any) -> list[WorkflowEntry]:
    """The entries whose names begin so: tests share a table."""
    return [one for one in store.list_workflows(1_000, **asked) if one.name.startswith(prefix)]


def test_workflows_are_listed_by_name_with_their_latest_versions(store: Store, fresh: str) -> None:
    for name in ("b", "a", "é", "Z"):
        store.push(f"{fresh}{name}", {"n": 1}, plan_of(fresh), 5_000)
    store.push(f"{fresh}b", {"n": 2, "description": "d" * 400}, plan_of(fresh, "more"), 6_000)
    found = listed(store, fresh)
    assert [one.name.removeprefix(fresh) for one in found] == ["Z", "a", "b", "é"]
    assert found[2] == WorkflowEntry(f"{fresh}b", 2, 2, 6_000, "d" * 300)
    assert found[1] == WorkflowEntry(f"{fresh}a", 1, 1, 5_000)
    (first,) = store.list_workflows(1, after=fresh)
    assert store.list_workflows(2, after=first.name) == found[1:3]


def test_a_deleted_workflow_is_unknown_and_its_plans_stay(store: Store, fresh: str) -> None:
    pushed = store.push(fresh, DEFINITION, plan_of(fresh), 5_000)
    assert store.delete_workflow(fresh, 1)
    assert store.workflow(fresh) is None
    assert store.workflow(fresh, 1) is None
    assert listed(store, fresh) == []
    assert [one.is_deleted for one in listed(store, fresh, with_deleted=True)] == [True]
    assert store.plan(pushed.plan_digest) == plan_of(fresh)
    assert not store.delete_workflow(fresh, 1)


def test_only_the_latest_version_that_somebody_saw_is_deleted(store: Store, fresh: str) -> None:
    assert not store.delete_workflow(fresh, 0)
    assert not store.delete_workflow(fresh, 1)
    store.push(fresh, {"n": 1}, plan_of(fresh), 5_000)
    second = store.push(fresh, {"n": 2}, plan_of(fresh), 6_000)
    assert not store.delete_workflow(fresh, 1)
    assert store.workflow(fresh) == second


def test_a_push_after_a_deletion_goes_on_counting_also_with_what_was_deleted(store: Store, fresh: str) -> None:
    store.push(fresh, DEFINITION, plan_of(fresh), 5_000)
    store.delete_workflow(fresh, 1)
    again = store.push(fresh, DEFINITION, plan_of(fresh), 6_000)
    assert (again.version, store.workflow(fresh)) == (2, again)
    assert [(one.version, one.is_deleted) for one in listed(store, fresh)] == [(2, False)]


def test_a_push_after_another_version_than_the_one_that_was_seen_is_refused(store: Store, fresh: str) -> None:
    store.push(fresh, {"n": 1}, plan_of(fresh), 5_000, after=0)
    with pytest.raises(PreconditionFailed, match=f"workflow '{fresh}' was pushed or deleted meanwhile"):
        store.push(fresh, {"n": 2}, plan_of(fresh), 6_000, after=0)
    assert store.push(fresh, {"n": 2}, plan_of(fresh), 6_000, after=1).version == 2
    store.delete_workflow(fresh, 2)
    with pytest.raises(PreconditionFailed):
        store.push(fresh, {"n": 3}, plan_of(fresh), 7_000, after=2)
    assert store.push(fresh, {"n": 3}, plan_of(fresh), 7_000, after=0).version == 3


@pytest.mark.parametrize("left", ["nothing", "a mark"])
def test_pushing_again_lists_a_workflow_whose_entry_was_lost(dynamodb: tuple[Any, str], fresh: str, left: str) -> None:
    client, table_name = dynamodb
    store = DynamoStore(client, table_name)
    store.push(fresh, DEFINITION, plan_of(fresh), 5_000)
    key = {"pk": {"S": "WORKFLOWS"}, "sk": {"S": fresh}}
    if left == "nothing":
        client.delete_item(TableName=table_name, Key=key)
    else:
        # Who deleted it died before it was deleted.
        values = {":yes": {"BOOL": True}}
        client.update_item(
            TableName=table_name, Key=key, UpdateExpression="SET deleted = :yes", ExpressionAttributeValues=values
        )
    assert listed(store, fresh) == []
    store.push(fresh, DEFINITION, plan_of(fresh), 6_000)
    assert [one.version for one in listed(store, fresh)] == [1]


@pytest.mark.parametrize("dynamodb", SERVERS, indirect=True)
def test_of_pushes_at_the_same_time_none_is_lost(dynamodb: tuple[Any, str], fresh: str) -> None:
    store = DynamoStore(*dynamodb)
    with ThreadPoolExecutor(8) as pool:
        pushes = [pool.submit(store.push, fresh, {"number": n}, plan_of(fresh, f"t{n}"), n) for n in range(8)]
        versions = [push.result() for push in pushes]
    assert sorted(version.version for version in versions) == list(range(1, 9))
    for version in versions:
        assert store.workflow(fresh, version.version) == version
    latest = store.workflow(fresh)
    assert latest and latest.version == 8


@pytest.mark.parametrize("dynamodb", SERVERS, indirect=True)
def test_the_same_push_at_the_same_time_makes_one_version(dynamodb: tuple[Any, str], fresh: str) -> None:
    store = DynamoStore(*dynamodb)
    with ThreadPoolExecutor(8) as pool:
        pushes = [pool.submit(store.push, fresh, DEFINITION, plan_of(fresh), n) for n in range(8)]
        versions = {push.result().version for push in pushes}
    assert versions == {1}
    assert store.workflow(fresh, 2) is None


def test_a_version_whose_pusher_died_before_moving_latest_is_not_overwritten(
    dynamodb: tuple[Any, str], fresh: str
) -> None:
    client, table_name = dynamodb
    store = DynamoStore(client, table_name)
    first = store.push(fresh, {"number": 1}, plan_of(fresh), 1)
    client.delete_item(TableName=table_name, Key={"pk": {"S": f"WORKFLOW#{fresh}"}, "sk": {"S": "LATEST"}})
    second = store.push(fresh, {"number": 2}, plan_of(fresh), 2)
    assert (second.version, store.workflow(fresh)) == (2, second)
    assert store.workflow(fresh, 1) == first


def test_a_warm_store_reads_no_plan_twice(dynamodb: tuple[Any, str], fresh: str) -> None:
    client, table_name = dynamodb
    store = DynamoStore(client, table_name)
    plan = plan_of(fresh, "b")
    store.push(fresh, DEFINITION, plan, 5_000)
    calls: list[str] = []

    def count(**_: Any) -> None:
        calls.append("query")

    client.meta.events.register("before-call.dynamodb.Query", count)
    try:
        assert store.plan(plan.digest) is store.plan(plan.digest)
    finally:
        client.meta.events.unregister("before-call.dynamodb.Query", count)
    assert len(calls) == 1


def test_a_chunk_fits_an_item() -> None:
    assert limits.PLAN_CHUNK_BYTES + 1_000 < 400 * 1024
