from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from poetry_gpu_build.coverage import cupy
from poetry_gpu_build.coverage import features
from poetry_gpu_build.facts.evidence import STATUSES
from poetry_gpu_build.facts.load import load_packages
from poetry_gpu_build.resources import policies_dir
from poetry_gpu_build.selection.advice.packages import NUMPY_2_SINCE

from ..builders import cc
from ..builders import required

if TYPE_CHECKING:
    from poetry_gpu_build.required import Required

PACKAGES = load_packages(policies_dir() / "facts")


def chosen(package: str, version: Required | None) -> dict[str, str]:
    """What holds for a package, and from which GPU on."""
    found = features.features_of({package: version}, PACKAGES.features)
    return {fact.what: str(fact.oldest) for fact in found}


# --- the table


def test_every_row_says_how_it_is_known_and_by_whom() -> None:
    table = [fact.evidence for fact in PACKAGES.features] + [fact.evidence for fact in PACKAGES.cupy]
    table += [fact.evidence for fact in (*PACKAGES.cupy_numpy, *PACKAGES.torch_numpy)]
    assert all(set(evidence.status.split("+")) <= set(STATUSES) and evidence.source for evidence in table)


def test_the_table_is_asked_for_exactly_the_packages_that_it_knows() -> None:
    assert {fact.package for fact in PACKAGES.features} == features.DISTRIBUTIONS | {"torch"}
    assert {fact.package for fact in PACKAGES.cupy} == cupy.DISTRIBUTIONS


def test_the_table_is_asked_for_exactly_the_torch_that_it_knows() -> None:
    assert [fact.oldest for fact in PACKAGES.features if fact.package == "torch"] == [features.TORCH_LACKS_NOTHING_FROM]
    assert [row.versions for row in PACKAGES.torch_numpy] == [f"<{NUMPY_2_SINCE}"]


def test_every_constraint_of_the_table_is_one() -> None:
    numpy = required("numpy", "1.26.4")
    rows = (*PACKAGES.cupy_numpy, *PACKAGES.torch_numpy)
    for text in (*(fact.versions for fact in PACKAGES.features), *(row.versions for row in rows)):
        required("a", "1").may_be(text)
    assert {row.numpy for row in rows if numpy.may_be(row.numpy)} >= {"<2", ">=1.22,<2.6"}


# --- the rules


@pytest.mark.parametrize(
    ("package", "target", "works"),
    [
        ("torch", "6.1", False),  # GTX 1060: "Triton only supports devices of CUDA Capability >= 7.0"
        ("torch", "7.0", True),
        ("triton", "5.2", False),
        ("triton", "7.5", True),
        ("flash-attn", "7.5", False),  # T4: "FlashAttention only supports Ampere GPUs or newer"
        ("flash-attn", "8.0", True),
        ("flash-attn", "12.0", True),
        ("bitsandbytes", "5.2", False),
    ],
)
def test_what_works_on_which_gpu(package: str, target: str, works: bool) -> None:
    fact = features.features_of({package: None}, PACKAGES.features)[0]
    answer = features.works_on(fact, cc(target))
    assert answer.runs is works
    assert answer.rows == (fact.row,)
    assert (f"this one is {target}" in answer.because) is not works


@pytest.mark.parametrize(
    ("version", "oldest"), [("2.7.4", "8.0"), (">=2", "8.0"), ("*", "8.0"), ("1.0.9", "7.5"), ("<2", "7.5")]
)
def test_of_several_rows_the_newest_that_may_be_installed_counts(version: str, oldest: str) -> None:
    assert chosen("flash-attn", required("flash-attn", version)) == {"flash-attn": oldest}


def test_a_version_that_is_not_told_may_be_any() -> None:
    assert chosen("flash-attn", required("flash-attn", None)) == {"flash-attn": "8.0"}


def test_a_package_has_a_row_for_each_thing_in_it() -> None:
    assert chosen("bitsandbytes", required("bitsandbytes", ">=0.45")) == {
        "bitsandbytes": "6.0",
        "LLM.int8() of bitsandbytes": "7.5",
    }
    assert chosen("bitsandbytes", required("bitsandbytes", "<0.48")) == {"LLM.int8() of bitsandbytes": "7.5"}


def test_of_a_package_that_is_not_asked_about_nothing_is_said() -> None:
    assert features.features_of({"numpy": None}, PACKAGES.features) == ()
    assert features.features_of({}, PACKAGES.features) == ()
