"""The store port's part about jobs, on every implementation: order, lists and filters, silence, and what it costs."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.aws.table.jobs import entry_key
from chalicelib.aws.table.store import DynamoStore
from chalicelib.core.batch.job_record import JobFilter, JobRecord, JobState, ManagedBy, NamePattern
from chalicelib.core.batch.result import JobTry
from chalicelib.core.failure import FailureClass
from chalicelib.core.monitor.counts import Counted
from chalicelib.core.states import JobStatus
from chalicelib.ports.store import Store
from tests.contract.conftest import SERVERS
from tests.contract.job_pages import listed
from tests.contract.metering import item_bytes, metered
from tests.memory.store import MemoryStore

AT_MS = 1_767_225_600_000
KEEP_MS = AT_MS + 90 * 86_400_000
LONGEST_LOG_STREAM = f"{'d' * 200}/default/{'e' * 32}"


def job(fresh: str, number: int = 0, status: str = "RUNNING", **more: Any) -> JobRecord:
    """A job of this test alone: its queue is."""
    record = JobRecord(
        f"{fresh}-{number:04d}", f"train-{number}", fresh, "demo:1", JobStatus(status), AT_MS + number, AT_MS + number
    )
    return replace(record, **more)


def put(store: Store, record: JobRecord) -> bool:
    """Whether it was."""
    in_the_way = store.observe_job(record, KEEP_MS)
    assert in_the_way is None or in_the_way.order >= record.order
    return in_the_way is None


def full(fresh: str) -> JobRecord:
    """A record of which every field says something."""
    one = JobTry(AT_MS, AT_MS + 5, 137, "OutOfMemoryError", "demo/default/t1")
    return job(
        fresh,
        status="FAILED",
        job_tries=2,
        started_at_ms=AT_MS + 10,
        stopped_at_ms=AT_MS + 20,
        exit_code=1,
        reason="Essential container in task exited",
        failure=FailureClass.APPLICATION,
        log_stream="demo/default/t2",
        tries=(one, JobTry(reason="é")),
        vcpus=0.25,
        memory_mib=512,
        gpus=1,
        array_size=3,
        children={"SUCCEEDED": 2, "FAILED": 1},
        children_at_ms=AT_MS + 15,
        nodes=2,
        managed_by=ManagedBy.BATCHWRIGHT,
        run_id="films-abc",
        task="train",
        attempt=2,
    )


def test_a_record_is_read_as_it_was_put(store: Store, fresh: str) -> None:
    for record in (full(fresh), job(fresh, 1), job(fresh, 2, managed_by=ManagedBy.STEP_FUNCTIONS, vcpus=2.0)):
        assert put(store, record)
        assert store.job(record.job_id) == record
    assert store.job(f"{fresh}-other") is None


# Order


def test_a_repeat_and_a_late_event_change_nothing_and_an_ending_stays(store: Store, fresh: str) -> None:
    running = job(fresh)
    runnable_again = replace(running, status=JobStatus.RUNNABLE, job_tries=1, seen_at_ms=AT_MS - 1)
    ended = replace(running, status=JobStatus.SUCCEEDED, job_tries=2, seen_at_ms=AT_MS - 2)
    assert put(store, running)
    assert not put(store, replace(running, seen_at_ms=AT_MS + 99))
    assert not put(store, replace(running, status=JobStatus.STARTING))
    assert put(store, runnable_again)
    assert not put(store, running)
    assert put(store, ended)
    for late in (running, runnable_again, replace(ended, status=JobStatus.FAILED), replace(running, job_tries=9)):
        assert not put(store, late)
    assert store.job(running.job_id) == ended


def test_of_an_array_the_newest_snapshot_stays(store: Store, fresh: str) -> None:
    array = job(fresh, status="PENDING", array_size=10, children={"RUNNING": 3}, children_at_ms=AT_MS + 50)
    later = replace(array, children={"RUNNING": 1, "SUCCEEDED": 9}, children_at_ms=AT_MS + 60)
    assert put(store, array)
    assert put(store, later)
    assert not put(store, array)
    assert store.job(array.job_id) == later
    ended = replace(array, status=JobStatus.SUCCEEDED, children={"SUCCEEDED": 10}, children_at_ms=AT_MS + 1)
    assert put(store, ended)
    assert not put(store, replace(later, children_at_ms=AT_MS + 999))


def test_a_record_whose_entry_was_not_made_gets_it_when_its_event_comes_again(
    dynamodb: tuple[Any, str], fresh: str
) -> None:
    store, wanted = DynamoStore(*dynamodb), JobFilter(queues=(fresh,))
    first, ended = job(fresh), replace(job(fresh), status=JobStatus.SUCCEEDED)
    store.observe_job(first, KEEP_MS)
    client, table_name = dynamodb
    pk, sk = entry_key(first)
    client.delete_item(TableName=table_name, Key={"pk": {"S": pk}, "sk": {"S": sk}})
    assert store.observe_job(ended, KEEP_MS) is None
    by_name = JobFilter(names=(NamePattern("train"),), queues=(fresh,))
    assert store.list_jobs(9, wanted).jobs == store.list_jobs(9, by_name).jobs == ()
    assert store.observe_job(first, KEEP_MS) == ended
    assert store.list_jobs(9, wanted).jobs == store.list_jobs(9, by_name).jobs == (ended,)


# Lists


def own(store: Store, fresh: str, wanted: JobFilter | None = None, limit: int = 1_000) -> list[int]:
    """The numbers of this test's jobs in a list."""
    return listed(store, replace(wanted or JobFilter(), queues=(fresh,)), limit)


STATES = ("RUNNING", "SUCCEEDED", "FAILED", "SUCCEEDED", "PENDING", "SUCCEEDED")


@pytest.fixture
def some(store: Store, fresh: str) -> Store:
    """Thirty jobs, newest last, two of each millisecond; the first of each ten is ours."""
    for number in range(30):
        ours = {"managed_by": ManagedBy.BATCHWRIGHT} if number % 10 == 0 else {}
        record = job(fresh, number, STATES[number % 6], created_at_ms=AT_MS + number // 2, **ours)
        assert put(store, record)
    return store


@pytest.mark.parametrize("limit", [4, 29, 30, 1_000])
def test_jobs_are_listed_newest_first_whatever_the_page(some: Store, fresh: str, limit: int) -> None:
    assert own(some, fresh, limit=limit) == list(reversed(range(30)))


def wants(**more: Any) -> JobFilter:
    return JobFilter(**more)


FILTERS = {
    "one state": (wants(states=(JobState.FAILED,)), lambda n: n % 6 == 2),
    "states that are open": (wants(states=(JobState.RUNNING,)), lambda n: n % 6 == 0),
    "states of both kinds": (wants(states=(JobState.PENDING, JobState.FAILED)), lambda n: n % 6 in (2, 4)),
    "a state that none has": (wants(states=(JobState.UNKNOWN,)), lambda n: False),
    "the beginning of a name": (wants(names=(NamePattern("train-1"),)), lambda n: n == 1 or 10 <= n < 20),
    "a pattern": (wants(names=(NamePattern("t*n-*5"),)), lambda n: n % 10 == 5),
    "one of two patterns": (
        wants(names=(NamePattern("*-3"), NamePattern("train-2*"))),
        lambda n: n in (2, 3) or n > 19,
    ),
    "any name": (wants(names=(NamePattern("*"),)), lambda n: True),
    "since": (wants(since_ms=AT_MS + 5), lambda n: n >= 10),
    "until": (wants(until_ms=AT_MS + 5), lambda n: n < 10),
    "between": (wants(since_ms=AT_MS + 5, until_ms=AT_MS + 7), lambda n: 10 <= n < 14),
    "between nothing": (wants(since_ms=AT_MS + 7, until_ms=AT_MS + 5), lambda n: False),
    "foreign": (wants(foreign=True), lambda n: n % 10),
    "all at once": (
        wants(foreign=True, names=(NamePattern("train"),), states=(JobState.SUCCEEDED,), since_ms=AT_MS + 10),
        lambda n: n >= 20 and n % 10 and n % 2,
    ),
}


@pytest.mark.parametrize("name", FILTERS)
@pytest.mark.parametrize("limit", [7, 1_000])
def test_a_list_has_what_is_wanted(some: Store, fresh: str, name: str, limit: int) -> None:
    wanted, has = FILTERS[name]
    assert own(some, fresh, wanted, limit) == [number for number in reversed(range(30)) if has(number)]


def test_another_queues_jobs_are_not_wanted(some: Store, fresh: str) -> None:
    assert some.list_jobs(10, JobFilter(queues=(f"{fresh}-2",))).jobs == ()
    two = JobFilter(queues=(f"{fresh}-2", fresh))
    assert len(some.list_jobs(10, two).jobs) == 10


def test_a_job_that_ends_while_one_pages_is_met_once(some: Store, fresh: str) -> None:
    wanted = JobFilter(queues=(fresh,))
    page = some.list_jobs(5, wanted)
    found = [record.job_id for record in page.jobs]
    moved = {job(fresh, number).job_id for number in range(0, 30, 6)}
    while page.after is not None:
        for number in range(0, 30, 6):
            created_at_ms = AT_MS + number // 2
            some.observe_job(job(fresh, number, "SUCCEEDED", created_at_ms=created_at_ms), KEEP_MS)
        page = some.list_jobs(5, wanted, after=page.after)
        found += [record.job_id for record in page.jobs]
        assert not [one for one in page.jobs if one.job_id in moved and one.status is not JobStatus.SUCCEEDED]
    assert found == [job(fresh, number).job_id for number in reversed(range(30))]


# Jobs of which nothing is heard


def test_jobs_under_way_are_listed_the_longest_known_first_page_by_page(store: Store, fresh: str) -> None:
    # Long before those of other tests, so that these are the first of all.
    early_ms = 1_000_000
    waits = [
        replace(job(fresh, number, "RUNNABLE" if number % 2 else "RUNNING"), created_at_ms=early_ms + number // 3)
        for number in range(12)
    ]
    for record in (*waits, job(fresh, 99, "SUCCEEDED", created_at_ms=early_ms)):
        put(store, record)
    asked = [JobState.RUNNABLE, JobState.STARTING]
    pages, after = [], None
    while True:
        listed = store.open_jobs(2, asked, early_ms + 3, after=after)
        pages.append([one for one in listed.jobs if one.queue == fresh])
        after = listed.after
        if after is None:
            break
    expected = [one for one in waits if one.status == "RUNNABLE" and one.created_at_ms < early_ms + 3]
    assert [one for page in pages for one in page] == sorted(expected, key=lambda one: one.place.order)
    assert all(len(page) <= 2 for page in pages)
    assert store.open_jobs(5, asked, early_ms).jobs == ()


def silent(store: Store, fresh: str, before_ms: int) -> list[JobRecord]:
    return [record for record in store.silent_jobs(before_ms, 1_000) if record.queue == fresh]


def test_jobs_are_silent_until_they_are_asked_about_or_end(store: Store, fresh: str) -> None:
    first, second, ended = job(fresh, 0), job(fresh, 5), job(fresh, 1, "FAILED")
    for record in (second, first, ended):
        store.observe_job(record, KEEP_MS)
    assert silent(store, fresh, AT_MS) == []
    assert silent(store, fresh, AT_MS + 5) == [first]
    assert silent(store, fresh, AT_MS + 6) == [first, second]
    store.job_asked(first, AT_MS + 10, KEEP_MS + 10_000)
    assert silent(store, fresh, AT_MS + 10) == [second]
    assert silent(store, fresh, AT_MS + 11) == [first, second]
    assert store.job(first.job_id) == first
    again = replace(second, status=JobStatus.RUNNABLE, job_tries=1, seen_at_ms=AT_MS + 20)
    store.observe_job(again, KEEP_MS)
    # What was asked about is not as it was then.
    store.job_asked(second, AT_MS + 99, KEEP_MS)
    assert silent(store, fresh, AT_MS + 21) == [first, again]
    assert len(store.silent_jobs(AT_MS + 21, 1)) == 1


def test_a_job_that_batch_forgot_is_unknown_until_it_is_heard_of_again(store: Store, fresh: str) -> None:
    running = job(fresh)
    store.observe_job(running, KEEP_MS)
    assert not store.job_lost(replace(running, job_tries=1), AT_MS + 50)
    assert store.job_lost(running, AT_MS + 50)
    assert not store.job_lost(running, AT_MS + 60)
    lost = store.job(running.job_id)
    assert lost == replace(running, lost_at_ms=AT_MS + 50)
    assert lost is not None and lost.state is JobState.UNKNOWN and lost.is_over
    assert silent(store, fresh, AT_MS + 999) == []
    assert own(store, fresh, JobFilter(states=(JobState.UNKNOWN,))) == [0]
    assert own(store, fresh, JobFilter(states=(JobState.RUNNING,))) == []
    assert own(store, fresh) == [0]
    ended = replace(running, status=JobStatus.SUCCEEDED)
    assert put(store, ended)
    assert store.job(running.job_id) == ended
    assert not store.job_lost(ended, AT_MS + 70)
    assert not store.job_lost(job(fresh, 9), AT_MS)


# Any order


@pytest.mark.parametrize("seed", range(2))
def test_every_store_answers_as_the_one_in_memory(dynamodb: tuple[Any, str], fresh: str, seed: int) -> None:
    draw = random.Random(seed)
    memory, table = MemoryStore(), DynamoStore(*dynamodb)
    for step in range(40):
        record = job(fresh, draw.randrange(4), draw.choice(list(JobStatus)), job_tries=draw.randrange(3))
        if draw.random() < 0.3:
            summary = {"children": {"RUNNING": 1}, "children_at_ms": draw.randrange(9), "array_size": 2}
            record = replace(record, **summary)
        stored = memory.job(record.job_id)
        counted = Counted(AT_MS, draw.random() < 0.5, (fresh,)) if record.status.ended else None
        seen = stored if stored and draw.random() < 0.7 else record
        call = draw.choice(
            [
                lambda store, r=record: store.observe_job(r, KEEP_MS),
                lambda store, r=record, c=counted: store.observe_job(r, KEEP_MS, c),
                lambda store, r=seen: store.job_lost(r, AT_MS + 500),
                lambda store, r=seen: store.job_asked(r, AT_MS + 300, KEEP_MS),
                lambda store: silent(store, fresh, AT_MS + 301),
                lambda store: own(store, fresh, limit=3),
            ]
        )
        assert call(table) == call(memory), f"seed {seed}, step {step}"
    for number in range(4):
        job_id = job(fresh, number).job_id
        assert table.job(job_id) == memory.job(job_id)
    assert table.buckets(fresh, 0, 2 * AT_MS) == memory.buckets(fresh, 0, 2 * AT_MS)


# What it costs


def items(dynamodb: tuple[Any, str], key: str) -> Iterator[dict[str, Any]]:
    client, table_name = dynamodb
    values = {":pk": {"S": key}, ":sk": {"S": "JOB"}}
    condition = "pk = :pk AND sk = :sk"
    answer = client.query(TableName=table_name, KeyConditionExpression=condition, ExpressionAttributeValues=values)
    yield from answer["Items"]


@pytest.mark.parametrize("dynamodb", SERVERS, indirect=True)
def test_a_job_with_long_names_costs_one_unit_a_write_and_what_its_entry_in_the_index_does(
    dynamodb: tuple[Any, str], fresh: str
) -> None:
    store = DynamoStore(*dynamodb)
    one = JobTry(AT_MS, AT_MS, 0, "Essential container in task exited", "d" * 60)
    running = job(fresh, name="n" * 60, queue="q" * 60, definition="d" * 60, started_at_ms=AT_MS)
    ended = replace(running, status=JobStatus.SUCCEEDED, tries=(one,), job_tries=1, exit_code=0, log_stream="d" * 60)
    with metered(dynamodb[0]) as meter:
        store.observe_job(running, KEEP_MS)
        store.observe_job(ended, KEEP_MS)
        store.observe_job(ended, KEEP_MS)
    [item] = items(dynamodb, f"JOB#{running.job_id}")
    assert item_bytes(item) < 1_024
    # The first time there is an entry in the list of its queue as well; the repetition writes that one anew.
    for (operation, units), most in zip(meter.calls, (2, 2, 3, 2), strict=True):
        assert (operation, units <= most) == ("PutItem", True), meter.calls


@pytest.mark.parametrize("dynamodb", SERVERS, indirect=True)
def test_an_ending_that_is_counted_costs_a_transaction_and_one_that_is_not_a_put(
    dynamodb: tuple[Any, str], fresh: str
) -> None:
    store = DynamoStore(*dynamodb)
    running = job(fresh)
    ended = replace(running, status=JobStatus.FAILED, job_tries=1)
    store.observe_job(running, KEEP_MS)
    with metered(dynamodb[0]) as meter:
        store.observe_job(ended, KEEP_MS, Counted(AT_MS, False, (fresh,)))
    [(operation, units)] = meter.calls
    assert (operation, units <= 7) == ("TransactWriteItems", True), meter.calls


def test_records_expire_when_they_are_to(dynamodb: tuple[Any, str], fresh: str) -> None:
    store = DynamoStore(*dynamodb)
    record = full(fresh)
    store.observe_job(record, KEEP_MS)
    [item] = items(dynamodb, f"JOB#{record.job_id}")
    assert item["expires_at"] == {"N": str(KEEP_MS // 1000)}


def test_the_longest_record_stays_far_below_the_limit_of_an_item(dynamodb: tuple[Any, str], fresh: str) -> None:
    one = JobTry(AT_MS, AT_MS, 137, "r" * 256, LONGEST_LOG_STREAM)
    record = replace(full(fresh), name="n" * 128, reason="r" * 1_024, tries=(one,) * 10, log_stream=LONGEST_LOG_STREAM)
    store = DynamoStore(*dynamodb)
    assert put(store, record)
    [item] = items(dynamodb, f"JOB#{record.job_id}")
    assert item_bytes(item) < 9 * 1_024
    assert store.job(record.job_id) == record
