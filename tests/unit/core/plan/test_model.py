from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.core import limits
from chalicelib.core.errors import Defect
from chalicelib.core.failure import FailureClass
from chalicelib.core.plan.model import Plan, indexes_in, mask_by_shard
from chalicelib.core.plan.task import ClassPolicy, JobSpec, PlannedTask, RetryPolicy
from chalicelib.core.states import TriggerRule

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
pairs = st.lists(st.tuples(texts, texts), max_size=3, unique_by=lambda pair: pair[0]).map(tuple)
numbers = st.none() | st.integers(1, 10_000) | st.just("${params.n}")
specs = st.builds(
    JobSpec,
    job_definition=texts,
    queue=texts,
    command=st.none() | st.lists(texts, max_size=3).map(tuple),
    environment=pairs,
    parameters=pairs,
    vcpus=st.none() | st.sampled_from([0.25, 1.0, 2.0, "${params.v}"]),
    memory_mib=numbers,
    gpus=numbers,
    array_size=numbers,
    timeout_seconds=numbers,
    tags=pairs,
)
tasks = st.builds(
    PlannedTask,
    name=texts,
    job=specs,
    trigger_rule=st.sampled_from(TriggerRule),
    allow_failure=st.booleans(),
    retry=st.just(RetryPolicy())
    | st.builds(
        RetryPolicy,
        st.none() | st.integers(1, 10),
        st.none() | st.integers(0, 900),
        st.sampled_from([1.0, 1.5, 2.0]),
        st.integers(0, 86_400),
        st.booleans(),
        st.lists(
            st.builds(
                ClassPolicy,
                st.sampled_from(FailureClass),
                st.integers(1, 10),
                numbers,
                st.none() | st.just(1.5),
                numbers,
                st.none() | texts,
            ),
            max_size=3,
        ).map(tuple),
    ),
)


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    nodes = tuple(draw(st.lists(tasks, min_size=1, max_size=6)))
    parents = tuple(
        tuple(sorted(draw(st.sets(st.integers(0, index - 1))))) if index else () for index in range(len(nodes))
    )
    return Plan(draw(texts), nodes, parents)


@given(plans())
def test_a_plan_comes_back_from_its_chunks_as_it_was(plan: Plan) -> None:
    decoded = Plan.from_chunks(plan.digest, plan.chunks())
    assert decoded == plan
    assert decoded.digest == plan.digest


@given(plans())
def test_children_are_the_parents_seen_from_the_other_side(plan: Plan) -> None:
    edges = {(parent, child) for child, parents in enumerate(plan.parents) for parent in parents}
    assert edges == {(parent, child) for parent, children in enumerate(plan.children) for child in children}
    assert all(list(children) == sorted(children) for children in plan.children)


@given(plans(), plans())
def test_two_plans_have_one_digest_only_if_they_are_equal(one: Plan, other: Plan) -> None:
    assert (one.digest == other.digest) == (one == other)


def test_chunks_of_another_plan_are_a_defect() -> None:
    one, other = (Plan("w", (PlannedTask(name, JobSpec("jd", "q")),), ((),)) for name in "ab")
    with pytest.raises(Defect, match=f"the chunks of plan {one.digest} hold plan {other.digest}"):
        Plan.from_chunks(one.digest, other.chunks())


def test_every_chunk_fits_an_item(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "PLAN_CHUNK_BYTES", 100)
    plan = Plan("w", tuple(PlannedTask(f"t{n * n}", JobSpec("jd", "q")) for n in range(300)), ((),) * 300)
    chunks = plan.chunks()
    assert len(chunks) > 1
    assert all(0 < len(chunk) <= 100 for chunk in chunks)
    assert Plan.from_chunks(plan.digest, chunks) == plan


@given(st.sets(st.integers(0, 2_000)))
def test_masks_name_the_indexes_they_were_made_of(indexes: set[int]) -> None:
    masks = mask_by_shard(indexes)
    assert sorted(index for shard, mask in masks.items() for index in indexes_in(shard, mask)) == sorted(indexes)
