"""`python -m docs.generate` writes the reference pages; with `--check` it only names those that are stale."""

from __future__ import annotations

import sys
from collections.abc import Callable

from batchwright.stage.project import PROJECT_FOLDER
from docs.generate import (
    checks_page,
    cli_page,
    deployment_page,
    environment_page,
    http_page,
    limits_page,
    local_batch_page,
    metrics_page,
    monitors_page,
    notices_page,
    table_page,
    workflow_page,
)

FOLDER = PROJECT_FOLDER / "docs" / "reference"
PAGES: dict[str, Callable[[], str]] = {
    "checks.md": checks_page.make,
    "cli.md": cli_page.make,
    "deployment.md": deployment_page.make,
    "environment.md": environment_page.make,
    "http-api.md": http_page.make,
    "limits.md": limits_page.make,
    "local-batch.md": local_batch_page.make,
    "metrics.md": metrics_page.make,
    "monitors.md": monitors_page.make,
    "notices.md": notices_page.make,
    "table.md": table_page.make,
    "workflow.md": workflow_page.make,
}


def stale() -> list[str]:
    """The pages that differ from what is made now."""
    return [name for name, make in PAGES.items() if not _is_current(name, make())]


def _is_current(name: str, text: str) -> bool:
    path = FOLDER / name
    return path.exists() and path.read_text(encoding="utf-8") == text


def main(words: list[str]) -> int:
    if words not in ([], ["--check"]):
        print("usage: python -m docs.generate [--check]", file=sys.stderr)
        return 2
    found = stale()
    if words:
        print(
            "\n".join(f"docs/reference/{name} is stale; run: make docs" for name in found) or "All pages are current."
        )
        return 1 if found else 0
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in found:
        (FOLDER / name).write_text(PAGES[name](), encoding="utf-8")
        print(f"docs/reference/{name} written")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
