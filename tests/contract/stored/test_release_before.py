"""A deployment in the middle of a run is a normal day: today's code goes on with what earlier releases wrote."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from chalicelib.aws.table.store import DynamoStore
from chalicelib.core.run.commands import decode
from tests.contract import foundation, servers
from tests.contract.stored.record import FOLDER, TABLE, read_bytes
from tests.contract.stored.scenes import COMMANDS, SCENES, Scene, go_on, to_the_end

SCENE_PARAMS = [
    pytest.param(scene, id=scene.name, marks=[pytest.mark.long] if scene.name == "fans-out" else []) for scene in SCENES
]
RELEASES = sorted(FOLDER.glob("*.json"))


def _content(release: Path) -> Any:
    return json.loads(release.read_text(encoding="utf-8"), object_hook=read_bytes)


@pytest.fixture(scope="module")
def client(request: pytest.FixtureRequest) -> Any:
    """DynamoDB, on the quickest server that there is: these are hundreds of calls."""
    server = "dynoxide" if servers.dynoxide_binary() else "ministack"
    return request.getfixturevalue(f"{server}_dynamodb")[0]


@pytest.mark.parametrize("scene", SCENE_PARAMS)
@pytest.mark.parametrize("release", RELEASES, ids=lambda path: path.stem)
def test_a_run_that_a_release_left_in_the_middle_ends_as_it_would_have(
    release: Path, scene: Scene, client: Any
) -> None:
    kept = _content(release)["scenes"][scene.name]
    table = f"{TABLE}-{release.stem}-{scene.name}"
    client.create_table(**foundation.table_request(table))
    for item in kept["items"]:
        client.put_item(TableName=table, Item=item)
    theatre = go_on(scene, kept, DynamoStore(client, table))
    assert theatre.store.plan(theatre.run.plan_digest) == scene.plan
    assert to_the_end(theatre) == kept["ends"]
    pushed = theatre.store.push(scene.plan.workflow, scene.definition, scene.plan, theatre.clock.now_ms())
    assert pushed.version == 1, "the same workflow, whose plan has an older format, is no new version"


@pytest.mark.parametrize("release", RELEASES, ids=lambda path: path.stem)
def test_every_command_of_a_release_is_read(release: Path) -> None:
    bodies = _content(release)["commands"]
    assert [decode(body) for body in bodies] == list(COMMANDS)


def test_there_is_a_file_of_a_release() -> None:
    assert RELEASES
