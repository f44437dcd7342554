from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from ..builders import PYPROJECT
from ..builders import gpu
from ..builders import tree
from ..builders import write_project

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Machine
    from .conftest import Poetry
    from .conftest import Ran

ADVISE = "gpu-build advise"
LISTED = """\
[project]
name = "listed"
version = "1"
requires-python = ">=3.10"

[dependency-groups]
# what the binary mode adds
binary-torch = ["torch==2.7.1+cu128"] # the wheel

[tool.poetry]
package-mode = false
"""
MAIN = """\
[project]
name = "main"
version = "1"
requires-python = ">=3.10"
dependencies = [
    "numpy>=1.26", # arrays
    "torch==2.7.1", # the wheel
]

[tool.poetry]
package-mode = false
"""


def document(ran: Ran) -> dict[str, object]:
    found: dict[str, object] = json.loads(ran.out)
    return found


def manifest(root: Path) -> str:
    return root.joinpath("pyproject.toml").read_bytes().decode("utf-8")


def refused(poetry: Poetry, root: Path, line: str, *words: str, status: int = 2) -> None:
    """The command ends with this status and these words, and leaves everything as it was."""
    before = tree(root)
    ran = poetry(line)
    assert ran.status == status
    assert all(word in ran.words for word in words)
    assert tree(root) == before


# --- what is shown


def test_a_card_that_a_wheel_serves_gets_the_verdict_first_then_wheels_then_lines(poetry: Poetry) -> None:
    ran = poetry(f"{ADVISE} --gpu 'GTX 970'")
    assert ran.status == 0
    first, verdict, *rest = ran.out.splitlines()
    assert first == "for GeForce GTX 970 (5.2), says --gpu"
    assert verdict.startswith("no compile is needed: torch 2.14.1+cu126 from https://download.pytorch.org/whl/cu126")
    assert verdict.endswith("(known by: user reports)")
    text = "\n".join(rest)
    places = ["PyPI", 'TORCH_CUDA_ARCH_LIST="5.2"', "5.2+PTX", "branch 580", "pyproject.toml, as", '"2.14.1+cu126"']
    assert [text.index(place) for place in places] == sorted(text.index(place) for place in places)


def test_the_measured_wheel_of_pypi_stands_in_the_table(poetry: Poetry) -> None:
    rows = [line.split() for line in poetry(f"{ADVISE} --gpu 5.2").out.splitlines()]
    assert ["PyPI", "torch", "2.7.1", "(cu126)", "525.60.13", "measured"] in rows
    assert ["cu126", "torch", "2.14.1+cu126", "525.60.13", "user", "reports"] in rows


def test_a_mixed_box_is_answered_by_a_compile_or_by_an_image_for_each(poetry: Poetry) -> None:
    ran = poetry(f"{ADVISE} --gpu 5.2 --gpu 12.0")
    assert ran.status == 0
    assert "a compile is needed: no wheel of the facts runs on 5.2 and 12.0" in ran.out
    assert 'CUDA 12.8 or 12.9: TORCH_CUDA_ARCH_LIST="5.2;12.0"' in ran.out
    assert "branch 570 to 580 drives all of them" in ran.out
    assert "an image for 5.2 alone: torch 2.14.1+cu126" in ran.out
    assert "[tool.poetry" not in ran.out


def test_a_box_that_one_wheel_serves_needs_no_compile(poetry: Poetry) -> None:
    ran = poetry(f"{ADVISE} --gpu 7.0 --gpu 12.0")
    assert ran.status == 0
    assert "no compile is needed: torch 2.10.0 from PyPI (cu128) runs on 7.0 and 12.0 (known by: measured)" in ran.out


@pytest.mark.parametrize(
    ("cards", "words"),
    [
        ("--gpu 8.7", ["Tegra boards only", "aarch64", "x86_64"]),
        ("--gpu 3.0", ["no driver branch is known that drives 3.0"]),
        ("--gpu 3.5 --gpu 12.0", ["no driver drives all of them", "branch 570", "470 is the last for 3.5"]),
        (
            "--gpu 5.2 --driver 590.44.01",
            ["no longer drives GPUs below 7.5", "with a driver from 450.80.02 to branch 580: torch 2.14.1+cu126"],
        ),
        ("--gpu 12.0 --driver 565.57.01", ["branch 570 or newer", "torch 2.14.1 from PyPI"]),
        ("--gpu 5.2 --driver 450.51.05", ["runs with this driver", "torch 2.14.1+cu126"]),
    ],
)
def test_what_nothing_serves_together_is_exit_3_and_says_why(poetry: Poetry, cards: str, words: list[str]) -> None:
    ran = poetry(f"{ADVISE} {cards}")
    assert ran.status == 3
    assert "nothing serves" in ran.out
    assert all(word in ran.words for word in words)


def test_a_base_image_that_refuses_the_driver_is_told_with_a_remedy(poetry: Poetry) -> None:
    ran = poetry(f"{ADVISE} --gpu 'RTX 4090' --driver 535.54.03")
    assert ran.status == 0
    assert "refuses a GPU of the brand geforcertx with driver 535.54.03" in ran.words
    assert 'modes.binary.base-image = "nvidia/cuda:11.8.0-cudnn8-devel-ubuntu22.04"' in ran.out
    assert "NVIDIA_DISABLE_REQUIRE" in ran.out


def test_the_machines_own_gpu_and_driver_are_asked(poetry: Poetry, machine: Machine) -> None:
    machine.has(gpu("8.9", name="NVIDIA GeForce RTX 4090", driver="570.124.06"))
    ran = poetry(ADVISE)
    assert ran.out.startswith("for NVIDIA GeForce RTX 4090 (8.9), says NVML; driver 570.124.06\n")
    # CUDA 13.x asks for 580.65.06.
    assert "2.14.1 (cu130)" not in ran.out
    assert "2.10.0 (cu128)" in ran.out


def test_the_driver_of_another_machine_takes_the_place_of_this_one_s(poetry: Poetry, machine: Machine) -> None:
    machine.has(gpu("8.9", name="NVIDIA GeForce RTX 4090", driver="570.124.06"))
    assert "2.14.1 (cu130)" in poetry(f"{ADVISE} --driver 590.44.01").out


def test_the_targets_of_the_settings_are_asked_before_the_machine(poetry: Poetry, root: Path, machine: Machine) -> None:
    write_project(root, f"{PYPROJECT}\n[tool.gpu-build]\ntargets = ['6.1']\n")
    machine.has(gpu("8.9"))
    assert "compute capability 6.1, says [tool.gpu-build] targets" in poetry(ADVISE).out


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("5.2", "the project pins torch 2.7.1+cu128, which does not run there: it holds machine code for 7.5,"),
        ("8.9", "the project pins torch 2.7.1+cu128, which runs there: its sm_86 machine code runs on 8.9"),
    ],
)
def test_the_torch_that_the_project_pins_is_held_against_the_card(poetry: Poetry, target: str, words: str) -> None:
    assert words in poetry(f"{ADVISE} --gpu {target}").out


def test_a_manifest_that_is_not_poetrys_is_advised_for_and_that_is_said(poetry: Poetry, root: Path) -> None:
    root.joinpath("pyproject.toml").write_text("[tool.ruff]\n", encoding="utf-8")
    ran = poetry(f"{ADVISE} --gpu 5.2")
    assert ran.status == 0
    assert "the torch of the project is not looked at" in ran.err


def test_why_the_floor_is_among_the_lines_is_said(poetry: Poetry) -> None:
    assert "the policy's floor 6.0 would have torch compiled for 5.2" in poetry(f"{ADVISE} --gpu 5.2").out
    assert "floor" not in poetry(f"{ADVISE} --gpu 8.9").out


def test_without_a_card_it_asks_for_one(poetry: Poetry, root: Path) -> None:
    refused(poetry, root, ADVISE, "there is no card to advise for", "--gpu")


def test_outside_a_project_the_policys_defaults_count(
    poetry: Poetry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ran = poetry(f"{ADVISE} --gpu 5.2")
    assert ran.status == 0
    assert 'torch = { version = "2.14.1+cu126", source = "pytorch-cu126" }' in ran.out


def test_the_policy_of_the_project_counts(poetry: Poetry, root: Path) -> None:
    write_project(root, f"{PYPROJECT}\n[tool.gpu-build]\npython = '3.11'\ntorch-group = 'gpu'\n")
    ran = poetry(f"{ADVISE} --gpu 8.9")
    assert "torch 2.15.0 from PyPI (cu132)" in ran.out
    assert "[tool.poetry.group.gpu.dependencies]" in ran.out


def test_json_is_one_document_with_the_facts_that_decided(poetry: Poetry) -> None:
    ran = poetry(f"{ADVISE} --gpu 5.2 --format json")
    found = document(ran)
    assert (found["schema_version"], found["serves"], found["needs_compile"]) == (1, True, False)
    wheels = {each["index"]: each for each in found["wheels"]}  # type: ignore[attr-defined]
    assert wheels["PyPI"]["torch"] == "2.7.1+cu126"
    assert wheels["PyPI"]["known_by"] == "measured"
    assert {row["kind"] for row in wheels["PyPI"]["facts"]} == {"rule", "wheel"}
    assert found["driver"] == {"from": "450.80.02", "first_branch": None, "last_branch": 580, "objections": []}
    assert found["compiles"][0]["portable_arch_list"] == "5.2+PTX"  # type: ignore[index]
    assert found["changes"] is None


def test_json_of_what_nothing_serves_is_the_document_too(poetry: Poetry) -> None:
    ran = poetry(f"{ADVISE} --gpu 3.5 --gpu 12.0 --format json")
    found = document(ran)
    assert (ran.status, found["serves"], found["pyproject"]) == (3, False, None)
    assert [each["serves"] for each in found["apart"]] == [True, True]  # type: ignore[attr-defined]


def test_json_of_an_error_says_so(poetry: Poetry) -> None:
    ran = poetry(f"{ADVISE} --gpu 5.2 --driver new --format json")
    assert ran.status == 2
    assert document(ran)["error"]["exit_code"] == 2  # type: ignore[index]


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ("--driver new", "--driver"),
        ("--driver ''", "--driver"),
        ("--driver 580", "580 is a branch"),
        ("--driver '570.26; rm -rf x'", "not a driver version"),
        ("--format yaml", "text, json"),
        ("--index cu999", "choose one of"),
        ("--index ''", "choose one of"),
        ("--index ../../x", "choose one of"),
    ],
)
def test_an_option_that_cannot_be_used_is_a_usage_error(poetry: Poetry, root: Path, options: str, word: str) -> None:
    refused(poetry, root, f"{ADVISE} --gpu 5.2 {options}", word)


@pytest.mark.parametrize("name", ["970", "5.2,12.0", "GTX 97000", "'\x1b[2J'", "99.0"])
def test_a_card_that_is_none_is_a_usage_error(poetry: Poetry, root: Path, name: str) -> None:
    refused(poetry, root, f'{ADVISE} --gpu "{name}"', "--gpu")


# --- what is written


@pytest.mark.parametrize("text", [PYPROJECT, LISTED, MAIN], ids=["group", "standard", "main"])
def test_the_wheel_is_written_and_the_plan_takes_it(poetry: Poetry, root: Path, text: str) -> None:
    write_project(root, text)
    ran = poetry(f"{ADVISE} --gpu 5.2 --apply")
    assert ran.status == 0
    assert "wrote pyproject.toml" in ran.err
    assert 'floor = "wheel" is written too' in ran.err
    assert "+++ b/pyproject.toml" in ran.out
    planned = poetry("gpu-build --dry-run --gpu 5.2")
    assert planned.status == 0
    assert "mode: binary" in planned.out
    assert "2.14.1+cu126" in planned.out


@pytest.mark.parametrize("text", [PYPROJECT, LISTED, MAIN], ids=["group", "standard", "main"])
def test_a_second_time_there_is_nothing_to_do(poetry: Poetry, root: Path, text: str) -> None:
    write_project(root, text)
    poetry(f"{ADVISE} --gpu 5.2 --apply")
    before = tree(root)
    ran = poetry(f"{ADVISE} --gpu 5.2 --apply")
    assert ran.status == 0
    assert "nothing to do" in ran.err
    assert tree(root) == before


def test_diff_shows_what_apply_writes_and_writes_nothing(poetry: Poetry, root: Path) -> None:
    before = tree(root)
    shown = poetry(f"{ADVISE} --gpu 5.2 --diff")
    assert tree(root) == before
    both = poetry(f"{ADVISE} --gpu 5.2 --diff --apply")
    assert tree(root) == before
    assert shown.out == both.out == poetry(f"{ADVISE} --gpu 5.2 --apply").out
    assert '+torch = { version = "2.14.1+cu126", source = "pytorch-cu126" }' in shown.out


@pytest.mark.parametrize("index", ["PyPI", "pypi", "cu118", "https://download.pytorch.org/whl/cu118/"])
def test_one_index_can_be_chosen(poetry: Poetry, root: Path, index: str) -> None:
    assert poetry(f"{ADVISE} --gpu 5.2 --apply --index {index}").status == 0
    wanted = '"2.7.1"' if index.lower() == "pypi" else '{ version = "2.7.1+cu118", source = "pytorch-cu118" }'
    assert f"\ntorch = {wanted}\n" in manifest(root)


def test_the_floor_stays_where_its_number_lets_the_wheel_in(poetry: Poetry, root: Path) -> None:
    poetry(f"{ADVISE} --gpu 6.1 --apply")
    assert "floor" not in manifest(root)


def test_a_lock_is_to_be_written_anew(poetry: Poetry, root: Path) -> None:
    root.joinpath("poetry.lock").write_text("package = []\n", encoding="utf-8")
    assert "poetry lock" in poetry(f"{ADVISE} --gpu 5.2 --apply").words
    assert "poetry lock" not in poetry(f"{ADVISE} --gpu 5.2 --apply").words


def test_line_ends_and_comments_stay_byte_for_byte(poetry: Poetry, root: Path) -> None:
    text = f"# ours\n{PYPROJECT}\n[tool.ruff] # lint\nline-length=100\n".replace("\n", "\r\n")
    root.joinpath("pyproject.toml").write_bytes(text.encode())
    poetry(f"{ADVISE} --gpu 6.1 --apply")
    after = manifest(root)
    assert "\n" not in after.replace("\r\n", "")
    added = '[[tool.poetry.source]]\nname = "pytorch-cu126"\nurl = "https://download.pytorch.org/whl/cu126"\n'
    added = f'{added}priority = "explicit"\n\n'.replace("\n", "\r\n")
    assert (
        after.replace(added, "").replace("2.14.1+cu126", "2.7.1+cu128").replace("pytorch-cu126", "pytorch-cu128")
        == text
    )


def test_a_link_to_the_manifest_is_written_through_inside_the_project(poetry: Poetry, root: Path) -> None:
    root.joinpath("pyproject.toml").rename(root / "real.toml")
    root.joinpath("pyproject.toml").symlink_to("real.toml")
    assert poetry(f"{ADVISE} --gpu 6.1 --apply").status == 0
    assert root.joinpath("pyproject.toml").is_symlink()
    assert "2.14.1+cu126" in root.joinpath("real.toml").read_text(encoding="utf-8")


def test_a_link_out_of_the_project_is_refused(poetry: Poetry, root: Path) -> None:
    outside = root.parent / "outside.toml"
    root.joinpath("pyproject.toml").rename(outside)
    root.joinpath("pyproject.toml").symlink_to(outside)
    before = outside.read_bytes()
    refused(poetry, root, f"{ADVISE} --gpu 6.1 --apply", "lies outside the project")
    assert outside.read_bytes() == before


def test_a_folder_that_may_not_be_written_to_is_refused(
    poetry: Poetry, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The tests may run as root, who may write anywhere.
    monkeypatch.setattr("os.access", lambda *_: False)
    refused(poetry, root, f"{ADVISE} --gpu 6.1 --apply", "no folder that you may write to")


def test_a_compile_cannot_be_pinned(poetry: Poetry, root: Path) -> None:
    refused(poetry, root, f"{ADVISE} --gpu 5.2 --gpu 12.0 --apply", "there is no wheel to pin", status=3)


def test_outside_a_project_there_is_nothing_to_write_to(
    poetry: Poetry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ran = poetry(f"{ADVISE} --gpu 5.2 --apply")
    assert ran.status == 2
    assert "poetry init" in ran.err


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[project\n", "is not valid TOML"),
        (f"{PYPROJECT}\n[tool.gpu-build]\nfloor = '6.0'\n", "modes.binary.floor"),
        (PYPROJECT.replace('"2.7.1+cu128", source', '"2.7.1+cu128", url = "x", source'), "by hand"),
        ('[tool.poetry]\nname = "a"\n[tool.poetry.group]\nbinary-torch = 1\n', "binary-torch"),
    ],
)
def test_a_manifest_that_cannot_be_edited_is_refused(poetry: Poetry, root: Path, text: str, message: str) -> None:
    root.joinpath("pyproject.toml").write_text(text, encoding="utf-8")
    refused(poetry, root, f"{ADVISE} --gpu 5.2 --apply", message)


def test_help_teaches_the_exit_codes(poetry: Poetry) -> None:
    ran = poetry(f"{ADVISE} --help")
    assert (
        "Exit codes: 0 something serves, 3 nothing serves all the cards together, or no wheel of --index does, 2 usage"
        in ran.out
    )
    assert "--apply" in ran.out
