"""How quickly recorded jobs are found among 100,000: the calls, the read units and the time of each kind of question.

`python -m bench.jobs_list [--jobs N] [--seed K]` fills a table with jobs of 90 days (88 of 100 succeeded, 10 failed,
some of rare queues and names) in the adapter's own items and asks it through the port, on dynoxide where
BATCHWRIGHT_DYNOXIDE names it, else on MiniStack. Beside each question stands how many times longer it took than the
plain Query of a page of 50 items.

What a local server needs to walk over items is not what DynamoDB needs; the calls and units are the same there.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from batchwright.local.ministack import MiniStack
from chalicelib.aws.table.calls import to_wire
from chalicelib.aws.table.jobs import JOBS_BY_STATE, entry_attributes, entry_key, job_attributes, job_key
from chalicelib.aws.table.store import DynamoStore
from chalicelib.core.batch.job_record import JobFilter, JobPlace, JobRecord, JobState, NamePattern
from chalicelib.core.batch.result import JobTry
from chalicelib.core.failure import FailureClass
from chalicelib.core.states import JobStatus
from tests.contract import foundation, servers
from tests.contract.metering import metered

DAY_MS = 86_400_000
NOW_MS = 1_767_225_600_000
DAYS = 90
PAGE = 50
REPEATS = 5
TABLE = "batchwright-bench-jobs"
NAMES = ("nf-align", "nf-call-variants", "nightly-export", "train", "render", "etl-load")
QUEUES = ("default", "spot", "gpu", "highmem")


def jobs(count: int, seed: int) -> Iterator[JobRecord]:
    """Records as a busy account has them, oldest first."""
    chance = random.Random(seed)
    for number in range(count):
        created_ms = NOW_MS - DAYS * DAY_MS + number * DAYS * DAY_MS // count
        status = chance.choices(
            [JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.RUNNING, JobStatus.RUNNABLE], [88, 10, 1.5, 0.5]
        )[0]
        rare = number % (count // 20 or 1) == 7
        name = "quarterly-audit" if rare else chance.choice(NAMES)
        if number % (count // 20 or 1) == 11:
            name = "nf-audit"
        name = f"{name}-{chance.randrange(10**6):06d}"
        stream = f"{name}/default/{chance.randbytes(16).hex()}"
        one = JobTry(created_ms + 60_000, created_ms + 600_000, 0, "Essential container in task exited", stream)
        yield JobRecord(
            job_id=str_of_uuid(chance),
            name=name,
            queue="archive" if rare else chance.choice(QUEUES),
            definition=f"{name[:20]}:12",
            status=status,
            created_at_ms=created_ms,
            seen_at_ms=created_ms + 600_000,
            job_tries=1 if status.ended else 0,
            started_at_ms=created_ms + 60_000,
            stopped_at_ms=created_ms + 600_000 if status.ended else None,
            exit_code=(0 if status is JobStatus.SUCCEEDED else 1) if status.ended else None,
            reason="Essential container in task exited" if status.ended else None,
            failure=FailureClass.APPLICATION if status is JobStatus.FAILED else None,
            log_stream=stream,
            tries=(one,) if status.ended else (),
            vcpus=2.0,
            memory_mib=4096,
        )


def str_of_uuid(chance: random.Random) -> str:
    digits = chance.randbytes(16).hex()
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


@contextmanager
def server(folder: Path) -> Iterator[tuple[Any, str]]:
    """A DynamoDB client and what it speaks to."""
    if binary := servers.dynoxide_binary():
        with servers.dynoxide(binary, folder / "dynoxide.log") as endpoint_url:
            yield servers.client("dynamodb", endpoint_url), "dynoxide"
    else:
        with MiniStack(folder / "ministack.log") as stack:
            yield servers.client("dynamodb", stack.endpoint_url), "MiniStack"


def fill(client: Any, count: int, seed: int) -> float:
    """Write the records; seconds that it took."""
    begun = time.perf_counter()
    batch: list[dict[str, Any]] = []
    for record in jobs(count, seed):
        for (pk, sk), attributes in (
            (job_key(record.job_id), job_attributes(record, NOW_MS)),
            (entry_key(record), entry_attributes(record, NOW_MS)),
        ):
            item = {"pk": pk, "sk": sk, **attributes}
            wired = {name: to_wire(value) for name, value in item.items() if value is not None}
            batch.append({"PutRequest": {"Item": wired}})
        if len(batch) >= 24:
            client.batch_write_item(RequestItems={TABLE: batch})
            batch = []
    if batch:
        client.batch_write_item(RequestItems={TABLE: batch})
    return time.perf_counter() - begun


@dataclass(frozen=True)
class Answered:
    """What a question came to: the jobs found, and the median time, calls and read units of asking it."""

    found: int
    seconds: float
    calls: int
    units: float


def ask(client: Any, question: Callable[[], int]) -> Answered:
    times, found = [], 0
    for _ in range(REPEATS):
        begun = time.perf_counter()
        found = question()
        times.append(time.perf_counter() - begun)
    with metered(client) as meter:
        question()
    return Answered(found, statistics.median(times), len(meter.calls), meter.read_units)


def questions(store: DynamoStore) -> dict[str, Callable[[], int]]:
    """By what is asked: how."""

    def first(**wanted: Any) -> Callable[[], int]:
        return lambda: len(store.list_jobs(PAGE, JobFilter(**wanted)).jobs)

    def to_the_end(**wanted: Any) -> Callable[[], int]:
        """As the CLI asks for 50: page after page until there are as many, or the list is over."""

        def question() -> int:
            found, after = 0, None
            while True:
                part = store.list_jobs(PAGE - found, JobFilter(**wanted), after=after)
                found, after = found + len(part.jobs), part.after
                if after is None or found == PAGE:
                    return found

        return question

    after: JobPlace | None = None
    for _ in range(9):
        after = store.list_jobs(PAGE, after=after).after
    return {
        "the newest 50": first(),
        "the tenth 50": lambda: len(store.list_jobs(PAGE, after=after).jobs),
        "--state FAILED (one in 10)": first(states=(JobState.FAILED,)),
        "--state RUNNING (1.5 %)": first(states=(JobState.RUNNING,)),
        "--state UNKNOWN (none)": first(states=(JobState.UNKNOWN,)),
        "--queue gpu (one in 4)": first(queues=("gpu",)),
        "--name nf-align (one in 6)": first(names=(NamePattern("nf-align"),)),
        "--since 1d": first(since_ms=NOW_MS - DAY_MS),
        "--since 7d --queue archive (1 of them)": first(since_ms=NOW_MS - 7 * DAY_MS, queues=("archive",)),
        "--state FAILED --queue archive (2 or so)": to_the_end(states=(JobState.FAILED,), queues=("archive",)),
        "--queue archive (20)": to_the_end(queues=("archive",)),
        "--name quarterly (20)": to_the_end(names=(NamePattern("quarterly"),)),
        "--name nf-audit (20; one in 3 is nf-)": to_the_end(names=(NamePattern("nf-audit"),)),
        "--name quarterly --state FAILED": to_the_end(names=(NamePattern("quarterly"),), states=(JobState.FAILED,)),
        "--name nf-audit --queue gpu (5 or so)": to_the_end(names=(NamePattern("nf-audit"),), queues=("gpu",)),
        "--name nf-align --queue archive (none)": to_the_end(names=(NamePattern("nf-align"),), queues=("archive",)),
        "--name 'nf-align*-0000*' (a few)": to_the_end(names=(NamePattern("nf-align*-0000*"),)),
        "--name 'nf-*-0000*' (a few)": to_the_end(names=(NamePattern("nf-*-0000*"),)),
        "--name '*-0000*' (a few, all looked at)": to_the_end(names=(NamePattern("*-0000*"),)),
    }


def baseline(client: Any) -> int:
    answer = client.query(
        TableName=TABLE,
        IndexName=JOBS_BY_STATE,
        KeyConditionExpression="job_state = :state",
        ExpressionAttributeValues={":state": {"S": "succeeded"}},
        ScanIndexForward=False,
        Limit=PAGE,
    )
    return len(answer["Items"])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, server(Path(name)) as (client, of):
        client.create_table(**foundation.table_request(TABLE))
        took = fill(client, given.jobs, given.seed)
        print(f"{given.jobs:,} jobs on {of}, written in {took:.0f} s; {os.cpu_count()} cores")
        plain = ask(client, lambda: baseline(client))
        print(f"{'question':<42} {'found':>5} {'ms':>8} {'ratio':>6} {'calls':>5} {'read units':>10}")
        print(f"{'(a plain Query of 50 items)':<42} {plain.found:>5} {plain.seconds * 1000:>8.1f}")
        slowest = 0.0
        for text, question in questions(DynamoStore(client, TABLE)).items():
            told = ask(client, question)
            slowest = max(slowest, told.seconds)
            ratio = told.seconds / plain.seconds
            line = f"{text:<42} {told.found:>5} {told.seconds * 1000:>8.1f} {ratio:>6.1f} {told.calls:>5}"
            print(f"{line} {told.units:>10.1f}", flush=True)
        print(f"slowest: {slowest:.2f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
