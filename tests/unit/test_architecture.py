"""The house: a room uses only rooms below it, and what every Poetry command pays for imports nothing heavy."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import poetry_gpu_build

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE = "poetry_gpu_build"
SOURCES = Path(poetry_gpu_build.__file__).parent

# From the top down. A module may import what stands below it, and its own room.
ROOMS = (
    "cli",
    "commands",
    "doctor",
    "engine",
    "torch_image",
    "report",
    "plan",
    "scaffold",
    "swap",
    "lint",
    "build_arguments",
    "dependencies",
    "selection",
    "offers",
    "gpu",
    "machine",
    "binaries",
    "coverage",
    "required",
    "project",
    "torch_pin",
    "policy",
    "lint_policy",
    "facts",
    "resources",
    "state_folder",
    "documents",
    "values",
    "durable",
    "brief",
    "errors",
    "documents.source",
    "documents.lazy",
)
# Entry points: loaded by Poetry itself, and by nothing in the package.
APART = {"plugin": {"groups", "swap"}, "groups": set[str]()}


def modules() -> Iterator[str]:
    for path in sorted(SOURCES.rglob("*.py")):
        if path.name != "__init__.py":
            yield ".".join(path.relative_to(SOURCES).with_suffix("").parts)


def imported_by(module: str) -> set[str]:
    """Every module of the package that this one imports anywhere in it, for types only as well."""
    path = SOURCES.joinpath(*module.split(".")).with_suffix(".py")
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module is not None and node.module.startswith(PACKAGE):
            inner = node.module.removeprefix(PACKAGE).removeprefix(".")
            names |= {f"{inner}.{alias.name}".strip(".") for alias in node.names}
    return names


def room_of(module: str) -> str | None:
    rooms = [room for room in ROOMS if module == room or module.startswith(f"{room}.")]
    return max(rooms, key=len, default=None)


@pytest.mark.parametrize("module", [module for module in modules() if module not in APART])
def test_a_module_imports_only_from_rooms_below_its_own(module: str) -> None:
    own = room_of(module)
    assert own is not None, f"{module} stands in no room: give it a place in ROOMS"
    for imported in imported_by(module):
        room = room_of(imported)
        if room is not None:
            assert ROOMS.index(room) >= ROOMS.index(own), f"{module} imports {imported}, from a room above"


@pytest.mark.parametrize("module", sorted(APART))
def test_the_entry_points_import_nothing_of_the_package_but_the_toggle(module: str) -> None:
    assert {name.partition(".")[0] for name in imported_by(module)} <= APART[module]


def test_no_file_of_the_package_has_grown_past_two_rooms() -> None:
    # The house rule says ~400 lines: past that a file knows two things.
    sizes = {path.name: path.read_text(encoding="utf-8").count("\n") for path in SOURCES.rglob("*.py")}
    assert {name: size for name, size in sizes.items() if size > 450} == {}
