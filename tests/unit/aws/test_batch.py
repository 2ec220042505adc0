"""What an answer of SubmitJob means, and that no submission is ever repeated."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator

import pytest
from botocore.config import Config

from chalicelib.aws.batch import AwsBatch, submit_config
from chalicelib.core.errors import AnswerLost, NotPermitted, Throttled, TryAgain, UserMistake
from chalicelib.core.plan.job_request import JobRequest
from tests.unit.aws.scripted import Answer, Scripted, scripted_server

REQUEST = JobRequest(name="films-0123", queue="films", job_definition="films:1")
SUBMITTED = Answer(body='{"jobId":"job-1","jobName":"films-0123","jobArn":"arn:aws:batch:us-east-1:1:job/job-1"}')
QUICK = Config(read_timeout=0.3, connect_timeout=0.3)


@pytest.fixture
def script() -> Iterator[Scripted]:
    with scripted_server() as script:
        yield script


@pytest.fixture
def batch(script: Scripted) -> AwsBatch:
    twice = Config(retries={"total_max_attempts": 2, "mode": "standard"})
    return AwsBatch(script.client("batch", twice), script.client("batch", submit_config().merge(QUICK)))


def failing(status: int, error: str, message: str = "told to fail") -> Answer:
    return Answer(status, json.dumps({"message": message}), error)


def test_a_submission_returns_the_jobs_id(script: Scripted, batch: AwsBatch) -> None:
    script.answers.append(SUBMITTED)
    assert batch.submit(REQUEST) == "job-1"
    assert script.asked == [{"jobName": "films-0123", "jobQueue": "films", "jobDefinition": "films:1"}]


@pytest.mark.parametrize(
    ("answer", "meaning"),
    [
        (failing(429, "TooManyRequestsException"), Throttled),
        (failing(400, "ThrottlingException"), Throttled),
        (failing(403, "ExpiredTokenException"), TryAgain),
        (failing(500, "ServerException"), AnswerLost),
        (failing(503, "ServiceUnavailable"), AnswerLost),
        (Answer(502, "<html>bad gateway</html>"), AnswerLost),
        (Answer(hang_up=True), AnswerLost),
        (Answer(silent=True), AnswerLost),
        (Answer(200, "this is not JSON"), AnswerLost),
        (failing(400, "ClientException"), UserMistake),
        (failing(403, "AccessDeniedException"), NotPermitted),
    ],
)
def test_a_submission_is_sent_once_and_its_failure_is_named(
    script: Scripted, batch: AwsBatch, answer: Answer, meaning: type[Exception]
) -> None:
    script.answers += [answer, SUBMITTED]
    with pytest.raises(meaning) as raised:
        batch.submit(REQUEST)
    assert type(raised.value) is meaning
    assert "SubmitJob" in str(raised.value)
    assert len(script.asked) == 1


def test_a_refusal_is_told_in_batchs_words(script: Scripted, batch: AwsBatch) -> None:
    words = "Error executing request, Exception : JobQueue films not found."
    script.answers.append(failing(400, "ClientException", words))
    with pytest.raises(UserMistake, match=words):
        batch.submit(REQUEST)


def test_a_submission_that_never_left_had_no_effect() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        nobody = Scripted(f"http://127.0.0.1:{closed.getsockname()[1]}")
        batch = AwsBatch(nobody.client("batch", QUICK), nobody.client("batch", submit_config().merge(QUICK)))
        with pytest.raises(TryAgain) as raised:
            batch.submit(REQUEST)
    assert not isinstance(raised.value, AnswerLost)


def test_a_request_that_boto3_itself_refuses_is_the_users_mistake(script: Scripted, batch: AwsBatch) -> None:
    wrong = JobRequest(name="films-0123", queue="films", job_definition="films:1", array_size="three")  # type: ignore[arg-type]
    with pytest.raises(UserMistake, match="size"):
        batch.submit(wrong)
    assert script.asked == []


def test_a_listing_that_failed_is_asked_again_and_then_told(script: Scripted, batch: AwsBatch) -> None:
    script.answers += [failing(500, "ServerException"), failing(500, "ServerException")]
    with pytest.raises(TryAgain, match="ListJobs"):
        batch.find("films", "films-0123")
    assert len(script.asked) == 2


def test_fifty_jobs_are_terminated_a_call_and_the_rest_is_asked_for_after_a_failure(
    script: Scripted, batch: AwsBatch
) -> None:
    failed = {"successful": [], "errors": [{"job": "job-3", "code": "ServerException", "message": "told to fail"}]}
    script.answers += [Answer(body=json.dumps(failed)), Answer(body="{}"), Answer(body="{}")]
    with pytest.raises(TryAgain, match="job-3: ServerException: told to fail"):
        batch.terminate([f"job-{number}" for number in range(120)], "r" * 2_000)
    assert [len(asked["jobs"]) for asked in script.asked] == [50, 50, 20]
    assert {len(asked["reason"]) for asked in script.asked} == {1_024}


def test_the_client_that_submits_tries_once() -> None:
    assert submit_config().retries == {"total_max_attempts": 1}


def described(*job_ids: str) -> Answer:
    return Answer(body=json.dumps({"jobs": [{"jobId": job_id, "status": "RUNNING"} for job_id in job_ids]}))


def test_a_hundred_jobs_are_described_a_call(script: Scripted, batch: AwsBatch) -> None:
    job_ids = [f"job-{number}" for number in range(250)]
    script.answers += [described(*job_ids[:100]), described(*job_ids[100:200]), described(*job_ids[200:])]
    assert list(batch.describe(job_ids)) == job_ids
    assert [asked["jobs"] for asked in script.asked] == [job_ids[:100], job_ids[100:200], job_ids[200:]]


def test_a_job_that_batch_does_not_know_is_left_out_of_what_is_described(script: Scripted, batch: AwsBatch) -> None:
    script.answers.append(described("job-2"))
    assert batch.describe(["job-1", "job-2"]) == {"job-2": {"jobId": "job-2", "status": "RUNNING"}}


def test_nobody_is_asked_about_no_jobs(script: Scripted, batch: AwsBatch) -> None:
    assert batch.describe([]) == {}
    assert script.asked == []


def test_a_description_that_failed_is_asked_for_again_and_then_told(script: Scripted, batch: AwsBatch) -> None:
    script.answers += [failing(500, "ServerException"), failing(429, "TooManyRequestsException")]
    with pytest.raises(TryAgain, match="DescribeJobs"):
        batch.describe(["job-1"])
    assert len(script.asked) == 2


def test_in_a_queue_that_was_deleted_no_job_is_found(script: Scripted, batch: AwsBatch) -> None:
    script.answers.append(failing(400, "ClientException", "JobQueue films does not exist."))
    assert batch.find("films", "films-0123") == []
