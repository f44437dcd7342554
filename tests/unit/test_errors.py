from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from poetry_gpu_build import errors
from poetry_gpu_build.documents.source import Position
from poetry_gpu_build.errors import ConfigurationError
from poetry_gpu_build.errors import FindingsError
from poetry_gpu_build.errors import GpuBuildError
from poetry_gpu_build.errors import InvalidValueError

# design.md, "Exit codes"
EXIT_CODES = {
    "FindingsError": 1,
    "ConfigurationError": 2,
    "InvalidValueError": 2,
    "UnreadableBinaryError": 2,
    "NoModeServesError": 3,
    "EngineUnavailableError": 4,
    "BuildFailedError": 5,
    "ProofFailedError": 6,
    "BuildInterruptedError": 130,
}


@pytest.mark.parametrize(("name", "code"), EXIT_CODES.items())
def test_each_error_has_its_documented_exit_code(name: str, code: int) -> None:
    assert getattr(errors, name).exit_code == code


def test_every_error_is_documented() -> None:
    defined = {
        name
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, GpuBuildError) and value is not GpuBuildError
    }
    assert defined == set(EXIT_CODES)


def test_an_error_prints_what_where_and_what_to_do() -> None:
    error = ConfigurationError("torch is lost", where=Position(Path("pyproject.toml"), 4, 7), ways_out=("look", "ask"))
    assert str(error).splitlines() == [
        "torch is lost",
        "  --> pyproject.toml:4:7",
        "  help: look",
        "  help: ask",
    ]


@pytest.mark.parametrize(
    "error",
    [
        ConfigurationError("torch is lost", where=Position(Path("pyproject.toml"), 4, 7), ways_out=("look", "ask")),
        FindingsError("2 errors", ways_out=("mend them",), findings=[{"code": "GPU101"}]),
    ],
)
def test_an_error_goes_whole_from_one_process_to_another(error: GpuBuildError) -> None:
    other = pickle.loads(pickle.dumps(error))
    assert (type(other), str(other), vars(other)) == (type(error), str(error), vars(error))


def test_an_error_without_a_place_is_one_line() -> None:
    assert str(ConfigurationError("torch is lost")) == "torch is lost"


def test_a_value_that_cannot_be_read_is_a_value_error_too() -> None:
    assert issubclass(InvalidValueError, ValueError)


@pytest.mark.parametrize(
    ("position", "text"),
    [
        (Position(Path("a/b.toml"), 3, 9), "a/b.toml:3:9"),
        (Position(Path("a/b.toml"), 3), "a/b.toml:3"),
        (Position(Path("a/b.toml")), "a/b.toml"),
    ],
)
def test_a_place_prints_as_editors_link_it(position: Position, text: str) -> None:
    assert str(position) == text


def test_a_place_is_shown_relative_to_the_folder_around_it(tmp_path: Path) -> None:
    place = Position(tmp_path / "pyproject.toml", 2, 1)
    assert str(place.seen_from(tmp_path)) == "pyproject.toml:2:1"


def test_a_place_elsewhere_keeps_its_whole_path(tmp_path: Path) -> None:
    place = Position(tmp_path / "pyproject.toml", 2, 1)
    assert place.seen_from(tmp_path / "other") == place
