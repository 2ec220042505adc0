"""The implementations that every contract suite runs against, and the records it runs with."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pytest
from moto import mock_aws

from batchwright.local.ministack import MiniStack
from chalicelib.aws.table.store import DynamoStore
from chalicelib.core.batch.result import JobResult
from chalicelib.core.failure import FailureClass
from chalicelib.core.ids import Attempt
from chalicelib.core.run.records import Claim
from chalicelib.ports.store import Store
from tests.contract import foundation, servers
from tests.contract.apis import Desk
from tests.contract.http_desk import Counter, HttpDesk
from tests.memory.store import MemoryStore

SERVERS = ("ministack", "dynoxide")
TABLES = ("moto", *SERVERS)
_QUICKEST = "dynoxide" if servers.dynoxide_binary() else "ministack"
EVERY_TABLE = tuple(pytest.param(name, marks=() if name == _QUICKEST else pytest.mark.long, id=name) for name in TABLES)
"""For a fixture's `params`: on the quickest server in `make test`. The same on the others is part of `make e2e`."""
_numbers = itertools.count(1)
_tables = itertools.count(1)


@pytest.fixture(scope="session")
def ministack_outputs(ministack: MiniStack) -> dict[str, str]:
    return foundation.create(servers.client("cloudformation", ministack.endpoint_url), "contract")


@pytest.fixture(scope="session")
def ministack_dynamodb(ministack: MiniStack, ministack_outputs: dict[str, str]) -> tuple[Any, str]:
    return servers.client("dynamodb", ministack.endpoint_url), ministack_outputs["TableName"]


@pytest.fixture(scope="session")
def dynoxide_dynamodb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, str]]:
    binary = servers.dynoxide_binary()
    if binary is None:
        pytest.skip(f"dynoxide is not installed: `make dynoxide`, or name its binary in {servers.DYNOXIDE_VARIABLE}")
    with servers.dynoxide(binary, tmp_path_factory.mktemp("dynoxide") / "dynoxide.log") as endpoint_url:
        client = servers.client("dynamodb", endpoint_url)
        client.create_table(**foundation.table_request("batchwright-contract"))
        yield client, "batchwright-contract"


@pytest.fixture(scope="session")
def moto_client() -> Any:
    """Made once, for making a client costs more than all that a test asks of it. It reaches moto alone, and only
    while the mock is on."""
    return servers.client("dynamodb")


@pytest.fixture
def moto_dynamodb(moto_client: Any) -> Iterator[tuple[Any, str]]:
    with mock_aws():
        moto_client.create_table(**foundation.table_request("batchwright-contract"))
        yield moto_client, "batchwright-contract"


@pytest.fixture(params=EVERY_TABLE)
def dynamodb(request: pytest.FixtureRequest) -> tuple[Any, str]:
    """A DynamoDB client and the name of a table made from the template."""
    found: tuple[Any, str] = request.getfixturevalue(f"{request.param}_dynamodb")
    return found


@pytest.fixture(params=("memory", *EVERY_TABLE))
def store(request: pytest.FixtureRequest) -> Store:
    """Every implementation of the store port. Tests share the servers' tables, so they use names of their own."""
    if request.param == "memory":
        return MemoryStore()
    return DynamoStore(*request.getfixturevalue(f"{request.param}_dynamodb"))


@pytest.fixture
def fresh() -> str:
    """A name that no other test uses."""
    return f"films-{next(_numbers):06d}"


@pytest.fixture
def attempt(fresh: str) -> Attempt:
    """The first attempt of a task in the second shard of a run."""
    return Attempt(run_id=fresh, epoch=0, index=300, number=1)


@pytest.fixture
def claim() -> Claim:
    return Claim(owner="invocation-a", lease_until_ms=90_000)


@pytest.fixture
def failure() -> JobResult:
    return JobResult(
        "job-1",
        succeeded=False,
        exit_code=3,
        reason="Essential container in task exited",
        log_stream="films/default/1",
        started_at_ms=1_000,
        stopped_at_ms=2_000,
        failure=FailureClass.APPLICATION,
    )


@pytest.fixture(scope="session")
def counter() -> Iterator[Counter]:
    counter = Counter()
    yield counter
    counter.close()


@pytest.fixture(params=["memory", "ministack", "http"])
def desk(request: pytest.FixtureRequest) -> Desk:
    """Every implementation, on a table of its own: lists are of all there is."""
    if request.param == "memory":
        return Desk(MemoryStore())
    if request.param == "http":
        return HttpDesk(MemoryStore(), request.getfixturevalue("counter"))
    client, _ = request.getfixturevalue("ministack_dynamodb")
    name = f"batchwright-api-{next(_tables)}"
    client.create_table(**foundation.table_request(name))
    return Desk(DynamoStore(client, name))
