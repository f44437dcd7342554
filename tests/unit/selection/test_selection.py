from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from poetry_gpu_build.errors import ConfigurationError
from poetry_gpu_build.errors import InvalidValueError
from poetry_gpu_build.errors import NoModeServesError
from poetry_gpu_build.plan import make_plan
from poetry_gpu_build.selection.flags import Flags
from poetry_gpu_build.selection.flags import parse_switch
from poetry_gpu_build.selection.flags import requested_mode
from poetry_gpu_build.selection.select import Selection
from poetry_gpu_build.selection.select import select_mode

from ..builders import gpu
from ..builders import inputs
from ..builders import question
from ..builders import request

if TYPE_CHECKING:
    from pathlib import Path

    from poetry_gpu_build.gpu.interface import Gpu
    from poetry_gpu_build.selection.question import Question

CU126 = "2.7.1+cu126"


def vetoed(asked: Question) -> NoModeServesError:
    with pytest.raises(NoModeServesError) as caught:
        select_mode(asked)
    assert caught.value.exit_code == 3
    return caught.value


def reasons(selection: Selection, step: str) -> str:
    return "\n".join(str(reason) for reason in selection.reasons if reason.step == step)


def ways(error: NoModeServesError) -> str:
    return "\n".join(error.ways_out)


# --- the table


@pytest.mark.parametrize(
    ("targets", "mode", "arch_list"),
    [
        (["3.5"], "source", ["3.5"]),
        (["5.0"], "source", ["5.0"]),
        (["5.2"], "source", ["5.2"]),
        (["7.5"], "binary", []),
        (["8.6"], "binary", []),
        (["8.9"], "binary", []),
        (["9.0"], "binary", []),
        (["10.0"], "binary", []),
        (["12.0"], "binary", []),
        (["5.2", "8.6"], "source", ["5.2", "8.6"]),
    ],
)
def test_what_is_built_for_these_targets(tmp_path: Path, targets: list[str], mode: str, arch_list: list[str]) -> None:
    plan = make_plan(inputs(tmp_path), request(*targets))
    assert plan.mode == mode
    assert plan.dockerfile == {"binary": "docker/Dockerfile", "source": "docker/Dockerfile.source"}[mode]
    assert plan.with_groups == (("binary-torch",) if mode == "binary" else ())
    assert plan.without_groups == (("binary-torch",) if mode == "source" else ())
    assert [str(capability) for capability in plan.arch_list] == arch_list
    steps = [reason.step for reason in plan.reasons]
    assert steps[0] == "flag"
    assert steps.count("targets") == len(targets)
    assert {"policy", "facts"} <= set(steps)


@pytest.mark.parametrize("targets", [["6.1"], ["7.0"], ["5.2", "12.0"]])
def test_for_these_targets_nothing_is_built(tmp_path: Path, targets: list[str]) -> None:
    with pytest.raises(NoModeServesError):
        make_plan(inputs(tmp_path), request(*targets))


@pytest.mark.parametrize("target", ["6.1", "7.0"])
def test_a_card_above_the_floor_that_the_wheel_has_no_code_for_gets_every_way_out(target: str) -> None:
    error = vetoed(question(target))
    assert "2.7.1+cu128" in error.message
    assert target in error.message
    assert "known by: secondary+user reports" in error.message
    assert "torch 2.7.1 from PyPI (cu126)" in ways(error)
    assert "2.14.1+cu126" in ways(error)
    assert "--from-source" in ways(error)


def test_a_maxwell_and_a_blackwell_card_in_one_image_need_cuda_12_8() -> None:
    error = vetoed(question("5.2", "12.0"))
    assert "12.0" in error.message
    assert "CUDA 12.8" in ways(error)
    assert "one image for each" in ways(error)
    assert "cu126" not in ways(error)


def test_the_source_mode_on_cuda_12_8_serves_both() -> None:
    settings = "modes.source.base-image = 'nvidia/cuda:12.8.1-devel-ubuntu22.04'"
    assert select_mode(question("5.2", "12.0", settings=settings)).mode == "source"


def test_a_blackwell_card_is_not_compiled_for_by_cuda_11_8() -> None:
    error = vetoed(question("12.0", flags=Flags(from_source=True)))
    assert "CUDA 11.8" in error.message
    assert "3.5 to 9.0" in error.message
    assert "--binary" in error.ways_out[0]
    assert "CUDA 12.8" in ways(error)


def test_a_card_that_nothing_serves_is_told_so() -> None:
    error = vetoed(question("3.0"))
    assert len(error.ways_out) == 1
    assert "none" in error.ways_out[0]


# --- the reasons


def test_the_policy_says_which_target_is_below_the_floor() -> None:
    said = reasons(select_mode(question("5.2", "8.6")), "policy")
    assert "5.2" in said
    assert "8.6" not in said
    assert "6.0" in said


def test_without_a_target_the_default_mode_is_chosen_and_that_is_said() -> None:
    selection = select_mode(question())
    assert selection.mode == "binary"
    assert "no target" in reasons(selection, "targets")
    assert "default" in reasons(selection, "policy")


def test_the_default_mode_is_the_policys() -> None:
    assert select_mode(question(settings="default-mode = 'source'")).mode == "source"


def test_who_reported_a_gpu_is_said() -> None:
    selection = select_mode(question(gpu("8.6", name="NVIDIA GeForce RTX 3090", driver="580.65.06")))
    said = reasons(selection, "targets")
    assert all(part in said for part in ("NVIDIA GeForce RTX 3090", "8.6", "NVML", "580.65.06"))


def test_two_equal_gpus_are_said_once() -> None:
    assert reasons(select_mode(question("8.6", "8.6")), "targets").count("8.6") == 1


def test_a_fact_that_is_not_measured_says_how_it_is_known() -> None:
    assert "(known by: secondary+user reports)" in reasons(select_mode(question("8.6")), "facts")


def test_a_measured_fact_needs_no_such_word() -> None:
    assert "known by" not in reasons(select_mode(question("8.6", wheel=CU126)), "facts")


def test_a_compile_that_a_wheel_makes_unnecessary_is_said() -> None:
    selection = select_mode(question("5.2"))
    assert selection.mode == "source"
    assert "torch 2.7.1 from PyPI (cu126)" in reasons(selection, "advice")


def test_a_compile_that_the_pinned_wheel_makes_unnecessary_is_said() -> None:
    selection = select_mode(question("5.2", wheel=CU126))
    assert selection.mode == "source"
    assert f"the pinned torch {CU126}" in reasons(selection, "advice")


def test_a_compile_that_is_needed_is_not_talked_down() -> None:
    assert "no compile is needed" not in reasons(select_mode(question("3.5")), "advice")


# --- the flag


SWITCHES = {
    None: None,
    "": False,
    "true": True,
    "TRUE": True,
    "1": True,
    "yes": True,
    "on": True,
    "false": False,
    "0": False,
    "no": False,
    "off": False,
}


@pytest.mark.parametrize(("text", "asked"), [(text, asked) for text, asked in SWITCHES.items() if text is not None])
def test_the_switch_is_read(text: str, asked: bool) -> None:
    assert parse_switch(text) is asked
    assert parse_switch(f" {text.upper()} ") is asked


@pytest.mark.parametrize("text", ["maybe", "2", "-1", "truefalse", "y", "n", "None", "tru\N{CYRILLIC SMALL LETTER IE}"])
def test_what_is_neither_yes_nor_no_is_refused(text: str) -> None:
    with pytest.raises(InvalidValueError, match="neither yes nor no") as caught:
        parse_switch(text)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(("text", "asked"), SWITCHES.items())
@pytest.mark.parametrize("option", ["--from-source", "--binary", None])
def test_an_option_counts_more_than_the_environment_and_that_more_than_nothing(
    option: str | None, text: str | None, asked: bool | None
) -> None:
    flags = Flags(option == "--from-source", option == "--binary", text)
    mode, said = requested_mode(flags)
    by_switch = {True: "source", False: "binary", None: None}[asked]
    by_option = {"--from-source": "source", "--binary": "binary", None: None}[option]
    assert mode == (by_option or by_switch)
    assert said.step == "flag"
    assert (option or ("BUILD_FROM_SOURCE" if text is None else f"BUILD_FROM_SOURCE={text}")) in said.text


@pytest.mark.parametrize("flags", [Flags(True), Flags(binary=True), Flags(), Flags(True, all_modes=True)])
def test_a_switch_that_cannot_be_read_is_an_error_beside_every_option(flags: Flags) -> None:

    with pytest.raises(InvalidValueError):
        requested_mode(flags._replace(build_from_source="maybe"))


def test_an_option_that_overrules_the_environment_says_so() -> None:
    assert "over BUILD_FROM_SOURCE=true" in requested_mode(Flags(binary=True, build_from_source="true"))[1].text
    assert "over" not in requested_mode(Flags(binary=True, build_from_source="no"))[1].text


def test_both_options_at_once_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="exclude each other"):
        requested_mode(Flags(from_source=True, binary=True))


def test_a_mode_that_all_modes_asks_for_is_not_laid_at_the_users_door() -> None:
    assert "--all-modes" in requested_mode(Flags(binary=True, all_modes=True))[1].text


@pytest.mark.parametrize("flags", [Flags(binary=True), Flags(build_from_source="false"), Flags(build_from_source="")])
def test_a_flag_that_the_facts_forbid_is_an_error(flags: Flags) -> None:
    error = vetoed(question("5.2", flags=flags))
    assert "a flag asks for it" in error.message
    assert "--from-source" in ways(error)


def test_a_flag_may_take_the_wheel_where_it_has_code_for_the_card() -> None:
    selection = select_mode(question("5.2", flags=Flags(binary=True), wheel=CU126))
    assert selection.mode == "binary"
    assert "the flag decides otherwise" in reasons(selection, "policy")
    assert "below the policy's floor" in reasons(selection, "advice")


def test_a_flag_may_compile_for_a_card_that_the_wheel_serves() -> None:
    selection = select_mode(question("8.6", flags=Flags(from_source=True)))
    assert selection.mode == "source"
    assert "the pinned torch 2.7.1+cu128" in reasons(selection, "advice")


def test_a_flag_decides_without_a_target() -> None:
    assert select_mode(question(flags=Flags(build_from_source="yes"))).mode == "source"


# --- a wheel of which nothing is known


@pytest.mark.parametrize("wheel", ["2.7.1", "2.99.0+cu128", None])
def test_an_unknown_wheel_is_taken_at_or_above_the_floor_and_that_it_was_not_checked_is_said(wheel: str | None) -> None:
    selection = select_mode(question("6.1", wheel=wheel))
    assert selection.mode == "binary"
    assert "not checked" in reasons(selection, "facts")


def test_an_unknown_wheel_is_not_taken_below_the_floor() -> None:
    error = vetoed(question("5.2", wheel="2.99.0+cu128", flags=Flags(binary=True)))
    assert "not in the facts" in error.message
    assert "6.0" in error.message


# --- the driver


GTX_970 = "NVIDIA GeForce GTX 970"
RTX_4090 = "NVIDIA GeForce RTX 4090"
RTX_5090 = "NVIDIA GeForce RTX 5090"
A100 = "NVIDIA A100-SXM4-40GB"


@pytest.mark.parametrize(
    ("card", "mode"),
    [
        (gpu("5.2", name=GTX_970, driver="470.82.01"), "source"),
        (gpu("5.2", name=GTX_970, driver="580.65.06"), "source"),
        (gpu("8.9", name=RTX_4090, driver="570.26"), "binary"),
        (gpu("8.0", name=A100, driver="535.54.03"), "binary"),
        (gpu("12.0", name=RTX_5090, driver="570.124.06"), "binary"),
    ],
)
def test_a_driver_that_is_new_enough_is_no_hindrance(card: Gpu, mode: str) -> None:
    assert select_mode(question(card)).mode == mode


@pytest.mark.parametrize(
    ("card", "said"),
    [
        (gpu("8.0", name=A100, driver="520.61.05"), "525.60.13"),  # cu12x
        (gpu("5.2", name=GTX_970, driver="440.33.01"), "450.80.02"),  # cu11x
        (gpu("12.0", name=RTX_5090, driver="565.57.01"), "570"),  # Blackwell
        (
            gpu("8.9", name=RTX_4090, driver="535.54.03"),
            "refuses a GPU of the brand geforcertx",
        ),  # the image's own condition
        (gpu("5.2", name=GTX_970, driver="590.44.01"), "no longer drives"),
    ],
)
def test_a_driver_that_does_not_fit_is_a_veto_that_names_the_card(card: Gpu, said: str) -> None:
    error = vetoed(question(card))
    assert card.name is not None
    assert card.name in error.message
    assert said in error.message
    assert str(card.driver) in error.message


def test_a_driver_that_is_too_old_can_be_renewed_or_the_target_named() -> None:
    error = vetoed(question(gpu("8.9", name=RTX_4090, driver="535.54.03")))
    # Its base image asks for CUDA 12.8, which came with branch 570.
    assert "install driver 570 or newer" in error.ways_out
    assert "--gpu 8.9" in ways(error)


def test_a_driver_that_is_too_new_is_not_to_be_renewed() -> None:
    error = vetoed(question(gpu("5.2", name=GTX_970, driver="590.44.01")))
    assert "or newer" not in ways(error)
    assert "580" in ways(error)


def test_a_wheel_that_the_driver_forbids_is_not_offered() -> None:
    # cu126 asks for 525.60.13.
    error = vetoed(question(gpu("6.1", name="NVIDIA GeForce GTX 1060", driver="470.82.01")))
    assert "cu126" not in ways(error)
    assert "--from-source" in ways(error)


def test_a_wheel_that_the_images_python_forbids_is_not_offered() -> None:
    # torch 2.14.1 asks for Python 3.10.
    assert "2.14.1" not in ways(vetoed(question("6.1", settings="python = '3.9'")))
    assert "2.14.1" in ways(vetoed(question("6.1", settings="python = '3.10'")))


def test_a_named_target_has_no_driver() -> None:
    assert select_mode(question("8.9")).mode == "binary"


def test_portable_code_serves_a_newer_chip_only_with_a_driver_that_is_new_enough() -> None:
    future = "13.0"
    assert select_mode(question(gpu(future, driver="580.65.06"))).mode == "binary"
    assert "PTX" in vetoed(question(gpu(future, driver="565.57.01"))).message


@pytest.mark.parametrize(
    ("wheel", "driver", "fits"),
    [("2.9.1+cu130", "575.57.08", False), ("2.9.1+cu130", "580.65.06", True), ("2.7.1+cu118", "470.82.01", True)],
)
def test_the_driver_is_held_against_the_cuda_of_the_pinned_wheel(wheel: str, driver: str, fits: bool) -> None:
    asked = question(gpu("8.0", name=A100, driver=driver), wheel=wheel)
    if fits:
        assert select_mode(asked).mode == "binary"
    else:
        assert "CUDA 13.0" in vetoed(asked).message
