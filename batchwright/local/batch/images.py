"""Images: what a job finds in its working folder when it starts.

Owns the names of images and the copying. `file:///abs/folder` stands for an image whose WORKDIR holds the entries of
that folder, and each job attempt gets a copy, as each container does. With `?in-place` behind it the attempt works in
the folder itself. Any other image is an empty folder.

A copy shares the bytes of its original where the file system can do that (reflinks: btrfs, XFS, bcachefs). Elsewhere
large files are hard links: to copy them for each attempt would take longer than most attempts.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import shutil
import stat
import sys
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

FILE_SCHEME = "file://"
IN_PLACE = "in-place"
ENTRIES_MAXIMUM = 20_000
"""Maximum number of files and folders in an image."""
COPIED_BYTES_MAXIMUM = 1024 * 1024
"""Size above which a file is a hard link, if it cannot share its bytes otherwise."""
_NEVER = frozenset({".git", ".venv", ".batchwright"})
"""What lies beside people's files and is in no image."""
_INSTALLED = "node_modules"
_CLONE = 0x40049409
"""FICLONE of <linux/fs.h>."""


class CannotPullImage(Exception):
    """The image names a folder that is not there, or is too large to be copied for each job."""


@dataclass(frozen=True, slots=True)
class FolderImage:
    """A folder that stands for an image."""

    name: str
    folder: Path
    in_place: bool

    def check(self) -> None:
        """Raises CannotPullImage if the folder is not there."""
        if not self.folder.is_dir():
            raise CannotPullImage(f"no folder {self.folder} for the image {self.name}")


def folder_image(name: str, in_place: bool = False) -> FolderImage | None:
    """The folder that an image names; None if it names none. `in_place` asks for all of them what `?in-place` asks for
    one."""
    if not name.startswith(FILE_SCHEME):
        return None
    parts = urlsplit(name)
    return FolderImage(name, Path(unquote(parts.path)), in_place or parts.query == IN_PLACE)


class Copy:
    """Copies a folder's entries. `without` is a folder that is left out: the one in which the copies are."""

    def __init__(self, image: FolderImage, without: Path) -> None:
        self._image = image
        self._without = without
        self._count = 0
        self._can_clone = sys.platform == "linux"

    def into(self, target: Path) -> None:
        """Copy all entries into a folder that is there and empty. Raises CannotPullImage."""
        self._image.check()
        waiting = [(self._image.folder, target)]
        while waiting:
            source, made = waiting.pop()
            with os.scandir(source) as entries:
                for entry in entries:
                    if entry.name not in _NEVER and Path(entry.path) != self._without:
                        self._take(entry, made / entry.name, waiting)

    def _take(self, entry: os.DirEntry[str], target: Path, waiting: list[tuple[Path, Path]]) -> None:
        self._count += 1
        if self._count > ENTRIES_MAXIMUM:
            raise CannotPullImage(
                f"{self._image.folder} holds more than {ENTRIES_MAXIMUM:,} files and folders, and the image "
                f"{self._image.name} is copied for each job; move what jobs need into a folder of its own, or let them "
                f"work in this one with --in-place or with ?{IN_PLACE} behind the image's name"
            )
        with contextlib.suppress(FileNotFoundError):  # it was removed meanwhile
            if entry.is_symlink():
                target.symlink_to(self._where_it_leads(entry))
            elif entry.is_dir():
                self._take_folder(entry, target, waiting)
            elif entry.is_file():
                self._take_file(entry, target)

    def _take_folder(self, entry: os.DirEntry[str], target: Path, waiting: list[tuple[Path, Path]]) -> None:
        if entry.name == _INSTALLED or os.path.exists(os.path.join(entry.path, "pyvenv.cfg")):
            # What was installed there is large, and used where it is.
            target.symlink_to(os.path.abspath(entry.path))
            return
        target.mkdir()
        target.chmod(stat.S_IMODE(entry.stat().st_mode) | stat.S_IRWXU)
        waiting.append((Path(entry.path), target))

    def _where_it_leads(self, entry: os.DirEntry[str]) -> str:
        """The target of a link as the copy must have it: what leads out of the image leads there from anywhere."""
        link = os.readlink(entry.path)
        if os.path.isabs(link):
            return link
        leads_to = os.path.normpath(os.path.join(os.path.dirname(entry.path), link))
        inside = os.path.commonpath([self._image.folder, leads_to]) == str(self._image.folder)
        return link if inside else leads_to

    def _take_file(self, entry: os.DirEntry[str], target: Path) -> None:
        if self._can_clone and self._clone(entry.path, target):
            return
        if entry.stat().st_size > COPIED_BYTES_MAXIMUM:
            with contextlib.suppress(OSError):  # another file system, or not allowed
                os.link(entry.path, target)
                return
        shutil.copy2(entry.path, target)

    def _clone(self, source: str, target: Path) -> bool:
        with open(source, "rb") as original, target.open("wb") as copy:
            try:
                fcntl.ioctl(copy, _CLONE, original.fileno())
            except OSError as error:
                # Any other reason concerns this one file.
                self._can_clone = error.errno not in (errno.EOPNOTSUPP, errno.ENOTTY, errno.EXDEV, errno.ENOSYS)
                target.unlink()
                return False
        shutil.copystat(source, target)
        return True
