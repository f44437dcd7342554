"""Moves files and folders so that nothing is lost when it is interrupted: moved again, or back, it ends whole.

Usually a move is one rename. In a step of an image's build it is not: overlayfs refuses to rename a folder that comes
from an earlier layer (EXDEV), and moves its files all the same. So a folder that cannot be renamed is moved entry by
entry, and what cannot be renamed at all is copied beside its new place, renamed there, and only then removed here.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_NOT_AT_ONCE = (errno.EXDEV, errno.ENOTEMPTY, errno.EEXIST)
_BESIDE = ".gpu-build-part"


def move(source: Path, target: Path) -> None:
    """Move all that is at ``source`` to ``target``; what a move that was interrupted left at both is merged.

    Nothing happens where ``source`` does not exist. Raises OSError.
    """
    try:
        status = source.lstat()
    except FileNotFoundError:
        return
    is_folder = stat.S_ISDIR(status.st_mode)
    try:
        source.rename(target)
    except OSError as error:
        if error.errno not in _NOT_AT_ONCE:
            raise
        if is_folder:
            _move_entries(source, target, status)
        else:
            _copy(source, target)
            _unlink(source, target)


def _move_entries(source: Path, target: Path, status: os.stat_result) -> None:
    with suppress(FileExistsError):
        target.mkdir(mode=stat.S_IMODE(status.st_mode))
        _take_over(target, status)
    for entry in sorted(source.iterdir()):
        if entry.name.endswith(_BESIDE):
            entry.unlink()  # half a copy: what it is of lies at the other place
        else:
            move(entry, target / entry.name)
    with suppress(OSError):
        os.utime(target, ns=(status.st_atime_ns, status.st_mtime_ns))
    source.rmdir()


def _copy(source: Path, target: Path) -> None:
    """Copy to another file system: whole or not at all."""
    beside = part_of(target)
    beside.unlink(missing_ok=True)
    try:
        shutil.copy2(source, beside, follow_symlinks=False)
        with suppress(PermissionError):
            os.chown(beside, source.lstat().st_uid, source.lstat().st_gid, follow_symlinks=False)
        if not beside.is_symlink():
            with beside.open("rb") as file:
                os.fsync(file.fileno())
        beside.rename(target)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def _unlink(source: Path, copy: Path) -> None:
    """Remove what was copied; where that is not allowed, rather the copy than to have it twice."""
    try:
        source.unlink()
    except OSError:
        copy.unlink()
        raise


def part_of(path: Path) -> Path:
    """Where half a copy of a file may lie after a move that was interrupted."""
    return path.with_name(f"{path.name}{_BESIDE}")


def _take_over(folder: Path, status: os.stat_result) -> None:
    folder.chmod(stat.S_IMODE(status.st_mode))
    with suppress(PermissionError):  # only root may give a folder away
        os.chown(folder, status.st_uid, status.st_gid)


def remove(path: Path) -> None:
    """Remove whatever is at a path, a folder with all that is in it. Raises OSError; not where nothing is there."""
    try:
        is_folder = stat.S_ISDIR(path.lstat().st_mode)
    except FileNotFoundError:
        return
    if is_folder:
        shutil.rmtree(path)
    else:
        path.unlink()
