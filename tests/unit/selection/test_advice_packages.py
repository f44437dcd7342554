"""Advice on what the image installs beside torch."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING
from typing import NoReturn

import pytest

from poetry_gpu_build.plan import make_plan

from ..builders import GROUP
from ..builders import HEAD
from ..builders import SOURCE
from ..builders import gpu
from ..builders import inputs
from ..builders import request
from .test_advice import BINARY_MODE
from .test_advice import GTX_970
from .test_advice import RTX_4090
from .test_advice import SOURCE_MODE
from .test_advice import advice
from .test_advice import planned
from .test_advice import saying

if TYPE_CHECKING:
    from pathlib import Path

OLD_TORCH = GROUP.replace("2.7.1+cu128", "2.1.2+cu121")
# --- features that the card lacks


def test_torch_compile_is_missing_below_7_0(tmp_path: Path) -> None:
    found = saying("torch.compile", advice(planned(tmp_path / "a", "5.2", "6.1", "8.6", flags=SOURCE_MODE)))
    assert found is not None
    assert found.text.endswith("not for 5.2 and 6.1")
    assert found.status == "documented"
    assert saying("torch.compile", advice(planned(tmp_path / "b", "7.0", flags=SOURCE_MODE))) is None


@pytest.mark.parametrize(
    ("needs", "targets", "said"),
    [
        ('"triton"', ["5.2"], "Triton needs a GPU of 7.0 or newer: not for 5.2"),
        ('"flash-attn>=2"', ["7.5", "8.6"], "flash-attn needs a GPU of 8.0 or newer: not for 7.5"),
        ("\"flash_attn ; sys_platform == 'linux'\"", ["7.5"], "flash-attn needs a GPU of 8.0"),
        ('"FLASH.Attn==1.0.9"', ["7.0"], "flash-attn needs a GPU of 7.5"),
        ('"flash-attn @ https://example.org/flash_attn.zip"', ["7.5"], "flash-attn needs a GPU of 8.0"),
        ('"bitsandbytes"', ["7.0"], "LLM.int8() of bitsandbytes needs a GPU of 7.5 or newer: not for 7.0"),
    ],
)
def test_a_package_that_the_card_does_not_serve_is_said(
    tmp_path: Path, needs: str, targets: list[str], said: str
) -> None:
    given = advice(planned(tmp_path, *targets, needs=needs, flags=SOURCE_MODE))
    assert any(said in reason.text and reason.status == "documented" for reason in given)


@pytest.mark.parametrize(
    "needs",
    [
        "\"flash-attn>=2 ; sys_platform == 'win32'\"",
        "\"flash-attn>=2 ; python_version < '3.9'\"",
        '"flash-attn==1.0.9"',
        '"flash-attention"',
        '"not-flash-attn"',
        "",
    ],
)
def test_what_the_image_does_not_install_is_not_spoken_of(tmp_path: Path, needs: str) -> None:
    assert saying("flash-attn", advice(planned(tmp_path, "7.5", needs=needs))) is None


def test_a_package_that_does_not_work_at_all_is_not_told_part_by_part(tmp_path: Path) -> None:
    given = advice(planned(tmp_path, "5.2", "7.0", needs='"bitsandbytes"', flags=SOURCE_MODE))
    (whole, part) = [reason.text for reason in given if "bitsandbytes" in reason.text]
    assert whole.endswith("not for 5.2")
    assert part.endswith("not for 7.0")


# --- groups


GROUPS = """
[tool.poetry.group.fast]
optional = true
[tool.poetry.group.fast.dependencies]
flash-attn = "^2.5"
"""


@pytest.mark.parametrize(
    ("tables", "is_said"),
    [
        (GROUPS, False),
        (GROUPS.replace("optional = true", ""), True),
        (GROUPS + "[tool.gpu-build.modes.binary]\nwith = ['Fast']\n", True),
        (GROUPS + "[tool.gpu-build.modes.source]\nwith = ['fast']\n", False),
        (GROUPS.replace("optional = true", "") + "[tool.gpu-build.modes.binary]\nwithout = ['fast']\n", False),
        (GROUPS + "[tool.poetry.group.all]\ninclude-groups = ['fast']\n[tool.poetry.group.all.dependencies]\n", True),
        ("[dependency-groups]\nall = [{include-group = 'fast'}]\nfast = ['flash-attn>=2']\n", True),
        ("[dependency-groups]\na = [{include-group = 'b'}]\nb = [{include-group = 'a'}, 'flash-attn>=2']\n", True),
        ("[tool.poetry.dependencies]\nflash-attn = { version = '^2', optional = true }\n", False),
        ("[tool.poetry.dependencies]\nflash-attn = [{ version = '^2', platform = 'win32' }]\n", False),
        ("[tool.poetry.dependencies]\nflash-attn = [{ version = '^2', python = '>=3.9' }]\n", True),
        ("[tool.poetry.dependencies]\nflash-attn = { git = 'https://example.org/flash' }\n", True),
        ("[project.optional-dependencies]\nfast = ['flash-attn>=2']\n", False),
    ],
)
def test_what_the_mode_installs_counts(tmp_path: Path, tables: str, is_said: bool) -> None:
    assert (saying("flash-attn", advice(planned(tmp_path, "7.5", tables=tables))) is not None) is is_said


# --- CuPy


@pytest.mark.parametrize(
    ("needs", "card", "driver"),
    [
        ('"cupy-cuda13x"', "8.9", "driver 580.65.06 or newer"),
        ('"cupy-cuda13x[ctk]"', "12.0", "driver 580.65.06 or newer"),
        ('"cupy-cuda12x"', "8.9", "driver 570 or newer"),  # the base image asks for more
        ('"numpy"', "8.9", "driver 570 or newer"),
        ('"cupy-cuda13x"', "5.2", "driver 520 or newer"),  # it does not compile for 5.2, and is advised against
    ],
)
def test_the_driver_of_a_named_target_is_also_what_cupy_asks_for(
    tmp_path: Path, needs: str, card: str, driver: str
) -> None:
    found = saying("the machine that runs it", advice(planned(tmp_path, card, needs=needs)))
    assert found is not None
    assert driver in found.text


def test_cupy_of_cuda_13_on_pascal_is_said_with_what_fits(tmp_path: Path) -> None:
    found = saying("cupy-cuda13x", advice(planned(tmp_path, "5.2", needs='"cupy-cuda13x"')))
    assert found is not None
    assert "pyproject.toml:5:17" in found.text
    assert "from 7.5 on, not for 5.2" in found.text
    assert "the libraries of CUDA 13, and the image has those of CUDA 11.8" in found.text
    assert "cupy-cuda11x does, in a group that modes.source.with in [tool.gpu-build] names" in found.text
    assert found.status == "user reports"


@pytest.mark.parametrize(
    ("needs", "card", "flags", "fits"),
    [
        ('"cupy-cuda12x"', RTX_4090, None, True),
        ('"cupy-cuda11x"', GTX_970, None, True),
        ('"cupy-cuda12x"', GTX_970, None, False),  # the source image is CUDA 11.8
        ('"cupy-cuda12x[ctk]"', GTX_970, None, True),
        ('"cupy-cuda13x[ctk]"', GTX_970, None, False),
        ('"cupy-cuda11x"', RTX_4090, None, False),
        ('"cupy-cuda13x[ctk]"', RTX_4090, None, True),
        ('"cupy-cuda13x[ctk]"', gpu("8.9", name="NVIDIA GeForce RTX", driver="570.124.06"), None, False),
        ('"cupy-cuda13x"', RTX_4090, None, False),
        ('"cupy-cuda12x"', RTX_4090, SOURCE_MODE, False),
        ('"cupy-cuda11x"', RTX_4090, SOURCE_MODE, True),
        ('"cupy"', GTX_970, None, True),  # compiled against whatever the image has
        ('"cupy-cuda112"', RTX_4090, None, True),  # nothing is known of it
        ('"cupy-rocm-5-0"', GTX_970, None, True),
    ],
)
def test_cupy_is_held_against_card_driver_and_image(
    tmp_path: Path, needs: str, card: object, flags: object, fits: bool
) -> None:
    plan = make_plan(
        inputs(tmp_path, HEAD.replace('"numpy>=1.26"', needs) + GROUP + SOURCE),
        replace(request(), gpus=(card,), flags=flags or request().flags),  # type: ignore[arg-type]
    )
    assert (saying("does not fit", advice(plan)) is None) is fits


def test_the_cuda_of_the_wheel_serves_cupy_too(tmp_path: Path) -> None:
    text = HEAD.replace('"numpy>=1.26"', '"cupy-cuda11x"') + GROUP + SOURCE
    plan = make_plan(inputs(tmp_path, text.replace("cu128", "cu118")), request(GTX_970, flags=BINARY_MODE))
    assert plan.torch == "2.7.1+cu118"
    assert saying("does not fit", advice(plan)) is None


def test_two_cupys_in_one_image_are_said(tmp_path: Path) -> None:
    found = saying("overwrite", advice(planned(tmp_path, RTX_4090, needs='"cupy-cuda11x", "cupy-cuda12x"')))
    assert found is not None
    assert "cupy-cuda11x and cupy-cuda12x" in found.text


def test_a_cupy_of_each_mode_is_as_it_should_be(tmp_path: Path) -> None:
    tables = """
[tool.poetry.group.cupy-binary.dependencies]
cupy-cuda12x = "*"
[tool.poetry.group.cupy-source]
optional = true
[tool.poetry.group.cupy-source.dependencies]
cupy-cuda11x = "*"
[tool.gpu-build.modes.source]
with = ["cupy-source"]
without = ["cupy-binary"]
"""
    for folder, card in (("a", GTX_970), ("b", RTX_4090)):
        assert saying("cupy", advice(planned(tmp_path / folder, card, tables=tables))) is None


# --- NumPy


@pytest.mark.parametrize(
    ("needs", "said"),
    [
        ('"cupy-cuda12x>=14", "numpy<2"', "cupy-cuda12x asks for numpy >=2.0,<2.6"),
        ('"cupy-cuda12x==13.4.0", "numpy>=2.3"', "cupy-cuda12x asks for numpy >=1.22,<2.3"),
        ('"cupy-cuda12x", "numpy<2"', None),
        ('"cupy-cuda12x==13.4.0", "numpy>=1.26"', None),
        ('"cupy-cuda12x>=14"', None),
        ('"numpy<2"', None),
        ('"cupy-cuda12x>=14", "numpy @ https://example.org/numpy.whl"', None),
    ],
)
def test_numpy_is_held_against_cupy(tmp_path: Path, needs: str, said: str | None) -> None:
    found = saying("asks for numpy", advice(planned(tmp_path, RTX_4090, needs=needs)))
    assert (found is None) is (said is None)
    if found is not None:
        assert said is not None
        assert said in found.text
        assert "pyproject.toml:5:" in found.text
        assert found.status is None


@pytest.mark.parametrize(
    ("group", "needs", "is_said"),
    [
        (OLD_TORCH, '"numpy>=1.26"', True),
        (OLD_TORCH, '"numpy"', True),
        (OLD_TORCH, '"numpy>=2"', True),
        (OLD_TORCH, '"numpy<2"', False),
        (OLD_TORCH, '"numpy>=1.26,<2"', False),
        (OLD_TORCH, '"numpy==1.26.4"', False),
        (OLD_TORCH, "", False),
        (GROUP, '"numpy>=1.26"', False),
        (GROUP.replace("2.7.1+cu128", "2.3.1+cu121"), '"numpy>=1.26"', False),
    ],
)
def test_a_torch_from_before_numpy_2_needs_the_older_one(tmp_path: Path, group: str, needs: str, is_said: bool) -> None:
    text = HEAD.replace('"numpy>=1.26"', needs) + group + SOURCE
    plan = make_plan(inputs(tmp_path, text), request(RTX_4090))
    assert plan.mode == "binary"
    found = saying("works with numpy <2 only", advice(plan))
    assert (found is not None) is is_said
    if found is not None:
        assert found.status == "documented"


# --- the lock


LOCK = """
[[package]]
name = "numpy"
version = "{numpy}"
groups = ["main"]

[[package]]
name = "cupy-cuda12x"
version = "14.2.0"
groups = {groups}

[[package]]
name = "torch"
version = "2.7.1+cu128"
groups = ["binary-torch"]
"""


@pytest.mark.parametrize(
    ("policy", "numpy", "groups", "is_said"),
    [
        ("require", "1.26.4", '["main"]', True),
        ("require", "2.2.6", '["main"]', False),
        ("require", "1.26.4", '["docs"]', False),
        ("require", "1.26.4", "3", False),
        ("exclude", "1.26.4", '["main"]', False),
    ],
)
def test_the_lock_tells_the_versions_where_it_counts(
    tmp_path: Path, policy: str, numpy: str, groups: str, is_said: bool
) -> None:
    head = HEAD.replace('["numpy>=1.26"]', '["numpy", "needs-cupy"]')
    made = inputs(tmp_path, head + GROUP + SOURCE + f"[tool.gpu-build]\nlock = '{policy}'\n")
    tmp_path.joinpath("poetry.lock").write_text(LOCK.format(numpy=numpy, groups=groups), encoding="utf-8")
    made = inputs(tmp_path, head + GROUP + SOURCE + f"[tool.gpu-build]\nlock = '{policy}'\n")
    found = saying("asks for numpy", advice(make_plan(made, request(RTX_4090))))
    assert (found is not None) is is_said
    if found is not None:
        assert "poetry.lock" in found.text


# --- what a plan does not need, it does not read


def refuse() -> NoReturn:
    raise AssertionError("the table was read")


@pytest.mark.parametrize(
    ("card", "needs"),
    [("8.9", '"numpy>=1.26", "scipy"'), ("7.0", ""), ("12.0", '"cupy", "flash", "torchvision"')],
)
def test_the_table_of_packages_is_not_read_without_need(tmp_path: Path, card: str, needs: str) -> None:
    text = HEAD.replace('"numpy>=1.26"', needs) + GROUP + SOURCE
    variant = "cu126" if card == "7.0" else "cu128"
    made = replace(inputs(tmp_path, text.replace("cu128", variant)), load_packages=refuse)
    assert make_plan(made, request(card)).mode == "binary"


def test_the_table_of_packages_is_read_once(tmp_path: Path) -> None:
    made = inputs(tmp_path, HEAD.replace('"numpy>=1.26"', '"cupy-cuda12x", "triton", "numpy"') + GROUP + SOURCE)
    calls: list[None] = []

    def load() -> object:
        calls.append(None)
        return made.load_packages()

    make_plan(replace(made, load_packages=load), request("5.2"))  # type: ignore[arg-type]
    assert len(calls) == 1


# --- hostile projects


@pytest.mark.parametrize(
    "tables",
    [
        "[tool.poetry.dependencies]\ncupy-cuda12x = 'nonsense'\nnumpy = '><'\n",
        "[tool.poetry.dependencies]\ncupy-cuda12x = 3\nnumpy = [1, {}, [], 'x']\n",
        "[tool.poetry.dependencies]\ncupy-cuda12x = { version = 3, extras = 'ctk', markers = 7, python = [] }\n",
        "[tool.poetry.dependencies]\ncupy-cuda12x = { version = '^14', extras = [1, {}] }\nnumpy = '<1,>2'\n",
        "[tool.poetry.dependencies]\ncupy-cuda12x = { version = '^14', platform = 3, url = [] }\n",
        "[tool.poetry.dependencies]\nflash-attn = { version = '*', markers = 'python_version ><' }\n",
        "[tool.poetry.dependencies]\ncupy-cuda12x = ['^13', '^14']\nnumpy = ['<1', '>=2']\n",
        "[tool.poetry.dependencies]\ncupy-cuda12x = []\nnumpy = []\n",
        "[tool.poetry.dependencies]\nnumpy = '" + "9" * 5000 + "'\ncupy-cuda12x = '14'\n",
        "[tool.poetry.group.a]\ninclude-groups = [1, {}, 'a', 'nothing']\n[tool.poetry.group.a.dependencies]\n",
        "[dependency-groups]\na = [{include-group = 3}, {include-group = 'a'}, {x = 1}, 3]\n",
    ],
)
def test_a_strange_project_gets_a_plan_all_the_same(tmp_path: Path, tables: str) -> None:
    plan = planned(tmp_path, "5.2", needs='"cupy-cuda12x", "numpy<2", "flash-attn"', tables=tables)
    assert plan.mode == "source"
    assert saying("torch.compile", advice(plan)) is not None


def test_ten_thousand_dependencies_are_no_matter(tmp_path: Path) -> None:
    needs = ", ".join(f'"package-{number}>={number}"' for number in range(10_000))
    assert saying("flash-attn", advice(planned(tmp_path, "7.5", needs=f'{needs}, "flash-attn"'))) is not None
