"""The ways out of a refusal: each leads to a mode, if it is followed as it is written."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from poetry_gpu_build.errors import NoModeServesError
from poetry_gpu_build.selection.decision import mode_of
from poetry_gpu_build.selection.flags import Flags
from poetry_gpu_build.selection.select import select_mode
from poetry_gpu_build.selection.ways_out import Way
from poetry_gpu_build.selection.ways_out import find_ways
from poetry_gpu_build.selection.ways_out import ways_out
from poetry_gpu_build.selection.ways_out import wheels_to_offer

from ..builders import facts
from ..builders import gpu
from ..builders import question
from ..offers.builders import ways

if TYPE_CHECKING:
    from poetry_gpu_build.gpu.interface import Gpu
    from poetry_gpu_build.selection.question import Question

RTX_4090 = gpu("8.9", name="NVIDIA GeForce RTX 4090", driver="535.54.03")
CAPABILITY = {"GTX 780": "3.5", "GTX 970": "5.2", "GTX 1060": "6.1", "RTX 4090": "8.9", "RTX 5090": "12.0"}
DRIVERS = ("450.51.05", "470.256.02", "510.108.03", "550.144.03", "580.95.05", "595.45.04")
IMAGE_11 = "nvidia/cuda:11.8.0-cudnn8-devel-ubuntu22.04"


def machine(card: str, driver: str) -> Gpu:
    return gpu(CAPABILITY[card], name=f"NVIDIA GeForce {card}", driver=driver)


def refused(asked: Question) -> NoModeServesError | None:
    try:
        select_mode(asked)
    except NoModeServesError as error:
        return error
    return None


def every_question() -> list[Question]:
    """Each generation and some cards, by name and on each driver, under several pins, floors and flags."""
    generations = sorted({each for toolkit in facts().toolkits for each in toolkit.compiles})
    cards: list[tuple[Gpu | str, ...]] = [(str(each),) for each in generations]
    cards += [(gpu(str(each), driver=driver),) for each in generations for driver in DRIVERS[::2]]
    cards += [(machine(card, driver),) for card in CAPABILITY for driver in DRIVERS]
    cards += [(machine(one, driver), machine("RTX 5090", driver)) for one in CAPABILITY for driver in DRIVERS]
    cards += [("13.0",), ("3.0",), ("5.2", "12.0"), ("3.5", "12.0"), ("7.0", "12.0")]
    cards += [("5.2", machine("RTX 4090", "510.108.03"))]
    every = [tuple(gpu(each) if isinstance(each, str) else each for each in row) for row in cards]
    bases = [
        question(flags=Flags(from_source=True)),
        question(flags=Flags(binary=True)),
        question(flags=Flags(build_from_source="1")),
        question(settings="floor = 'wheel'"),
        question(wheel="2.7.1+cu118"),
        question(wheel=None),
    ]
    shipped = question()
    asked = [replace(shipped, gpus=gpus) for gpus in every]
    return asked + [replace(base, gpus=gpus) for base in bases for gpus in every[::6]]


def test_every_way_out_of_every_refusal_leads_to_a_mode_and_none_of_its_steps_does_alone() -> None:
    followed = 0
    for asked in every_question():
        error = refused(asked)
        if error is None:
            continue
        found = find_ways(mode_of(asked), asked)
        for way in found:
            followed += 1
            assert refused(way.then(asked)) is None, f"{way} of {asked.gpus}, {asked.flags}"
            if len(way.steps) > 1:
                assert not any(Way((step,)).leads(asked) for step in way.steps), f"{way} of {asked.gpus}"
        assert 1 <= len(error.ways_out) <= 6, error.ways_out
        assert len(set(error.ways_out)) == len(error.ways_out)
        if any("none is known" in way for way in error.ways_out):
            assert not found
    assert followed > 300


@pytest.mark.parametrize("driver", DRIVERS)
@pytest.mark.parametrize("card", CAPABILITY)
def test_no_card_that_anything_serves_is_left_without_a_way(card: str, driver: str) -> None:
    error = refused(question(machine(card, driver)))
    assert error is None or not any("none is known" in way for way in error.ways_out)


def test_one_pin_that_the_base_image_refuses_is_said_with_another_base_image() -> None:
    # 535 and 550 report a CUDA older than 12.8, for which GeForce gets no exception; 11.8 starts from 520 on.
    found = ways_out("binary", question(machine("GTX 1060", "550.144.03")))
    pins = [way for way in found if way.startswith("pin ")]
    assert pins
    assert all(f'and set modes.binary.base-image = "{IMAGE_11}"' in way for way in pins)
    assert not any("install" in way for way in found)


def test_where_the_wheel_and_the_driver_are_both_at_fault_both_are_said() -> None:
    found = ways_out("binary", question(machine("GTX 1060", "510.108.03")))
    assert any(
        way.startswith("pin torch 2.7.1 from PyPI") and "and install driver 570 or newer" in way for way in found
    )
    assert not any(way.startswith("install") for way in found)


def test_a_card_below_the_floor_is_told_to_let_the_floor_follow_the_wheel_that_it_pins() -> None:
    # The source image asks for a driver of CUDA 11.8, and so does every base image; with a plain one the wheel runs.
    asked = question(machine("GTX 970", "510.108.03"), settings="modes.binary.base-image = 'mine/cuda:12.8'")
    pins = [way for way in ways_out("source", asked) if way.startswith("pin ")]
    assert pins
    assert all('with floor = "wheel" in [tool.gpu-build]' in way for way in pins)
    assert "2.7.1+cu118" in pins[0]  # CUDA 12 asks for 525


def test_where_a_flag_asks_for_the_compile_another_pin_comes_with_the_other_flag() -> None:
    asked = question("12.0", wheel="2.7.1+cu126", flags=Flags(from_source=True))
    pins = [way for way in ways_out("source", asked) if way.startswith("pin ")]
    assert pins
    assert all("and --binary" in way for way in pins)


def test_the_toolkit_that_is_named_is_the_nearest_to_the_policys_own_which_the_driver_starts() -> None:
    # 510 came with CUDA 11.6; the policy compiles with 11.8.
    found = ways_out("source", question(machine("GTX 970", "510.108.03")))
    assert any(way.startswith("--from-source on CUDA 11.6") for way in found)


def test_the_line_that_tells_of_advise_is_that_of_the_pin_which_it_writes() -> None:
    told = [way for way in ways_out("binary", question("6.1")) if "poetry gpu-build advise --gpu 6.1 --apply" in way]
    assert [way.split()[2] for way in told] == [ways("6.1").offers[0].pin]


@pytest.mark.parametrize("board", ["5.3", "6.2", "7.2", "8.7", "10.1", "11.0"])
@pytest.mark.parametrize("flags", [Flags(), Flags(from_source=True), Flags(binary=True)])
@pytest.mark.parametrize("settings", ["", 'floor = "wheel"'])
def test_a_board_gets_no_image_in_any_mode(board: str, flags: Flags, settings: str) -> None:
    error = refused(question(board, flags=flags, settings=settings))
    assert error is not None
    assert error.message.count("\n  - ") == 1  # that its code is not in the wheel does not matter
    assert "aarch64" in error.message
    assert "x86_64" in error.message
    assert "toolkit" not in "".join(error.ways_out)
    assert "L4T" in error.ways_out[0]


def test_beside_a_board_the_other_gpus_are_named_for_an_image_of_their_own() -> None:
    error = refused(question("8.6", "8.7"))
    assert error is not None
    assert error.message.count("\n  - ") == 1
    assert error.ways_out[-1] == "leave it out: --gpu 8.6"


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


def test_a_base_image_is_no_way_out_by_itself_where_the_wheel_does_not_run() -> None:
    found = ways_out("binary", question(machine("GTX 1060", "550.144.03")))
    assert not any(way.startswith("set modes.binary.base-image") for way in found)


def test_a_mixed_machine_with_a_driver_that_is_too_new_names_the_last_for_the_older_card() -> None:
    old = gpu("5.2", name="NVIDIA GeForce GTX 970", driver="590.44.01")
    new = gpu("8.9", name="NVIDIA GeForce RTX 4090", driver="590.44.01")
    found = "\n".join(ways_out("source", question(new, old)))
    assert "driver branch 580, the last that drives NVIDIA GeForce GTX 970" in found
