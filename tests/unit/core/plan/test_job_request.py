from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from chalicelib.core.batch.result import JobResult
from chalicelib.core.errors import UserMistake
from chalicelib.core.failure import FailureClass
from chalicelib.core.ids import Attempt, attempt_from_parameters, job_name
from chalicelib.core.plan.job_request import JobRequest, array_size_of, check_run, empty_arrays, job_request, memory_of
from chalicelib.core.plan.model import Plan
from chalicelib.core.plan.task import ClassPolicy, JobSpec, PlannedTask, RetryPolicy

ATTEMPT = Attempt("movies-abc", 0, 0, 2)


def plan_of(**job: Any) -> Plan:
    spec = replace(JobSpec(job_definition="jd:3", queue="q"), **job)
    return Plan("movies", (PlannedTask("train", spec),), ((),))


def request_of(params: dict[str, Any] | None = None, **job: Any) -> JobRequest:
    return job_request(plan_of(**job), ATTEMPT, params=params or {})


def refusal_of(params: dict[str, Any] | None = None, **job: Any) -> list[str]:
    with pytest.raises(UserMistake) as raised:
        request_of(params, **job)
    return str(raised.value).splitlines()


def test_everything_is_rendered() -> None:
    request = request_of(
        {"n": 3, "cpus": 0.5, "definition": "other", "missing": None},
        job_definition="${params.definition}:7",
        queue="q-${params.n}",
        command=("run", "${run.id}", "${params.n}"),
        environment=(("TASK", "${task.name}"), ("TRY", "${task.attempt}")),
        parameters=(("year", "${params.n}"),),
        vcpus="${params.cpus}",
        memory_mib=512,
        gpus="${params.missing}",
        array_size="${params.n}",
        timeout_seconds=60,
        tags=(("run", "${run.id}"),),
    )
    assert request == JobRequest(
        name=job_name(ATTEMPT, "train"),
        queue="q-3",
        job_definition="other:7",
        command=("run", "movies-abc", "3"),
        environment=(("TASK", "train"), ("TRY", "2")),
        parameters=request.parameters,
        vcpus=0.5,
        memory_mib=512,
        gpus=None,
        array_size=3,
        timeout_seconds=60,
        tags=(("run", "movies-abc"),),
    )
    assert request.parameters[0] == ("year", "3")
    assert hash(request) == hash(replace(request))


def test_a_request_carries_the_attempt_it_is_for() -> None:
    assert attempt_from_parameters(dict(request_of().parameters)) == ATTEMPT


def test_the_document_is_what_submit_job_takes() -> None:
    document = request_of(
        command=("a",),
        environment=(("K", "v"),),
        vcpus=2.0,
        memory_mib=12_345_678_901,
        array_size=2,
        tags=(("t", "1"),),
    ).document()
    assert document == {
        "jobName": job_name(ATTEMPT, "train"),
        "jobQueue": "q",
        "jobDefinition": "jd:3",
        "parameters": document["parameters"],
        "containerOverrides": {
            "command": ["a"],
            "environment": [{"name": "K", "value": "v"}],
            "resourceRequirements": [
                {"type": "VCPU", "value": "2"},
                {"type": "MEMORY", "value": "12345678901"},
            ],
        },
        "arrayProperties": {"size": 2},
        "tags": {"t": "1"},
    }


def test_what_is_left_to_the_job_definition_is_not_in_the_document() -> None:
    assert set(request_of().document()) == {"jobName", "jobQueue", "jobDefinition", "parameters"}


def test_an_empty_command_is_still_a_command() -> None:
    assert request_of(command=()).document()["containerOverrides"] == {"command": []}


@pytest.mark.parametrize(
    ("params", "job", "line"),
    [
        (
            {"n": -1},
            {"array_size": "${params.n}"},
            "array.size must be 0 or more, not -1 (from '${params.n}'); an array has up to 10,000 jobs; one of 1 is a "
            "single job, one of 0 is skipped",
        ),
        (
            {},
            {"array_size": 10_001},
            "array.size must be 10,000 or less, not 10,001; an array has up to 10,000 jobs; one of 1 is a single job, "
            "one of 0 is skipped",
        ),
        ({}, {"vcpus": 0}, "vcpus must be 1 or more, not 0; only Fargate takes less: 0.25 or 0.5"),
        ({}, {"vcpus": 1.5}, "vcpus must be a whole number, not 1.5; only Fargate takes less: 0.25 or 0.5"),
        ({"v": "two"}, {"vcpus": "${params.v}"}, "vcpus must be a number, not 'two' (from '${params.v}')"),
        ({}, {"timeout_seconds": 59}, "timeout_seconds must be 60 or more, not 59; Batch knows no shorter time-out"),
        ({}, {"memory_mib": 10**30}, "memory_mib must not be 1000000000000000000000000000000"),
        (
            {"q": ""},
            {"queue": "${params.q}"},
            "queue must be the name or the ARN of a job queue, not '' (from '${params.q}'); names hold letters, "
            "digits, '-' and '_' (up to 128)",
        ),
        (
            {},
            {"environment": (("AWS_BATCH_JOB_ID", "1"),)},
            "environment must not name 'AWS_BATCH_JOB_ID'; Batch keeps the prefix AWS_BATCH_ to itself",
        ),
        (
            {},
            {"parameters": (("batchwright_run", "1"),)},
            "parameters must not name 'batchwright_run'; the prefix batchwright_ tells whose a job is",
        ),
        ({}, {"tags": tuple((f"t{n}", "") for n in range(51))}, "tags must be 50 or less, not 51"),
        (
            {"long": "x" * 257},
            {"tags": (("t", "${params.long}"),)},
            "tags.t must have 256 characters or less, not 257 (from '${params.long}')",
        ),
        (
            {"long": "x" * 8_192},
            {"command": ("${params.long}",)},
            "command, environment and resources must come to 8,192 characters or less as JSON, not 8,208; put what is "
            "long into S3 and pass its address",
        ),
        (
            {},
            {"command": ("${params.unknown}",)},
            "command[0] cannot be rendered: ${params.unknown} names a param that the workflow does not declare",
        ),
    ],
)
def test_a_value_that_breaks_a_limit_is_named_with_task_and_rule(
    params: dict[str, Any], job: dict[str, Any], line: str
) -> None:
    assert refusal_of(params, **job) == [f"task 'train': {line}"]


def test_a_payload_above_30_kib_is_refused() -> None:
    (line,) = refusal_of(parameters=(("p", "x" * 31_000),))
    assert line.startswith("task 'train': the submission must come to 30,720 bytes or less as JSON, not 31,")


def test_overrides_of_exactly_8192_characters_pass() -> None:
    request = request_of(command=("x" * (8_192 - len('{"command":[""]}')),))
    assert request.command is not None


def test_check_run_tells_the_problems_of_all_tasks_at_once() -> None:
    plan = Plan(
        "movies",
        (
            PlannedTask("a", JobSpec("jd", "q", array_size="${params.n}")),
            PlannedTask("b", JobSpec("jd", "q", timeout_seconds="${params.n}")),
            PlannedTask("c", JobSpec("jd", "q")),
        ),
        ((), (), ()),
    )
    with pytest.raises(UserMistake) as raised:
        check_run(plan, {"n": -1})
    assert [line.partition(":")[0] for line in str(raised.value).splitlines()] == ["task 'a'", "task 'b'"]
    with pytest.raises(UserMistake, match="task 'b'"):
        check_run(plan, {"n": 59})


def test_check_run_takes_a_run_id_at_its_longest() -> None:
    text = "x" * (8_192 - len('{"command":[""]}') - 52) + "${run.id}"
    with pytest.raises(UserMistake, match="8,193"):
        check_run(plan_of(command=(text,)), {})


# What earlier failures change

RETRY = RetryPolicy(
    on=(
        ClassPolicy(FailureClass.OUT_OF_MEMORY, 4, memory_factor=2.0, memory_maximum_mib=3_000),
        ClassPolicy(FailureClass.SPOT, 5, queue="${params.safe}-queue"),
    )
)
PARAMS = {"safe": "on-demand", "mib": 1_000}
OOM = JobResult("job-1", succeeded=False, failure=FailureClass.OUT_OF_MEMORY)
SPOT = JobResult("job-2", succeeded=False, failure=FailureClass.SPOT)


def retried(memory_mib: Any = "${params.mib}", policy: RetryPolicy = RETRY) -> Plan:
    return Plan("movies", (PlannedTask("train", JobSpec("jd", "spot", memory_mib=memory_mib), retry=policy),), ((),))


@pytest.mark.parametrize(
    ("past", "memory_mib", "queue"),
    [
        ((), 1_000, "spot"),
        ((OOM,), 2_000, "spot"),
        ((SPOT,), 1_000, "on-demand-queue"),
        ((SPOT, OOM), 2_000, "on-demand-queue"),
        ((OOM, SPOT, OOM), 3_000, "on-demand-queue"),
        ((replace(OOM, failure=None), replace(SPOT, failure=FailureClass.APPLICATION)), 1_000, "spot"),
    ],
)
def test_an_attempt_asks_for_what_the_failures_before_it_made_of_the_task(
    past: tuple[JobResult, ...], memory_mib: int, queue: str
) -> None:
    attempt = Attempt("movies-abc", 0, 0, len(past) + 1)
    request = job_request(retried(), attempt, params=PARAMS, past=past)
    assert (request.memory_mib, request.queue) == (memory_mib, queue)
    assert memory_of(retried(), attempt, params=PARAMS, past=past) == memory_mib
    assert request == job_request(retried(), attempt, params=PARAMS, past=past)


def test_memory_that_the_job_definition_gives_is_not_known() -> None:
    assert memory_of(retried(memory_mib=None), ATTEMPT, params=PARAMS, past=(OOM,)) is None
    assert memory_of(retried(), ATTEMPT, params=PARAMS | {"mib": "much"}, past=(OOM,)) is None


def refusals(**params: Any) -> list[str]:
    with pytest.raises(UserMistake) as raised:
        check_run(retried(), PARAMS | params)
    return str(raised.value).splitlines()


def test_check_run_tells_before_the_first_failure_what_a_retry_could_not_ask_for() -> None:
    check_run(retried(), PARAMS)
    assert refusals(safe="on demand") == [
        "task 'train': retry.on.spot.queue must be the name or the ARN of a job queue, not 'on demand-queue' "
        "(from '${params.safe}-queue'); names hold letters, digits, '-' and '_' (up to 128)"
    ]
    assert refusals(mib=3_000) == [
        "task 'train': retry.on.out_of_memory.memory_mib.maximum must be more than the task's memory_mib of 3,000, "
        "not 3,000"
    ]
    assert refusals(mib=None) == [
        "task 'train': retry.on.out_of_memory.memory_mib multiplies memory_mib, which is missing; "
        "give memory_mib in the task or in defaults"
    ]
    assert refusals(mib=3) == ["task 'train': memory_mib must be 4 or more, not 3 (from '${params.mib}')"]


@pytest.mark.parametrize(
    ("size", "params", "asked", "is_empty"),
    [
        ("${params.n}", {"n": 2}, 2, False),
        ("${params.n}", {"n": 1}, None, False),
        ("${params.n}", {"n": 0}, 0, True),
        ("${params.n}", {"n": None}, None, False),
        (1, {}, None, False),
        (0, {}, 0, True),
        (None, {}, None, False),
    ],
)
def test_an_array_of_one_is_a_single_job_and_one_of_none_is_empty(size, params, asked, is_empty) -> None:
    plan = Plan("movies", (PlannedTask("a", JobSpec("jd", "q", array_size=size)),), ((),))
    attempt = Attempt("run", 0, 0, 1)
    request = job_request(plan, attempt, params=params)
    assert (request.array_size, request.requested.array_size) == (asked, asked)
    assert ("arrayProperties" in request.document()) == (asked is not None)
    assert array_size_of(plan, attempt, params=params) == asked
    assert empty_arrays(plan, params) == ({0} if is_empty else set())
