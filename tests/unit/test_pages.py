"""What pages of docs/ say in passing, and the code or the templates decide."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from batchwright.stage.project import PROJECT_FOLDER

ROOT = Path(PROJECT_FOLDER)
FOLDERS = ("how-to", "reference")
HOW_TOS = sorted((ROOT / "docs" / "how-to").glob("*.md"))
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def page(name: str) -> str:
    return " ".join((ROOT / "docs" / name).read_text(encoding="utf-8").split())


def test_the_page_on_deploying_tells_how_many_alarms_there_are_to_pay_for() -> None:
    templates = "".join((ROOT / "infra" / name).read_text() for name in ("foundation.yaml", "observability.yaml"))
    alarms = templates.count("Type: AWS::CloudWatch::Alarm")
    assert templates.count("  MetricName: ") == alarms, "each watches one metric, as the page says"
    assert re.findall(r"(\d+) alarms at ", page("how-to/deploy-a-stage.md")) == [str(alarms)]


def test_the_folders_hold_how_tos_and_references_that_the_index_names() -> None:
    index = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    pages = [f"{folder}/{path.name}" for folder in FOLDERS for path in (ROOT / "docs" / folder).glob("*.md")]
    assert [name for name in pages if f"]({name})" not in index] == []


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_to_a_page_and_to_a_heading_of_it(path: Path) -> None:
    broken = []
    for target in re.findall(r"\]\((?!https?:)([^)\s]+)\)", without_code(path.read_text(encoding="utf-8"))):
        file, _, anchor = target.partition("#")
        to = (path.parent / file).resolve() if file else path
        if not to.exists() or (anchor and anchor not in anchors(to)):
            broken.append(target)
    assert broken == []


def without_code(text: str) -> str:
    return re.sub(r"```.*?```", "", text, flags=re.DOTALL)


def anchors(path: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", without_code(path.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_a_page_that_a_message_or_a_comment_names_is_there() -> None:
    folders = ("batchwright", "chalicelib", "infra", "statemachines", "tests")
    files = [path for room in folders for path in (ROOT / room).rglob("*") if path.suffix in (".py", ".yaml", ".md")]
    named = {
        (path, name) for path in files for name in re.findall(r"\bdocs/[\w/-]+\.md", path.read_text(encoding="utf-8"))
    }
    assert len(named) > 20
    assert {(str(path), name) for path, name in named if not (ROOT / name).exists()} == set()


@pytest.mark.parametrize("path", HOW_TOS, ids=lambda path: str(path.name))
def test_a_how_to_is_short_and_says_what_can_go_wrong(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert 150 <= len(text.split()) <= 500
    assert "\n## What can go wrong\n" in text
