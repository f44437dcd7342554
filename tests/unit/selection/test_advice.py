from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from poetry_gpu_build.errors import ConfigurationError
from poetry_gpu_build.plan import Request
from poetry_gpu_build.plan import make_plan
from poetry_gpu_build.selection.advice.every import EVERY
from poetry_gpu_build.selection.flags import Flags
from poetry_gpu_build.selection.select import select_mode

from ..builders import GROUP
from ..builders import HEAD
from ..builders import SOURCE
from ..builders import gpu
from ..builders import inputs
from ..builders import question
from ..builders import request
from ..builders import settings

if TYPE_CHECKING:
    from pathlib import Path

    from poetry_gpu_build.gpu.interface import Gpu
    from poetry_gpu_build.plan import Plan
    from poetry_gpu_build.selection.question import Question
    from poetry_gpu_build.selection.reasons import Reason

SOURCE_MODE = Flags(from_source=True)
BINARY_MODE = Flags(binary=True)
GTX_970 = gpu("5.2", name="NVIDIA GeForce GTX 970", driver="580.65.06")
RTX_4090 = gpu("8.9", name="NVIDIA GeForce RTX 4090", driver="580.65.06")


def advice(asked: Question | Plan) -> list[Reason]:
    """The advice on a question, or in a plan."""
    reasons = asked.reasons if hasattr(asked, "reasons") else select_mode(asked).reasons
    return [reason for reason in reasons if reason.step == "advice"]


def saying(word: str, given: list[Reason]) -> Reason | None:
    """The one piece of advice that holds these words; None for none."""
    found = [reason for reason in given if word in reason.text]
    assert len(found) <= 1
    return found[0] if found else None


def planned(folder: Path, *gpus: Gpu | str, needs: str = "", tables: str = "", flags: Flags | None = None) -> Plan:
    """The plan of a project with these main dependencies and further tables."""
    head = HEAD.replace('dependencies = ["numpy>=1.26"]', f"dependencies = [{needs}]")
    return make_plan(inputs(folder, head + GROUP + SOURCE + tables), request(*gpus, flags=flags))


# --- no false alarm


@pytest.mark.parametrize("capability", ["7.5", "8.0", "8.6", "8.9", "9.0"])
def test_a_card_of_this_machine_that_the_defaults_serve_gets_no_advice(tmp_path: Path, capability: str) -> None:
    plan = planned(tmp_path, gpu(capability, name="NVIDIA GeForce RTX", driver="580.65.06"), needs='"numpy>=1.26"')
    assert advice(plan) == []


def test_an_rtx_40_that_is_named_gets_the_driver_of_its_host_and_nothing_else(tmp_path: Path) -> None:
    (only,) = advice(planned(tmp_path, gpu("8.9", name="NVIDIA GeForce RTX 4090"), needs='"numpy>=1.26"'))
    assert "driver 570 or newer" in only.text
    assert only.status == "secondary"


def test_packages_that_fit_get_no_advice(tmp_path: Path) -> None:
    needs = '"numpy>=2,<2.6", "cupy-cuda12x>=14", "triton", "flash-attn>=2", "bitsandbytes"'
    assert advice(planned(tmp_path, RTX_4090, needs=needs)) == []


def test_advice_changes_no_decision(tmp_path: Path) -> None:
    plan = planned(tmp_path / "a", "5.2", needs='"cupy-cuda13x", "flash-attn"')
    bare = planned(tmp_path / "b", "5.2")
    assert advice(plan) != advice(bare)
    assert replace(plan, reasons=(), root=bare.root) == replace(bare, reasons=())


# --- the torch of the image


def test_a_pinned_wheel_that_the_host_refuses_makes_no_compile_unneeded() -> None:
    # 12.8.1's base image refuses a GeForce with branch 535; the wheel itself would run.
    card = gpu("8.9", name="NVIDIA GeForce RTX 4090", driver="535.54.03")
    assert saying("the pinned torch", advice(question(card, flags=SOURCE_MODE))) is None


@pytest.mark.parametrize(("wheel", "named"), [("2.99.0+cu128", "2.99.0+cu128"), (None, ">=2")])
def test_what_an_unknown_wheel_runs_on_is_said_to_show_later(wheel: str | None, named: str) -> None:
    found = saying("shows after the build", advice(question("8.6", wheel=wheel)))
    assert found is not None
    assert named in found.text
    assert saying("shows after the build", advice(question("8.6", wheel="2.7.1+cu128"))) is None
    assert saying("shows after the build", advice(question("8.6", wheel=None, flags=SOURCE_MODE))) is None


@pytest.mark.parametrize(
    ("wheel", "card", "said"),
    [
        ("2.99.0+cu126", "12.0", "12.0: CUDA 12.6 compiles for 5.0 to 9.0; at best its PTX"),
        ("2.99.0+cu118", "10.0", "10.0: CUDA 11.8 compiles for 3.5 to 9.0; at best its PTX"),
        ("2.99.0+cu130", "7.0", "7.0: CUDA 13.0 compiles for 7.5 to"),
        ("2.99.0+cu126", "8.9", None),
        ("2.99.0+cu128", "12.0", None),
        ("2.99.0+cu199", "12.0", None),  # nothing is known of CUDA 19.9
        ("2.99.0", "12.0", None),
        (None, "12.0", None),
    ],
)
def test_an_unknown_wheel_of_an_older_cuda_can_hold_no_machine_code(
    wheel: str | None, card: str, said: str | None
) -> None:
    found = saying("can hold no machine code", advice(question(card, wheel=wheel, flags=BINARY_MODE)))
    assert (found is None) is (said is None)
    assert found is None or said is None or said in found.text
    assert found is None or ("PTX" in found.text) is (card != "7.0")  # PTX runs on what is newer only


@pytest.mark.parametrize(
    ("wheel", "said", "unsaid"),
    [
        ("2.7.1+cu128", "below 7.5", "nor on"),  # its PTX for 12.0 serves what is newer
        ("2.7.1+cu126", "below 5.0, nor on 10.0 and newer", "7.5"),
        ("2.14.1+cu130", "below 7.5", "12.0"),
    ],
)
def test_without_a_target_it_is_said_where_the_wheel_does_not_run(wheel: str, said: str, unsaid: str) -> None:
    found = saying("no GPU is known", advice(question(wheel=wheel)))
    assert found is not None
    assert said in found.text
    assert unsaid not in found.text
    assert saying("no GPU is known", advice(question("8.6", wheel=wheel))) is None


def test_portable_code_is_compiled_at_the_first_start_and_that_is_said() -> None:
    found = saying("PTX only for 13.0", advice(question(gpu("13.0", driver="580.65.06"))))
    assert found is not None
    assert "CUDA_CACHE_PATH" in found.text
    assert saying("PTX only", advice(question(gpu("12.0", driver="580.65.06")))) is None


@pytest.mark.parametrize(
    ("targets", "said", "setting"),
    [
        (["5.2"], "5.x from 5.2 on, and on nothing else", "TORCH_CUDA_ARCH_LIST=5.2+PTX"),
        (["5.0", "5.2", "8.6"], "5.x from 5.0 on, 8.x from 8.6 on", "'TORCH_CUDA_ARCH_LIST=5.0;5.2;8.6+PTX'"),
        ([], "5.x from 5.2 on", "TORCH_CUDA_ARCH_LIST=5.2+PTX"),
    ],
)
def test_an_arch_list_without_ptx_is_said_with_what_adds_it(targets: list[str], said: str, setting: str) -> None:
    found = saying("without PTX", advice(question(*targets, flags=SOURCE_MODE)))
    assert found is not None
    assert said in found.text
    assert f"--build-arg {setting}" in found.text
    assert found.status == "documented"


def test_the_setting_that_adds_ptx_is_taken_and_ends_the_advice(tmp_path: Path) -> None:
    arguments = (("TORCH_CUDA_ARCH_LIST", "5.2+PTX"),)
    plan = make_plan(inputs(tmp_path), Request(Flags(), (GTX_970,), build_args=arguments))
    assert plan.build_args["TORCH_CUDA_ARCH_LIST"] == "5.2+PTX"
    assert saying("without PTX", advice(plan)) is None


def test_the_setting_may_stand_in_the_policy(tmp_path: Path) -> None:
    table = settings('modes.source.build-args = { TORCH_CUDA_ARCH_LIST = "5.2 8.6+PTX" }')
    plan = make_plan(inputs(tmp_path, table), request("5.2", "8.6"))
    assert plan.build_args["TORCH_CUDA_ARCH_LIST"] == "5.2 8.6+PTX"
    assert saying("without PTX", advice(plan)) is None


@pytest.mark.parametrize("own", ["8.6+PTX", "5.2;8.6+PTX", "", "+PTX", "Maxwell", "5.2+PTX+PTX"])
def test_an_arch_list_of_other_gpus_still_contradicts_the_plan(tmp_path: Path, own: str) -> None:
    with pytest.raises(ConfigurationError, match="contradicts the plan"):
        make_plan(inputs(tmp_path), Request(Flags(), (GTX_970,), build_args=(("TORCH_CUDA_ARCH_LIST", own),)))


def test_the_binary_mode_has_no_arch_list() -> None:
    assert saying("without PTX", advice(question("8.6"))) is None


# --- the machine that runs it


@pytest.mark.parametrize(
    ("card", "wheel", "said"),
    [
        (gpu("8.9"), "2.7.1+cu128", ["driver 570 or newer", "takes branch 535, 550, 560, 565 of certain brands only"]),
        (gpu("8.9", name="GeForce RTX 4090"), "2.7.1+cu128", ["driver 570 or newer:", "refuses others"]),
        (gpu("8.0", name="Tesla A30"), "2.7.1+cu128", ["driver 560 or newer, or driver branch 535, 550: "]),
        (gpu("12.0"), "2.7.1+cu128", ["driver 570 or newer"]),
        (
            gpu("5.2", name="GeForce GTX 970"),
            None,
            ["driver 520 or newer, or driver branch 470: ", "branch 580 is the last for 5.2"],
        ),
        (gpu("3.5"), None, ["driver branch 470;", "of certain brands only", "470 is the last for 3.5"]),
        (gpu("8.0"), "2.9.1+cu130", ["driver 580.65.06 or newer"]),
        (gpu("13.0"), "2.7.1+cu128", ["driver 570.26 or newer"]),  # by PTX: as new as the toolkit
    ],
)
def test_a_named_target_gets_the_driver_of_its_host(card: Gpu, wheel: str | None, said: list[str]) -> None:
    flags = SOURCE_MODE if wheel is None else None
    found = saying("the machine that runs it", advice(question(card, wheel=wheel or "2.7.1+cu128", flags=flags)))
    assert found is not None
    assert all(each in found.text for each in said)
    assert found.status is not None


def test_the_driver_that_is_advised_is_vetoed_nowhere_and_an_older_one_is() -> None:
    advised = gpu("8.9", name="NVIDIA GeForce RTX 4090", driver="570.00")
    assert select_mode(question(advised)).mode == "binary"


def test_several_named_targets_get_one_line(tmp_path: Path) -> None:
    given = advice(planned(tmp_path, "5.2", "8.6", "8.6"))
    found = saying("the machine that runs it", given)
    assert found is not None
    assert "the last for 5.2" in found.text


def test_the_machines_own_gpus_need_no_such_word() -> None:
    assert saying("the machine that runs it", advice(question(RTX_4090))) is None
    assert saying("the machine that runs it", advice(question())) is None


def test_a_base_image_that_is_not_known_leaves_the_drivers_of_cuda() -> None:
    found = saying("the machine", advice(question("8.9", settings="modes.binary.base-image = 'mine:12.8'")))
    assert found is not None
    assert "driver 525.60.13 or newer" in found.text
    assert "mine" not in found.text


def test_a_cudnn_that_dropped_the_card_is_said(tmp_path: Path) -> None:
    found = saying("cuDNN", advice(question("3.5")))
    assert found is not None
    assert "cuDNN 8 of nvidia/cuda:11.8.0-cudnn8-devel-ubuntu22.04" in found.text
    assert found.status == "documented"
    assert saying("cuDNN", advice(question("5.2"))) is None


def test_the_wheels_own_cudnn_is_held_against_every_target(tmp_path: Path) -> None:
    made = inputs(tmp_path)
    wheels = tuple(replace(wheel, cudnn="9.11.0.98") for wheel in made.facts.wheels)
    asked = replace(question("6.1", "8.6", wheel="2.7.1+cu126"), facts=replace(made.facts, wheels=wheels))
    found = saying("cuDNN", advice(asked))
    assert found is not None
    assert "cuDNN 9.11.0.98 of torch 2.7.1+cu126 has no kernels for 6.1:" in found.text
    assert found.status is None
    assert saying("cuDNN", advice(question("6.1", "8.6", wheel="2.7.1+cu126"))) is None


def test_a_base_image_without_a_cudnn_says_nothing_of_one() -> None:
    settings_ = "modes.source.base-image = 'nvidia/cuda:11.8.0-devel-ubuntu22.04'"
    assert saying("cuDNN", advice(question("3.5", settings=settings_))) is None


# --- the order


def test_every_kind_of_advice_is_given_in_the_order_of_the_table(tmp_path: Path) -> None:
    plan = planned(tmp_path, "3.5", needs='"cupy-cuda13x", "flash-attn", "numpy<2"')
    texts = [reason.text for reason in advice(plan)]
    words = ["without PTX", "the machine", "cuDNN", "torch.compile", "flash-attn", "cupy-cuda13x"]
    assert [next(word for word in words if word in text) for text in texts[: len(words)]] == words


def test_nothing_is_advised_twice(tmp_path: Path) -> None:
    given = advice(
        planned(tmp_path, "5.2", "5.2", "6.1", needs='"triton", "triton>=3", "cupy-cuda13x", "Cupy_CUDA13x"')
    )
    assert len(given) == len(set(given))
    assert len(EVERY) == len(set(EVERY))
