"""The ways out of a refusal are those that ``advise`` shows."""

from __future__ import annotations

import pytest

from poetry_gpu_build.selection.ways_out import ways_out
from poetry_gpu_build.selection.ways_out import wheels_to_offer

from ..builders import gpu
from ..builders import question
from ..offers.builders import ways

RTX_4090 = gpu("8.9", name="NVIDIA GeForce RTX 4090", driver="535.54.03")


@pytest.mark.parametrize(
    ("targets", "wheel", "pins"),
    [
        (["6.1"], "2.7.1+cu128", ["2.7.1", "2.14.1+cu126"]),  # the release that is pinned, then the newest
        (["6.1"], "2.99.0+cu128", ["2.14.1+cu126"]),
        (["3.7"], "2.7.1+cu128", ["2.7.1+cu118"]),
        (["3.5"], "2.7.1+cu128", []),
        (["5.2", "12.0"], "2.7.1+cu128", []),
        (["8.7"], "2.7.1+cu128", []),
    ],
)
def test_the_wheels_worth_naming(targets: list[str], wheel: str, pins: list[str]) -> None:
    assert [offer.pin for offer in wheels_to_offer(question(*targets, wheel=wheel))] == pins


@pytest.mark.parametrize("targets", [["6.1"], ["7.0", "12.0"], ["13.0"], ["3.7"]])
def test_the_newest_that_is_named_is_the_one_that_advise_shows_first(targets: list[str]) -> None:
    assert wheels_to_offer(question(*targets, wheel=None))[-1].pin == ways(*targets).offers[0].pin


def test_a_base_image_that_starts_is_a_way_out_where_only_the_policys_one_refuses() -> None:
    found = ways_out("binary", question(RTX_4090))
    assert any("modes.binary.base-image" in way and "nvidia/cuda:11.8.0-cudnn8-devel" in way for way in found)


def test_a_base_image_is_no_way_out_where_the_wheel_does_not_run() -> None:
    old = gpu("6.1", name="NVIDIA GeForce GTX 1060", driver="535.54.03")
    assert not any("base-image" in way for way in ways_out("binary", question(old)))


def test_a_mixed_machine_with_a_driver_that_is_too_new_names_the_last_for_the_older_card() -> None:
    old = gpu("5.2", name="NVIDIA GeForce GTX 970", driver="590.44.01")
    new = gpu("8.9", name="NVIDIA GeForce RTX 4090", driver="590.44.01")
    found = "\n".join(ways_out("source", question(new, old)))
    assert "driver branch 580, the last that drives NVIDIA GeForce GTX 970" in found
