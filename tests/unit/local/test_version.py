"""The version of the code, in clones as git makes them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from batchwright.local import version
from chalicelib.version import VERSION


def git(folder: Path, *words: str) -> str:
    identity = ["-c", "user.name=me", "-c", "user.email=me@example.org", "-c", "commit.gpgsign=false"]
    done = subprocess.run(["git", *identity, *words], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "clone"
    folder.mkdir()
    git(folder, "init", "--quiet")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", "first")
    return folder


def version_in(folder: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(version, "_CLONE", folder)
    version.version_of_code.cache_clear()
    try:
        return version.version_of_code()
    finally:
        version.version_of_code.cache_clear()


def expected(folder: Path) -> str:
    return f"{VERSION}+{git(folder, 'rev-parse', 'HEAD')[:12]}"


def test_a_clone_adds_its_commit_however_git_keeps_it(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = expected(clone)
    assert version_in(clone, monkeypatch) == first
    git(clone, "pack-refs", "--all")
    assert version_in(clone, monkeypatch) == first
    git(clone, "checkout", "--quiet", "--detach")
    assert version_in(clone, monkeypatch) == first
    git(clone, "checkout", "--quiet", "-b", "topic/one")
    git(clone, "commit", "--quiet", "--allow-empty", "--message", "second")
    assert version_in(clone, monkeypatch) == expected(clone) != first


def test_a_worktree_has_the_commit_of_its_own_branch(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = clone.parent / "other"
    git(clone, "worktree", "add", "--quiet", str(other))
    git(other, "commit", "--quiet", "--allow-empty", "--message", "there")
    assert expected(other) != expected(clone)
    assert version_in(other, monkeypatch) == expected(other)
    git(clone, "pack-refs", "--all")
    assert version_in(other, monkeypatch) == expected(other)


def test_what_is_no_clone_has_the_version_of_the_release(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert version_in(tmp_path, monkeypatch) == VERSION
