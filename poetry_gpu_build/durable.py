"""Writes files so that at every moment they are the old or the new ones, and never loses somebody else's change."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from typing import TYPE_CHECKING

from poetry_gpu_build.documents.source import Position
from poetry_gpu_build.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

_RUN_AGAIN = ("run the command again",)


def write_whole(path: Path, old_text: str | None, new_text: str, *, root: Path | None = None) -> None:
    """Write a text, unless the file is no longer what was read; with ``old_text`` None the file must not exist.

    Written beside, synced and renamed: at every moment the file is the old or the new one. Its mode is kept, and its
    owner where that is allowed. Through a symbolic link the file behind it is written and the link stays; with a
    ``root``, a link that leads out of it is refused, since a project must not decide about files of others.
    Raises ConfigurationError, with nothing written, if the file changed, cannot be written or must not be.
    """
    try:
        real = path.resolve()
        if root is not None and not real.is_relative_to(root.resolve()):
            raise _refusal(path, f"is a link to {real}, outside the project", ("mend it there by hand",))
        _replace(real, _encoded(old_text), _encoded(new_text) or b"")
    except _ChangedMeanwhileError as error:
        raise _refusal(path, "changed since it was read, and was not written", _RUN_AGAIN) from error
    except (OSError, RuntimeError) as error:  # RuntimeError: a loop of links, before Python 3.13
        reason = getattr(error, "strerror", None) or str(error)
        raise _refusal(path, f"cannot be written: {reason}") from error
    except UnicodeEncodeError as error:
        raise _refusal(path, "was not written: the new text holds a character that UTF-8 has not") from error


class _ChangedMeanwhileError(Exception):
    """The file is not what it was."""


def _replace(real: Path, old: bytes | None, new: bytes) -> None:
    """Put a file in the place of another, with its mode and its owner; `open` gives a new one those of any new file."""
    beside = real.with_name(f".gpu-build-{os.getpid()}-{os.urandom(4).hex()}")
    try:
        with beside.open("xb") as file:
            if old is not None:
                _take_over(file.fileno(), _regular(real))  # before a byte is in it: the old one may be a secret
            file.write(new)
            file.flush()
            os.fsync(file.fileno())
        _compare(real, old)
        beside.replace(real)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    sync_folder(real.parent)


def _regular(path: Path) -> os.stat_result:
    """Its status; what is gone, or has become a device or a folder, changed."""
    try:
        status = path.stat()
    except FileNotFoundError as error:
        raise _ChangedMeanwhileError from error
    if not stat.S_ISREG(status.st_mode):
        raise _ChangedMeanwhileError
    return status


def _compare(path: Path, old: bytes | None) -> None:
    if old is None:
        if path.exists():
            raise _ChangedMeanwhileError
        return
    _regular(path)
    if path.read_bytes() != old:
        raise _ChangedMeanwhileError


def _take_over(descriptor: int, status: os.stat_result) -> None:
    own = os.fstat(descriptor)
    if (own.st_uid, own.st_gid) != (status.st_uid, status.st_gid):
        with suppress(PermissionError):  # only root may give a file away
            os.fchown(descriptor, status.st_uid, status.st_gid)
    os.fchmod(descriptor, stat.S_IMODE(status.st_mode))


def _encoded(text: str | None) -> bytes | None:
    return None if text is None else text.encode("utf-8", "surrogateescape")


def _refusal(path: Path, why: str, ways_out: tuple[str, ...] = ()) -> ConfigurationError:
    return ConfigurationError(f"{path.name} {why}", where=Position(path), ways_out=ways_out)


def sync_folder(folder: Path) -> None:
    """Make a rename in a folder last. Not every file system can; the files themselves are whole either way."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
