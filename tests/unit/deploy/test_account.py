"""What a child of a deployment speaks to: the account of its parent's session, whatever the variables and files say."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import boto3
import pytest
from botocore.exceptions import NoCredentialsError

from batchwright.deploy.account import Account

_ASKS = """
import botocore.session
session = botocore.session.Session()
found = session.get_credentials().get_frozen_credentials()
endpoint = session.create_client("sts").meta.endpoint_url
print(found.access_key, found.secret_key, found.token, session.get_config_variable("region"), endpoint)
"""
"""Asks for what Chalice's session finds when it is told nothing."""


@pytest.fixture
def files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A profile b with keys and an endpoint of its own, and one without keys."""
    for name in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_ENDPOINT_URL", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "credentials").write_text("[b]\naws_access_key_id = of-b\naws_secret_access_key = secret-of-b\n")
    (tmp_path / "config").write_text("[profile b]\nendpoint_url = http://127.0.0.1:9\n[profile c]\nregion = x\n")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


def asked(account: Account) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", _ASKS], env=account.environment(), capture_output=True, text=True, check=True
    )
    return done.stdout.split()


def export(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "exported")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret-exported")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "token-exported")


def test_a_named_profile_wins_over_exported_keys_in_the_child_too(files: None, monkeypatch: pytest.MonkeyPatch) -> None:
    export(monkeypatch)
    monkeypatch.setenv("AWS_DEFAULT_PROFILE", "c")
    account = Account(boto3.session.Session(profile_name="b", region_name="eu-west-1"), "b")
    assert asked(account) == ["of-b", "secret-of-b", "None", "eu-west-1", "http://127.0.0.1:9"]


def test_exported_keys_are_the_child_s_when_no_profile_is_named(files: None, monkeypatch: pytest.MonkeyPatch) -> None:
    export(monkeypatch)
    account = Account(boto3.session.Session(region_name="eu-west-1"))
    said = asked(account)
    assert said[:4] == ["exported", "secret-exported", "token-exported", "eu-west-1"]
    assert "amazonaws.com" in said[4]


def test_without_credentials_no_child_is_started(files: None, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(NoCredentialsError):
        Account(boto3.session.Session(region_name="eu-west-1")).environment()
