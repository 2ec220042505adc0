"""Jobs are commands: nobody but an AWS client of this machine may submit one."""

from __future__ import annotations

import http.client
from urllib.parse import urlsplit

import pytest

from batchwright.local.batch.client import LocalBatch

SIGNED = "AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/batch/aws4_request, SignedHeaders=host, Signature=0"


def ask(local_batch: LocalBatch, **headers: str) -> int:
    """The HTTP status of a DescribeJobQueues with these headers."""
    place = urlsplit(local_batch.endpoint_url)
    connection = http.client.HTTPConnection(str(place.hostname), place.port)
    given = {"Host": place.netloc, "Authorization": SIGNED, **headers}
    connection.request("POST", "/v1/describejobqueues", "{}", {k: v for k, v in given.items() if v})
    return connection.getresponse().status


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "127.0.0.1.evil.example:80"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Authorization": ""},
        {"Authorization": "Basic bG9jYWw6bG9jYWw="},
    ],
)
def test_a_page_in_a_browser_is_refused(local_batch: LocalBatch, headers: dict[str, str]) -> None:
    assert ask(local_batch, **headers) == 403


def test_an_aws_client_is_served_under_either_name_of_this_machine(local_batch: LocalBatch) -> None:
    assert ask(local_batch) == 200
    assert ask(local_batch, Host=f"localhost:{urlsplit(local_batch.endpoint_url).port}") == 200
