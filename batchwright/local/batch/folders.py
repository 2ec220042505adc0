"""The working folder of a job attempt, and the "image" that is linked into it.

Owns: the layout below the work folder, `file://` images, and the clean-up after an attempt.
An image named `file:///abs/folder` stands for one whose WORKDIR holds the entries of that folder; they are linked,
not copied, so a job that writes into a linked folder changes the original. Any other image is an empty folder.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from urllib.parse import unquote, urlsplit

FILE_SCHEME = "file://"
_NEVER_LINKED = frozenset({".git", ".venv", ".batchwright"})
"""What lies beside people's files and is in no image."""


class CannotPullImage(Exception):
    """The image names a folder that is not there."""


class AttemptFolder:
    """`home` is the working folder, `scratch` what TMPDIR points to. Both are in `root`, which `remove()` deletes."""

    def __init__(self, work_folder: Path, job_id: str, attempt: int) -> None:
        self.root = work_folder / f"{job_id.replace(':', '.')}-{attempt}"
        self.home = self.root / "home"
        self.scratch = self.root / "tmp"

    def prepare(self, image: str) -> None:
        """Make the folders and link the image's entries. Raises CannotPullImage."""
        self.home.mkdir(parents=True)
        self.scratch.mkdir()
        if not image.startswith(FILE_SCHEME):
            return
        source = Path(unquote(urlsplit(image).path))
        if not source.is_dir():
            raise CannotPullImage(f"no folder {source} for the image {image}")
        for entry in source.iterdir():
            if entry.name in _NEVER_LINKED:
                continue
            (self.home / entry.name).symlink_to(entry)

    def remove(self) -> None:
        """Forget the attempt's files. The common case, two empty folders, takes three calls."""
        try:
            self.scratch.rmdir()
            self.home.rmdir()
            self.root.rmdir()
        except OSError:
            shutil.rmtree(self.root, ignore_errors=True)
