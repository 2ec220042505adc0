"""The store port's part about jobs, by name: few are found with few calls, and however they are looked for, the list
is the same."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.aws.table import jobs as dynamodb_jobs
from chalicelib.aws.table.store import DynamoStore
from chalicelib.core.batch.job_record import JobFilter, JobRecord, JobState, ManagedBy, NamePattern
from chalicelib.core.states import JobStatus
from chalicelib.ports.store import Store
from tests.contract.conftest import SERVERS
from tests.contract.job_pages import listed
from tests.contract.metering import called, metered
from tests.memory.store import MemoryStore

AT_MS = 1_767_225_600_000
KEEP_MS = AT_MS + 90 * 86_400_000
STATUSES = (JobStatus.RUNNING, JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.SUCCEEDED)
HIGHEST = "\N{GRINNING FACE}"
"""Four bytes in UTF-8, as many as a character can have."""


def job(fresh: str, number: int, name: str, **more: Any) -> JobRecord:
    """The newer, the higher the number; two of each millisecond."""
    at_ms = AT_MS + number // 2
    status = STATUSES[number % 4]
    record = JobRecord(f"{fresh}-{number:04d}", f"{fresh}-{name}", "default", "demo:1", status, at_ms, at_ms)
    return replace(record, **more)


def put_all(store: Store, records: list[JobRecord]) -> None:
    for record in records:
        assert store.observe_job(record, KEEP_MS) is None


def named(fresh: str, *patterns: str, **more: Any) -> JobFilter:
    return JobFilter(names=tuple(NamePattern(f"{fresh}-{pattern}") for pattern in patterns), **more)


def test_few_jobs_of_a_name_are_found_with_two_calls_among_many_that_begin_alike(
    dynamodb: tuple[Any, str], fresh: str
) -> None:
    store = DynamoStore(*dynamodb)
    put_all(store, [job(fresh, number, f"nightly-{'audit' if number in (3, 40) else 'x'}") for number in range(60)])
    succeeded = (JobState.SUCCEEDED,)
    for pattern, states, found in (
        ("nightly-audit", (), [40, 3]),
        ("nightly-audit", succeeded, [3]),
        ("nightly-a*t", (), [40, 3]),
    ):
        with called(dynamodb[0]) as operations:
            assert listed(store, named(fresh, pattern, states=states), 50) == found
        assert operations == ["Query", "BatchGetItem"]
    with called(dynamodb[0]) as operations:
        assert listed(store, named(fresh, "weekly")) == []
    assert operations == ["Query"]


@pytest.mark.parametrize("dynamodb", SERVERS, indirect=True)
def test_only_the_entries_that_begin_as_the_name_are_read(dynamodb: tuple[Any, str], fresh: str) -> None:
    store = DynamoStore(*dynamodb)
    put_all(store, [job(fresh, number, f"nightly-{'audit' if number in (3, 40) else 'x'}") for number in range(60)])
    with metered(dynamodb[0]) as meter:
        store.list_jobs(50, named(fresh, "nightly-audit"))
    # Half a unit reads 4 KB; an entry has some 200 bytes. MiniStack does not tell what the records cost.
    assert meter.calls[0] == ("Query", 0.5)


def test_of_a_name_that_many_jobs_have_the_newest_are_looked_for_in_the_order_of_time(
    dynamodb: tuple[Any, str], fresh: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dynamodb_jobs, "_FEW", 10)
    store = DynamoStore(*dynamodb)
    newest_ms = AT_MS + 10**12
    put_all(store, [job(fresh, number, "many", created_at_ms=newest_ms + number) for number in range(30)])
    with called(dynamodb[0]) as operations:
        page = store.list_jobs(5, named(fresh, "many"))
    assert [record.job_id[-2:] for record in page.jobs] == ["29", "28", "27", "26", "25"]
    # The look at eleven entries, then a few pages of each kind, and the records.
    assert len(operations) <= 16


FILTERS: dict[str, dict[str, Any]] = {
    "a beginning": {"patterns": ("a",)},
    "a whole name": {"patterns": ("ab-1",)},
    "a beginning that few names have": {"patterns": ("b-",)},
    "a pattern with a beginning": {"patterns": ("a*1",)},
    "several, of which one has the others": {"patterns": ("ab", "a", "a*2")},
    "several": {"patterns": ("b", "ab-2", "no-such")},
    "in a state": {"patterns": ("a", "b"), "states": (JobState.FAILED,)},
    "in states": {"patterns": ("a",), "states": (JobState.SUCCEEDED, JobState.RUNNING)},
    "under way": {"patterns": ("a",), "states": (JobState.RUNNING,)},
    "of a queue": {"patterns": ("a", "b"), "queues": ("gpu", "none")},
    "of a time": {"patterns": ("a", "b"), "since_ms": AT_MS + 4, "until_ms": AT_MS + 15},
    "foreign": {"patterns": ("a", "b"), "foreign": True},
    "all of it": {"patterns": ("a", "b*"), "queues": ("gpu",), "foreign": True, "since_ms": AT_MS + 3},
}


@pytest.fixture
def drawn(fresh: str) -> list[JobRecord]:
    draw = random.Random(7)
    records = []
    for number in range(24):
        owner = draw.choice([None, None, ManagedBy.BATCHWRIGHT, ManagedBy.STEP_FUNCTIONS])
        name = draw.choice(("a", "ab-1", "ab-2", "ab-1", "b-1", "A"))
        records.append(job(fresh, number, name, queue=draw.choice(("gpu", "spot")), managed_by=owner))
    return records


@pytest.mark.long
def test_however_names_are_looked_for_the_list_is_the_same(
    dynamodb: tuple[Any, str], fresh: str, drawn: list[JobRecord], monkeypatch: pytest.MonkeyPatch
) -> None:
    memory, table = MemoryStore(), DynamoStore(*dynamodb)
    put_all(memory, drawn)
    put_all(table, drawn)
    for what, wanted in FILTERS.items():
        asked = named(fresh, *wanted["patterns"], **{name: wanted[name] for name in wanted if name != "patterns"})
        expected = listed(memory, asked)
        assert expected, what
        for few, limit in ((1_000, 3), (6, 9)):
            monkeypatch.setattr(dynamodb_jobs, "_FEW", few)
            assert listed(table, asked, limit) == expected, (what, few)


def test_a_pattern_is_looked_for_in_the_order_of_time_when_too_many_names_begin_so(
    dynamodb: tuple[Any, str], fresh: str, drawn: list[JobRecord], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dynamodb_jobs, "_FEW", 1)
    monkeypatch.setattr(dynamodb_jobs, "JOBS_LOOKED_AT", 2)
    memory, table = MemoryStore(), DynamoStore(*dynamodb)
    put_all(memory, drawn)
    put_all(table, drawn)
    asked = named(fresh, "a*1")
    assert listed(table, asked, 4) == listed(memory, asked) != []


def test_a_job_that_ends_while_one_pages_by_name_is_met_once(store: Store, fresh: str) -> None:
    records = [job(fresh, number, "render", status=JobStatus.RUNNING) for number in range(9)]
    put_all(store, records)
    page = store.list_jobs(4, named(fresh, "ren"))
    put_all(store, [replace(record, status=JobStatus.SUCCEEDED) for record in records])
    found = list(page.jobs)
    while page.after is not None:
        page = store.list_jobs(4, named(fresh, "ren"), after=page.after)
        found += page.jobs
    assert [record.job_id for record in found] == [record.job_id for record in reversed(records)]


def test_an_entry_that_outlived_its_record_is_passed_over(dynamodb: tuple[Any, str], fresh: str) -> None:
    client, table_name = dynamodb
    store = DynamoStore(client, table_name)
    put_all(store, [job(fresh, number, "render") for number in range(4)])
    for gone in (1, 3):
        key = {"pk": {"S": f"JOB#{fresh}-{gone:04d}"}, "sk": {"S": "JOB"}}
        client.delete_item(TableName=table_name, Key=key)
    assert listed(store, named(fresh, "render"), 1) == [2, 0]


def test_names_that_batch_would_not_take_are_listed_by_their_beginnings(store: Store, fresh: str) -> None:
    names = (HIGHEST * 256, "a#b", "a b", "", "a" * 256)
    put_all(store, [replace(job(fresh, number, ""), name=f"{fresh}{name}") for number, name in enumerate(names)])
    for name, found in ((HIGHEST, [0]), ("a#", [1]), ("a", [4, 2, 1]), ("a" * 200, [4]), ("", [4, 3, 2, 1, 0])):
        assert listed(store, JobFilter(names=(NamePattern(f"{fresh}{name}"),))) == found


def test_a_job_whose_events_do_not_agree_on_its_time_is_found_by_its_name(store: Store, fresh: str) -> None:
    # Of an event without a time of creation the record has that of the event.
    first = job(fresh, 0, "render")
    assert store.observe_job(first, KEEP_MS) is None
    assert store.observe_job(replace(first, created_at_ms=AT_MS + 50), KEEP_MS) == first
    assert set(listed(store, named(fresh, "render"), 1)) == {0}
