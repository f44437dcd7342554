"""What serves which cards. The expected wheels were read from the rows of policies/facts by hand, for Python 3.10."""

from __future__ import annotations

import pytest

from ..builders import gpu
from .builders import cudas
from .builders import ways
from .builders import wheels

# CUDA 11.0 to 12.9 have 5.0 to 7.2 in nvcc_sm; 12.7 was never released.
TO_12_9 = ["11.0", "11.1", "11.2", "11.3", "11.4", "11.5", "11.6", "11.7", "11.8"]
TO_12_9 += ["12.0", "12.1", "12.2", "12.3", "12.4", "12.5", "12.6", "12.8", "12.9"]
TO_11_8 = TO_12_9[:9]
# The wheels with machine code for 5.0.
FROM_5_0 = {
    "PyPI": "2.7.1",
    "cu118": "2.7.1+cu118",
    "cu121": "2.5.1+cu121",
    "cu124": "2.4.1+cu124",
    "cu126": "2.14.1+cu126",
}
# Those with machine code for 12.0.
BLACKWELL = {
    "PyPI": "2.14.1",
    "cu128": "2.11.0+cu128",
    "cu129": "2.8.0+cu129",
    "cu130": "2.10.0+cu130",
    "cu132": "2.14.1+cu132",
}


@pytest.mark.parametrize(
    ("targets", "expected"),
    [
        (["5.2"], FROM_5_0),
        (["6.1"], FROM_5_0),
        (["7.0"], {**FROM_5_0, "PyPI": "2.10.0", "cu129": "2.8.0+cu129"}),  # cu128's own index never had 7.0 again
        (["8.9"], {**FROM_5_0, **BLACKWELL}),
        (["12.0"], BLACKWELL),
        (["12.1"], BLACKWELL),
        (["3.7"], {"PyPI": "2.0.1", "cu118": "2.7.1+cu118"}),
        (["3.5"], {}),
        (["5.2", "8.6"], FROM_5_0),
        (["7.0", "12.0"], {"PyPI": "2.10.0", "cu129": "2.8.0+cu129"}),
        (["5.2", "12.0"], {}),
        (["3.0"], {}),
        (["8.7"], {}),
    ],
)
def test_the_newest_wheel_of_each_index_that_runs_on_all_cards(targets: list[str], expected: dict[str, str]) -> None:
    assert wheels(ways(*targets)) == expected


@pytest.mark.parametrize(
    ("targets", "newest"),
    [
        (["5.2"], "2.14.1+cu126"),
        (["8.9"], "2.14.1"),  # three indexes have that release: PyPI's was measured
        (["7.0", "12.0"], "2.10.0"),
        (["3.7"], "2.7.1+cu118"),
    ],
)
def test_the_newest_of_all_comes_first(targets: list[str], newest: str) -> None:
    found = ways(*targets)
    assert found.offers[0].pin == newest


def test_each_wheel_says_how_somebody_knows_what_is_in_it() -> None:
    known = {offer.pin: offer.known_by for offer in ways("5.2").offers}
    assert known["2.7.1"] == "measured"
    assert known["2.14.1+cu126"] == "user reports"
    assert known["2.7.1+cu118"] == "secondary"
    assert known["2.5.1+cu121"] == "script"


@pytest.mark.parametrize("targets", [["5.2"], ["6.1"], ["7.0"], ["8.9"], ["12.0"], ["7.0", "12.0"]])
def test_no_compile_is_needed_where_a_wheel_serves(targets: list[str]) -> None:
    found = ways(*targets)
    assert found.serves
    assert not found.needs_compile
    assert found.apart == ()


@pytest.mark.parametrize(
    ("targets", "toolkits", "arch_list"),
    [
        (["5.2"], TO_12_9, "5.2"),
        (["3.5"], TO_11_8, "3.5"),
        (["5.2", "12.0"], ["12.8", "12.9"], "5.2;12.0"),
        (["12.0", "5.2"], ["12.8", "12.9"], "5.2;12.0"),
        (["7.0", "12.0"], ["12.8", "12.9"], "7.0;12.0"),
        (["3.5", "5.2"], TO_11_8, "3.5;5.2"),
    ],
)
def test_the_toolkits_that_compile_for_all_cards(targets: list[str], toolkits: list[str], arch_list: str) -> None:
    found = ways(*targets)
    assert cudas(found) == toolkits
    assert {each.arch_list for each in found.compiles} == {arch_list}
    assert {each.portable_arch_list for each in found.compiles} == {f"{arch_list}+PTX"}


def test_an_old_toolkit_compiles_the_best_that_it_has_for_a_newer_chip() -> None:
    # nvcc 11.8 was the first with 8.9; 11.1 the first with 8.6; 12.8 has no 12.1.
    ada = {str(each.toolkit.cuda): each.arch_list for each in ways("8.9").compiles}
    assert (ada["11.0"], ada["11.1"], ada["11.7"], ada["11.8"]) == ("8.0", "8.6", "8.6", "8.9")
    spark = {str(each.toolkit.cuda): each.arch_list for each in ways("12.1").compiles}
    assert (spark["12.8"], spark["12.9"]) == ("12.0", "12.1")


@pytest.mark.parametrize(
    ("targets", "window"),
    [
        (["5.2"], "branch 580 or older"),
        (["3.5"], "branch 470 or older"),
        (["8.9"], "branch 520 or newer"),
        (["12.0"], "branch 570 or newer"),
        (["5.2", "12.0"], "branch 570 to 580"),
        (["7.0", "12.0"], "branch 570 to 580"),
        (["3.0"], "none is known"),
    ],
)
def test_the_driver_branches_that_drive_all_cards(targets: list[str], window: str) -> None:
    assert str(ways(*targets).window) == window


@pytest.mark.parametrize(
    ("targets", "drivers"),
    [
        (["5.2"], "from 450.80.02 to branch 580"),  # CUDA 11.8's wheel is the least demanding
        (["12.0"], "from branch 570 on"),
        (["5.2", "12.0"], "from branch 570 to branch 580"),  # a compile
        (["3.0"], "of none is known"),
    ],
)
def test_the_drivers_under_which_something_serves_begin_with_the_least_demanding(
    targets: list[str], drivers: str
) -> None:
    assert ways(*targets).drivers == drivers


def test_cards_that_no_branch_drives_are_no_open_window() -> None:
    found = ways("3.0", "8.9")
    assert not found.window.is_open
    assert found.why_nothing == "no driver branch is known that drives 3.0"


def test_a_maxwell_and_a_blackwell_card_share_no_wheel_and_each_has_one_of_its_own() -> None:
    found = ways("5.2", "12.0")
    assert found.serves
    assert found.needs_compile
    assert [each.offers[0].pin for each in found.apart] == ["2.14.1+cu126", "2.14.1"]


def test_cards_that_no_driver_drives_together_are_served_apart_only() -> None:
    found = ways("3.5", "12.0")
    assert not found.serves
    assert not found.window.is_open
    assert [each.needs_compile for each in found.apart] == [True, False]
    assert all(each.serves for each in found.apart)


@pytest.mark.parametrize("board", ["5.3", "6.2", "7.2", "8.7", "10.1", "11.0"])
def test_a_board_is_served_by_nothing_that_is_made_for_x86_64(board: str) -> None:
    found = ways(board)
    assert [str(each) for each in found.boards] == [board]
    assert not found.serves
    assert (found.offers, found.compiles) == ((), ())


def test_a_chip_of_the_future_is_served_by_ptx_alone() -> None:
    found = ways("13.0")
    assert wheels(found) == {
        "cu128": "2.7.1+cu128",
        "cu129": "2.8.0+cu129",
        "cu130": "2.10.0+cu130",
        "cu132": "2.13.0+cu132",
    }
    assert not any(offer.is_machine_code for offer in found.offers)
    # The driver that came with the toolkit knows its PTX.
    assert {offer.pin: str(offer.driver_from) for offer in found.offers} == {
        "2.7.1+cu128": "570.26",
        "2.8.0+cu129": "575.51.03",
        "2.10.0+cu130": "580.65.06",
        "2.13.0+cu132": "595.45.04",
    }


@pytest.mark.parametrize(
    ("target", "pin", "driver"),
    [("5.2", "2.7.1", "525.60.13"), ("5.2", "2.7.1+cu118", "450.80.02"), ("12.0", "2.11.0+cu128", "570")],
)
def test_the_oldest_driver_is_that_of_the_wheel_or_of_the_card(target: str, pin: str, driver: str) -> None:
    found = {offer.pin: str(offer.driver_from) for offer in ways(target).offers}
    assert found[pin] == driver


def test_a_wheel_whose_cudnn_has_no_kernels_for_the_card_says_so() -> None:
    (best, *_) = ways("3.7").offers
    assert "9.1.0.70" in best.cautions[0].because
    assert not any(offer.cautions for offer in ways("5.2").offers)


# --- a driver that is known


@pytest.mark.parametrize(
    ("card", "newest", "pypi"),
    [
        ("5.2@450.80.02", "2.7.1+cu118", "2.0.1"),  # CUDA 11.x from here on, 12.x from 525.60.13
        ("5.2@470.82.01", "2.7.1+cu118", "2.0.1"),
        ("5.2@535.54.03", "2.14.1+cu126", "2.7.1"),
        ("8.9@535.54.03", "2.14.1+cu126", "2.10.0"),  # CUDA 13.x from 580.65.06
        ("12.0@570.124.06", "2.11.0+cu128", "2.10.0"),
        ("8.9@590.44.01", "2.14.1", "2.14.1"),
    ],
)
def test_a_wheel_that_the_driver_does_not_run_is_not_offered(card: str, newest: str, pypi: str) -> None:
    found = ways(card)
    assert found.offers[0].pin == newest
    assert wheels(found)["PyPI"] == pypi


def test_an_old_driver_leaves_the_old_toolkits() -> None:
    assert cudas(ways("5.2@470.82.01")) == TO_11_8


@pytest.mark.parametrize("card", ["12.0@565.57.01", "5.2@590.44.01", "5.2@450.51.05", "7.0@595.45.04"])
def test_a_driver_under_which_nothing_runs_is_told_with_what_another_one_would_run(card: str) -> None:
    found = ways(card)
    assert not found.serves
    assert found.with_other_driver is not None
    assert found.with_other_driver.offers


def test_a_driver_that_is_new_enough_for_ptx_leaves_the_newer_ptx_out() -> None:
    assert set(wheels(ways("13.0@580.65.06"))) == {"cu128", "cu129", "cu130"}
    assert not ways("13.0@565.57.01").serves


def test_two_cards_under_a_driver_for_both() -> None:
    assert cudas(ways("5.2@575.57.08", "12.0@575.57.08")) == ["12.8", "12.9"]
    assert not ways("5.2@590.44.01", "12.0@590.44.01").serves


# --- the image around the wheel


def test_a_wheel_that_the_images_python_forbids_is_not_offered() -> None:
    # 2.15.0 asks for 3.11, 2.9.1 to 2.14.1 for 3.10.
    assert wheels(ways("8.9", settings="python = '3.11'"))["PyPI"] == "2.15.0"
    assert wheels(ways("5.2", settings="python = '3.9'"))["cu126"] == "2.8.0+cu126"


def test_a_base_image_that_refuses_the_host_is_told_though_the_wheel_would_run() -> None:
    found = ways(gpu("8.9", name="NVIDIA GeForce RTX 4090", driver="535.54.03"))
    assert found.serves
    assert "geforcertx" in found.refusals[0].because
    # cuda>=11.8, and a driver of that branch reports 12.2.
    assert found.other_base_images == ("nvidia/cuda:11.8.0-cudnn8-devel-ubuntu22.04",)


def test_a_base_image_that_starts_needs_no_other() -> None:
    found = ways(gpu("8.9", name="NVIDIA GeForce RTX 4090", driver="570.124.06"))
    assert (found.refusals, found.other_base_images) == ((), ())


def test_two_equal_cards_are_one_target() -> None:
    found = ways("8.9", "8.9")
    assert len(found.targets) == 1
    assert found.apart == ()
