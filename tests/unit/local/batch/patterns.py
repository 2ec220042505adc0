"""Patterns with the answer that EventBridge gives for DOCUMENT; used against our matcher and against an emulator."""

from __future__ import annotations

from typing import Any

DOCUMENT: dict[str, Any] = {
    "version": "0",
    "id": "11111111-aaaa-4bbb-8ccc-000000000001",
    "detail-type": "Batch Job State Change",
    "source": "aws.batch",
    "account": "111122223333",
    "time": "2026-01-11T23:36:40Z",
    "region": "us-east-1",
    "resources": ["arn:aws:batch:us-east-1:111122223333:job/one"],
    "detail": {
        "jobName": "Import-films",
        "status": "SUCCEEDED",
        "jobQueue": "arn:aws:batch:us-east-1:111122223333:job-queue/default",
        "parameters": {"run": "r-1"},
        "createdAt": 1768174600058,
        "container": {"exitCode": 0, "command": ["true"]},
        "isTerminated": False,
    },
}


def detail(**members: Any) -> dict[str, Any]:
    return {"detail": members}


CASES: list[tuple[dict[str, Any], bool]] = [
    ({"source": ["aws.batch"]}, True),
    ({"source": ["aws.ecs"]}, False),
    ({"source": ["aws.ecs", "aws.batch"]}, True),
    ({"detail-type": ["Batch Job State Change"], **detail(status=["RUNNING", "SUCCEEDED", "FAILED"])}, True),
    (detail(status=["RUNNING"]), False),
    (detail(status=["succeeded"]), False),
    (detail(jobName=[{"prefix": "Import"}]), True),
    (detail(jobName=[{"prefix": "import"}]), False),
    (detail(jobName=[{"suffix": "films"}]), True),
    (detail(jobName=[{"equals-ignore-case": "import-FILMS"}]), True),
    (detail(jobName=[{"anything-but": "other"}]), True),
    (detail(jobName=[{"anything-but": ["Import-films"]}]), False),
    (detail(jobName=[{"anything-but": {"prefix": "Import"}}]), False),
    (detail(parameters={"run": [{"exists": True}]}), True),
    (detail(parameters={"run": [{"exists": False}]}), False),
    (detail(parameters={"other": [{"exists": False}]}), True),
    (detail(arrayProperties={"index": [{"exists": False}]}), True),
    (detail(arrayProperties={"index": [{"exists": True}]}), False),
    (detail(container={"exitCode": [{"numeric": [">=", 0, "<", 1]}]}), True),
    (detail(container={"exitCode": [{"numeric": [">", 0]}]}), False),
    (detail(container={"exitCode": [0]}), True),
    (detail(isTerminated=[False]), True),
    (detail(isTerminated=[True]), False),
    ({"resources": [{"prefix": "arn:aws:batch"}]}, True),
    ({"resources": ["arn:other"]}, False),
    ({"missing": ["x"]}, False),
    (detail(**{"$or": [{"status": ["FAILED"]}, {"jobName": [{"prefix": "Imp"}]}]}), True),
    (detail(**{"$or": [{"status": ["FAILED"]}, {"jobName": [{"prefix": "imp"}]}]}), False),
]
