"""What a deployment says of the monitors that it pushes."""

from __future__ import annotations

from batchwright.deploy.deployment import push_monitors
from batchwright.files.monitor_file import MonitorFile
from tests.contract.apis import Desk
from tests.memory.store import MemoryStore

FAILED = {"failed": True, "kinds": ["foreign"]}


def test_the_monitors_that_it_replaces_are_named_and_so_is_what_the_stage_does_not_see() -> None:
    api = Desk(MemoryStore()).direct()
    api.put_monitors({"monitors": {"by-hand": {**FAILED, "queues": ["etl"]}, "kept": FAILED, "other": FAILED}})
    said: list[str] = []
    given = MonitorFile({"monitors": {"kept": FAILED, "other": {**FAILED, "names": ["a*"]}, "fresh": FAILED}})
    push_monitors(api, given, said.append)
    assert said[:4] == [
        "monitors: 3, revision 2",
        "  new: fresh",
        "  changed: other",
        "  gone: by-hand (foreign; queue etl)",
    ]
    assert len(said) == 5
    assert "kept, other, fresh will not see these: `batchwright deploy --observe-all-jobs`" in said[4]


def test_nothing_but_the_revision_is_said_of_what_is_there_already() -> None:
    api = Desk(MemoryStore()).direct()
    given = MonitorFile({"monitors": {}})
    push_monitors(api, given, lambda line: None)
    said: list[str] = []
    push_monitors(api, given, said.append)
    assert said == ["monitors: 0, unchanged"]
