"""The reference pages are what `make docs` makes now, and they name all that there is."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from batchwright.stage.project import PROJECT_FOLDER
from chalicelib.core.definition.model import (
    Array,
    ClassRetry,
    MemoryGrowth,
    Notify,
    Param,
    Retry,
    Schedule,
    Task,
    Workflow,
)
from chalicelib.core.failure import FailureClass
from chalicelib.core.monitor.file_model import RULE_MODELS, Monitor
from chalicelib.core.run.bus_events import Change, ChangeType
from docs.generate import __main__ as generate
from docs.generate import environment_page
from docs.generate.table_page import MARK, ROWS, Row

REFERENCE = PROJECT_FOLDER / "docs" / "reference"
STORED = PROJECT_FOLDER / "tests" / "data" / "stored" / "0.1.0.json"
"""The table of a release, as the tests of stored forms keep it."""


@pytest.mark.parametrize("name", generate.PAGES)
def test_a_page_is_what_is_made_now(name: str) -> None:
    assert (REFERENCE / name).read_text(encoding="utf-8") == generate.PAGES[name](), "run: make docs"


def test_every_page_of_the_reference_is_made() -> None:
    assert {path.name for path in REFERENCE.glob("*.md")} == set(generate.PAGES)
    assert all(
        path.read_text(encoding="utf-8").startswith("<!-- Made by `make docs` ") for path in REFERENCE.glob("*.md")
    )


def test_a_stale_page_is_named_and_left_alone_by_check(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(generate, "FOLDER", tmp_path)
    monkeypatch.setattr(generate, "PAGES", {"one.md": lambda: "new\n"})
    (tmp_path / "one.md").write_text("old\n")
    assert generate.main(["--check"]) == 1
    assert "/one.md is stale" in capsys.readouterr().out
    assert (tmp_path / "one.md").read_text() == "old\n"
    assert generate.main([]) == 0
    assert generate.main(["--check"]) == 0


def text_of(name: str) -> str:
    return (REFERENCE / name).read_text(encoding="utf-8")


def test_every_key_of_a_file_is_documented() -> None:
    for model in (Workflow, Param, Task, Array, Retry, ClassRetry, MemoryGrowth, Notify, Schedule):
        for name, field in model.model_fields.items():
            assert f"`{field.alias or name}`" in text_of("workflow.md")
    for model in (Monitor, *RULE_MODELS.values()):
        for name in model.model_fields:
            assert f"`{name}`" in text_of("monitors.md")
    for failure in FailureClass:
        assert f"- `{failure}`: " in text_of("workflow.md")


def test_a_variable_that_is_not_described_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    read = {*environment_page.used(), "BATCHWRIGHT_NEW"}
    monkeypatch.setattr(environment_page, "used", lambda: read)
    with pytest.raises(LookupError, match="BATCHWRIGHT_NEW"):
        environment_page.make()


def test_every_field_of_a_bus_event_is_named() -> None:
    change = Change(
        change_id="id",
        change_type=ChangeType.TASK,
        stage="dev",
        workflow="films",
        run_id="films-1",
        epoch=0,
        state="failed",
        at_ms=1,
        task="cut",
        attempt=1,
        job_id="j",
        failure="spot",
        exit_code=1,
    )
    fields = change.document()
    last = text_of("notices.md").rstrip().rpartition("\n")[2]
    assert re.findall(r"`(\w+)`", last) == list(fields)


def stored_items() -> Iterator[dict[str, Any]]:
    for scene in json.loads(STORED.read_text())["scenes"].values():
        yield from scene["items"]


def pattern_of(key: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"<\w+>", "[^#]+", key.replace("+", r"\+")))


def row_of(item: dict[str, Any]) -> Row:
    pk, sk = item["pk"]["S"], item["sk"]["S"]
    fitting = [row for row in ROWS if pattern_of(row.pk).fullmatch(pk) and pattern_of(row.sk).fullmatch(sk)]
    assert fitting, f"no row for {pk} / {sk}"
    return fitting[0]


def test_every_item_of_a_stored_table_is_a_row_with_these_fields() -> None:
    kinds = set()
    for item in stored_items():
        row = row_of(item)
        kinds.add(row)
        assert set(item) - {"pk", "sk", MARK} <= set(row.fields.split()), (row.pk, row.sk)
    assert len(kinds) >= 7
