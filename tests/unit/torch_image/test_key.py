"""What must change the key, and what must not: each case is a change of one small Dockerfile, the answer by hand."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from poetry_gpu_build.documents.dockerfile.parser import parse_dockerfile
from poetry_gpu_build.documents.source import Source
from poetry_gpu_build.resources import docker_dir
from poetry_gpu_build.torch_image.key import LONGEST_TAG
from poetry_gpu_build.torch_image.key import Part
from poetry_gpu_build.torch_image.key import TorchKey
from poetry_gpu_build.torch_image.key import torch_key
from poetry_gpu_build.torch_image.key import torch_tag

from ..builders import cc
from ..builders import policy

DOCKERFILE = """\
# A team's own.
ARG BASE_IMAGE=nvidia/cuda:11.8.0-devel-ubuntu22.04

FROM ${BASE_IMAGE} AS base
ARG PYTHON_VERSION=3.10
RUN apt-get install "python${PYTHON_VERSION}"

FROM base AS torch-build
ARG BUILD_FROM_SOURCE
ARG TORCH_REF=v2.4.1
ARG PYTORCH_BUILD_VERSION=2.4.1
ARG TORCH_REPOSITORY=https://github.com/pytorch/pytorch
ARG TORCH_CUDA_ARCH_LIST=5.2
ARG TORCH_BUILD_REQUIREMENTS="mkl-static"
ARG MAX_JOBS
ARG http_proxy
ENV USE_NCCL=0
COPY --chmod=644 patches/ /patches/
RUN --mount=type=cache,target=/root/.cache/ccache <<'COMPILE'
#!/bin/bash
set -e
# Why: flash attention's kernels are large.
export USE_FLASH_ATTENTION=0

git clone --branch "$TORCH_REF" "$TORCH_REPOSITORY" torch
make -j "$MAX_JOBS"
COMPILE

FROM scratch AS torch
COPY --from=torch-build /opt/torch /opt/torch

FROM base AS app
ARG GREETING=hello
COPY --from=torch /opt/torch /opt/torch
COPY . .
RUN echo "$GREETING"
"""
ARGUMENTS = {"BUILD_FROM_SOURCE": "true", "MAX_JOBS": "4"}
FILES = {"patches/one.patch": "file:aa"}


def key(
    text: str = DOCKERFILE, arguments: dict[str, str] | None = None, files: dict[str, str] | None = None
) -> TorchKey:
    dockerfile = parse_dockerfile(Source(Path("Dockerfile.source"), text), {**ARGUMENTS, **(arguments or {})})
    stage = dockerfile.stage("torch")
    assert stage is not None
    return torch_key(dockerfile, stage, FILES if files is None else files)


def edited(old: str, new: str) -> str:
    assert DOCKERFILE.count(old) == 1, old
    return DOCKERFILE.replace(old, new)


# What changes it


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("BASE_IMAGE", "nvidia/cuda:11.8.0-devel-ubuntu20.04"),
        ("PYTHON_VERSION", "3.11"),
        ("TORCH_REF", "v2.4.0"),
        ("PYTORCH_BUILD_VERSION", "2.4.0"),
        ("TORCH_CUDA_ARCH_LIST", "5.2;6.1"),
        ("TORCH_BUILD_REQUIREMENTS", ""),
        # Nobody can tell a mirror from a fork.
        ("TORCH_REPOSITORY", "https://git.example/pytorch"),
    ],
)
def test_another_value_of_an_argument_is_another_key(name: str, value: str) -> None:
    assert key(arguments={name: value}).digest != key().digest


def test_an_argument_of_the_team_s_own_counts_wherever_it_is_declared() -> None:
    text = edited("ARG MAX_JOBS\n", "ARG MAX_JOBS\nARG CFLAGS\n")
    assert key(text, {"CFLAGS": "-O2"}).digest != key(text, {"CFLAGS": "-O3"}).digest


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("USE_FLASH_ATTENTION=0", "USE_FLASH_ATTENTION=1"),
        ("set -e\n", "set -e\nexport BUILD_TEST=0\n"),
        ("ENV USE_NCCL=0", "ENV USE_NCCL=1"),
        ("#!/bin/bash", "#!/bin/sh"),
        ('apt-get install "python', 'apt-get install libblas "python'),
        ("--from=torch-build /opt/torch", "--from=torch-build /opt/other"),
        ("FROM scratch AS torch", "FROM base AS torch"),
        ("FROM scratch AS torch", "FROM --platform=linux/arm64 scratch AS torch"),
        ("# A team's own.\n", "# syntax=docker/dockerfile:1.4\n"),
        ("COPY --chmod=644", "COPY --chmod=755"),
        ("COPY --chmod=644", "USER nobody\nCOPY --chmod=644"),
        ("COPY --chmod=644", "WORKDIR /tmp\nCOPY --chmod=644"),
        ("COPY --chmod=644", 'SHELL ["/bin/bash", "-c"]\nCOPY --chmod=644'),
        ("COPY --chmod=644", "ADD https://example.org/x.patch /x\nCOPY --chmod=644"),
        ("--mount=type=cache,target=/root", "--mount=type=bind,from=base,target=/b --mount=type=cache,target=/root"),
        ("git clone", "cat > x <<'EOF'\n# a line of a file\nEOF\ngit clone"),
    ],
)
def test_another_step_is_another_key(old: str, new: str) -> None:
    assert key(edited(old, new)).digest != key().digest


def test_a_comment_inside_a_file_that_the_script_writes_is_no_comment() -> None:
    one, other = (edited("git clone", f"cat > x <<'EOF'\n# {word}\nEOF\ngit clone") for word in ("one", "other"))
    assert key(one).digest != key(other).digest


@pytest.mark.parametrize(
    "files", [{}, {"patches/one.patch": "file:ab"}, {"patches/one.patch": "program:aa"}, {"patches/1.patch": "file:aa"}]
)
def test_another_file_that_is_copied_is_another_key(files: dict[str, str]) -> None:
    assert key(files=files).digest != key().digest


def test_of_two_stages_of_one_name_the_one_above_counts() -> None:
    twice = DOCKERFILE + "\nFROM scratch AS torch-build\n"
    changed = twice.replace("USE_FLASH_ATTENTION=0", "USE_FLASH_ATTENTION=1")
    assert key(twice).digest == key().digest != key(changed).digest


def test_a_variable_that_only_a_later_step_sees_is_not_the_same_as_one_that_an_earlier_one_sees() -> None:
    early = edited("COPY --chmod=644", "ARG X=1\nRUN one\nRUN two\nCOPY --chmod=644")
    late = edited("COPY --chmod=644", "RUN one\nARG X=1\nRUN two\nCOPY --chmod=644")
    assert key(early).digest != key(late).digest


# What does not


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MAX_JOBS", "64"),
        ("BUILD_FROM_SOURCE", "YES"),
        ("http_proxy", "http://proxy.example:3128"),
        ("GREETING", "goodbye"),
        ("GPU_BUILD_REQUIREMENT", "poetry-gpu-build==9"),
        ("NEVER_DECLARED", "1"),
        ("TORCH_REF", "v2.4.1"),
        ("TORCH_REPOSITORY", "https://token:x@github.com/pytorch/pytorch"),
    ],
)
def test_what_decides_only_the_time_or_the_way_does_not_change_it(name: str, value: str) -> None:
    assert key(arguments={name: value}).digest == key().digest


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("# A team's own.\n", ""),
        ("# Why: flash attention's kernels are large.\n", ""),
        ("# Why: flash attention's kernels are large.\n", "\n\n    # Otherwise.\n"),
        ("USE_FLASH_ATTENTION=0\n\n", "USE_FLASH_ATTENTION=0\n"),
        ("ENV USE_NCCL=0\n", "# Why.\n\nENV USE_NCCL=0\n"),
        ("--mount=type=cache,target=/root/.cache/ccache ", ""),
        ("--mount=type=cache,", "--mount=type=secret,id=token --mount=type=cache,"),
        ("--mount=type=cache,", "--network=host --mount=type=cache,"),
        ("COPY --from=torch-build", "COPY --link --from=torch-build"),
        (
            "ARG TORCH_REF=v2.4.1\nARG PYTORCH_BUILD_VERSION=2.4.1",
            "ARG PYTORCH_BUILD_VERSION=2.4.1\nARG TORCH_REF=v2.4.1",
        ),
        ("ARG TORCH_CUDA_ARCH_LIST=5.2", "ARG TORCH_CUDA_ARCH_LIST='5.2'"),
        ("ENV USE_NCCL=0\n", "ENV USE_NCCL=0\nLABEL a=b\nEXPOSE 80\n"),
        ("COPY . .\n", "COPY . .\nRUN another\n"),
        ("FROM base AS app\n", "FROM base AS tools\nRUN another\n\nFROM base AS app\n"),
    ],
)
def test_what_leaves_the_bytes_alone_leaves_the_key_alone(old: str, new: str) -> None:
    assert key(edited(old, new)).digest == key().digest


def test_the_names_of_the_stages_do_not_count() -> None:
    renamed = (
        DOCKERFILE.replace("torch-build", "compile").replace("base AS", "ground AS").replace("FROM base", "FROM ground")
    )
    renamed = renamed.replace("AS base", "AS ground")
    assert key(renamed).digest == key().digest


def test_a_stage_before_that_the_compile_does_not_need_does_not_count() -> None:
    assert (
        key(edited("FROM ${BASE_IMAGE} AS base", "FROM x AS y\nRUN z\n\nFROM ${BASE_IMAGE} AS base")).digest
        == key().digest
    )


# What is shown of it


def test_the_parts_are_what_a_reader_needs_to_find_the_difference() -> None:
    parts = {(part.kind, part.name): part.value for part in key().parts}
    assert parts["platform", ""] == "linux/amd64"
    assert parts["base", "stage 0"] == "nvidia/cuda:11.8.0-devel-ubuntu22.04"
    assert parts["base", "stage 1"] == "stage 0"
    assert parts["variable", "TORCH_REF"] == "v2.4.1"
    assert parts["variable", "USE_NCCL"] == "0"
    assert parts["file", "patches/one.patch"] == "file:aa"
    assert ("variable", "MAX_JOBS") not in parts
    changed = set(key(arguments={"TORCH_REF": "v2.4.0"}).parts) ^ set(key().parts)
    assert {(part.kind, part.name) for part in changed} == {("variable", "TORCH_REF"), ("step", "stage 1, 2")}


def test_a_secret_is_no_part_that_can_be_read() -> None:
    text = edited("ARG MAX_JOBS\n", "ARG MAX_JOBS\nARG API_TOKEN\n")
    found = key(text, {"API_TOKEN": "hunter2"})
    assert "hunter2" not in str(found)
    assert found.digest != key(text, {"API_TOKEN": "hunter3"}).digest


def test_the_name_of_a_stage_and_the_text_of_a_step_are_for_the_reader() -> None:
    assert Part("base", "stage 2", "scratch", "torch") in key().parts
    assert any(part.text.startswith("RUN apt-get install") for part in key().parts)


# The shipped Dockerfile


def shipped(arguments: dict[str, str], edit: tuple[str, str] = ("", "")) -> TorchKey:
    path = docker_dir() / "Dockerfile.source"
    text = path.read_text(encoding="utf-8").replace(*edit)
    dockerfile = parse_dockerfile(Source(path, text), arguments)
    stage = dockerfile.stage("torch")
    assert stage is not None
    return torch_key(dockerfile, stage, {})


def test_the_shipped_compile_is_decided_by_the_policy_s_values() -> None:
    names = {part.name for part in shipped({}).parts if part.kind == "variable"}
    assert names >= {
        *("PYTHON_VERSION", "TORCH_REPOSITORY", "TORCH_REF", "PYTORCH_BUILD_VERSION", "TORCH_CUDA_ARCH_LIST"),
        "TORCH_BUILD_REQUIREMENTS",
    }
    assert names.isdisjoint(
        {
            "MAX_JOBS",
            "COMPILE_GIB_PER_JOB",
            "BUILD_FROM_SOURCE",
            "GET_PIP_URL",
            "GPU_BUILD_REQUIREMENT",
            "POETRY_WITHOUT",
        }
    )


def test_the_shipped_app_is_no_part_of_the_compile() -> None:
    assert shipped({}, ("poetry gpu-build swap --check", "true")).digest == shipped({}).digest
    assert shipped({}, ("USE_NCCL=0", "USE_NCCL=1")).digest != shipped({}).digest


# The tag


def test_the_tag_tells_what_it_is_and_ends_with_the_key() -> None:
    tag = torch_tag(policy(), [cc("5.2"), cc("6.1")], TorchKey("0123456789abcdef" * 4, ()))
    assert tag == "torch2.4.1-cu118-sm52-sm61-py3.10-0123456789abcdef"


def test_a_tag_is_legal_whatever_goes_into_it() -> None:
    many = [cc(f"{major}.{minor}") for major in range(5, 13) for minor in range(10)]
    settings = '[tool.gpu-build.modes.source]\ntorch = "2.4.1+cu118"\n'
    tag = torch_tag(policy(settings), many, TorchKey("f" * 64, ()))
    assert len(tag) == LONGEST_TAG
    assert re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", tag)
    assert tag.startswith("torch2.4.1_cu118-cu118-sm50-")
    assert tag.endswith(f"-{'f' * 16}")
