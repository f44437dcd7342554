"""Runs a command whose terminal output stays its own, and keeps the end of it.

With a terminal the child gets a pseudo-terminal of the same size, so that docker draws as it would without us; without
one it gets a pipe. Either way every byte goes on at once, and the last ones are kept for the error message.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import tempfile
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Sequence
    from pathlib import Path
    from types import FrameType
    from typing import BinaryIO

# buildx's summary of a failure is a few kB; one rawjson line may hold a long piece of a step's log.
KEPT_BYTES = 512 * 1024
_CHUNK = 64 * 1024
# How often a child that closed nothing is asked whether it has ended: a process of its own may hold the stream open.
_POLL_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended."""

    status: int
    """The exit status; negative: the signal that ended it."""
    tail: str
    """The end of what it printed."""
    interrupted: bool
    """Whether SIGINT or SIGTERM asked for the end."""


def relay(command: Sequence[str], *, stdin: bytes, folder: Path, out: BinaryIO) -> Ended:
    """Run ``command`` in ``folder`` with ``stdin``, and pass all that it prints on to ``out``.

    Its stdout too: ours is for results.

    An interrupt is passed on to the child's process group, and the child waited for: buildx ends its work in order on
    the first one, and at once on the third. Raises OSError where the command cannot be started.
    """
    tail = _Tail()
    # The interrupts first: one that comes while the child starts must not leave it behind.
    with _passing_interrupts() as interrupts, tempfile.TemporaryFile() as source, _stream_like(out) as (ours, theirs):
        source.write(stdin)
        source.seek(0)
        try:
            # A session of its own, so that each interrupt reaches it once: from us.
            child = subprocess.Popen(
                list(command), stdin=source, stdout=theirs, stderr=theirs, cwd=folder, start_new_session=True
            )
        finally:
            os.close(theirs)
        interrupts.go_to(child)
        for chunk in _chunks(ours, child):
            tail.add(chunk)
            _write(out, chunk)
        status = child.wait()
    return Ended(status, tail.text(), interrupted=interrupts.came)


class _Tail:
    """The last bytes of a stream."""

    def __init__(self) -> None:
        self._chunks: deque[bytes] = deque()
        self._size = 0

    def add(self, chunk: bytes) -> None:
        self._chunks.append(chunk)
        self._size += len(chunk)
        while self._size - len(self._chunks[0]) >= KEPT_BYTES:
            self._size -= len(self._chunks.popleft())

    def text(self) -> str:
        return b"".join(self._chunks).decode("utf-8", "replace")


@contextlib.contextmanager
def _stream_like(out: BinaryIO) -> Iterator[tuple[int, int]]:
    """A pair of descriptors, ours to read and theirs to write; theirs is a terminal if ``out`` is one.

    Theirs is the caller's to close, as soon as the child has it.
    """
    if not (out.isatty() and hasattr(os, "openpty")):
        ours, theirs = os.pipe()
        with os.fdopen(ours, "rb", buffering=0):
            yield ours, theirs
        return
    ours, theirs = os.openpty()
    with os.fdopen(ours, "rb", buffering=0), _following_size(out.fileno(), ours):
        yield ours, theirs


@contextlib.contextmanager
def _following_size(terminal: int, copy: int) -> Iterator[None]:
    """Keep the pseudo-terminal ``copy`` as large as ``terminal``."""
    import fcntl
    import termios

    def resize(_signal: int = 0, _frame: FrameType | None = None) -> None:
        with contextlib.suppress(OSError):  # the window is gone: there is no size to follow
            fcntl.ioctl(copy, termios.TIOCSWINSZ, fcntl.ioctl(terminal, termios.TIOCGWINSZ, b"\0" * 8))

    resize()
    before = signal.signal(signal.SIGWINCH, resize)
    try:
        yield
    finally:
        signal.signal(signal.SIGWINCH, before)


class _Interrupts:
    """The interrupts that came, and the child that gets them."""

    def __init__(self) -> None:
        self._numbers: list[int] = []
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def came(self) -> bool:
        return bool(self._numbers)

    def pass_on(self, number: int, _frame: FrameType | None) -> None:
        self._numbers.append(number)
        self._send(number)

    def go_to(self, child: subprocess.Popen[bytes]) -> None:
        """From now on to this child, those that came before it too."""
        self._child = child
        for number in tuple(self._numbers):
            self._send(number)

    def _send(self, number: int) -> None:
        if self._child is not None:
            with contextlib.suppress(ProcessLookupError):  # it has just ended by itself
                os.killpg(self._child.pid, number)


@contextlib.contextmanager
def _passing_interrupts() -> Iterator[_Interrupts]:
    """Pass SIGINT and SIGTERM on."""
    interrupts = _Interrupts()
    before = {number: signal.signal(number, interrupts.pass_on) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield interrupts
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _chunks(descriptor: int, child: subprocess.Popen[bytes]) -> Iterator[bytes]:
    """What the child writes, until it has ended and nothing is left."""
    while True:
        readable, _, _ = select.select([descriptor], [], [], _POLL_SECONDS)
        if not readable:
            if child.poll() is not None:
                return
            continue
        try:
            chunk = os.read(descriptor, _CHUNK)
        except OSError:  # EIO: how Linux says that the last writer of a pseudo-terminal is gone
            return
        if not chunk:
            return
        yield chunk


def _write(out: BinaryIO, chunk: bytes) -> None:
    """Pass on; a reader that went away (`2>&1 | head`) does not stop the build."""
    with contextlib.suppress(BrokenPipeError):
        out.write(chunk)
        out.flush()
