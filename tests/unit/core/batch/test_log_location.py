"""Where a job's lines are, read off its document."""

from __future__ import annotations

import pytest

from chalicelib.core.batch.document import log_place
from chalicelib.core.batch.job_event import read_job, read_result
from chalicelib.core.batch.log_location import LOG_GROUP, group_and_stream

OWN = {"logDriver": "awslogs", "options": {"awslogs-group": "/films/jobs", "awslogs-stream-prefix": "nightly"}}
STREAM = "nightly/default/t1"


@pytest.mark.parametrize(
    ("detail", "place"),
    [
        ({"container": {"logConfiguration": OWN}}, f"/films/jobs:{STREAM}"),
        (
            {"container": {}, "ecsProperties": {"taskProperties": [{"containers": [{"logConfiguration": OWN}]}]}},
            f"/films/jobs:{STREAM}",
        ),
        ({"container": {"logConfiguration": {**OWN, "options": {"awslogs-group": LOG_GROUP}}}}, STREAM),
        ({"container": {"logConfiguration": {**OWN, "logDriver": "json-file"}}}, STREAM),
        ({"container": {}}, STREAM),
        # Nothing here may raise, and nothing may lead elsewhere than a group's name does.
        ({}, STREAM),
        ({"container": {"logConfiguration": {**OWN, "options": {"awslogs-group": "a:b"}}}}, STREAM),
        ({"container": {"logConfiguration": {**OWN, "options": {"awslogs-group": 7}}}}, STREAM),
        ({"container": {"logConfiguration": {**OWN, "options": ["awslogs-group"]}}}, STREAM),
        ({"container": {"logConfiguration": "awslogs"}, "ecsProperties": {"taskProperties": [None, 1]}}, STREAM),
    ],
)
def test_a_place_names_the_group_if_the_definition_does(detail: dict[str, object], place: str) -> None:
    assert log_place(detail, STREAM) == place
    assert log_place(detail, None) is None


@pytest.mark.parametrize(
    ("place", "names"),
    [("films/default/t1", (LOG_GROUP, "films/default/t1")), ("/a/b:films/default/t1", ("/a/b", "films/default/t1"))],
)
def test_a_place_without_a_group_is_one_that_an_earlier_version_stored(place: str, names: tuple[str, str]) -> None:
    assert group_and_stream(place) == names


def test_results_and_records_name_the_group() -> None:
    container = {"logStreamName": STREAM, "exitCode": 1}
    detail = {
        "jobId": "aaaaaaaa-0000-4000-8000-000000000001",
        "jobName": "films",
        "status": "FAILED",
        "attempts": [{"container": container}],
        "container": {**container, "logConfiguration": OWN},
    }
    place = f"/films/jobs:{STREAM}"
    record = read_job(detail).record(1)
    assert record is not None
    assert (read_result(detail).log_stream, record.log_stream, record.tries[0].log_stream) == (place, place, place)
    running = read_job({**detail, "status": "RUNNING", "attempts": []}).record(1)
    assert running is not None and running.log_stream == place
