"""`batchwright local env` says which tool its variables do not reach."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner

from batchwright.cli.group import main

PAGE = Path(__file__).parents[3] / "docs" / "local-batch.md"
SQS = 'aws --endpoint-url "$AWS_ENDPOINT_URL" sqs list-queues'


def test_the_help_and_the_page_say_how_version_1_of_the_aws_cli_reaches_the_local_sqs() -> None:
    said = CliRunner().invoke(main, ["local", "env", "--help"]).output
    for text in (said, PAGE.read_text(encoding="utf-8")):
        assert SQS in text
        assert "ersion 1 of the" in text
