"""The copy of an image that each attempt works in."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from batchwright.local.batch import images
from batchwright.local.batch.folders import AttemptFolder
from batchwright.local.batch.images import CannotPullImage, folder_image

LARGE = images.COPIED_BYTES_MAXIMUM + 1


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A project's folder."""
    folder = tmp_path / "project"
    for name in ("src/pkg", "data/empty", ".git/objects", ".venv/bin", ".batchwright", "env/bin", "web/node_modules/x"):
        (folder / name).mkdir(parents=True)
    (folder / "env" / "pyvenv.cfg").write_text("home = /usr/bin")
    (folder / "src" / "pkg" / "step.py").write_text("print('hello')")
    (folder / "run.sh").write_text("#!/bin/sh\n")
    (folder / "run.sh").chmod(0o755)
    (folder / "model.bin").write_bytes(b"x" * LARGE)
    (tmp_path / "outside.txt").write_text("outside")
    (folder / "src" / "link.py").symlink_to("pkg/step.py")
    (folder / "outside.txt").symlink_to("../outside.txt")
    (folder / "nowhere").symlink_to("not-there")
    os.mkfifo(folder / "pipe")
    return folder


def prepared(source: Path, work: Path, name: str = "") -> AttemptFolder:
    folder = AttemptFolder(work, "job", 1, folder_image(name or source.as_uri()))
    folder.prepare()
    return folder


def test_an_attempt_has_a_copy_that_nothing_leads_out_of(source: Path, tmp_path: Path) -> None:
    home = prepared(source, tmp_path / "work").working
    assert sorted(path.name for path in home.iterdir()) == [
        *("data", "env", "model.bin", "nowhere", "outside.txt", "run.sh", "src", "web"),
    ]
    step = home / "src" / "pkg" / "step.py"
    assert step.resolve() == step
    assert (home / "src" / "link.py").resolve() == step
    assert (home / "outside.txt").read_text() == "outside"
    assert (home / "data" / "empty").is_dir()
    assert os.access(home / "run.sh", os.X_OK)
    assert step.stat().st_mtime == (source / "src" / "pkg" / "step.py").stat().st_mtime
    # What was installed is used where it is.
    assert (home / "env").resolve() == source / "env"
    assert (home / "web" / "node_modules").resolve() == source / "web" / "node_modules"


def test_what_a_job_writes_leaves_the_original_alone(source: Path, tmp_path: Path) -> None:
    folder = prepared(source, tmp_path / "work")
    (folder.working / "src" / "pkg" / "step.py").write_text("changed")
    (folder.working / "src" / "new.py").write_text("new")
    (folder.working / "model.bin").unlink()
    folder.remove()
    assert (source / "src" / "pkg" / "step.py").read_text() == "print('hello')"
    assert not (source / "src" / "new.py").exists()
    assert (source / "model.bin").stat().st_size == LARGE
    assert (source / "env" / "pyvenv.cfg").exists()
    assert not folder.root.exists()


def test_a_large_file_takes_no_room(source: Path, tmp_path: Path) -> None:
    before = shutil.disk_usage(tmp_path).free
    copy = prepared(source, tmp_path / "work").working / "model.bin"
    shares = copy.stat().st_ino == (source / "model.bin").stat().st_ino
    assert shares or before - shutil.disk_usage(tmp_path).free < LARGE
    assert copy.read_bytes() == b"x" * LARGE


def test_a_folder_with_the_copies_in_it_is_not_copied_into_itself(source: Path) -> None:
    home = prepared(source, source / "jobs").working
    assert not (home / "jobs").exists()
    assert (home / "run.sh").exists()


def test_in_place_the_attempt_works_in_the_folder_itself(source: Path, tmp_path: Path) -> None:
    folder = prepared(source, tmp_path / "work", f"{source.as_uri()}?in-place")
    assert (folder.working, folder.is_quick) == (source, True)
    assert list(folder.home.iterdir()) == []
    folder.remove()
    assert (source / "run.sh").exists()


def test_a_folder_with_too_much_in_it_is_refused_with_what_to_do(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(images, "ENTRIES_MAXIMUM", 5)
    with pytest.raises(CannotPullImage, match=r"project holds more than 5 files .+ --in-place or with \?in-place"):
        prepared(source, tmp_path / "work")


@pytest.mark.parametrize("query", ["", "?in-place"])
def test_a_folder_that_is_not_there_is_refused(query: str, tmp_path: Path) -> None:
    with pytest.raises(CannotPullImage, match="no folder /no/such/folder for the image file:///no/such/folder"):
        prepared(tmp_path, tmp_path / "work", f"file:///no/such/folder{query}")
