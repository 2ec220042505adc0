"""Large arrays of `true`. Ten thousand children are measured in bench/local_batch.py."""

from __future__ import annotations

from typing import Any

import pytest

from .account import BatchAccount, wait_for
from .conftest import StartBatch, new_queue


@pytest.mark.long
def test_a_thousand_children_finish_and_each_change_is_told(start_batch: StartBatch, sqs: Any) -> None:
    events = new_queue(sqs, "scale")
    account = BatchAccount(start_batch("--events-queue-url", events.queue_url).endpoint_url)
    array = account.submit(arrayProperties={"size": 1000})
    job = account.finish(array, seconds=120)
    assert job["arrayProperties"]["statusSummary"]["SUCCEEDED"] == 1000

    def waiting() -> int:
        wanted = ["ApproximateNumberOfMessages"]
        answer = sqs.get_queue_attributes(QueueUrl=events.queue_url, AttributeNames=wanted)
        return int(answer["Attributes"]["ApproximateNumberOfMessages"])

    # RUNNABLE, STARTING, RUNNING and SUCCEEDED of each child, PENDING and SUCCEEDED of the parent.
    wait_for(lambda: waiting() == 4002, "4,002 events", 30)
