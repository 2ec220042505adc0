"""What is shown while verify works, and by which API it acts."""

from __future__ import annotations

from io import StringIO

import pytest
from rich.console import Console

from batchwright.verify.runs_watched import Acting
from batchwright.verify.steps import LiveSteps, PlainSteps
from chalicelib.core.errors import NotAllowed, TryAgain
from tests.unit.test_rooms import AWS_PACKAGES, ROOT, imports_of, within


def test_a_log_has_a_line_for_every_change_and_none_for_what_only_counts() -> None:
    lines: list[str] = []
    steps = PlainSteps(lines.append)
    for text in ("1 of 6 have ended", "1 of 6 have ended", "2 of 6 have ended"):
        steps.show("jobs", text)
        steps.count("events", text)
    steps.close()
    assert lines == ["jobs: 1 of 6 have ended", "jobs: 2 of 6 have ended"]


def test_a_terminal_shows_the_last_of_every_step() -> None:
    console = Console(file=StringIO(), force_terminal=True, width=60, color_system=None)
    steps = LiveSteps(console)
    steps.show("jobs", "1 of 6 have ended")
    steps.count("events", "12 came")
    assert isinstance(console.file, StringIO)
    printed = console.file.getvalue()
    steps.close()
    assert "1 of 6 have ended" in printed
    assert "12 came" in printed


@pytest.mark.parametrize("error", [NotAllowed("no"), TryAgain("later")])
def test_what_the_http_api_fails_to_do_is_kept_and_done_in_the_callers_name(error: Exception) -> None:
    http, own, errors = object(), object(), list[str]()
    asked = []

    def ask(api: object) -> str:
        asked.append(api)
        if api is http:
            raise error
        return "done"

    acting = Acting(http, own, errors)  # type: ignore[arg-type]
    assert acting.do("cancel a run", ask) == "done"
    assert asked == [http, own]
    assert errors == [f"the HTTP API did not cancel a run: {error}"]
    with pytest.raises(type(error)):
        Acting(http, http, errors).do("cancel a run", ask)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "module", ["observed", "verdict", "event_checks", "stage_checks", "assumptions", "jobs", "events_file", "report"]
)
def test_what_judges_asks_neither_aws_nor_a_clock(module: str) -> None:
    impure = (*AWS_PACKAGES, "time", "os", "uuid", "random", "socket", "subprocess")
    names = list(imports_of(ROOT / "batchwright" / "verify" / f"{module}.py"))
    assert [name for name in names if any(within(name, one) for one in impure)] == []
