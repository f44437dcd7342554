from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from poetry_gpu_build.errors import ConfigurationError
from poetry_gpu_build.swap.apply import unfinished
from poetry_gpu_build.swap.place import read_site
from poetry_gpu_build.swap.pth import read_swap
from poetry_gpu_build.values import TorchBuild

from .world import World
from .world import copied
from .world import install
from .world import is_proven
from .world import left
from .world import shadowed
from .world import torch_files
from .world import write_wheel

if TYPE_CHECKING:
    from collections.abc import Callable


def test_a_tree_at_the_prefix_is_put_in_force(world: World) -> None:
    copied(world)
    world.apply()
    assert read_swap(world.purelib) == world.prefix
    assert world.purelib.joinpath("gpu-build-opt.pth").read_bytes() == f"{world.prefix}\n".encode()
    assert is_proven(world)


@pytest.mark.parametrize("named", ["file", "folder"])
def test_a_wheel_is_unpacked_and_put_in_force(world: World, named: str) -> None:
    wheel = write_wheel(world.dist)
    world.apply(wheel if named == "file" else world.dist)
    assert world.prefix.joinpath("torch", "__init__.py").read_bytes() == b"__version__ = '2.4.1'\n"
    assert is_proven(world)
    assert sorted(path.name for path in world.opt.iterdir()) == ["torch"]


@pytest.mark.parametrize("prepare", [copied, left])
def test_nothing_is_left_by_which_pip_could_uninstall_it(world: World, prepare: Callable[[World], None]) -> None:
    prepare(world)
    world.apply(world.dist if prepare is left else None)
    dist_info = world.prefix / "torch-2.4.1.dist-info"
    assert sorted(path.name for path in dist_info.iterdir()) == ["INSTALLER", "METADATA", "WHEEL", "entry_points.txt"]
    assert dist_info.joinpath("INSTALLER").read_text() == "poetry gpu-build swap\n"


def test_what_lies_beside_torch_cannot_be_uninstalled_either(world: World) -> None:
    copied(world)
    other = world.prefix / "filelock-3.20.0.dist-info"
    other.mkdir()
    other.joinpath("METADATA").write_text("Name: filelock\nVersion: 3.20.0\n")
    other.joinpath("RECORD").write_text("filelock/__init__.py,,\n")
    world.apply()
    assert sorted(path.name for path in other.iterdir()) == ["INSTALLER", "METADATA"]


def test_a_command_of_torch_is_on_the_path_and_one_that_is_there_already_stays(world: World) -> None:
    write_wheel(world.dist)
    world.apply(world.dist)
    assert world.scripts.joinpath("torchrun").readlink() == world.prefix / "bin" / "torchrun"
    world.undo()
    world.scripts.joinpath("torchrun").write_text("mine\n")
    world.apply(world.dist)
    assert world.scripts.joinpath("torchrun").read_text() == "mine\n"


def test_a_script_starts_with_the_interpreter_of_the_image(world: World) -> None:
    world.apply(write_wheel(world.dist))
    assert world.prefix.joinpath("bin", "torchrun").read_text().startswith(f"#!{world.python}\n")


@pytest.mark.parametrize("prepare", [copied, shadowed, left])
@pytest.mark.parametrize("front", [False, True])
def test_a_second_time_changes_nothing(world: World, prepare: Callable[[World], None], front: bool) -> None:
    prepare(world)
    source = world.dist if prepare is left else None
    world.apply(source, front=front, remove_shadow=True)
    before = world.snapshot()
    assert world.apply(source, front=front, remove_shadow=True) == []
    assert world.apply(front=front) == []
    assert world.snapshot() == before


@pytest.mark.parametrize("prepare", [copied, shadowed, left])
@pytest.mark.parametrize("front", [False, True])
def test_undo_restores_byte_for_byte(world: World, prepare: Callable[[World], None], front: bool) -> None:
    prepare(world)
    before = world.snapshot()
    world.apply(world.dist if prepare is left else None, front=front, remove_shadow=True)
    assert world.snapshot() != before
    assert world.undo() == world.prefix
    assert world.snapshot() == before


def test_undo_brings_back_the_file_of_an_older_swap(world: World) -> None:
    copied(world)
    world.purelib.joinpath("gpu-build-opt.pth").write_text("/opt/older\n")
    before = world.snapshot()
    world.apply()
    world.undo()
    assert world.snapshot() == before


def test_undo_without_a_swap_does_nothing(world: World) -> None:
    before = world.snapshot()
    assert world.undo() is None
    assert world.snapshot() == before


def test_undo_refuses_where_something_was_installed_in_the_place_of_what_it_would_bring_back(world: World) -> None:
    shadowed(world)
    world.apply(remove_shadow=True)
    install(world.purelib, "2.8.0")
    before = world.snapshot()
    with pytest.raises(ConfigurationError, match="something is there again"):
        world.undo()
    assert world.snapshot() == before


def test_the_front_form_comes_before_site_packages(world: World) -> None:
    copied(world)
    world.apply(front=True)
    assert world.purelib.joinpath("gpu-build-opt.pth").read_text() == (
        f"import sys; sys.path.insert(0, '{world.prefix}')\n"
    )
    assert world.purelib.joinpath("gpu-build-opt.start").read_text() == "gpu_build_opt:front\n"
    assert is_proven(world)


def test_the_form_can_be_changed_and_changed_back(world: World) -> None:
    write_wheel(world.dist)
    original = world.snapshot()
    world.apply(world.dist)
    plain = {path: seen for path, seen in world.snapshot().items() if ".gpu-build-swap" not in path}
    world.apply(front=True)
    assert is_proven(world)
    world.apply()
    assert {path: seen for path, seen in world.snapshot().items() if ".gpu-build-swap" not in path} == plain
    world.undo()
    assert world.snapshot() == original


def test_a_torch_in_site_packages_is_refused_by_name_and_place(world: World) -> None:
    shadowed(world)
    before = world.snapshot()
    with pytest.raises(ConfigurationError, match=r"torch 2\.7\.1 in .*site-packages") as error:
        world.apply()
    assert any("--remove-shadow" in way for way in error.value.ways_out)
    assert world.snapshot() == before


def test_a_torch_without_metadata_stands_before_it_as_well(world: World) -> None:
    copied(world)
    world.purelib.joinpath("torch").mkdir()
    world.purelib.joinpath("torch", "__init__.py").write_text("")
    with pytest.raises(ConfigurationError, match="torch without metadata"):
        world.apply()
    world.apply(remove_shadow=True)
    assert is_proven(world)


def test_a_torch_that_is_moved_aside_goes_whole_and_other_files_stay(world: World) -> None:
    shadowed(world)
    mine = world.purelib / "torchvision"
    mine.mkdir()
    world.apply(remove_shadow=True)
    assert is_proven(world)
    assert mine.is_dir()
    left_over = {path.name for path in world.purelib.iterdir()}
    assert left_over.isdisjoint({"torch", "torchgen", "functorch", "torch-2.7.1.dist-info"})
    assert not world.scripts.joinpath("torchrun").exists()


def test_a_torch_that_comes_back_later_is_moved_aside_too(world: World) -> None:
    copied(world)
    original = world.snapshot()
    world.apply()
    install(world.purelib, "2.7.1")
    with pytest.raises(ConfigurationError):
        world.apply()
    world.apply(remove_shadow=True)
    assert is_proven(world)
    world.undo()
    assert {path: seen for path, seen in world.snapshot().items() if path in original} == original


@pytest.mark.parametrize("version", ["2.4.0a0+gitee1b680", "2.4.1+cu118", "2.4.2"])
@pytest.mark.parametrize("kind", ["wheel", "tree"])
def test_another_version_is_refused_with_the_variable_that_decides_it(world: World, version: str, kind: str) -> None:
    if kind == "wheel":
        write_wheel(world.dist, version)
    else:
        install(world.prefix, version)
    before = world.snapshot()
    with pytest.raises(ConfigurationError, match=r"the source mode names 2\.4\.1") as error:
        world.apply(world.dist if kind == "wheel" else None)
    assert version in error.value.message
    assert any("PYTORCH_BUILD_VERSION=2.4.1" in way for way in error.value.ways_out)
    assert world.snapshot() == before


def test_a_prefix_without_torch_is_refused(world: World) -> None:
    with pytest.raises(ConfigurationError, match="holds no torch") as error:
        world.apply()
    assert any("COPY --from=torch" in way for way in error.value.ways_out)


def test_a_prefix_with_two_torches_is_refused(world: World) -> None:
    install(world.prefix, "2.4.1")
    install(world.prefix, "2.4.0")
    with pytest.raises(ConfigurationError, match=r"torch 2\.4\.0, torch 2\.4\.1"):
        world.apply()


def test_a_wheel_does_not_go_over_what_is_at_the_prefix(world: World) -> None:
    copied(world)
    write_wheel(world.dist)
    before = world.snapshot()
    with pytest.raises(ConfigurationError, match="is there already"):
        world.apply(world.dist)
    world_before_swap = world.snapshot()
    assert world_before_swap == before
    world.apply()
    in_force = world.snapshot()
    with pytest.raises(ConfigurationError, match="is there already"):
        world.apply(world.dist)
    assert world.snapshot() == in_force


def test_a_new_wheel_takes_the_place_of_the_one_that_was_unpacked(world: World) -> None:
    world.apply(write_wheel(world.dist))
    newer = world.root / "newer"
    write_wheel(newer, files=torch_files(architecture=50))
    world.apply(newer)
    assert (
        world.prefix.joinpath("torch/lib/libtorch_cuda.so").read_bytes()
        == torch_files(architecture=50)["torch/lib/libtorch_cuda.so"]
    )
    assert is_proven(world)


def test_a_new_wheel_needs_no_second_word_about_what_is_aside_but_a_new_shadow_does(world: World) -> None:
    install(world.purelib, "2.7.1")
    original = world.snapshot()
    world.apply(write_wheel(world.dist), remove_shadow=True)
    newer = write_wheel(world.root / "newer", files=torch_files(architecture=50))
    world.apply(newer)
    assert is_proven(world)
    world.root.joinpath("aside").mkdir()
    install(world.purelib, "2.8.0")
    with pytest.raises(ConfigurationError, match=r"torch 2\.8\.0"):
        world.apply(newer)
    for name in ("torch", "torchgen", "functorch", "torch-2.8.0.dist-info"):
        world.purelib.joinpath(name).rename(world.root / "aside" / name)
    world.undo()
    assert {path: seen for path, seen in world.snapshot().items() if path in original} == original


@pytest.mark.parametrize("with_record", [True, False])
def test_another_prefix_takes_the_place_of_an_earlier_one(world: World, with_record: bool) -> None:
    install(world.opt / "older", "2.3.0")
    if with_record:
        older = World.__new__(World)
        vars(older).update(vars(world))
        older.prefix = world.opt / "older"
        older.expectation = world.expectation._replace(torch=TorchBuild.parse("2.3.0"), prefix=str(older.prefix))
        older.apply()
    else:
        world.purelib.joinpath("gpu-build-opt.pth").write_text(f"{world.opt}/older\n")
    copied(world)
    world.site = read_site(world.python)
    world.apply()
    assert is_proven(world)
    assert world.opt.joinpath("older", "torch", "__init__.py").exists()


@pytest.mark.parametrize("names", [[], ["2.4.1", "2.4.2"]])
def test_a_folder_must_hold_one_wheel(world: World, names: list[str]) -> None:
    world.dist.mkdir()
    for version in names:
        write_wheel(world.dist, version)
    with pytest.raises(ConfigurationError, match=r"wheels? of torch"):
        world.apply(world.dist)


def test_a_failure_leaves_everything_as_it_was(world: World) -> None:
    shadowed(world)
    original = world.snapshot()
    steps: list[str] = []
    world.apply(remove_shadow=True, on_step=steps.append)
    world.undo()

    class Stop(Exception):  # noqa: N818
        pass

    for number in range(1, len(steps)):
        seen = iter(range(1, 10_000))

        def fail(_step: str, number: int = number, seen: object = seen) -> None:
            if next(seen) == number:  # type: ignore[call-overload]
                raise Stop

        with pytest.raises(Stop):
            world.apply(remove_shadow=True, on_step=fail)
        assert world.snapshot() == original, f"after step {number}: {steps[number - 1]}"


def test_what_was_moved_aside_is_not_thrown_away_where_its_record_is_gone(world: World) -> None:
    shadowed(world)
    world.apply(remove_shadow=True)
    state = world.purelib / ".gpu-build-swap"
    state.joinpath("journal").unlink()
    before = world.snapshot()
    with pytest.raises(ConfigurationError, match="the record that says from where is gone"):
        world.undo()
    with pytest.raises(ConfigurationError, match="the record that says from where is gone"):
        world.apply(front=True)
    assert world.snapshot() == before


def test_a_record_of_another_version_is_left_alone(world: World) -> None:
    copied(world)
    world.apply()
    journal = world.purelib / ".gpu-build-swap" / "journal"
    journal.write_text(journal.read_text().replace('"format": 1', '"format": 2'))
    before = world.snapshot()
    with pytest.raises(ConfigurationError, match="another version of this program"):
        world.undo()
    assert world.snapshot() == before


@pytest.mark.parametrize("torn", [1, 10, 14])
def test_a_record_whose_last_line_is_torn_is_taken_back(world: World, torn: int) -> None:
    copied(world)
    original = world.snapshot()
    world.apply()
    journal = world.purelib / ".gpu-build-swap" / "journal"
    journal.write_bytes(journal.read_bytes()[:-torn])
    assert unfinished(world.purelib)
    world.undo()
    assert world.snapshot() == original
