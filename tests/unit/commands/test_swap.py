from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING
from typing import Any

import pytest

from poetry_gpu_build.swap import container
from poetry_gpu_build.swap import place

from ..swap.world import World
from ..swap.world import install
from ..swap.world import torch_files
from ..swap.world import write_wheel

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from .conftest import Poetry

PYPROJECT = """\
[project]
name = "app"
version = "1"

[tool.gpu-build.modes.source]
prefix = "/opt/torch"
"""


@pytest.fixture
def world(root: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """A container whose interpreter and /opt are throw-away ones."""
    made = World(root / "world")
    monkeypatch.setattr(place, "OPT", made.opt)
    monkeypatch.setenv("VIRTUAL_ENV", str(made.python.parent.parent))
    monkeypatch.setattr(container, "container_sign", lambda _: "/.dockerenv")
    monkeypatch.delenv("TORCH_CUDA_ARCH_LIST", raising=False)
    # The schema knows /opt only.
    from poetry_gpu_build import policy

    load = policy.load_policy
    prefix = str(made.prefix)
    monkeypatch.setattr(policy, "load_policy", lambda *given: load(*given)._replace(source_prefix=prefix))
    return made


def test_a_tree_at_the_prefix_is_put_in_force_and_proven(poetry: Poetry, world: World) -> None:
    install(world.prefix, "2.4.1")
    ran = poetry("gpu-build swap --apply")
    assert ran.status == 0
    assert f"✓ torch comes from {world.prefix}: {world.prefix}/torch/__init__.py" in ran.words
    assert "✓ there is one distribution of torch" in ran.words
    assert "✓ its version is 2.4.1: 2.4.1" in ran.words
    assert "✓ its machine code runs on 5.2" in ran.words
    assert "wrote gpu-build-opt.pth" in " ".join(ran.err.split())


def test_a_wheel_is_unpacked_checked_again_and_taken_back(poetry: Poetry, world: World) -> None:
    write_wheel(world.dist)
    assert poetry(f"gpu-build swap --apply {world.dist}").status == 0
    assert poetry("gpu-build swap --check").status == 0
    again = poetry(f"gpu-build swap --apply {world.dist}")
    assert again.status == 0
    assert "nothing to do" in again.err
    undone = poetry("gpu-build swap --undo")
    assert (undone.status, undone.out) == (0, f"took back the swap of {world.prefix}\n")
    assert not world.prefix.exists()
    assert poetry("gpu-build swap --check").status == 6


def test_json_is_one_document_with_every_line_of_the_proof(poetry: Poetry, world: World) -> None:
    install(world.prefix, "2.4.1")
    ran = poetry("gpu-build swap --apply --format json")
    document = json.loads(ran.out)
    assert (document["schema_version"], document["proven"], document["prefix"]) == (1, True, str(world.prefix))
    assert [line["ok"] for line in document["proof"]] == [True] * 6
    assert document["done"]
    undone = json.loads(poetry("gpu-build swap --undo --format json").out)
    assert undone["undone"] == str(world.prefix)


@pytest.mark.parametrize(
    ("kind", "line"),
    [
        ({"architecture": 86}, "✗ its machine code runs on 5.2: it holds machine code for 8.6 only"),
        ({"requires": "sympy>=1.13"}, "✗ its requirements are satisfied: sympy>=1.13 (not installed)"),
    ],
)
def test_a_line_that_fails_is_shown_with_what_was_seen_and_ends_in_six(
    poetry: Poetry, world: World, kind: dict[str, Any], line: str
) -> None:
    install(world.prefix, "2.4.1", **kind)
    ran = poetry("gpu-build swap --apply")
    assert ran.status == 6
    assert line in ran.words
    assert "help: " in ran.out
    assert "one line of the proof failed" in ran.words
    document = json.loads(poetry("gpu-build swap --check --format json").out)
    assert document["error"]["exit_code"] == 6
    assert document["proven"] is False


def test_another_version_is_refused_with_the_variable_that_decides_it(poetry: Poetry, world: World) -> None:
    write_wheel(world.dist, "2.4.0a0+gitee1b680")
    before = world.snapshot()
    ran = poetry(f"gpu-build swap --apply {world.dist}")
    assert ran.status == 2
    assert "PYTORCH_BUILD_VERSION=2.4.1" in ran.words
    assert world.snapshot() == before


def test_a_torch_in_site_packages_is_refused_or_moved_aside(poetry: Poetry, world: World) -> None:
    install(world.prefix, "2.4.1")
    install(world.purelib, "2.7.1")
    refused = poetry("gpu-build swap --apply")
    assert refused.status == 2
    assert "--remove-shadow" in refused.words
    moved = poetry("gpu-build swap --apply --remove-shadow")
    assert moved.status == 0
    assert "moved torch 2.7.1 in" in moved.words


def test_the_front_form_is_proven_too(poetry: Poetry, world: World) -> None:
    install(world.prefix, "2.4.1")
    assert poetry("gpu-build swap --apply --front").status == 0
    assert world.purelib.joinpath("gpu-build-opt.start").exists()


@pytest.mark.parametrize(
    ("arguments", "environment", "status"),
    [
        ("", None, 0),  # the policy's 5.2
        ("--target 5.2 --target 5.0", None, 6),
        ("--target 8.6", None, 6),
        ("", "8.6", 6),
        ("", "5.2+PTX", 0),
        ("--target 5.2", "8.6", 0),
        ("--target fast", None, 2),
        ("", "fast", 2),
        ("", "", 0),
    ],
)
def test_the_targets_are_those_of_the_option_the_environment_or_the_policy(
    poetry: Poetry,
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    arguments: str,
    environment: str | None,
    status: int,
) -> None:
    install(world.prefix, "2.4.1")
    if environment is not None:
        monkeypatch.setenv("TORCH_CUDA_ARCH_LIST", environment)
    assert poetry(f"gpu-build swap --apply {arguments}").status == status


def test_a_host_is_left_alone(poetry: Poetry, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(container, "container_sign", lambda _: None)
    install(world.prefix, "2.4.1")
    before = world.snapshot()
    for action in ("apply", "undo"):
        ran = poetry(f"gpu-build swap --{action}")
        assert ran.status == 2
        assert "this is no container" in ran.words
        assert "--site-dir" in ran.words
    assert world.snapshot() == before


def test_a_folder_of_packages_that_is_named_may_be_changed_anywhere(
    poetry: Poetry, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(container, "container_sign", lambda _: None)
    monkeypatch.setattr(sys, "executable", str(world.python))
    install(world.prefix, "2.4.1")
    assert poetry(f"gpu-build swap --apply --site-dir {world.purelib}").status == 0
    assert poetry(f"gpu-build swap --undo --site-dir {world.purelib}").status == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("", "choose one"),
        ("--apply --undo", "--apply and --undo exclude each other"),
        ("--check --front", "--front means nothing with --check"),
        ("--undo dist/", "PATH means nothing with --undo"),
        ("--check --remove-shadow", "--remove-shadow means nothing with --check"),
        ("--apply --format yaml", "--format yaml is unknown"),
        ("--apply none/", "none"),
        ("--check --site-dir none", "is not a folder"),
    ],
)
@pytest.mark.usefixtures("world")
def test_what_makes_no_sense_is_a_usage_error(poetry: Poetry, arguments: str, words: str) -> None:
    ran = poetry(f"gpu-build swap {arguments}")
    assert ran.status == 2
    assert words in ran.words


def test_a_strange_name_inside_a_wheel_does_not_reach_the_terminal(poetry: Poetry, world: World) -> None:
    write_wheel(world.dist, files=torch_files() | {"../\x1b[31mevil": b""})
    ran = poetry(f"gpu-build swap --apply {world.dist}")
    assert ran.status == 2
    assert "\x1b[31m" not in ran.err


def test_a_pth_file_of_somebody_else_is_not_taken_back(poetry: Poetry, world: World) -> None:
    world.purelib.joinpath("gpu-build-opt.pth").write_text("/opt/torch\n")
    ran = poetry("gpu-build swap --undo")
    assert ran.status == 2
    assert "remove it by hand" in ran.words


def test_without_a_swap_there_is_nothing_to_take_back(poetry: Poetry, world: World) -> None:
    assert poetry("gpu-build swap --undo").words == f"there is no swap in {world.purelib}"


def test_a_project_names_the_version(poetry: Poetry, world: World, root: Path) -> None:
    root.joinpath("pyproject.toml").write_text(PYPROJECT + 'torch = "2.4.2"\n')
    install(world.prefix, "2.4.2")
    assert poetry("gpu-build swap --apply").status == 0


@pytest.mark.parametrize("prepare", [lambda world: None, lambda world: install(world.prefix, "2.4.1")])
def test_a_check_changes_nothing(poetry: Poetry, world: World, prepare: Callable[[World], None]) -> None:
    prepare(world)
    before = world.snapshot()
    assert poetry("gpu-build swap --check").status == 6
    assert world.snapshot() == before
