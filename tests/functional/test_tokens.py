"""`batchwright tokens` on a local AWS, and the API that its tokens open."""

from __future__ import annotations

import json

import pytest

from tests.functional.commands import Terminal

# A local AWS of its own for every command: `make e2e`.
pytestmark = pytest.mark.long


@pytest.fixture
def address(kept: Terminal) -> str:
    found: str = json.loads(kept.give("local", "env", "--json").stdout)["BATCHWRIGHT_API"]
    return found


def test_a_token_that_was_made_opens_the_api_until_it_is_revoked(kept: Terminal, address: str) -> None:
    made = kept.give("tokens", "create", "nightly", "--scope", "admin")
    assert made.returncode == 0, made
    token = made.stdout.strip()
    token_id = token.split("_")[1]
    assert made.stderr == f"Token {token_id} (admin); it is shown this one time:\n"
    listed = kept.give("tokens", "list", "--api", address, BATCHWRIGHT_TOKEN=token)
    assert (listed.returncode, token_id in listed.stdout, token in listed.stdout) == (0, True, False)
    assert kept.give("tokens", "revoke", token_id).stdout == f"Token {token_id} (nightly) is revoked.\n"
    refused = kept.give("tokens", "list", "--api", address, BATCHWRIGHT_TOKEN=token)
    assert refused.returncode == 2
    assert refused.stderr.startswith(f"the API at {address} does not take this token: it is wrong, revoked or past its")


def test_a_token_is_told_once_also_in_json(kept: Terminal) -> None:
    words = ("tokens", "create", "films only", "--workflow", "films", "--expires-in-days", "7", "--json")
    document = json.loads(kept.give(*words).stdout)
    assert document["secret"].startswith(f"bw_{document['token']['token_id']}_")
    listed = kept.give("tokens", "list", "--json")
    assert document["token"] in json.loads(listed.stdout)
    assert document["secret"] not in listed.stdout


def test_a_token_that_is_not_there_is_a_mistake(kept: Terminal) -> None:
    done = kept.give("tokens", "revoke", "f" * 16)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"there is no token '{'f' * 16}'")


def test_the_address_of_the_api_is_told(kept: Terminal, address: str) -> None:
    assert address.startswith("http://127.0.0.1:")
    assert f"  BATCHWRIGHT_API={address}\n" in kept.give("local", "status").stdout


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["tokens", "create", "x" * 65], "name must be 64 or fewer characters, not 'xxx"),
        (["tokens", "create", "n", "--workflow", "a b"], "workflow must be a workflow's name, not 'a b'"),
    ],
)
def test_what_no_request_may_hold_is_a_mistake_of_one_line(kept: Terminal, words: list[str], told: str) -> None:
    done = kept.give(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(told), done.stderr
    assert done.stderr.count("\n") == 1
