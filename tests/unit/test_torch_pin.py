from __future__ import annotations

from pathlib import Path

import pytest

from poetry_gpu_build.documents.source import Position
from poetry_gpu_build.errors import ConfigurationError
from poetry_gpu_build.torch_pin import PinnedTorch
from poetry_gpu_build.torch_pin import TorchPin
from poetry_gpu_build.torch_pin import resolve_pin
from poetry_gpu_build.values import TorchBuild
from poetry_gpu_build.values import variant_of

from .builders import facts

WHERE = Position(Path("pyproject.toml"), 12, 1)
MIRROR = "https://mirror.example/simple"


def whl(variant: str) -> str:
    """PyTorch's own index of a variant."""
    return f"https://download.pytorch.org/whl/{variant}"


def pin(constraint: str, index: str | None = None) -> TorchPin:
    return TorchPin(constraint, "binary-torch", variant_of(constraint, index), index, WHERE)


def resolved(asked: TorchPin, *locked: TorchPin, python: str = "3.10") -> PinnedTorch:
    return resolve_pin(asked, locked, facts(), python)


def build(asked: TorchPin, *locked: TorchPin, python: str = "3.10") -> str | None:
    found = resolved(asked, *locked, python=python).build
    return None if found is None else str(found)


@pytest.mark.parametrize(
    ("constraint", "index", "variant"),
    [
        ("2.7.1+cu128", None, "cu128"),
        ("==2.7.1+cu128", whl("cu118"), "cu128"),
        ("2.7.1", whl("cu128"), "cu128"),
        ("2.7.1", whl("cu128") + "/", "cu128"),
        ("2.7.1", whl("cpu"), "cpu"),
        ("2.7.1", whl("nightly"), None),
        ("2.7.1", "https://mirror.example/pytorch/cu126", "cu126"),
        ("2.7.1", MIRROR, None),
        ("2.7.1", None, None),
    ],
)
def test_the_variant_stands_in_the_constraint_or_at_the_end_of_the_index(
    constraint: str, index: str | None, variant: str | None
) -> None:
    assert variant_of(constraint, index) == variant


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (pin("2.7.1+cu128"), "2.7.1+cu128"),
        (pin("==2.7.1+cu128"), "2.7.1+cu128"),
        (pin("2.7.1", whl("cu128")), "2.7.1+cu128"),
        (pin("2.7.1+cpu"), "2.7.1+cpu"),
        # PyPI holds one variant of each release (the facts say which).
        (pin("2.7.1"), "2.7.1+cu126"),
        (pin("2.4.1"), "2.4.1+cu121"),
        (pin("2.8"), "2.8.0+cu128"),
        (pin("==2.8.0.0"), "2.8.0+cu128"),
        # Elsewhere nothing is known of it.
        (pin("2.7.1", MIRROR), "2.7.1"),
        (pin("2.7.0"), "2.7.0"),
    ],
)
def test_an_exact_constraint_names_the_build(asked: TorchPin, expected: str) -> None:
    assert build(asked) == expected


def test_an_exact_constraint_with_its_variant_counts_more_than_the_lock() -> None:
    assert build(pin("2.7.1+cu128"), pin("==2.6.0+cu124")) == "2.7.1+cu128"


@pytest.mark.parametrize(
    ("locked", "expected"),
    [(pin("==2.7.1+cu118", whl("cu118")), "2.7.1+cu118"), (pin("==2.7.1", whl("cu118")), "2.7.1+cu118")],
)
def test_the_lock_tells_the_variant_of_an_exact_release(locked: TorchPin, expected: str) -> None:
    assert build(pin("2.7.1"), locked) == expected


def test_a_stale_lock_tells_nothing_of_another_release() -> None:
    assert build(pin("2.7.1"), pin("==2.6.0+cu118")) == "2.7.1+cu126"


@pytest.mark.parametrize("constraint", ["^2.6", ">=2.6,<3", "*", "~2.7"])
def test_the_lock_decides_within_a_range(constraint: str) -> None:
    found = resolved(pin(constraint), pin("==2.7.1", whl("cu118")))
    assert found.build == TorchBuild("2.7.1", "cu118")
    assert found.said_by == "poetry.lock"


def test_without_a_lock_a_range_means_the_newest_release_that_it_allows() -> None:
    assert build(pin(">=2.6,<2.8")) == "2.7.1+cu126"
    assert build(pin("^2.6,<2.10")) == "2.9.1+cu128"
    assert build(pin(">=2.6,<3", whl("cu118"))) == "2.7.1+cu118"


@pytest.mark.parametrize(("python", "expected"), [("3.10", "2.14.1+cu130"), ("3.11", "2.15.0+cu132")])
def test_the_newest_release_is_one_that_installs_on_the_images_python(python: str, expected: str) -> None:
    # torch 2.15 asks for Python 3.11.
    assert build(pin("^2.7"), python=python) == expected


def test_a_wheel_that_is_not_known_to_be_published_is_not_the_newest() -> None:
    # 2.15.0+cu126: the sources contradict each other.
    assert build(pin(">=2.14", whl("cu126")), python="3.12") == "2.14.1+cu126"


def test_two_locked_builds_decide_nothing() -> None:
    found = resolved(pin(">=2.6,<2.8"), pin("==2.6.0"), pin("==2.7.1+cu118"))
    assert found.build == TorchBuild("2.7.1", "cu126")
    assert "newest" in found.said_by


def test_one_build_locked_twice_decides() -> None:
    assert build(pin("^2.6"), pin("==2.6.0"), pin("==2.6.0")) == "2.6.0+cu124"


@pytest.mark.parametrize("asked", [pin(">=2.99"), pin("^2.7", MIRROR), pin("*", "../torch"), pin("==1.0.*")])
def test_what_the_facts_do_not_know_is_no_build(asked: TorchPin) -> None:
    assert build(asked) is None


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        (pin("^2.7", MIRROR), "names no single build"),
        (pin("2.7.1", MIRROR), "variant of torch 2.7.1 is not known"),
        (pin("2.7.1+cu999"), "architectures in torch 2.7.1+cu999 are not in the facts"),
    ],
)
def test_why_nothing_is_known_is_said(asked: TorchPin, why: str) -> None:
    assert why in resolved(asked).unknown_because


@pytest.mark.parametrize("constraint", ["newest", "", "2.7.1+", ">=", "2..7"])
def test_a_constraint_that_is_none_is_refused_at_its_place(constraint: str) -> None:
    with pytest.raises(ConfigurationError, match="not a version constraint") as caught:
        resolved(TorchPin(constraint, "binary-torch", None, None, WHERE))
    assert caught.value.where == WHERE
    assert caught.value.ways_out
