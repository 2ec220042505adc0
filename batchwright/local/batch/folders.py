"""The folder that a job attempt has for itself.

Owns: the layout below the work folder, and the clean-up after an attempt. What is in it at first is the image's
(images.py).
"""

from __future__ import annotations

import shutil
from pathlib import Path

from batchwright.local.batch.images import Copy, FolderImage


class AttemptFolder:
    """`home` is HOME, `scratch` what TMPDIR points to. Both are in `root`, which `remove()` deletes. The command runs
    in `working`: that is `home`, or the image's own folder."""

    def __init__(self, work_folder: Path, job_id: str, attempt: int, image: FolderImage | None) -> None:
        self.root = work_folder / f"{job_id.replace(':', '.')}-{attempt}"
        self.home = self.root / "home"
        self.scratch = self.root / "tmp"
        self.working = image.folder if image is not None and image.in_place else self.home
        self._image = image

    @property
    def is_quick(self) -> bool:
        """True if nothing has to be copied."""
        return self._image is None or self._image.in_place

    def prepare(self) -> None:
        """Make the folders and bring the image in. Raises CannotPullImage."""
        self.home.mkdir(parents=True)
        self.scratch.mkdir()
        if self._image is None:
            return
        if self._image.in_place:
            self._image.check()
        else:
            Copy(self._image, without=self.root.parent).into(self.home)

    def remove(self) -> None:
        """Forget the attempt's files. The common case, two empty folders, takes three calls."""
        try:
            self.scratch.rmdir()
            self.home.rmdir()
            self.root.rmdir()
        except OSError:
            shutil.rmtree(self.root, ignore_errors=True)
