"""dependsOn, N_TO_N and SEQUENTIAL, with real processes."""

from __future__ import annotations

import itertools

from .account import BatchAccount, EventQueue, Gate
from .conftest import StartBatch

FAIL_INDEX_1 = "import os; raise SystemExit(os.environ['AWS_BATCH_JOB_ARRAY_INDEX'] == '1')"
DEPENDENCY_FAILED = "Dependent Job failed"


def test_a_job_waits_for_its_dependency(account: BatchAccount, events: EventQueue, gate: Gate) -> None:
    first = account.python(gate.source())
    second = account.submit(dependsOn=[{"jobId": first}])
    gate.open()
    told = events.until(second, "SUCCEEDED")
    statuses = [event["detail"]["status"] for event in told]
    assert statuses == ["PENDING", "RUNNABLE", "STARTING", "RUNNING", "SUCCEEDED"]
    assert account.describe(second)["startedAt"] >= account.describe(first)["stoppedAt"]
    assert told[0]["detail"]["dependsOn"] == [{"jobId": first}]


def test_a_failed_dependency_fails_the_whole_chain_behind_it(
    account: BatchAccount, events: EventQueue, gate: Gate
) -> None:
    first = account.python(gate.source("raise SystemExit(1)"))
    second = account.submit(dependsOn=[{"jobId": first}])
    third = account.submit(dependsOn=[{"jobId": second}])
    gate.open()
    detail = events.until(third, "FAILED")[-1]["detail"]
    assert (detail["statusReason"], detail["attempts"]) == (DEPENDENCY_FAILED, [])
    assert "startedAt" not in detail
    assert account.describe(second)["statusReason"] == DEPENDENCY_FAILED


def test_depending_on_what_has_ended_already(account: BatchAccount) -> None:
    good, bad = account.submit("true"), account.submit("false")
    account.finish(good)
    account.finish(bad)
    assert account.finish(account.submit(dependsOn=[{"jobId": good}]))["status"] == "SUCCEEDED"
    assert account.finish(account.submit(dependsOn=[{"jobId": bad}]))["statusReason"] == DEPENDENCY_FAILED


def test_an_array_waits_for_a_job_and_a_job_for_an_array(account: BatchAccount, gate: Gate) -> None:
    first = account.python(gate.source())
    array = account.submit(arrayProperties={"size": 3}, dependsOn=[{"jobId": first}])
    last = account.submit(dependsOn=[{"jobId": array}])
    gate.open()
    assert account.finish(last)["status"] == "SUCCEEDED"
    assert account.describe(f"{array}:0")["startedAt"] >= account.describe(first)["stoppedAt"]
    assert account.describe(last)["startedAt"] >= account.describe(array)["stoppedAt"]


def test_an_array_whose_dependency_failed_never_starts(account: BatchAccount) -> None:
    array = account.submit(arrayProperties={"size": 3}, dependsOn=[{"jobId": account.submit("false")}])
    job = account.finish(array)
    assert job["statusReason"] == DEPENDENCY_FAILED
    assert account.describe(f"{array}:2")["statusReason"] == DEPENDENCY_FAILED


def test_sequential_children_run_one_after_the_other(account: BatchAccount) -> None:
    array = account.submit(arrayProperties={"size": 4}, dependsOn=[{"type": "SEQUENTIAL"}])
    assert account.finish(array)["status"] == "SUCCEEDED"
    children = [account.describe(f"{array}:{index}") for index in range(4)]
    for before, after in itertools.pairwise(children):
        assert after["startedAt"] >= before["stoppedAt"]


def test_a_sequence_stops_at_the_child_that_failed(account: BatchAccount) -> None:
    array = account.python(FAIL_INDEX_1, arrayProperties={"size": 4}, dependsOn=[{"type": "SEQUENTIAL"}])
    assert account.finish(array)["statusReason"] == "Array Child Job failed"
    children = [account.describe(f"{array}:{index}") for index in range(4)]
    assert [child["status"] for child in children] == ["SUCCEEDED", "FAILED", "FAILED", "FAILED"]
    assert children[3]["statusReason"] == DEPENDENCY_FAILED


def test_n_to_n_children_share_the_fate_of_their_counterparts(account: BatchAccount) -> None:
    before = account.python(FAIL_INDEX_1, arrayProperties={"size": 3})
    after = account.submit(arrayProperties={"size": 3}, dependsOn=[{"jobId": before, "type": "N_TO_N"}])
    account.finish(after)
    children = [account.describe(f"{after}:{index}") for index in range(3)]
    assert [child["status"] for child in children] == ["SUCCEEDED", "FAILED", "SUCCEEDED"]
    assert children[1]["statusReason"] == DEPENDENCY_FAILED


def test_a_long_sequence_that_fails_at_its_start_ends_at_once(start_batch: StartBatch) -> None:
    account = BatchAccount(start_batch().endpoint_url)
    array = account.submit("false", arrayProperties={"size": 5000}, dependsOn=[{"type": "SEQUENTIAL"}])
    job = account.finish(array)
    assert job["arrayProperties"]["statusSummary"]["FAILED"] == 5000
