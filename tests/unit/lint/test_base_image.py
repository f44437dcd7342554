"""GPU308 and the wheel's CUDA: torch runs on any base image, and only what is compiled against it may not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from poetry_gpu_build.lint.main import lint_project

from ..builders import HEAD
from ..builders import PYPROJECT
from ..builders import write_project

if TYPE_CHECKING:
    from pathlib import Path

    from poetry_gpu_build.lint.finding import Finding

PYPI = f"""{HEAD}
[tool.poetry.group.binary-torch]
optional = true

[tool.poetry.group.binary-torch.dependencies]
torch = "CONSTRAINT"
"""


def found(root: Path, pyproject: str) -> list[Finding]:
    report, problems = lint_project(write_project(root, pyproject))
    assert problems == ()
    return [finding for finding in report.findings if finding.code == "GPU308"]


@pytest.mark.parametrize(
    ("constraint", "severity", "cuda"),
    [
        ("2.7.1+cu128", None, None),
        ("2.9.1", None, None),  # PyPI's is cu128
        ("2.7.1", "info", "12.6"),  # PyPI's is cu126
        ("2.14.1+cu126", "info", "12.6"),
        ("2.14.1", "warning", "13.0"),  # PyPI's is cu130
        ("2.7.1+cu118", "warning", "11.8"),
        (">=2.2,<2.8", "info", "12.6"),  # 2.7.1 is the newest that it allows
        ("99.0.0", None, None),
        ("2.7.1+cpu", None, None),
        ("no version", None, None),
    ],
)
def test_a_wheel_of_another_cuda_is_never_an_error(
    tmp_path: Path, constraint: str, severity: str | None, cuda: str | None
) -> None:
    findings = found(tmp_path, PYPI.replace("CONSTRAINT", constraint))
    assert [finding.severity for finding in findings] == ([] if severity is None else [severity])
    assert all(f"CUDA {cuda}, and the base image's is 12.8" in finding.message for finding in findings)


def test_the_index_tells_the_cuda_of_a_pin_without_a_label(tmp_path: Path) -> None:
    text = PYPROJECT.replace("2.7.1+cu128", "2.7.1").replace("cu128", "cu118")
    assert [finding.severity for finding in found(tmp_path, text)] == ["warning"]


def test_the_help_names_the_cuda_to_build_on_and_not_the_image_in_use(tmp_path: Path) -> None:
    (finding,) = found(tmp_path, PYPROJECT.replace("cu128", "cu118"))
    assert finding.help is not None
    assert "base-image in [tool.gpu-build.modes.binary] to an image of CUDA 11.8" in finding.help
    assert "nvidia/cuda:12.8" not in finding.help


@pytest.mark.parametrize(("setting", "expected"), [("error", "warning"), ("warning", "warning"), ("info", "info")])
def test_a_setting_makes_it_milder_and_not_worse(tmp_path: Path, setting: str, expected: str) -> None:
    text = PYPROJECT.replace("cu128", "cu118") + f"\n[tool.gpu-build.lint.severity]\nGPU308 = '{setting}'\n"
    assert [finding.severity for finding in found(tmp_path, text)] == [expected]


def test_another_base_image_than_the_policys_is_an_error_still(tmp_path: Path) -> None:
    write_project(tmp_path)
    dockerfile = tmp_path / "docker/Dockerfile"
    text = dockerfile.read_text(encoding="utf-8").replace("nvidia/cuda:12.8.1", "nvidia/cuda:12.6.3")
    dockerfile.write_text(text, encoding="utf-8")
    findings = [finding for finding in lint_project(tmp_path)[0].findings if finding.code == "GPU308"]
    assert {finding.severity for finding in findings} == {"error"}


def test_the_facts_are_not_read_for_a_pin_that_says_its_cuda(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from poetry_gpu_build.lint.rules import gpu308

    monkeypatch.setattr(gpu308, "compatibility", lambda _: pytest.fail("the facts were read"))
    assert found(tmp_path, PYPROJECT.replace("cu128", "cu126"))
