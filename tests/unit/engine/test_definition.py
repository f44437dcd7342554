from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from poetry_gpu_build.engine.definition import bake_definition
from poetry_gpu_build.engine.options import BuildOptions
from poetry_gpu_build.plan import Plan
from poetry_gpu_build.plan import make_plan
from poetry_gpu_build.plan import plan_every_mode

from ..builders import inputs
from ..builders import request
from ..builders import settings

EVERYTHING = BuildOptions(
    builder="b",
    push=True,
    load=True,
    outputs=("type=oci,dest=x.tar",),
    cache_from=("type=registry,ref=r.example/c", "type=gha"),
    cache_to=("type=inline",),
    secrets=("id=token,env=TOKEN",),
    overrides=("*.platform=linux/amd64",),
    allow=("network.host",),
    progress="plain",
    no_cache=True,
    stage="app",
)


def binary(folder: Path) -> Plan:
    plan = make_plan(inputs(folder), request("8.6", tags=("minimal:binary", "r.example/minimal:1")))
    return replace(plan, labels={"poetry-gpu-build.mode": "binary"})


def target(folder: Path, options: BuildOptions) -> dict[str, Any]:
    found: dict[str, Any] = bake_definition([binary(folder)], options)["target"]["binary"]
    return found


def test_a_plan_is_this_definition(tmp_path: Path) -> None:
    assert bake_definition([binary(tmp_path)], BuildOptions()) == {
        "group": {"default": {"targets": ["binary"]}},
        "target": {
            "binary": {
                "context": str(tmp_path),
                "dockerfile": f"{tmp_path}/docker/Dockerfile",
                "args": {
                    "BUILD_FROM_SOURCE": "false",
                    "BASE_IMAGE": "nvidia/cuda:12.8.1-devel-ubuntu22.04",
                    "PYTHON_VERSION": "3.10",
                    "POETRY_WITH": "binary-torch",
                    "POETRY_WITHOUT": "",
                    "GPU_BUILD_REQUIREMENT": "poetry-gpu-build==1.2.3",
                },
                "labels": {"poetry-gpu-build.mode": "binary"},
                "tags": ["minimal:binary", "r.example/minimal:1"],
            }
        },
    }


def test_cache_output_and_secrets_are_csv_strings(tmp_path: Path) -> None:
    # buildx 0.13 rejects objects.
    made = target(tmp_path, EVERYTHING)
    assert made["cache-from"] == ["type=registry,ref=r.example/c", "type=gha"]
    assert made["cache-to"] == ["type=inline"]
    assert made["output"] == ["type=oci,dest=x.tar"]
    assert made["secret"] == ["id=token,env=TOKEN"]


def test_a_stage_and_no_cache_are_part_of_the_target(tmp_path: Path) -> None:
    made = target(tmp_path, EVERYTHING)
    assert (made["target"], made["no-cache"]) == ("app", True)


def test_what_was_not_asked_for_is_not_there(tmp_path: Path) -> None:
    assert set(target(tmp_path, BuildOptions())) == {"context", "dockerfile", "args", "labels", "tags"}


def test_every_value_is_a_form_that_every_buildx_reads(tmp_path: Path) -> None:
    for value in target(tmp_path, EVERYTHING).values():
        if isinstance(value, list):
            assert all(isinstance(entry, str) for entry in value)
        elif isinstance(value, dict):
            assert all(isinstance(entry, str) for entry in value.values())
        else:
            assert isinstance(value, (str, bool))


def test_both_modes_are_two_targets_of_one_call(tmp_path: Path) -> None:
    made = bake_definition(plan_every_mode(inputs(tmp_path), request()), BuildOptions())
    assert made["group"] == {"default": {"targets": ["binary", "source"]}}
    assert made["target"]["source"]["dockerfile"].endswith("docker/Dockerfile.source")
    assert made["target"]["source"]["args"]["BUILD_FROM_SOURCE"] == "true"


def test_the_context_may_be_a_folder_of_the_project(tmp_path: Path) -> None:
    tmp_path.joinpath("sub").mkdir()
    plan = make_plan(inputs(tmp_path, settings("context = 'sub'")), request("8.6"))
    made = bake_definition([plan], BuildOptions())["target"]["binary"]
    # Not relative: bake would look for the Dockerfile below the context.
    assert Path(made["context"]) == tmp_path / "sub"
    assert Path(made["dockerfile"]) == tmp_path / "docker" / "Dockerfile"


@pytest.mark.parametrize("value", ['a "b" \\ ${C} %{d}', "ünïcödé", "line\nline", ""])
def test_a_definition_survives_as_json(tmp_path: Path, value: str) -> None:
    asked = replace(request("8.6"), build_args=(("A", value),))
    made = bake_definition([make_plan(inputs(tmp_path), asked)], EVERYTHING)
    assert json.loads(json.dumps(made)) == made
    assert json.loads(json.dumps(made))["target"]["binary"]["args"]["A"] == value
