from __future__ import annotations

import fcntl
import io
import os
import signal
import struct
import subprocess
import sys
import termios
from typing import TYPE_CHECKING
from typing import Any

import pytest

from poetry_gpu_build.engine.relay import KEPT_BYTES
from poetry_gpu_build.engine.relay import Ended
from poetry_gpu_build.engine.relay import relay

if TYPE_CHECKING:
    from pathlib import Path


def run(folder: Path, script: str, *, stdin: bytes = b"", out: io.BytesIO | None = None) -> Ended:
    """Relay a Python script."""
    return relay([sys.executable, "-c", script], stdin=stdin, folder=folder, out=out or io.BytesIO())


class Answering(io.BytesIO):
    """A stream that answers what is written to it with a signal to this process, once."""

    def __init__(self, word: bytes, number: signal.Signals) -> None:
        super().__init__()
        self._word, self._number = word, number

    def write(self, chunk: object) -> int:
        written = super().write(bytes(chunk))  # type: ignore[call-overload]
        if self._word and self._word in self.getvalue():
            self._word = b""
            signal.raise_signal(self._number)
        return int(written)


class Gone(io.BytesIO):
    """A reader that went away."""

    def write(self, _chunk: object) -> int:
        raise BrokenPipeError


# Written at one stroke: with PYTHONUNBUFFERED set, print() writes the line's end apart.
WAITING = """\
import os, signal, sys
try:
    os.write(1, b"ready\\n")
    signal.pause()
except KeyboardInterrupt:
    print("stopping", flush=True)
    sys.exit(130)
"""


def test_both_streams_are_passed_on_and_kept(tmp_path: Path) -> None:
    out = io.BytesIO()
    ended = run(tmp_path, "import sys; print('a', flush=True); print('b', file=sys.stderr)", out=out)
    assert out.getvalue() == b"a\nb\n"
    assert ended == Ended(status=0, tail="a\nb\n", interrupted=False)


def test_every_byte_is_passed_on_as_it_is(tmp_path: Path) -> None:
    out = io.BytesIO()
    ended = run(tmp_path, "import sys; sys.stdout.buffer.write(bytes(range(256)))", out=out)
    assert out.getvalue() == bytes(range(256))
    assert "\ufffd" in ended.tail


@pytest.mark.parametrize("status", [0, 1, 7, 255])
def test_the_exit_status_is_the_childs(tmp_path: Path, status: int) -> None:
    assert run(tmp_path, f"raise SystemExit({status})").status == status


def test_a_child_that_was_killed_has_the_signal_as_its_status(tmp_path: Path) -> None:
    ended = run(tmp_path, "import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    assert (ended.status, ended.interrupted) == (-signal.SIGKILL, False)


def test_it_runs_in_the_folder(tmp_path: Path) -> None:
    assert run(tmp_path, "import os; print(os.getcwd())").tail.strip() == str(tmp_path.resolve())


@pytest.mark.parametrize("size", [0, 1, 3 * 2**20])
def test_its_input_may_be_larger_than_a_pipe_holds(tmp_path: Path, size: int) -> None:
    assert run(tmp_path, "import sys; print(len(sys.stdin.buffer.read()))", stdin=b"x" * size).tail == f"{size}\n"


def test_input_that_nobody_reads_is_no_hindrance(tmp_path: Path) -> None:
    assert run(tmp_path, "print('done')", stdin=b"x" * 2**20).status == 0


def test_all_is_passed_on_and_only_the_end_kept(tmp_path: Path) -> None:
    out = io.BytesIO()
    size = KEPT_BYTES * 4
    ended = run(tmp_path, f"import sys; sys.stdout.write('x' * {size} + 'end')", out=out)
    assert len(out.getvalue()) == size + 3
    assert KEPT_BYTES <= len(ended.tail) <= KEPT_BYTES + 2**17
    assert ended.tail.endswith("xend")


def test_a_program_that_does_not_exist_is_an_error_of_the_operating_system(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        relay([str(tmp_path / "docker")], stdin=b"", folder=tmp_path, out=io.BytesIO())


def test_no_file_is_left_open(tmp_path: Path) -> None:
    run(tmp_path, "")
    before = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0  # noqa: PTH112, PTH208
    run(tmp_path, "print('x')")
    with pytest.raises(FileNotFoundError):
        relay([str(tmp_path / "docker")], stdin=b"", folder=tmp_path, out=io.BytesIO())
    after = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0  # noqa: PTH112, PTH208
    assert after == before


def test_a_reader_that_went_away_does_not_stop_the_build(tmp_path: Path) -> None:
    ended = run(tmp_path, "print('x', flush=True); print('y')", out=Gone())
    assert (ended.status, ended.tail) == (0, "x\ny\n")


# --- interrupts


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_is_passed_on_and_the_child_waited_for(tmp_path: Path, number: signal.Signals) -> None:
    handled = f"import signal; signal.signal({int(number)}, signal.default_int_handler)\n"
    ended = run(tmp_path, handled + WAITING, out=Answering(b"ready\n", number))
    assert ended == Ended(status=130, tail="ready\nstopping\n", interrupted=True)


def test_an_interrupt_reaches_what_the_child_started(tmp_path: Path) -> None:
    command = ["sh", "-c", 'trap : INT; "$1" -c "$2"; exit $?', "sh", sys.executable, WAITING]
    ended = relay(command, stdin=b"", folder=tmp_path, out=Answering(b"ready\n", signal.SIGINT))
    assert ended == Ended(status=130, tail="ready\nstopping\n", interrupted=True)


def test_a_child_that_ends_well_after_an_interrupt_was_interrupted_all_the_same(tmp_path: Path) -> None:
    ended = run(tmp_path, WAITING.replace("130", "0"), out=Answering(b"ready\n", signal.SIGINT))
    assert (ended.status, ended.interrupted) == (0, True)


def test_an_interrupt_reaches_the_child_once(tmp_path: Path) -> None:
    script = """\
import os, signal
count = 0
def note(*_):
    global count
    count += 1
signal.signal(signal.SIGINT, note)
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
os.write(1, b"ready\\n")
signal.sigwait([signal.SIGINT])
count += 1
signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
print(f"{count} came")
"""
    assert "1 came" in run(tmp_path, script, out=Answering(b"ready\n", signal.SIGINT)).tail


def test_an_interrupt_that_comes_while_the_child_starts_reaches_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = subprocess.Popen

    def interrupted(*arguments: Any, **options: Any) -> subprocess.Popen[bytes]:
        signal.raise_signal(signal.SIGINT)
        return start(*arguments, **options)

    monkeypatch.setattr(subprocess, "Popen", interrupted)
    ended = relay(["tail", "-f", "/dev/null"], stdin=b"", folder=tmp_path, out=io.BytesIO())
    assert ended == Ended(status=-signal.SIGINT, tail="", interrupted=True)


def test_afterwards_an_interrupt_is_ours_again(tmp_path: Path) -> None:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    run(tmp_path, "")
    assert {number: signal.getsignal(number) for number in before} == before


# --- a process that outlives the child


def test_a_process_that_holds_the_stream_open_does_not_hold_us_up(tmp_path: Path) -> None:
    script = """\
import subprocess
holder = subprocess.Popen(["tail", "-f", "/dev/null"], start_new_session=True)
print(holder.pid)
"""
    ended = run(tmp_path, script)
    os.kill(int(ended.tail), signal.SIGKILL)
    assert ended.status == 0


# --- a terminal


def sized(terminal: int, rows: int, columns: int) -> None:
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


ASKING = "import os, sys; print(sys.stdout.isatty(), sys.stderr.isatty(), tuple(os.get_terminal_size(2)))"


def test_with_a_terminal_the_child_has_one_of_the_same_size(tmp_path: Path) -> None:
    ours, theirs = os.openpty()
    sized(theirs, 33, 77)
    with os.fdopen(ours, "rb", buffering=0) as screen, os.fdopen(theirs, "wb", buffering=0) as out:
        ended = relay([sys.executable, "-c", ASKING], stdin=b"", folder=tmp_path, out=out)
        assert ended.tail.strip() == "True True (77, 33)"
        shown = b""
        while not shown.endswith(b"\n"):
            shown += screen.read(1000)
        assert ended.tail.strip().encode() in shown


def test_the_childs_terminal_follows_the_size_of_ours(tmp_path: Path) -> None:
    # Asked for again and again, as docker's display does: the pseudo-terminal is not the child's controlling one, so no
    # signal tells it.
    script = """\
import os, time
print("ready", flush=True)
until = time.monotonic() + 5
while tuple(os.get_terminal_size(2)) == (77, 33) and time.monotonic() < until:
    pass
print(tuple(os.get_terminal_size(2)))
"""
    ours, theirs = os.openpty()
    sized(theirs, 33, 77)

    class Resized(io.FileIO):
        def write(self, chunk: object) -> int:
            written = super().write(chunk)  # type: ignore[arg-type]
            if b"ready" in bytes(chunk):  # type: ignore[call-overload]
                sized(theirs, 20, 40)
                signal.raise_signal(signal.SIGWINCH)
            return int(written or 0)

    with os.fdopen(ours, "rb", buffering=0), Resized(theirs, "wb") as out:
        ended = relay([sys.executable, "-c", script], stdin=b"", folder=tmp_path, out=out)
    assert "(40, 20)" in ended.tail


def test_without_a_terminal_the_child_has_none(tmp_path: Path) -> None:
    assert run(tmp_path, "import sys; print(sys.stderr.isatty())").tail == "False\n"
