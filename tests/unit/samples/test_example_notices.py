"""`batchwright notices preview` shows what is really sent: its examples are the tests', its forms the golden files."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from batchwright.cli.group import main
from batchwright.samples.example_notices import EXAMPLES, FORMS, example_notice
from chalicelib.core.notice.kinds import NoticeKind
from tests.notices import NOTICES

GOLDEN = Path(__file__).parents[2] / "golden" / "notices"
GOLDEN_NAMES = {"email": "email.txt", "slack": "slack.json", "json": "document.json", "chat": "chat.json"}


def preview(*words: str) -> Result:
    return CliRunner().invoke(main, ["notices", "preview", *words])


def test_the_examples_are_what_the_code_makes() -> None:
    """`WRITE_GOLDEN=1` writes them anew; look at what changed."""
    text = json.dumps({kind: NOTICES[kind].document() for kind in NoticeKind}, indent=1, ensure_ascii=False) + "\n"
    if os.environ.get("WRITE_GOLDEN"):
        EXAMPLES.write_text(text, encoding="utf-8")
    assert EXAMPLES.read_text(encoding="utf-8") == text
    assert {kind: example_notice(kind) for kind in NoticeKind} == NOTICES


@pytest.mark.parametrize("kind", NoticeKind)
@pytest.mark.parametrize("form", FORMS)
def test_every_kind_can_be_seen_in_every_form(kind: NoticeKind, form: str) -> None:
    shown = preview(kind.value, "--as", form)
    assert (shown.exit_code, shown.stderr) == (0, "")
    golden = GOLDEN / f"{kind}.{GOLDEN_NAMES.get(form, 'none')}"
    if golden.exists():
        assert shown.stdout == golden.read_text(encoding="utf-8")
    if form in ("slack", "json", "chat"):
        json.loads(shown.stdout)
    else:
        assert NOTICES[kind].subject[:60] in shown.stdout


def test_an_email_is_shown_unless_another_form_is_named() -> None:
    assert preview("run_failed").stdout == preview("run_failed", "--as", "email").stdout
    assert preview("run_failed", "--as", "sms").stdout == (
        "[error] movie_ratings: run movie-ratings-7k2m9qx4 failed (prod)\n"
    )


def test_a_kind_or_form_that_is_none_is_refused() -> None:
    for words in (["run_faild"], ["run_failed", "--as", "fax"], []):
        assert preview(*words).exit_code == 2
