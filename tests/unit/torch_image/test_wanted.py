"""The published torch that a build would take: its name, what it must say of itself, and whether it is needed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from poetry_gpu_build.errors import ConfigurationError
from poetry_gpu_build.plan import Plan
from poetry_gpu_build.plan import make_plan
from poetry_gpu_build.torch_image.wanted import needs_torch
from poetry_gpu_build.torch_image.wanted import wanted_torch

from ..builders import inputs
from ..builders import request
from ..builders import settings

if TYPE_CHECKING:
    from pathlib import Path

    from poetry_gpu_build.policy import Policy

SETTING = 'torch-image = "registry.example/team/torch"'


def planned(folder: Path, lines: str = SETTING) -> tuple[Plan, Policy]:
    made_from = inputs(folder, settings(lines))
    return make_plan(made_from, request("5.2")), made_from.policy


def test_it_is_named_by_the_setting_and_the_key(tmp_path: Path) -> None:
    wanted = wanted_torch(*planned(tmp_path))
    assert wanted.reference == (f"registry.example/team/torch:torch2.4.1-cu118-sm52-py3.10-{wanted.key.digest[:16]}")
    assert wanted.labels == {
        "poetry-gpu-build.mode": "source",
        "poetry-gpu-build.torch": "2.4.1",
        "poetry-gpu-build.torch-cuda": "11.8",
        "poetry-gpu-build.torch-archs": "5.2",
        "poetry-gpu-build.torch-python": "3.10",
        "poetry-gpu-build.torch-key": wanted.key.digest,
    }


def test_the_plugin_s_own_version_does_not_count(tmp_path: Path) -> None:
    older, newer = (inputs(tmp_path / each, settings(SETTING), version=each) for each in ("1.0", "2.0"))
    first, second = (wanted_torch(make_plan(each, request("5.2")), each.policy) for each in (older, newer))
    assert first == second


def test_without_the_setting_the_line_to_write_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="torch-image is not set") as caught:
        wanted_torch(*planned(tmp_path, ""))
    assert 'torch-image = "registry.example/team/torch"' in caught.value.ways_out[0]


@pytest.mark.parametrize(
    ("text", "said"),
    [("FROM scratch\nCOPY a /\n", "has no stage torch"), ("RUN x\n", "no FROM")],
)
def test_a_dockerfile_that_cannot_publish_is_named(text: str, said: str, tmp_path: Path) -> None:
    plan, policy = planned(tmp_path)
    (plan.root / plan.dockerfile).write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError, match=said) as caught:
        wanted_torch(plan, policy)
    assert caught.value.where is not None


@pytest.mark.parametrize(
    ("stage", "needed"),
    [
        *((None, True), ("app", True), ("APP", True)),
        *(("torch", False), ("torch-build", False), ("base", False), ("nobody", False)),
    ],
)
def test_only_what_is_made_from_the_stage_needs_it(stage: str | None, needed: bool, tmp_path: Path) -> None:
    assert needs_torch(planned(tmp_path)[0], stage) == needed


def test_a_dockerfile_that_compiles_where_it_installs_needs_none(tmp_path: Path) -> None:
    plan, _ = planned(tmp_path)
    (plan.root / plan.dockerfile).write_text("FROM a AS torch\nRUN x\nFROM b\nRUN y\n", encoding="utf-8")
    assert not needs_torch(plan, None)


@pytest.mark.parametrize("name", ["registry.example/team/torch:1", "Registry/Torch", "-x", "a b", "a@sha256:0", ""])
def test_a_repository_with_a_tag_or_of_another_form_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="torch-image"):
        planned(tmp_path, f'torch-image = "{name}"')
