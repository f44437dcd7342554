from __future__ import annotations

from pathlib import Path

import pytest

from poetry_gpu_build.documents.toml import parse_toml
from poetry_gpu_build.required import Required
from poetry_gpu_build.required import Requirements

PYPROJECT = Path("pyproject.toml")


def asked(text: str, *groups: str, lock: str | None = None, python: str = "3.10") -> Requirements:
    locked = None if lock is None else parse_toml(lock, Path("poetry.lock"))
    return Requirements(parse_toml(text, PYPROJECT), locked, groups, python)


def found(text: str, name: str, *groups: str, lock: str | None = None) -> Required:
    required = asked(text, *groups, lock=lock).find(name)
    assert required is not None
    return required


@pytest.mark.parametrize(
    "text",
    [
        "[project]\ndependencies = ['NumPy>=1.26,<2']",
        "[project]\ndependencies = ['scipy', 'num.py>=9', 'numpy (>=1.26, <2)']",
        "[tool.poetry.dependencies]\nNumpy = '^1.26'",
        "[tool.poetry.dependencies]\nnumpy = { version = '>=1.26,<2', extras = ['x'] }",
        "[tool.poetry.dependencies]\nnumpy = [{ version = '2', python = '<3.10' }, { version = '^1.26' }]",
        "[tool.poetry.group.on.dependencies]\nnumpy = '^1.26'",
        "[dependency-groups]\nOn = ['numpy>=1.26,<2']",
        "[dependency-groups]\non = [{ include-group = 'B_B' }]\nb-b = ['numpy>=1.26,<2']",
        "[tool.poetry.group.on]\ninclude-groups = ['b']\n[tool.poetry.group.b.dependencies]\nnumpy = '^1.26'",
        "[project]\ndependencies = ['numpy>=1.26']\n[tool.poetry.group.on.dependencies]\nnumpy = '<2'",
        "[project]\ndependencies = ['numpy>=1.26,<2']\n[tool.poetry.dependencies]\nnumpy = { source = 'mine' }",
    ],
)
def test_a_distribution_is_found_in_every_notation(text: str) -> None:
    numpy = found(text, "numpy", "on")
    assert numpy.must_be(">=1.26,<2")
    assert numpy.may_be("1.26.4")
    assert not numpy.may_be(">=2")
    assert numpy.where.line > 0


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[project]\ndependencies = ['numpy ; sys_platform == \"win32\"']",
        "[project.optional-dependencies]\nall = ['numpy']",
        "[tool.poetry.dependencies]\nnumpy = { version = '1', optional = true }",
        "[tool.poetry.dependencies]\nnumpy = { version = '1', markers = 'python_version < \"3.10\"' }",
        "[tool.poetry.group.off.dependencies]\nnumpy = '1'",
        "[dependency-groups]\non = []\noff = ['numpy']",
        "[project]\nname = 'numpy'",
    ],
)
def test_what_the_image_does_not_install_is_not_found(text: str) -> None:
    assert asked(text, "on").find("numpy") is None


@pytest.mark.parametrize(
    "text",
    [
        "[project]\ndependencies = ['numpy @ https://example.org/numpy-1.26.4.zip']",
        "[project]\ndependencies = ['numpy>=>=1']",
        "[tool.poetry.dependencies]\nnumpy = { git = 'https://example.org/numpy' }",
        "[tool.poetry.dependencies]\nnumpy = { path = '../numpy', version = '1' }",
        "[tool.poetry.dependencies]\nnumpy = 'nonsense'",
        "[tool.poetry.dependencies]\nnumpy = 3",
        "[tool.poetry.dependencies]\nnumpy = [[]]",
        "[tool.poetry.dependencies]\nnumpy = { version = [] }",
        "[tool.poetry.dependencies]\nnumpy = '>2,<1'",
        "[project]\ndependencies = ['numpy<1']\n[tool.poetry.dependencies]\nnumpy = '>=2'",
    ],
)
def test_what_is_not_told_may_be_anything_and_need_be_nothing(text: str) -> None:
    numpy = found(text, "numpy")
    assert numpy.constraint is None
    assert numpy.may_be("1.26")
    assert not numpy.must_be(">=0")


def test_extras_are_those_of_every_place() -> None:
    text = "[project]\ndependencies = ['a[X]']\n[tool.poetry.dependencies]\na = { version = '*', extras = ['y_z'] }"
    assert found(text, "a").extras == {"x", "y-z"}


def test_up_to_a_version_that_is_the_last() -> None:
    text = "[project]\ndependencies = ['a', 'b>=14', 'c @ https://example.org/c']"
    assert found(text, "a").up_to("13.6.0").must_be("<14")
    assert not found(text, "b").up_to("13.6.0").may_be(">=0")
    assert found(text, "c").up_to("13.6.0").must_be("<14")


def test_it_is_named_with_its_place() -> None:
    assert str(found("[project]\ndependencies = [\n  'a',\n]", "a")) == "a (pyproject.toml:3:3)"


# --- the lock

PLACE = "[[package]]\nname = 'NumPy'\nversion = '1.26.4'\n"


def test_the_lock_counts_more_than_the_manifest() -> None:
    numpy = found("[project]\ndependencies = ['numpy']", "numpy", lock=f"{PLACE}groups = ['main']\n")
    assert numpy.must_be("1.26.4")
    assert numpy.where.path.name == "poetry.lock"


@pytest.mark.parametrize(
    ("rest", "is_installed"),
    [
        ("groups = ['main']", True),
        ("groups = ['docs', 'on']", True),
        ("groups = ['docs']", False),
        ("", True),
        ("groups = []", False),
        ("groups = 'main'", False),
        ("groups = [{}]", False),
        ("optional = true", False),
        ("markers = 'sys_platform == \"win32\"'", False),
        ("markers = { main = 'sys_platform == \"linux\"' }", True),
    ],
)
def test_of_the_lock_what_the_groups_install_counts(rest: str, is_installed: bool) -> None:
    assert ("numpy" in asked("", "on", lock=PLACE + rest).names) is is_installed


@pytest.mark.parametrize(
    "lock",
    [
        "package = [3, [], {}]",
        "[[package]]\nname = 3",
        "[[package]]\nname = 'numpy'\nversion = 3",
        "[[package]]\nname = 'numpy'\nversion = 'x'",
        "[[package]]\nname = 'numpy'",
    ],
)
def test_a_strange_lock_tells_nothing(lock: str) -> None:
    numpy = asked("", lock=lock).find("numpy")
    assert numpy is None or numpy.constraint is None


def test_many_groups_in_a_ring_end() -> None:
    rings = "\n".join(f"g{number} = [{{ include-group = 'g{(number + 1) % 500}' }}]" for number in range(500))
    assert asked(f"[dependency-groups]\n{rings}", "g0").names == frozenset()
