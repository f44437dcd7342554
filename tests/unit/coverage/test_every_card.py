"""Every card of the facts, every wheel, every driver branch from 470 to 610, against the rule written down once more.

The rule here reads the rows of the tables as they stand and shares no line with the package: machine code runs on its
own major from its own minor on, but for the rows of ``sass_runs_on``; PTX runs on anything newer if the driver is at
least the one that came with the toolkit; a driver must be as new as the CUDA major and the card ask for, and must not
have dropped the card. Cards of one capability are one question where no base image is asked.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING
from typing import Any

import pytest

from poetry_gpu_build.coverage.base_images import image_starts
from poetry_gpu_build.coverage.drivers import driver_answers
from poetry_gpu_build.coverage.wheels import wheel_covers
from poetry_gpu_build.coverage.wheels import wheel_runs
from poetry_gpu_build.coverage.wheels import wheels_covering
from poetry_gpu_build.documents.toml import read_toml
from poetry_gpu_build.errors import NoModeServesError
from poetry_gpu_build.resources import policies_dir
from poetry_gpu_build.selection.objections import objections_to
from poetry_gpu_build.selection.select import select_mode
from poetry_gpu_build.values import DriverVersion

from ..builders import cc
from ..builders import facts
from ..builders import gpu
from ..builders import question
from .lookup import wheel

if TYPE_CHECKING:
    from poetry_gpu_build.facts.rows import WheelFact
    from poetry_gpu_build.selection.question import Question

Pair = tuple[int, ...]

TORCH: dict[str, Any] = read_toml(policies_dir() / "facts" / "torch_wheels.toml").data
CUDA: dict[str, Any] = read_toml(policies_dir() / "facts" / "cuda_toolkits.toml").data
CARDS: dict[str, str] = {
    row["name"]: row["cc"] for row in read_toml(policies_dir() / "facts" / "gpus.toml").data["gpu"]
}
CAPABILITIES = tuple(dict.fromkeys(CARDS.values()))
# Newer than every wheel, so that PTX decides; no card of the table is.
TOMORROW = "13.0"

BINARY_BASE = "nvidia/cuda:12.8.1-devel-ubuntu22.04"
SOURCE_BASE = "nvidia/cuda:11.8.0-cudnn8-devel-ubuntu22.04"

# One or more of each branch. Where NVIDIA draws a line inside a branch (525.60.13 for CUDA 12, 570.26 for the PTX of
# 12.8, 580.65.06 for CUDA 13), the last version before it and the first from it on.
DRIVERS = (
    *("470.256.02", "495.46", "510.108.03", "515.105.01", "520.61.05", "525.60.12", "525.60.13", "535.183.01"),
    *("545.29.06", "550.144.03", "555.58.02", "560.35.05", "565.77", "570.25", "570.26", "575.64.05", "580.65.05"),
    *("580.65.06", "590.44.01", "595.45.04", "610.43.02"),
)


# The branch that first drives GPUs from a capability on, by NVIDIA: the README's and the changelogs of its drivers.
FIRST_BRANCH = {(0, 0): 0, (7, 0): 384, (7, 5): 410, (8, 0): 450, (8, 9): 520, (10, 0): 570}
# Only Jetson and DRIVE have these: aarch64, as no image here is.
BOARDS = {"5.3", "6.2", "7.2", "8.7", "10.1", "11.0"}


def numbers(text: str) -> Pair:
    return tuple(int(part) for part in text.split("."))


# --- the rule


def code_runs(code: str, card: str, cuda: str) -> bool:
    row: dict[str, Any] = next((row for row in TORCH["sass_runs_on"] if row["code"] == code), {})
    if "only" in row:
        return card in row["only"]
    (major, minor), (card_major, card_minor) = numbers(code), numbers(card)
    lifted = "no_exception_from" in row and numbers(cuda) >= numbers(row["no_exception_from"])
    return card_major == major and card_minor >= minor and (lifted or card not in row.get("except", []))


def holds_code(row: dict[str, Any], card: str, driver: str) -> bool:
    if any(code_runs(code, card, row["cuda"]) for code in row["sass"]):
        return True
    toolkit = next(toolkit for toolkit in CUDA["toolkit"] if toolkit["cuda"] == row["cuda"])
    newer = any(numbers(code) <= numbers(card) for code in row["ptx"])
    return newer and numbers(driver) >= numbers(toolkit["driver_ga"])


def driver_runs(cuda: str, card: str, driver: str) -> bool:
    toolkit = next(toolkit for toolkit in CUDA["toolkit"] if toolkit["cuda"] == cuda)
    branch = numbers(driver)[0]
    # Rows of driver_branch, oldest first: each says what its branch, and every one after the row before it, drives.
    oldest = "3.5" if branch <= 470 else "5.0" if branch <= 580 else "7.5"
    return (
        numbers(driver) >= numbers(toolkit["driver_minor_compat"])
        and numbers(card) >= numbers(oldest)
        and branch >= FIRST_BRANCH[max((cc for cc in FIRST_BRANCH if numbers(card) >= cc), default=(0, 0))]
    )


def lets_in(image: str, card: str, driver: str) -> bool:
    """By the images' NVIDIA_REQUIRE_CUDA: branches below CUDA's own are let in by name, of 12.8.1 not for these."""
    branch = numbers(driver)[0]
    if image == SOURCE_BASE:
        return branch >= 520 or branch == 470
    return branch >= 570 or (branch in {470, 535, 550, 560, 565} and not card.startswith(("GeForce", "TITAN")))


def rule_says(row: dict[str, Any], card: str, driver: str) -> bool:
    return holds_code(row, card, driver) and driver_runs(row["cuda"], card, driver)


# --- what is asked


@lru_cache(maxsize=1)
def rows() -> tuple[tuple[WheelFact, dict[str, Any]], ...]:
    """Each wheel as the package reads it, and as it stands in the table."""
    return tuple(zip(facts().wheels, TORCH["wheel"], strict=True))


@lru_cache(maxsize=1)
def parsed_drivers() -> dict[str, DriverVersion]:
    return {text: DriverVersion.parse(text) for text in DRIVERS}


def on(card: str, build: str, driver: str, image: str | None = None) -> bool:
    """What the package says of a card by its name, as the driver writes it."""
    return wheel_runs(
        wheel(build),
        cc(CARDS[card]),
        facts(),
        driver=DriverVersion.parse(driver),
        base_image=image,
        card=f"NVIDIA {card}",
    ).runs


def cards_of(capability: str) -> list[str]:
    return [name for name, its in CARDS.items() if its == capability]


def builds(variant: str) -> list[str]:
    return [f"{row['torch']}+{variant}" for row in TORCH["wheel"] if row["variant"] == variant]


def one_of_each_brand(capability: str) -> list[str]:
    """A base image tells cards of one capability apart by their brand, the first word of the name."""
    return list({name.split()[0]: name for name in cards_of(capability)}.values())


@lru_cache(maxsize=1)
def shipped_question() -> Question:
    """The shipped policy and torch 2.7.1+cu128, for no GPU yet."""
    return question()


def is_board(card: str) -> bool:
    return CARDS[card] in BOARDS


def wheel_image_runs(card: str, driver: str) -> bool:
    return not is_board(card) and wheel_and_image_run(card, driver)


def wheel_and_image_run(card: str, driver: str) -> bool:
    row = next(row for row in TORCH["wheel"] if (row["torch"], row["variant"]) == ("2.7.1", "cu128"))
    return rule_says(row, CARDS[card], driver) and lets_in(BINARY_BASE, card, driver)


def compiled_image_runs(card: str, driver: str) -> bool:
    toolkit = next(toolkit for toolkit in CUDA["toolkit"] if toolkit["cuda"] == "11.8")
    compiled = [f"{code[:-1]}.{code[-1]}" for code in toolkit["nvcc_sm"]]
    has_code = any(code_runs(code, CARDS[card], "11.8") for code in compiled)
    return (
        not is_board(card)
        and has_code
        and driver_runs("11.8", CARDS[card], driver)
        and lets_in(SOURCE_BASE, card, driver)
    )


# --- the table


def test_the_table_is_the_whole_one() -> None:
    assert len(CARDS) >= 160
    assert len(rows()) >= 40
    assert all(f"{fact.torch}" == f"{row['torch']}+{row['variant']}" for fact, row in rows())
    assert (numbers(DRIVERS[0])[0], numbers(DRIVERS[-1])[0]) == (470, 610)


@pytest.mark.parametrize("capability", [*CAPABILITIES, TOMORROW])
def test_a_wheel_runs_on_a_card_under_a_driver_exactly_where_the_rule_says_so(capability: str) -> None:
    target, drivers = cc(capability), parsed_drivers()
    wrong = [
        f"{row['torch']}+{row['variant']}, driver {text}: the rule says {rule_says(row, capability, text)}"
        for fact, row in rows()
        for text, driver in drivers.items()
        if wheel_runs(fact, target, facts(), driver=driver).runs is not rule_says(row, capability, text)
    ]
    assert not wrong, f"{cards_of(capability)} ({capability})"


@pytest.mark.parametrize("image", [BINARY_BASE, SOURCE_BASE])
def test_a_base_image_starts_for_a_card_exactly_where_it_lets_its_host_in(image: str) -> None:
    wrong = []
    for card in CARDS:
        for text, driver in parsed_drivers().items():
            answer = image_starts(image, f"NVIDIA {card}", driver, facts())
            if answer is None or answer.runs is not lets_in(image, card, text):
                wrong.append(f"{card}, driver {text}: expected {lets_in(image, card, text)}")
    assert not wrong


def test_the_policy_s_wheel_in_the_policy_s_image_runs_exactly_where_both_do() -> None:
    wrong = [
        f"{card} ({CARDS[card]}), driver {driver}"
        for card in CARDS
        for driver in DRIVERS
        if on(card, "2.7.1+cu128", driver, BINARY_BASE) is not wheel_and_image_run(card, driver)
    ]
    assert not wrong


@pytest.mark.parametrize("capability", [*CAPABILITIES, TOMORROW])
def test_without_a_driver_every_wheel_is_offered_whose_machine_code_runs(capability: str) -> None:
    expected = {
        f"{row['torch']}+{row['variant']}"
        for row in TORCH["wheel"]
        if row["published"] == "yes" and any(code_runs(code, capability, row["cuda"]) for code in row["sass"])
    }
    assert {str(offered.torch) for offered in wheels_covering([cc(capability)], facts())} == expected


@pytest.mark.parametrize("capability", CAPABILITIES)
def test_a_mode_is_objected_to_exactly_where_its_image_would_not_run(capability: str) -> None:
    wrong = []
    for card in one_of_each_brand(capability):
        for driver in DRIVERS:
            asked = replace(shipped_question(), gpus=(gpu(capability, name=f"NVIDIA {card}", driver=driver),))
            if bool(objections_to("binary", asked)) is wheel_image_runs(card, driver):
                wrong.append(f"binary: {card}, driver {driver}")
            if bool(objections_to("source", asked)) is compiled_image_runs(card, driver):
                wrong.append(f"source: {card}, driver {driver}")
    assert not wrong


# --- one by one


@pytest.mark.parametrize("card", cards_of("8.9"))
def test_an_rtx_40_gets_no_false_alarm(card: str) -> None:
    # pytorch/pytorch#95648: no wheel lists 8.9, and 8.6 code runs there.
    for fact, row in rows():
        assert "8.9" not in row["sass"]
        assert "8.6" in row["sass"]
        assert wheel_covers(fact, cc("8.9"), facts()).runs
        assert on(card, str(fact.torch), "610.43.02")
    assert on(card, "2.7.1+cu128", "570.26", BINARY_BASE)


def test_a_gtx_1060_with_cu128_is_vetoed_on_every_driver() -> None:
    # astral-sh/uv#14742: "no kernel image"
    assert CARDS["GeForce GTX 1060"] == "6.1"
    assert builds("cu128")
    assert not any(on("GeForce GTX 1060", build, driver) for build in builds("cu128") for driver in DRIVERS)


def test_a_gtx_1060_on_the_policy_is_refused_and_shown_a_wheel_that_runs() -> None:
    with pytest.raises(NoModeServesError, match=r"GTX 1060 \(6\.1\)") as caught:
        select_mode(question(gpu("6.1", name="NVIDIA GeForce GTX 1060", driver="580.65.06")))
    assert "7.5, 8.0, 8.6, 9.0, 10.0, 12.0 only" in caught.value.message
    assert any("2.7.1" in way and "cu126" in way for way in caught.value.ways_out)


def test_a_gtx_970_with_cu126_is_told_that_a_wheel_suffices() -> None:
    assert CARDS["GeForce GTX 970"] == "5.2"
    for build in builds("cu126"):
        assert on("GeForce GTX 970", build, "580.65.06")
    selection = select_mode(
        question(gpu("5.2", name="NVIDIA GeForce GTX 970", driver="580.65.06"), wheel="2.7.1+cu126")
    )
    assert selection.mode == "source"  # the policy decides
    assert "no compile is needed: the pinned torch 2.7.1+cu126" in "".join(
        reason.text for reason in selection.reasons if reason.step == "advice"
    )


def test_a_v100_is_in_the_cu128_of_torch_2_8_to_2_10_and_in_no_other() -> None:
    # vllm-project/vllm#19185
    assert CARDS["V100"] == "7.0"
    runs = [build for build in builds("cu128") if on("V100", build, "580.65.06")]
    assert runs == ["2.8.0+cu128", "2.9.1+cu128", "2.10.0+cu128"]
    assert "2.7.1+cu128" in builds("cu128")
    assert "2.11.0+cu128" in builds("cu128")


@pytest.mark.parametrize("card", ["GeForce RTX 4090", "H100"])
@pytest.mark.parametrize(("driver", "runs"), [("470.256.02", False), ("515.105.01", False), ("520.61.05", True)])
def test_ada_and_hopper_need_branch_520(card: str, driver: str, runs: bool) -> None:
    # NVIDIA/open-gpu-kernel-modules, CHANGELOG.md: 520.56.06 and 520.61.05 introduce them.
    assert on(card, "2.7.1+cu118", driver) is runs


@pytest.mark.parametrize(
    ("driver", "runs"),
    [("525.60.13", False), ("550.144.03", False), ("565.77", False), ("570.25", True), ("575.64.05", True)],
)
def test_an_rtx_5090_needs_branch_570(driver: str, runs: bool) -> None:
    assert CARDS["GeForce RTX 5090"] == "12.0"
    assert on("GeForce RTX 5090", "2.7.1+cu128", driver) is runs
    assert on("GeForce RTX 5090", "2.7.1+cu128", driver, BINARY_BASE) is runs
    answers = driver_answers(DriverVersion.parse(driver), cc("12.0"), wheel("2.7.1+cu128").cuda, facts())
    assert any("branch 570" in answer.because for answer in answers if not answer.runs) is not runs


def test_an_rtx_5090_has_no_wheel_before_cu128() -> None:
    holding = {fact.torch.variant for fact, _ in rows() if wheel_covers(fact, cc("12.0"), facts()).runs}
    assert holding.isdisjoint({"cu117", "cu118", "cu121", "cu124", "cu126"})
    assert "cu128" in holding


@pytest.mark.parametrize(
    ("card", "driver", "runs"),
    [
        ("GeForce GTX 970", "580.65.06", True),
        ("GeForce GTX 970", "590.44.01", False),  # 580 is the last branch for Maxwell, Pascal and Volta
        ("GeForce GTX 1060", "590.44.01", False),
        ("V100", "610.43.02", False),
        ("GeForce RTX 2080", "610.43.02", True),
        ("GeForce RTX 2080", "525.60.12", False),  # CUDA 12 needs 525.60.13
        ("GeForce RTX 2080", "525.60.13", True),
    ],
)
def test_cu126_on_old_and_new_branches(card: str, driver: str, runs: bool) -> None:
    assert on(card, "2.7.1+cu126", driver) is runs


@pytest.mark.parametrize(("driver", "runs"), [("575.64.05", False), ("580.65.05", False), ("580.65.06", True)])
def test_cuda_13_needs_580_65_06(driver: str, runs: bool) -> None:
    assert on("GeForce RTX 4090", "2.14.1+cu130", driver) is runs


@pytest.mark.parametrize(("card", "runs"), [("Tesla K80", True), ("Tesla K40", False), ("GeForce GTX 680", False)])
def test_of_the_keplers_only_the_k80_has_a_wheel(card: str, runs: bool) -> None:
    # sm_37 code runs on 3.7, not on 3.5 or 3.0.
    assert on(card, "2.7.1+cu118", "470.256.02") is runs


@pytest.mark.parametrize(
    ("card", "driver", "starts"),
    [
        ("GeForce RTX 3090", "565.77", False),
        ("GeForce RTX 3090", "570.26", True),
        ("TITAN RTX", "550.144.03", False),
        ("T4", "550.144.03", True),
        ("T4", "545.29.06", False),  # no alternative names this branch
    ],
)
def test_the_policy_s_image_refuses_hosts_that_the_wheel_would_run_on(card: str, driver: str, starts: bool) -> None:
    assert on(card, "2.7.1+cu128", driver)
    assert on(card, "2.7.1+cu128", driver, BINARY_BASE) is starts
