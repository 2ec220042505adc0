"""`python -m tests.contract.stored.record`: keeps what this release writes, for the tests of the releases after it.

Run it once, at a release, and commit the file. A file of an earlier release is never written again.
"""

from __future__ import annotations

import base64
import json
import sys
from pathlib import Path
from typing import Any

from moto import mock_aws

from chalicelib.aws.table.store import DynamoStore
from chalicelib.core.run.commands import encode
from chalicelib.version import VERSION
from tests.contract import foundation, servers
from tests.contract.stored.scenes import COMMANDS, SCENES, Scene, keep, to_the_end

FOLDER = Path(__file__).parents[2] / "data" / "stored"
TABLE = "batchwright-stored"


class _Bytes(json.JSONEncoder):
    """Bytes of the table as base64, as DynamoDB's JSON has them."""

    def default(self, o: Any) -> Any:
        return {"base64": base64.b64encode(bytes(o)).decode()}


def read_bytes(document: dict[str, Any]) -> Any:
    """The hook of `json.loads` that undoes `_Bytes`."""
    return base64.b64decode(document["base64"]) if document.keys() == {"base64"} else document


def _recorded(scene: Scene) -> dict[str, Any]:
    """A scene as it is kept, and how its run ends when this release plays on."""
    with mock_aws():
        client = servers.client("dynamodb")
        client.create_table(**foundation.table_request(TABLE))
        theatre = scene.begin(DynamoStore(client, TABLE))
        pages = client.get_paginator("scan").paginate(TableName=TABLE)
        kept = keep(theatre, [item for page in pages for item in page["Items"]])
        return {**kept, "ends": to_the_end(theatre)}


def main() -> None:
    path = FOLDER / f"{VERSION}.json"
    if path.exists():
        sys.exit(f"{path.name} is there already: what a release wrote does not change")
    document = {
        "scenes": {scene.name: _recorded(scene) for scene in SCENES},
        "commands": [encode(command) for command in COMMANDS],
    }
    path.write_text(json.dumps(document, cls=_Bytes) + "\n", encoding="utf-8")
    print(f"wrote {path} ({path.stat().st_size:,} bytes)")


if __name__ == "__main__":
    main()
