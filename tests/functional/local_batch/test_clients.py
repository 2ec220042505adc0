"""Clients that nobody here wrote, unmodified: only the environment tells them where Batch and Logs are."""

from __future__ import annotations

import boto3
import luigi
import pytest
from luigi.contrib.batch import BatchClient, BatchJobException, BatchTask

from batchwright.local.batch.client import LocalBatch
from batchwright.local.ministack import MiniStack

from .account import BatchAccount

pytestmark = pytest.mark.long


@pytest.fixture
def environment(local_batch: LocalBatch, ministack: MiniStack, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {**ministack.environment(), **local_batch.environment()}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)


@pytest.mark.usefixtures("environment")
def test_luigis_batch_task_runs_a_job(account: BatchAccount) -> None:
    class Greet(BatchTask):  # type: ignore[misc]
        @property
        def parameters(self) -> dict[str, str]:
            return {"who": "Luigi"}

    task = Greet(job_definition=account.name, job_name="from-luigi", job_queue=account.queue, poll_time=1)
    assert luigi.build([task], local_scheduler=True, log_level="WARNING")
    by_name = [{"name": "JOB_NAME", "values": ["from-luigi"]}]
    (job,) = account.batch.list_jobs(jobQueue=account.queue, filters=by_name)["jobSummaryList"]
    assert job["status"] == "SUCCEEDED"
    assert account.describe(job["jobId"])["parameters"] == {"who": "Luigi"}


@pytest.mark.usefixtures("environment")
def test_luigis_client_shows_the_log_of_a_failed_job(account: BatchAccount) -> None:
    client = BatchClient(poll_time=1)
    job_id = account.python("raise SystemExit('the reason')")
    with pytest.raises(BatchJobException, match="the reason"):
        client.wait_on_job(job_id)
