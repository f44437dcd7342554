"""What is known beside the text: the project if there is one; what is wrong with it stops nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from poetry_gpu_build.doctor.explain.gather import gather
from poetry_gpu_build.errors import GpuBuildError
from poetry_gpu_build.gpu import detect
from poetry_gpu_build.gpu.platforms import PLAIN_PC
from poetry_gpu_build.resources import policies_dir

from ...builders import cc
from ...builders import settings
from ...builders import write_project

if TYPE_CHECKING:
    from pathlib import Path

    from poetry_gpu_build.doctor.explain.gather import Known


@pytest.fixture(autouse=True)
def no_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(detect, "machine_detectors", lambda **_: ())
    monkeypatch.setattr(detect, "read_platform", lambda _root: PLAIN_PC)


def known(folder: Path, *named: str) -> Known:
    return gather(folder, policies_dir(), {}, named, folder)


def test_of_a_project_pin_and_policy_are_known(tmp_path: Path) -> None:
    situation, notes = known(write_project(tmp_path / "p", settings('targets = ["5.2"]')))
    assert notes == ()
    assert situation.in_project
    assert situation.pinned is not None
    assert str(situation.pinned.build) == "2.7.1+cu128"
    assert situation.targets() == (cc("5.2"),)


def test_the_option_names_other_cards(tmp_path: Path) -> None:
    situation, _ = known(write_project(tmp_path / "p", settings('targets = ["5.2"]')), "GTX 1080")
    assert situation.targets() == (cc("6.1"),)


def test_outside_a_project_the_shipped_policy_speaks(tmp_path: Path) -> None:
    situation, notes = known(tmp_path)
    assert (situation.in_project, situation.pinned, notes) == (False, None, ())
    assert str(situation.policy.binary.torch) == "2.7.1+cu128"


def test_a_project_that_cannot_be_read_is_a_note(tmp_path: Path) -> None:
    folder = write_project(tmp_path / "p")
    folder.joinpath("pyproject.toml").write_text("[project\n", encoding="utf-8")
    situation, notes = known(folder)
    assert not situation.in_project
    assert len(notes) == 1
    assert "pyproject.toml" in notes[0]


@pytest.mark.parametrize(
    ("wrong", "consequence"),
    [
        ("mods = 1", "the shipped policy counts"),
        ('targets = ["nonsense"]', "this machine's GPUs count"),
    ],
)
def test_of_wrong_settings_the_rest_of_the_project_is_still_known(tmp_path: Path, wrong: str, consequence: str) -> None:
    situation, [note] = known(write_project(tmp_path / "p", settings(wrong)))
    assert situation.in_project
    assert situation.pinned is not None
    assert str(situation.pinned.build) == "2.7.1+cu128"
    assert consequence in note
    assert "pyproject.toml" in note


def test_beside_wrong_targets_the_other_settings_count(tmp_path: Path) -> None:
    situation, _ = known(write_project(tmp_path / "p", settings('targets = ["x"]\nmodes.source.memory-per-job = 7')))
    assert situation.policy.memory_per_job == 7


def test_beside_a_torch_that_is_no_version_the_settings_count(tmp_path: Path) -> None:
    text = settings('targets = ["5.2"]').replace('version = "2.7.1+cu128"', 'version = "newest!"')
    assert text != settings('targets = ["5.2"]')
    situation, notes = known(write_project(tmp_path / "p", text))
    assert situation.pinned is None
    assert situation.targets() == (cc("5.2"),)
    assert notes


def test_a_project_without_torch_has_no_pin(tmp_path: Path) -> None:
    folder = write_project(tmp_path / "p")
    folder.joinpath("pyproject.toml").write_text('[project]\nname = "a"\nversion = "1"\n', encoding="utf-8")
    situation, _ = known(folder)
    assert situation.pinned is None


def test_a_card_that_the_option_names_wrongly_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(GpuBuildError):
        known(tmp_path, "GTX 99999")
