"""Compute environments limit what runs at once; queues decide who is first."""

from __future__ import annotations

from batchwright.local.batch.client import LocalBatch

from .account import BatchAccount, EventQueue, Gate, wait_for


def overlap(account: BatchAccount, gate: Gate, job_ids: list[str], expected: int) -> int:
    """The most jobs that ran at one moment; the gate opens once as many run as are expected to."""
    for job_id in job_ids[:expected]:
        account.reach(job_id, "RUNNING")
    gate.open()
    jobs = [account.finish(job_id) for job_id in job_ids]
    return max(sum(one["startedAt"] <= job["startedAt"] < one["stoppedAt"] for one in jobs) for job in jobs)


def test_no_more_runs_at_once_than_there_are_vcpus(local_batch: LocalBatch, gate: Gate) -> None:
    account = BatchAccount(local_batch.endpoint_url, vcpus=3)
    jobs = [account.python(gate.source()) for _ in range(8)]
    assert overlap(account, gate, jobs, 3) == 3


def test_memory_limits_as_well_when_the_environment_has_a_ceiling(local_batch: LocalBatch, gate: Gate) -> None:
    account = BatchAccount(local_batch.endpoint_url, vcpus=8, tags={"batchwright:max-memory-mib": "1100"})
    jobs = [account.python(gate.source()) for _ in range(4)]
    assert overlap(account, gate, jobs, 2) == 2


def test_a_ceiling_can_be_set_by_a_tag_later(account: BatchAccount) -> None:
    (environment,) = account.batch.describe_compute_environments(computeEnvironments=[account.name])[
        "computeEnvironments"
    ]
    arn = environment["computeEnvironmentArn"]
    account.batch.tag_resource(resourceArn=arn, tags={"batchwright:max-memory-mib": "100"})
    job_id = account.submit()
    account.reach(job_id, "RUNNABLE")
    account.batch.untag_resource(resourceArn=arn, tagKeys=["batchwright:max-memory-mib"])
    assert account.finish(job_id)["status"] == "SUCCEEDED"


def test_jobs_of_a_queue_start_in_order_and_a_higher_queue_goes_first(local_batch: LocalBatch, gate: Gate) -> None:
    account = BatchAccount(local_batch.endpoint_url, vcpus=1)
    urgent = account.add_queue(f"{account.name}-urgent", priority=10)
    account.reach(account.python(gate.source()), "RUNNING")
    ordinary = [account.submit() for _ in range(3)]
    first = account.submit(jobQueue=urgent)
    gate.open()
    order = sorted([*ordinary, first], key=lambda job_id: account.finish(job_id)["startedAt"])
    assert order == [first, *ordinary]


def test_a_retried_job_goes_before_what_waits(local_batch: LocalBatch, gate: Gate) -> None:
    account = BatchAccount(local_batch.endpoint_url, vcpus=1)
    source = gate.source("raise SystemExit(os.environ['AWS_BATCH_JOB_ATTEMPT'] == '1')")
    retried = account.python(source, retryStrategy={"attempts": 2})
    account.reach(retried, "RUNNING")
    waiting = account.submit()
    gate.open()
    assert account.finish(waiting)["startedAt"] >= account.finish(retried)["stoppedAt"]


def test_a_job_that_never_fits_stays_runnable_and_its_queue_is_reported_blocked(
    local_batch: LocalBatch, events: EventQueue
) -> None:
    account = BatchAccount(local_batch.endpoint_url, vcpus=2)
    huge = account.submit(overrides={"resourceRequirements": [{"type": "VCPU", "value": "4"}]})
    assert account.finish(account.submit())["status"] == "SUCCEEDED"
    assert account.status(huge) == "RUNNABLE"
    events.until(huge, "RUNNABLE")
    blocked = [event for event in events.of(huge) if event["detail-type"] == "Batch Job Queue Blocked"]
    assert blocked[0]["detail"]["statusReason"].startswith("MISCONFIGURATION:COMPUTE_ENVIRONMENT_MAX_RESOURCE - ")
    (listed,) = account.batch.list_jobs(jobQueue=account.queue, jobStatus="RUNNABLE")["jobSummaryList"]
    reasons = {account.describe(huge)["statusReason"], listed["statusReason"], blocked[0]["detail"]["statusReason"]}
    assert len(reasons) == 1
    account.batch.update_compute_environment(computeEnvironment=account.name, unmanagedvCpus=4)
    assert account.finish(huge)["status"] == "SUCCEEDED"


def test_a_job_that_never_fits_by_its_memory_says_so_until_it_is_cancelled(local_batch: LocalBatch) -> None:
    account = BatchAccount(local_batch.endpoint_url, tags={"batchwright:max-memory-mib": "1024"})
    huge = account.submit(overrides={"resourceRequirements": [{"type": "MEMORY", "value": "2048"}]})
    wait_for(lambda: "statusReason" in account.describe(huge), "the reason of a blocked queue")
    assert account.describe(huge)["statusReason"].startswith("MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT - ")
    account.batch.cancel_job(jobId=huge, reason="not needed")
    assert account.finish(huge)["statusReason"] == "not needed"


def test_a_disabled_environment_starts_nothing_until_it_is_enabled(account: BatchAccount) -> None:
    account.batch.update_compute_environment(computeEnvironment=account.name, state="DISABLED")
    job_id = account.submit()
    account.reach(job_id, "RUNNABLE")
    account.batch.update_compute_environment(computeEnvironment=account.name, state="ENABLED")
    assert account.finish(job_id)["status"] == "SUCCEEDED"
