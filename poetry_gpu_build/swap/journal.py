"""The record of a swap: every step is written down before it is done, so that whoever finds it can take it back.

It lies beside what it is about, in ``.gpu-build-swap`` of the site-packages folder, with the originals of all that was
moved aside. A record whose last line is not ``done`` is of a run that was interrupted. Taking back goes from the last
step to the first and cuts each off the record: it needs no space on the disk, and can be interrupted as well.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

from poetry_gpu_build.durable import sync_folder
from poetry_gpu_build.errors import ConfigurationError
from poetry_gpu_build.swap.moving import move
from poetry_gpu_build.swap.moving import part_of
from poetry_gpu_build.swap.moving import remove

if TYPE_CHECKING:
    from collections.abc import Callable

STATE_NAME = ".gpu-build-swap"

_JOURNAL = "journal"
_FORMAT = 1
_DONE = {"do": "done"}


class Journal:
    """The steps of one swap. Every method that changes something raises OSError."""

    def __init__(self, purelib: Path, on_step: Callable[[str], None] = lambda _: None) -> None:
        """Nothing is read or written yet; ``on_step`` is told before and after each thing that is done."""
        self.state = purelib / STATE_NAME
        self.file = self.state / _JOURNAL
        self.header: dict[str, Any] = {}
        self._steps: list[tuple[int, dict[str, str]]] = []
        """Each with the place in the file at which it begins."""
        self._end = 0
        self._on_step = on_step

    def read(self) -> bool:
        """Read what is there; False where there is no swap. A torn last line is of a step that was not done."""
        try:
            content = self.file.read_bytes()
        except FileNotFoundError:
            return False
        self._steps, self._end = [], 0
        for line in content.splitlines(keepends=True):
            try:
                entry = json.loads(line)
            except ValueError:
                entry = None
            if not isinstance(entry, dict) or not line.endswith(b"\n"):
                break
            if self._end == 0:
                self.header = entry
            else:
                self._steps.append((self._end, entry))
            self._end += len(line)
        if self.header and self.header.get("format") != _FORMAT:
            raise ConfigurationError(
                f"{self.file} is of another version of this program",
                ways_out=("undo the swap with that version: poetry gpu-build swap --undo",),
            )
        return bool(self.header)

    @property
    def is_done(self) -> bool:
        """Whether the run that wrote it came to its end."""
        return bool(self._steps) and self._steps[-1][1] == _DONE

    @property
    def moved(self) -> list[Path]:
        """Where something was that is moved aside."""
        return [Path(step["from"]) for _, step in self._steps if step["do"] == "move"]

    @property
    def made(self) -> set[Path]:
        """What the swap has put there."""
        return {Path(step["path"]) for _, step in self._steps if step["do"] == "make"}

    def begin(self, **header: Any) -> None:
        """Start a record; what an earlier run left without one is of no value."""
        self._on_step("begin")
        self.clear()
        self.state.mkdir()
        self.header, self._steps, self._end = {"format": _FORMAT, **header}, [], 0
        try:
            self._append(self.header)
        except BaseException:
            remove(self.state)
            raise

    def clear(self) -> None:
        """Remove what a run left that was killed before it wrote down anything, or after it took all back.

        Raises ConfigurationError where something is there that was moved aside.
        """
        kept = self.state / "kept"
        if any(path.is_symlink() or not path.is_dir() for path in kept.rglob("*")):
            raise ConfigurationError(
                f"{kept} holds what was moved aside, and the record that says from where is gone",
                ways_out=(f"put it back by hand, and remove {self.state}",),
            )
        remove(self.state)

    def reopen(self) -> None:
        """Go on with a record that was done."""
        if self.is_done:
            self._cut(self._steps[-1][0])
            self._steps.pop()

    def finish(self) -> None:
        """Say that all is done."""
        start = self._end
        self._append(_DONE)
        self._steps.append((start, _DONE))
        self._on_step("done")

    def set_aside(self, path: Path) -> None:
        """Move what is at a path to the originals."""
        kept = self.state / "kept" / str(len(self._steps)) / path.name
        kept.parent.mkdir(parents=True, exist_ok=True)
        self._record({"do": "move", "from": str(path), "to": str(kept)})
        move(path, kept)
        self._on_step(f"moved {path}")

    def create(self, path: Path, text: str) -> None:
        """Write a file that is not there; it is written here and moved, so that nobody sees half of it."""
        new = self.state / "new"
        with new.open("w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        new.chmod(0o644)
        self._record({"do": "make", "path": str(path)})
        move(new, path)
        self._on_step(f"wrote {path}")

    def link(self, path: Path, target: Path) -> None:
        """Make a symbolic link where nothing is."""
        self._record({"do": "make", "path": str(path)})
        path.symlink_to(target)
        self._on_step(f"linked {path}")

    def told(self, what: str) -> None:
        """Tell whoever counts the steps."""
        self._on_step(what)

    def making(self, path: Path) -> None:
        """Say that the caller is about to make this file or folder."""
        self._record({"do": "make", "path": str(path)})

    def take_back(self, keep: int = 0) -> None:
        """Undo every step but the first ``keep``; with none kept the record goes too."""
        while len(self._steps) > keep:
            start, step = self._steps[-1]
            self._on_step("take back")
            match step["do"]:
                case "move":
                    was, kept = Path(step["from"]), Path(step["to"])
                    remove(part_of(was))
                    remove(part_of(kept))
                    move(kept, was)
                case "make":
                    remove(part_of(Path(step["path"])))
                    remove(Path(step["path"]))
                case _:
                    pass  # done
            self._cut(start)
            self._steps.pop()
        if keep == 0 and self.state.is_dir():
            self._on_step("take back the record")
            # Last of all what says that there is something to take back.
            for entry in self.state.iterdir():
                if entry != self.file:
                    remove(entry)
            remove(self.file)
            self.state.rmdir()

    def __len__(self) -> int:
        return len(self._steps)

    def _record(self, step: dict[str, str]) -> None:
        start = self._end
        self._append(step)
        self._steps.append((start, step))
        self._on_step(f"recorded {step['do']}")

    def _append(self, entry: dict[str, Any]) -> None:
        line = (json.dumps(entry) + "\n").encode()
        with self.file.open("ab") as file:
            os.ftruncate(file.fileno(), self._end)  # a torn line of a run before
            file.write(line)
            file.flush()
            os.fsync(file.fileno())
        self._end += len(line)
        sync_folder(self.state)

    def _cut(self, end: int) -> None:
        with self.file.open("r+b") as file:
            os.ftruncate(file.fileno(), end)
            os.fsync(file.fileno())
        self._end = end
