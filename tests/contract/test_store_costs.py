"""What the table's items weigh and what each write costs, with values as long as they get on a real account."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from chalicelib.aws.table.store import DynamoStore
from chalicelib.core.batch.job_record import JobRecord
from chalicelib.core.batch.result import JobResult
from chalicelib.core.failure import FailureClass
from chalicelib.core.ids import Attempt
from chalicelib.core.limits import TASK_ATTEMPTS_MAXIMUM
from chalicelib.core.monitor.notices import told
from chalicelib.core.monitor.records import Telling
from chalicelib.core.notice.kinds import NoticeKind
from chalicelib.core.plan.model import Plan
from chalicelib.core.plan.task import JobSpec, PlannedTask
from chalicelib.core.run.records import Claim, Redrive, Run, Scope
from chalicelib.core.states import ENDINGS, JobStatus, RunState, TaskState
from tests.contract.conftest import SERVERS
from tests.contract.metering import item_bytes, metered

UNIT_BYTES = 1_024
OWNER = "0a1b2c3d-0a1b-2c3d-4e5f-0a1b2c3d4e5f/17"
JOB_ID = "aaaaaaaa-0000-4000-8000-000000000001"
LONGEST_LOG_STREAM = f"{'d' * 200}/default/{'e' * 32}"
NOW_MS = 1_767_225_599_999


@pytest.fixture
def attempt(fresh: str) -> Attempt:
    """A task whose run has the longest id there is."""
    return Attempt(fresh.ljust(53, "x"), 0, 99_999, 1)


@pytest.fixture
def ended(store: DynamoStore, attempt: Attempt) -> JobResult:
    """The result of a task that went from claim to commit."""
    result = JobResult(
        JOB_ID,
        succeeded=True,
        exit_code=0,
        reason="Essential container in task exited",
        log_stream=LONGEST_LOG_STREAM,
        started_at_ms=NOW_MS,
        stopped_at_ms=NOW_MS,
    )
    store.claim(attempt, Claim(OWNER, NOW_MS), NOW_MS)
    store.record_job(attempt, JOB_ID)
    store.observe(attempt, JOB_ID, TaskState.RUNNING, 0, NOW_MS)
    store.commit(attempt, TaskState.SUCCEEDED, result)
    return result


@pytest.fixture
def store(dynamodb: tuple[Any, str]) -> DynamoStore:
    return DynamoStore(*dynamodb)


def items(dynamodb: tuple[Any, str], partition: str) -> list[dict[str, Any]]:
    client, table_name = dynamodb
    answer = client.query(
        TableName=table_name,
        KeyConditionExpression="pk = :pk",
        ExpressionAttributeValues={":pk": {"S": partition}},
        ConsistentRead=True,
    )
    found: list[dict[str, Any]] = answer["Items"]
    return found


def test_the_record_of_a_task_that_went_well_costs_one_unit_to_write(
    dynamodb: tuple[Any, str], attempt: Attempt, ended: JobResult
) -> None:
    [item] = items(dynamodb, f"RUN#{attempt.run_id}#00390")
    assert item_bytes(item) < UNIT_BYTES


def test_a_full_tally_costs_one_unit_to_write(dynamodb: tuple[Any, str], store: DynamoStore, attempt: Attempt) -> None:
    store.halt(attempt.run_id, 0, 390)
    masks = {ending: sum(1 << offset for offset in range(place, 256, 5)) for place, ending in enumerate(ENDINGS)}
    store.tally(attempt.run_id, 0, 390, masks)
    [item] = items(dynamodb, f"RUN#{attempt.run_id}#00390")
    assert sum(len(item[ending]["NS"]) for ending in ENDINGS) == 256
    assert item_bytes(item) < UNIT_BYTES


@pytest.mark.parametrize("dynamodb", SERVERS, indirect=True)
def test_a_task_that_goes_well_costs_five_write_units_and_no_read(
    dynamodb: tuple[Any, str], store: DynamoStore, attempt: Attempt
) -> None:
    with metered(dynamodb[0]) as meter:
        store.claim(attempt, Claim(OWNER, NOW_MS), NOW_MS)
        store.record_job(attempt, JOB_ID)
        store.observe(attempt, JOB_ID, TaskState.RUNNING, 0, NOW_MS)
        store.tally(attempt.run_id, 0, 390, {TaskState.SUCCEEDED: 1})
        store.commit(attempt, TaskState.SUCCEEDED, JobResult(JOB_ID, True, 0, log_stream=LONGEST_LOG_STREAM))
    assert [units for _, units in meter.calls] == [1, 1, 1, 1, 1]


@pytest.mark.parametrize("dynamodb", SERVERS, indirect=True)
def test_a_run_costs_its_record_and_what_each_of_the_two_indexes_holds_of_it(
    dynamodb: tuple[Any, str], store: DynamoStore, fresh: str
) -> None:
    due = Run(fresh, f"workflow-{fresh}", 1, "d" * 64, {"n": 1}, RunState.RUNNING, NOW_MS, "e" * 64, sweep_at_ms=NOW_MS)
    later = replace(due, sweep_at_ms=NOW_MS + 300_000)
    with metered(dynamodb[0]) as meter:
        store.create_run(due)
        store.change_run(fresh, 0, RunState.FAILED, ended_at_ms=NOW_MS)
        # Its time is in the key of the sparse index, where the old entry makes room for the new one.
        store.swept(due, swept_at_ms=NOW_MS, sweep_at_ms=later.sweep_at_ms)
        store.swept(later, swept_at_ms=NOW_MS, sweep_at_ms=None)
        store.begin_epoch(replace(due, epoch=1, redrive=Redrive(Scope.ALL)), due)
        store.switch_run(fresh, 1, RunState.PAUSED)
    assert [operation for operation, _ in meter.calls] == ["PutItem", *["UpdateItem"] * 3, "PutItem", "UpdateItem"]
    for (_, units), most in zip(meter.calls, (3, 2, 4, 3, 3, 2), strict=True):
        assert units <= most


def test_only_run_records_are_in_the_index(
    dynamodb: tuple[Any, str], store: DynamoStore, attempt: Attempt, ended: JobResult, fresh: str
) -> None:
    client, table_name = dynamodb
    store.create_run(Run(fresh, fresh, 1, "d", {}, RunState.RUNNING, NOW_MS, "r"))
    store.push(fresh, {}, Plan(fresh, (PlannedTask("a", JobSpec("d", "q")),), ((),)), 1)
    listed = client.scan(TableName=table_name, IndexName="runs-by-workflow")["Items"]
    assert listed
    assert {item["sk"]["S"] for item in listed} == {"RUN"}


def test_a_task_that_failed_as_often_as_it_may_stays_far_below_the_limit_of_an_item(
    dynamodb: tuple[Any, str], store: DynamoStore, attempt: Attempt
) -> None:
    replaced = None
    for number in range(1, TASK_ATTEMPTS_MAXIMUM + 1):
        this = replace(attempt, number=number)
        job_id = f"{JOB_ID[:-2]}{number:02d}"
        assert store.claim(this, Claim(OWNER, NOW_MS), NOW_MS, replaces_job=replaced) is None
        result = JobResult(
            job_id, False, 137, "r" * 1_024, LONGEST_LOG_STREAM, NOW_MS, NOW_MS, FailureClass.OUT_OF_MEMORY
        )
        assert store.wait_for_retry(this, result, NOW_MS)
        replaced = job_id
    [item] = items(dynamodb, f"RUN#{attempt.run_id}#00390")
    assert item_bytes(item) < 16 * UNIT_BYTES


@pytest.mark.parametrize("dynamodb", SERVERS, indirect=True)
def test_a_job_that_a_monitor_tells_of_costs_one_unit_to_mark_and_one_to_ask(
    dynamodb: tuple[Any, str], store: DynamoStore, fresh: str
) -> None:
    jobs = tuple(f"{fresh}-{number:03d}-5b1d-4c55-9d0e" for number in range(60))
    telling = Telling(fresh, NoticeKind.JOB_WAITING, 1, jobs, NOW_MS)
    with metered(dynamodb[0]) as meter:
        store.put_telling(telling)
        store.mark_jobs_told(telling)
        store.close_telling(telling)
        store.telling(fresh, NoticeKind.JOB_WAITING)
        store.jobs_told(fresh, NoticeKind.JOB_WAITING, jobs)
    units: dict[str, float] = {}
    for operation, spent in meter.calls:
        units[operation] = units.get(operation, 0) + spent
    # One of the servers does not tell what BatchGetItem costs.
    assert units.pop("BatchGetItem", 60) == 60
    assert units == {"PutItem": units["PutItem"], "BatchWriteItem": 60, "UpdateItem": units["PutItem"], "GetItem": 1}
    assert units["PutItem"] <= 3


@pytest.mark.parametrize("dynamodb", SERVERS, indirect=True)
def test_a_member_of_a_digest_costs_one_unit_though_it_has_all_that_a_notice_says_of_it(
    dynamodb: tuple[Any, str], store: DynamoStore, fresh: str
) -> None:
    record = JobRecord(
        JOB_ID,
        "nf-align-sample-1234567890",
        "default",
        "align:12",
        JobStatus.FAILED,
        NOW_MS,
        NOW_MS,
        exit_code=137,
        reason="OutOfMemoryError: Container killed due to memory usage; Essential container in task exited",
        failure=FailureClass.OUT_OF_MEMORY,
        log_stream=LONGEST_LOG_STREAM,
        started_at_ms=NOW_MS,
        stopped_at_ms=NOW_MS,
    )
    with metered(dynamodb[0]) as meter:
        store.add_member(fresh, JOB_ID, NOW_MS, told(record))
        assert store.told_members(fresh, [JOB_ID]) == [told(record)]
    assert [units for _, units in meter.calls] == [1, 1]
