"""What stands in the way of a deployment before it begins is told in one sentence."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from batchwright.cli.group import main
from batchwright.deploy.deployment import Deployed, Pushed
from batchwright.deploy.policies import Place
from batchwright.deploy.stacks import StackChange
from batchwright.stage.project import PROJECT_FOLDER


@pytest.fixture
def nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Somebody without any credentials."""
    for name in ("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


def give(*words: str) -> Result:
    return CliRunner().invoke(main, list(words))


@pytest.mark.parametrize("command", ["deploy", "destroy"])
@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ([], 2, "in which region is the stage? give --region, or set AWS_REGION"),
        (["--region", "eu-west-1"], 1, "there are no AWS credentials: sign in"),
        (["--profile", "nobody"], 2, "AWS has no profile 'nobody'"),
        (["--stage", "Dev"], 2, "--stage Dev: a stage is a lower-case letter"),
        (["--stage", "dev-start"], 2, "--stage dev-start: a stage does not end in -start"),
        (["--stage", "local"], 2, "--stage local: that is the local AWS's own"),
    ],
)
def test_a_command_that_cannot_begin_says_why(
    nobody: None, command: str, words: list[str], code: int, said: str
) -> None:
    done = give(command, *words)
    assert done.exit_code == code, done.output
    assert said in done.output
    assert "Traceback" not in done.output


def test_a_mistake_in_the_monitor_file_is_told_before_anything_is_done(nobody: None, tmp_path: Path) -> None:
    (tmp_path / "infra").symlink_to(PROJECT_FOLDER / "infra")
    (tmp_path / "statemachines").mkdir()
    (tmp_path / "statemachines/monitors.yaml").write_text("monitors: {m: {faild: true}}")
    done = give("deploy", "--region", "eu-west-1", "--project", str(tmp_path))
    assert done.exit_code == 2, done.output
    assert "faild is no key that is known here; did you mean 'failed'?" in done.output


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--parameter", "MaxVcpu=3"], "--parameter MaxVcpu: no template has it; did you mean 'MaxVcpus'?"),
        (["--parameter", "MaxVcpus"], "--parameter MaxVcpus: write NAME=VALUE"),
        (["--parameter", "Stage=x"], "--parameter Stage: no template has it"),
        (
            ["--notify", "run_failed,queue_blocked"],
            "--notify names 'queue_blocked', which is no kind of notice of a run (--no-blocked-queues keeps quiet",
        ),
        (["--project", "/"], "infra/foundation.yaml is not there"),
    ],
)
def test_a_mistake_in_an_option_is_told_before_anything_is_done(nobody: None, words: list[str], said: str) -> None:
    done = give("deploy", "--region", "eu-west-1", *words)
    assert done.exit_code == 2, done.output
    assert said in done.output


def test_what_comes_after_the_stacks_is_said_with_the_account_they_are_in(
    monkeypatch: pytest.MonkeyPatch, nobody: None, tmp_path: Path
) -> None:
    (tmp_path / "credentials").write_text("[b]\naws_access_key_id = b\naws_secret_access_key = b\nregion = eu-west-1\n")
    done = Deployed(Place("dev", "123456789012", "eu-west-1"), (), False, {}, None)
    monkeypatch.setattr("batchwright.cli.deploy.deploy_stage", lambda account, wish, say: done)
    said = give("deploy", "--profile", "b", "--stacks-only").output
    assert "Next: AWS_DEFAULT_REGION=eu-west-1 chalice deploy --stage dev --profile b\n" in said


def said_after(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *stacks: StackChange) -> str:
    """What `deploy` prints once these stacks are up and the example was pushed."""
    (tmp_path / "credentials").write_text("[b]\naws_access_key_id = b\naws_secret_access_key = b\nregion = eu-west-1\n")
    workflows = {"movie-ratings": Pushed(1, True, ("bucket",)), "train": Pushed(1, True, ("data", "epochs"))}
    done = Deployed(Place("dev", "123456789012", "eu-west-1"), stacks, True, workflows, None)
    monkeypatch.setattr("batchwright.cli.deploy.deploy_stage", lambda account, wish, say: done)
    return give("deploy", "--profile", "b").output


FOUNDATION = StackChange("foundation", "created", (), {"BucketName": "the-bucket"})


def test_the_example_s_command_is_complete_where_there_is_a_batch_environment(
    monkeypatch: pytest.MonkeyPatch, nobody: None, tmp_path: Path
) -> None:
    outputs = {"DefaultQueue": "the-queue", "MovieRatingsJobDefinition": "the-definition"}
    batch = StackChange("batch", "created", (), outputs)
    said = said_after(monkeypatch, tmp_path, FOUNDATION, batch)
    assert (
        "  batchwright start movie-ratings --stage dev --profile b --param bucket=the-bucket --param queue=the-queue "
        "--param job_definition=the-definition\n"
    ) in said
    assert "QUEUE" not in said


def test_without_a_batch_environment_deploy_says_what_the_example_lacks(
    monkeypatch: pytest.MonkeyPatch, nobody: None, tmp_path: Path
) -> None:
    said = said_after(monkeypatch, tmp_path, FOUNDATION)
    assert (
        "  batchwright start movie-ratings --stage dev --profile b --param bucket=the-bucket --param queue=QUEUE "
        "--param job_definition=DEFINITION\n    QUEUE is a job queue of this account.\n"
    ) in said


def test_a_command_names_the_params_that_a_run_must_be_given(
    monkeypatch: pytest.MonkeyPatch, nobody: None, tmp_path: Path
) -> None:
    said = said_after(monkeypatch, tmp_path, FOUNDATION)
    assert "  batchwright start train --stage dev --profile b --param data=DATA --param epochs=EPOCHS\n" in said


def test_the_address_of_a_webhook_is_refused_and_not_repeated(nobody: None) -> None:
    done = give("deploy", "--slack-webhook", "https://hooks.slack.com/services/T01/B02/planted")
    assert done.exit_code == 2
    assert "aws secretsmanager create-secret" in done.stderr
    assert "planted" not in done.output
