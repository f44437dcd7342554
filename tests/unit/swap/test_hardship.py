"""A swap under hardship: killed at every step, twice at once, on a full disk, on one that must not be written."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from poetry_gpu_build.errors import ConfigurationError
from poetry_gpu_build.swap.apply import unfinished

from .world import World
from .world import copied
from .world import is_proven
from .world import left
from .world import shadowed
from .world import torch_files
from .world import write_wheel

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Iterator
    from pathlib import Path


class Killer:
    """Counts the steps, and kills its own process at one of them."""

    def __init__(self, at: int) -> None:
        self.left = at

    def __call__(self, _step: str) -> None:
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


def killed(work: Callable[[Callable[[str], None]], object], at: int) -> bool:
    """Run in a process of its own, which is killed at a step; False where it came to its end before."""
    child = os.fork()
    if child == 0:
        try:
            work(Killer(at))
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


def without_state(world: World) -> dict[str, tuple[int, bytes]]:
    return {path: seen for path, seen in world.snapshot().items() if ".gpu-build-swap" not in path}


@pytest.mark.parametrize(("prepare", "front"), [(copied, True), (shadowed, False), (left, False)])
def test_killed_at_any_step_the_next_run_finishes_or_takes_back(
    world: World, prepare: Callable[[World], None], front: bool
) -> None:
    prepare(world)
    source = world.dist if prepare is left else None
    original = world.snapshot()
    world.apply(source, front=front, remove_shadow=True)
    assert is_proven(world)
    meant = without_state(world)
    world.undo()

    def swap(on_step: Callable[[str], None]) -> None:
        world.apply(source, front=front, remove_shadow=True, on_step=on_step)

    step = 1
    while killed(swap, step):
        world.undo()
        assert world.snapshot() == original, f"--undo after step {step}"
        assert killed(swap, step)
        world.apply(source, front=front, remove_shadow=True)
        assert without_state(world) == meant, f"--apply after step {step}"
        assert not unfinished(world.purelib)
        world.undo()
        assert world.snapshot() == original, f"--apply and --undo after step {step}"
        step += 1
    assert step > 10
    assert is_proven(world)


@pytest.mark.parametrize("prepare", [copied, shadowed, left])
def test_killed_while_it_takes_back_the_next_run_goes_on(world: World, prepare: Callable[[World], None]) -> None:
    prepare(world)
    source = world.dist if prepare is left else None
    original = world.snapshot()
    world.apply(source, remove_shadow=True)
    assert is_proven(world)
    meant = without_state(world)
    world.undo()
    step = 1
    while True:
        world.apply(source, remove_shadow=True)
        if not killed(world.undo, step):
            break
        world.undo()
        assert world.snapshot() == original, f"--undo after step {step}"
        world.apply(source, remove_shadow=True)
        assert killed(world.undo, step)
        world.apply(source, remove_shadow=True)
        assert without_state(world) == meant, f"--apply after step {step}"
        world.undo()
        assert world.snapshot() == original
        step += 1
    assert world.snapshot() == original
    assert step > 5


def test_a_run_that_was_killed_is_not_proven(world: World) -> None:
    copied(world)
    assert killed(lambda on_step: world.apply(on_step=on_step), 4)
    (line,) = unfinished(world.purelib)
    assert line.ok is False
    assert "--undo" in line.help


def test_two_at_once_wait_for_each_other(world: World) -> None:
    write_wheel(world.dist)
    children = []
    for _ in range(4):
        child = os.fork()
        if child == 0:
            status = 1
            try:
                world.apply(world.dist)
                status = 0
            finally:
                os._exit(status)
        children.append(child)
    assert [os.waitpid(child, 0)[1] for child in children] == [0] * 4
    assert is_proven(world)


# A file system without room.


@contextmanager
def mounted(folder: Path, *options: str) -> Iterator[None]:
    """Mount something while the block runs; skips the test where that is not allowed."""
    folder.mkdir(parents=True, exist_ok=True)
    mount = subprocess.run(["mount", *options, folder], capture_output=True, text=True)
    if mount.returncode:
        pytest.skip(f"mount is not allowed here: {mount.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", folder], check=True)


def refused(work: Callable[[], object]) -> ConfigurationError | None:
    """The error that this ends in; None where it is done."""
    try:
        work()
    except ConfigurationError as error:
        return error
    return None


@pytest.mark.parametrize("prepare", [copied, shadowed, left])
def test_a_full_disk_is_said_and_leaves_everything_as_it_was(tmp_path: Path, prepare: Callable[[World], None]) -> None:
    disk = tmp_path / "disk"
    with mounted(disk, "-t", "tmpfs", "-o", "size=2m", "tmpfs"):
        world = World(disk / "world")
        prepare(world)
        source = world.dist if prepare is left else None
        page = os.sysconf("SC_PAGE_SIZE")
        for pages in range(40):
            with world.root.joinpath("filler").open("wb") as filler:
                room = os.statvfs(disk).f_bavail * os.statvfs(disk).f_bsize // page
                filler.write(bytes(page * max(0, room - pages)))
            original = world.snapshot()
            error = refused(lambda: world.apply(source, remove_shadow=True))
            if error is None:
                world.undo()
                assert world.snapshot() == original
                assert pages > 0
                return
            assert "No space left on device" in error.message
            assert "make room" in error.ways_out[0]
            assert world.snapshot() == original, f"with {pages} pages left"
        pytest.fail("it needs more room than it should")


def test_a_file_that_may_not_grow_is_said_and_leaves_everything_as_it_was(world: World) -> None:
    write_wheel(world.dist, files=torch_files() | {"torch/big.bin": os.urandom(2**17)})
    original = world.snapshot()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            resource.setrlimit(resource.RLIMIT_FSIZE, (2**16, 2**16))
            world.apply(world.dist)
        except ConfigurationError as error:
            status = 0 if "File too large" in error.message else 2
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert world.snapshot() == original


@pytest.mark.parametrize("place", ["opt", "env"])
@pytest.mark.parametrize("prepare", [copied, left])
def test_a_read_only_file_system_is_said_and_leaves_everything_as_it_was(
    world: World, prepare: Callable[[World], None], place: str
) -> None:
    prepare(world)
    original = world.snapshot()
    folder = world.root / place
    with mounted(folder, "--bind", str(folder)):
        subprocess.run(["mount", "-o", "remount,ro,bind", folder], check=True)
        with pytest.raises(ConfigurationError, match="Read-only file system") as error:
            world.apply(world.dist if prepare is left else None)
        assert "RUN poetry gpu-build swap" in error.value.ways_out[0]
        assert world.snapshot() == original


def test_folders_of_an_earlier_layer_of_an_image_are_moved_file_by_file_and_come_back(tmp_path: Path) -> None:
    # What a step of BuildKit sees: overlayfs refuses to rename a folder of a lower layer (EXDEV).
    merged, disk = tmp_path / "merged", tmp_path / "layers"
    with mounted(disk, "-t", "tmpfs", "tmpfs"):
        for name in ("lower", "upper", "work"):
            disk.joinpath(name).mkdir()
        merged.mkdir()
        # The paths of an environment are absolute: it is made where it will be seen.
        with mounted(merged, "--bind", str(disk / "lower")):
            world = World(merged / "world")
            shadowed(world)
        layers = f"lowerdir={disk}/lower,upperdir={disk}/upper,workdir={disk}/work"
        with mounted(merged, "-t", "overlay", "overlay", "-o", layers):
            original = world.snapshot()
            step = 1

            def swap(on_step: Callable[[str], None]) -> None:
                world.apply(remove_shadow=True, on_step=on_step)

            while killed(swap, step):
                world.undo()
                assert world.snapshot() == original, f"--undo after step {step}"
                step += 3
            assert is_proven(world)
            world.undo()
            assert world.snapshot() == original
