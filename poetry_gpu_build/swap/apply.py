"""The swap itself: puts a compiled torch in force, and takes that back, whole or not at all.

Two runs at once wait for each other: each holds a lock on the folders that it changes, not on a file, so that nothing
is left behind. A run that was killed left its record (journal.py); the next one takes that back before it begins.
"""

from __future__ import annotations

import errno
import fcntl
import os
from contextlib import ExitStack
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from typing import NamedTuple

from packaging.version import InvalidVersion
from packaging.version import Version

from poetry_gpu_build.errors import ConfigurationError
from poetry_gpu_build.swap.journal import Journal
from poetry_gpu_build.swap.proof import ProofLine
from poetry_gpu_build.swap.proof import version_help
from poetry_gpu_build.swap.pth import ALL_NAMES
from poetry_gpu_build.swap.pth import read_swap
from poetry_gpu_build.swap.pth import swap_files
from poetry_gpu_build.swap.shadow import find_shadows
from poetry_gpu_build.swap.tree import INSTALLER_TEXT
from poetry_gpu_build.swap.tree import read_torch
from poetry_gpu_build.swap.tree import to_mark
from poetry_gpu_build.swap.tree import to_remove

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Iterator

    from poetry_gpu_build.swap.place import Site
    from poetry_gpu_build.swap.proof import Expectation
    from poetry_gpu_build.swap.shadow import Shadow
    from poetry_gpu_build.swap.wheel import Wheel

_AS_ROOT = "run it as root, in a step of the image's build: RUN poetry gpu-build swap --apply"
_WAYS_OUT = {
    errno.ENOSPC: "make room on the disk, and run the command again: the wheel takes ten times its size",
    errno.EDQUOT: "make room on the disk, and run the command again",
    errno.EROFS: _AS_ROOT,
    errno.EACCES: _AS_ROOT,
    errno.EPERM: _AS_ROOT,
}


class Request(NamedTuple):
    """What is to be in force."""

    site: Site
    prefix: Path
    source: Path
    """A wheel, or the prefix itself: what it holds is taken as it is."""
    front: bool
    remove_shadow: bool


def apply(request: Request, expectation: Expectation, on_step: Callable[[str], None] = lambda _: None) -> list[str]:
    """Put it in force; returns what was done, in words, nothing where it was in force already.

    Raises ConfigurationError, or UnreadableBinaryError for a broken wheel, with everything as it was. The caller holds
    the lock.
    """
    with _failures():
        journal, wheel = Journal(request.site.purelib, on_step), _wheel(request, expectation)
        earlier = read_swap(request.site.purelib)
        said = _settle_earlier(journal, wheel, request)
        in_force = len(journal) > 0
        if wheel is None or in_force:
            _check_version(read_torch(request.prefix).version, f"the torch in {request.prefix}", expectation)
        shadows = find_shadows(request.site, [request.prefix, *([earlier] if earlier is not None else [])])
        # What an earlier run had moved aside is back where it was, and may be moved again.
        consent = request.remove_shadow or bool(said and journal.header.get("remove_shadow"))
        if shadows and not consent:
            raise _shadowed(shadows, request)
        steps = _Steps(request._replace(remove_shadow=consent), journal, wheel, in_force)
        try:
            steps.take(shadows)
        except BaseException:
            steps.take_back()
            raise
        return said + steps.said


def _settle_earlier(journal: Journal, wheel: Wheel | None, request: Request) -> list[str]:
    """Take back what is there of an earlier run, unless it is what is asked for; returns what was done, in words."""
    is_there = journal.read()
    unsure = is_there and not journal.is_done
    same = is_there and not unsure and journal.header["prefix"] == str(request.prefix)
    if wheel is not None:
        same = same and journal.header["wheel"] == wheel.digest and request.prefix.is_dir()
        if not same and os.path.lexists(request.prefix) and request.prefix not in journal.made:
            raise ConfigurationError(
                f"{request.prefix} is there already, and not from this wheel",
                ways_out=("take it as it is: poetry gpu-build swap --apply", f"or remove it: rm -r {request.prefix}"),
            )
    if not is_there or same:
        return []
    journal.take_back()
    earlier = "what an interrupted run had begun" if unsure else f"the swap of {journal.header['prefix']}"
    return [f"took back {earlier}"]


def undo(purelib: Path, on_step: Callable[[str], None] = lambda _: None) -> Path | None:
    """Put everything back as it was, byte for byte; returns the prefix, None where there was no swap.

    Raises ConfigurationError. The caller holds the lock.
    """
    journal = Journal(purelib, on_step)
    with _failures():
        if not journal.read():
            journal.clear()
            return None
        made = journal.made
        back = [path for path in journal.moved if os.path.lexists(path) and path not in made]
        if journal.is_done and back:
            raise ConfigurationError(
                f"{back[0]} was moved aside, and something is there again",
                ways_out=(
                    "remove that first, and then undo the swap",
                    "or keep the swap: poetry gpu-build swap --check",
                ),
            )
        prefix = Path(journal.header["prefix"])
        journal.take_back()
        return prefix


def unfinished(purelib: Path) -> tuple[ProofLine, ...]:
    """The line of the proof that says so where a run was interrupted, and nobody has taken it back."""
    with _failures():
        journal = Journal(purelib)
        if not journal.read() or journal.is_done:
            return ()
    help_ = "finish it: poetry gpu-build swap --apply; or take it back: poetry gpu-build swap --undo"
    return (ProofLine("the swap is whole", "a run was interrupted", False, help_),)


@contextmanager
def locked(site: Site, prefix: Path, note: Callable[[str], None]) -> Iterator[None]:
    """Hold the folders that a swap changes for this run alone; waits for another one. Raises ConfigurationError."""
    with ExitStack() as stack:
        for folder in dict.fromkeys((_existing(prefix.parent), site.purelib)):
            with _failures():
                descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
                stack.callback(os.close, descriptor)
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    note(f"waiting for another run that changes {folder}")
                    fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield


class _Steps:
    """The steps of one run: the record is begun with the first of them, so that a run without any leaves no trace."""

    def __init__(self, request: Request, journal: Journal, wheel: Wheel | None, in_force: bool) -> None:  # noqa: FBT001
        self._request = request
        self._journal = journal
        self._wheel = wheel
        self._keep = len(journal) - 1 if in_force else 0
        self._in_force = in_force
        self._begun = False
        self.said: list[str] = []

    def take(self, shadows: list[Shadow]) -> None:
        """All of them."""
        if self._wheel is not None and not self._in_force:
            self._begin()
            self._unpack(self._wheel)
        self._surface(shadows)
        if self._begun:
            self._journal.finish()

    def take_back(self) -> None:
        """After an error: nothing of this run is left, and whatever of an earlier one was in force is so again."""
        if not self._begun or self._journal.is_done:
            return
        try:
            self._journal.take_back(self._keep)
            if self._in_force:
                self._journal.finish()
        except OSError as error:
            raise ConfigurationError(
                f"the swap failed, and could not be taken back: {error.filename}: {error.strerror}",
                ways_out=("mend that, and take it back: poetry gpu-build swap --undo",),
            ) from error

    def _begin(self) -> None:
        if self._begun:
            return
        if self._in_force:
            self._journal.reopen()
        else:
            digest = self._wheel.digest if self._wheel is not None else ""
            consent = self._request.remove_shadow
            self._journal.begin(prefix=str(self._request.prefix), wheel=digest, remove_shadow=consent)
        self._begun = True

    def _unpack(self, wheel: Wheel) -> None:
        """Unpack beside the prefix, and rename: at no moment is half a torch there."""
        from poetry_gpu_build.swap.wheel import unpack_wheel

        prefix, journal = self._request.prefix, self._journal
        for folder in reversed([folder for folder in prefix.parents if not folder.exists()]):
            journal.making(folder)
            folder.mkdir()
        beside = prefix.with_name(f".{prefix.name}.gpu-build-swap")
        journal.making(beside)
        beside.mkdir()
        unpack_wheel(wheel, beside, self._request.site.python, journal.told)
        journal.making(prefix)
        beside.rename(prefix)
        journal.told("unpacked")
        self.said.append(f"unpacked {wheel.path.name} to {prefix}")

    def _surface(self, shadows: list[Shadow]) -> None:
        """Everything else, each only where it is not so yet. The `.pth` file comes last: it puts the swap in force."""
        for shadow in shadows:
            for path in shadow.files:
                self._set_aside(path)
            self.said.append(f"moved {shadow} aside")
        prefix = self._request.prefix
        marks = list(to_mark(prefix))
        for path in list(to_remove(prefix)):
            self._set_aside(path)
        for path in marks:
            self._create(path, INSTALLER_TEXT)
        if marks:
            self.said.append(f"made sure that pip and Poetry cannot uninstall what is in {prefix}")
        self._link_scripts()
        self._write_files()

    def _link_scripts(self) -> None:
        """torchrun and the like; a command of that name that is there already stays."""
        links = []
        for script in sorted(self._request.prefix.joinpath("bin").glob("*")):
            command = self._request.site.scripts / script.name
            if script.is_file() and not os.path.lexists(command):
                self._begin()
                self._journal.link(command, script)
                links.append(script.name)
        if links:
            self.said.append(f"linked {', '.join(links)} into {self._request.site.scripts}")

    def _write_files(self) -> None:
        purelib = self._request.site.purelib
        files = swap_files(self._request.prefix, front=self._request.front)
        if all(_text(purelib / name) == files.get(name) for name in ALL_NAMES):
            return
        for name in reversed(ALL_NAMES):
            if os.path.lexists(purelib / name):
                self._set_aside(purelib / name)
        for name, text in files.items():
            self._create(purelib / name, text)
        self.said.append(f"wrote {', '.join(files)} in {purelib}")

    def _set_aside(self, path: Path) -> None:
        self._begin()
        self._journal.set_aside(path)

    def _create(self, path: Path, text: str) -> None:
        self._begin()
        self._journal.create(path, text)


def _wheel(request: Request, expectation: Expectation) -> Wheel | None:
    """The wheel that is to be unpacked, checked; None where the prefix is taken as it is."""
    if request.source == request.prefix:
        return None
    from poetry_gpu_build.swap.wheel import check_wheel
    from poetry_gpu_build.swap.wheel import find_wheel

    wheel = check_wheel(find_wheel(request.source))
    _check_version(wheel.version, wheel.path.name, expectation)
    return wheel


def _check_version(version: str, whose: str, expectation: Expectation) -> None:
    try:
        if Version(version) == Version(str(expectation.torch)):
            return
    except InvalidVersion:
        pass
    raise ConfigurationError(
        f"{whose} is torch {version}, and the source mode names {expectation.torch}",
        ways_out=(version_help(expectation), "or name another: modes.source.torch in [tool.gpu-build]"),
    )


def _shadowed(shadows: list[Shadow], request: Request) -> ConfigurationError:
    listed = " and ".join(map(str, shadows))
    return ConfigurationError(
        f"{listed} would be imported instead of the one in {request.prefix}",
        ways_out=(
            "move it aside: poetry gpu-build swap --apply --remove-shadow",
            "or keep it from being installed: leave its group out in the source mode, and install after the swap",
        ),
    )


def _text(path: Path) -> str | None:
    """A file's text; None where there is none that is ours."""
    try:
        return path.read_text(encoding="utf-8") if path.is_file() and not path.is_symlink() else None
    except ValueError:
        return ""


def _existing(folder: Path) -> Path:
    return next(each for each in (folder, *folder.parents) if each.is_dir())


@contextmanager
def _failures() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        way_out = _WAYS_OUT.get(error.errno or 0, "mend that, and run the command again")
        raise ConfigurationError(
            f"the swap cannot be changed: {place}{error.strerror or error}", ways_out=(way_out,)
        ) from error
