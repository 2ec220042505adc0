"""`batchwright local`: who is asked before runs are lost, and which tool the variables of `env` do not reach."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from batchwright.cli import local as module
from batchwright.cli.group import main
from batchwright.local.home import Running

LEFT = "Stopped.\n"
TOLD = "2 runs that had not ended went with it: a-1, b-2.\n"
PAGE = Path(__file__).parents[3] / "docs" / "how-to" / "run-locally.md"
SQS = 'aws --endpoint-url "$AWS_ENDPOINT_URL" sqs list-queues'
QUESTION = "2 runs are under way and would be gone: a-1, b-2. Stop it all the same? [y/N]: "


@pytest.fixture
def stops(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A local AWS with two runs under way; says whether it was stopped."""
    stopped: list[str] = []

    def down() -> bool:
        stopped.append("down")
        return True

    monkeypatch.setattr(module.home, "running", lambda: Running(1, 1.0, {}, []))
    monkeypatch.setattr(module.home, "down", down)
    monkeypatch.setattr(module, "_runs_under_way", lambda _: ["a-1", "b-2"])
    return stopped


def given(monkeypatch: pytest.MonkeyPatch, *words: str, terminal: bool, answer: str | None = None) -> Result:
    monkeypatch.setattr(module, "_can_be_asked", lambda: terminal)
    return CliRunner().invoke(main, ["local", "down", *words], input=answer)


def test_at_a_terminal_it_asks_before_runs_are_lost(stops: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    refused = given(monkeypatch, terminal=True, answer="n\n")
    assert (refused.exit_code, refused.stdout, stops) == (130, "", [])
    assert refused.stderr.startswith(QUESTION)
    agreed = given(monkeypatch, terminal=True, answer="y\n")
    assert (agreed.exit_code, agreed.stdout, stops) == (0, LEFT, ["down"])


@pytest.mark.parametrize(("words", "terminal"), [((), False), (("--yes",), True)])
def test_a_script_is_not_asked_and_told_what_was_lost(
    words: tuple[str, ...], terminal: bool, stops: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    done = given(monkeypatch, *words, terminal=terminal)
    assert (done.exit_code, done.stdout, done.stderr, stops) == (0, LEFT, TOLD, ["down"])


def test_the_help_and_the_page_say_how_version_1_of_the_aws_cli_reaches_the_local_sqs() -> None:
    said = CliRunner().invoke(main, ["local", "env", "--help"]).output
    for text in (said, PAGE.read_text(encoding="utf-8")):
        assert SQS in text
        assert "ersion 1 of the" in text
