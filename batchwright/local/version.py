"""Which Batchwright this is: the release, and in a clone the commit that is checked out.

A local AWS keeps running with the code that it was started with, while `git pull` changes what commands are made of.
The two may disagree about anything, so commands compare their versions first.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from chalicelib.version import VERSION

_CLONE = Path(__file__).resolve().parents[2]
_COMMIT_CHARACTERS = 12


@cache
def version_of_code() -> str:
    """`0.1.0`, or `0.1.0+4b825dc642cb` in a clone."""
    commit = _commit(_CLONE)
    return f"{VERSION}+{commit[:_COMMIT_CHARACTERS]}" if commit else VERSION


def _commit(folder: Path) -> str | None:
    """The commit that is checked out in a folder, without asking git; None if the folder is no clone."""
    try:
        git = _git_folder(folder)
        head = (git / "HEAD").read_text(encoding="utf-8").strip()
        if not head.startswith("ref: "):
            return head
        return _commit_of_branch(git, head.removeprefix("ref: "))
    except OSError:
        return None


def _git_folder(folder: Path) -> Path:
    git = folder / ".git"
    if git.is_dir():
        return git
    # A worktree has a file that says where its own part is.
    return folder / git.read_text(encoding="utf-8").strip().removeprefix("gitdir: ")


def _commit_of_branch(git: Path, name: str) -> str | None:
    shared = git / "commondir"
    store = git / shared.read_text(encoding="utf-8").strip() if shared.is_file() else git
    for loose in (git / name, store / name):
        if loose.is_file():
            return loose.read_text(encoding="utf-8").strip()
    for line in (store / "packed-refs").read_text(encoding="utf-8").splitlines():
        commit, _, packed = line.partition(" ")
        if packed == name:
            return commit
    return None
