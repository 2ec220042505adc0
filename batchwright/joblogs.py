"""The last words of a job: where they are, and how to get them from CloudWatch Logs."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

LOG_GROUP = "/aws/batch/job"
CHILDREN_SHOWN = 3


def tail(logs: Any, stream: str, lines: int = 20) -> list[str]:
    """The last lines of a log stream; none when the stream does not exist."""
    try:
        answer = logs.get_log_events(logGroupName=LOG_GROUP, logStreamName=stream, limit=lines, startFromHead=False)
    except ClientError as error:
        if error.response["Error"]["Code"] == "ResourceNotFoundException":
            return []
        raise
    return [event["message"].rstrip("\n") for event in answer["events"]][-lines:]


def failed_children(batch: Any, job_id: str) -> list[dict[str, Any]]:
    """The first failed children of an array job, as DescribeJobs tells them; none when it is no array."""
    listed = batch.list_jobs(arrayJobId=job_id, jobStatus="FAILED", maxResults=CHILDREN_SHOWN)["jobSummaryList"]
    if not listed:
        return []
    jobs: list[dict[str, Any]] = batch.describe_jobs(jobs=[child["jobId"] for child in listed])["jobs"]
    return jobs
