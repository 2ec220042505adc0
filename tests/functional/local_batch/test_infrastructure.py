"""Compute environments, queues, definitions and tags through their operations."""

from __future__ import annotations

import pytest

from .account import BatchAccount


def test_queues_and_environments_are_enabled_and_valid(account: BatchAccount) -> None:
    (queue,) = account.batch.describe_job_queues(jobQueues=[account.queue])["jobQueues"]
    assert (queue["state"], queue["status"], queue["priority"]) == ("ENABLED", "VALID", 1)
    environment_arn = queue["computeEnvironmentOrder"][0]["computeEnvironment"]
    (environment,) = account.batch.describe_compute_environments(computeEnvironments=[environment_arn])[
        "computeEnvironments"
    ]
    assert (environment["state"], environment["status"], environment["type"]) == ("ENABLED", "VALID", "UNMANAGED")


def test_a_queue_is_deleted_once_disabled_and_then_its_environment(account: BatchAccount) -> None:
    refused = account.batch.exceptions.ClientException
    with pytest.raises(refused, match="state is not DISABLED"):
        account.batch.delete_job_queue(jobQueue=account.queue)
    account.batch.update_compute_environment(computeEnvironment=account.name, state="DISABLED")
    with pytest.raises(refused, match="existing JobQueue relationship"):
        account.batch.delete_compute_environment(computeEnvironment=account.name)
    account.batch.update_job_queue(jobQueue=account.queue, state="DISABLED")
    account.batch.delete_job_queue(jobQueue=account.queue)
    account.batch.delete_compute_environment(computeEnvironment=account.name)
    assert account.batch.describe_job_queues(jobQueues=[account.queue])["jobQueues"] == []


def test_the_jobs_of_a_deleted_queue_end(account: BatchAccount) -> None:
    job_id = account.submit("sleep", "600")
    account.reach(job_id, "RUNNING")
    account.batch.update_job_queue(jobQueue=account.queue, state="DISABLED")
    account.batch.delete_job_queue(jobQueue=account.queue)
    assert account.finish(job_id)["statusReason"] == f"JobQueue {account.queue} was deleted"


def test_a_second_one_of_that_name_is_refused(account: BatchAccount) -> None:
    with pytest.raises(account.batch.exceptions.ClientException, match="Object already exists"):
        account.add_queue(account.queue, priority=2)


def test_registering_again_makes_a_revision_and_the_newest_active_one_runs(account: BatchAccount) -> None:
    name = f"{account.name}-revised"
    first, second = account.register(name), account.register(name)
    assert (first.rsplit(":", 1)[1], second.rsplit(":", 1)[1]) == ("1", "2")
    assert account.describe(account.submit(jobDefinition=name))["jobDefinition"] == second
    assert account.describe(account.submit(jobDefinition=f"{name}:1"))["jobDefinition"] == first
    account.batch.deregister_job_definition(jobDefinition=second)
    assert account.describe(account.submit(jobDefinition=name))["jobDefinition"] == first
    with pytest.raises(account.batch.exceptions.ClientException, match="not in ACTIVE status"):
        account.submit(jobDefinition=f"{name}:2")


def test_definitions_are_described_by_name_status_and_arn(account: BatchAccount) -> None:
    name = f"{account.name}-described"
    first, second = account.register(name), account.register(name)
    account.batch.deregister_job_definition(jobDefinition=first)

    def found(**request: object) -> list[str]:
        answer = account.batch.describe_job_definitions(**request)
        return [definition["jobDefinitionArn"] for definition in answer["jobDefinitions"]]

    assert found(jobDefinitionName=name) == [second, first]
    assert found(jobDefinitionName=name, status="ACTIVE") == [second]
    assert found(jobDefinitions=[f"{name}:1"]) == [first]


def test_tags_of_jobs_and_queues_can_be_added_and_removed(account: BatchAccount) -> None:
    job_id = account.submit(tags={"team": "films"})
    arn = account.describe(job_id)["jobArn"]
    account.batch.tag_resource(resourceArn=arn, tags={"cost": "42"})
    assert account.batch.list_tags_for_resource(resourceArn=arn)["tags"] == {"team": "films", "cost": "42"}
    account.batch.untag_resource(resourceArn=arn, tagKeys=["team"])
    assert account.describe(job_id)["tags"] == {"cost": "42"}
    with pytest.raises(account.batch.exceptions.ClientException, match="Resource not found"):
        account.batch.list_tags_for_resource(resourceArn=f"{arn}-unknown")


def test_a_definitions_tags_reach_the_job_when_propagated(account: BatchAccount) -> None:
    definition = account.register(f"{account.name}-tagged", tags={"team": "films"}, propagateTags=True)
    assert account.describe(account.submit(jobDefinition=definition))["tags"] == {"team": "films"}
