from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from poetry_gpu_build.errors import ConfigurationError
from poetry_gpu_build.errors import InvalidValueError
from poetry_gpu_build.errors import NoModeServesError
from poetry_gpu_build.plan import Plan
from poetry_gpu_build.plan import make_plan
from poetry_gpu_build.plan import plan_every_mode
from poetry_gpu_build.resources import docker_dir
from poetry_gpu_build.selection.flags import Flags

from .builders import GROUP
from .builders import HEAD
from .builders import PYPROJECT
from .builders import SOURCE
from .builders import inputs
from .builders import project
from .builders import request
from .builders import settings

BINARY = "8.6"
MAXWELL = "5.2"


def plan(folder: Path, *targets: str, pyproject: str = PYPROJECT, flags: Flags | None = None) -> Plan:
    return make_plan(inputs(folder, pyproject), request(*targets, flags=flags))


def refused(folder: Path, pyproject: str, *targets: str, flags: Flags | None = None) -> ConfigurationError:
    made = inputs(folder, pyproject)
    with pytest.raises(ConfigurationError) as caught:
        make_plan(made, request(*(targets or (BINARY,)), flags=flags))
    assert caught.value.exit_code == 2
    return caught.value


# --- build arguments


def test_the_binary_mode_gets_its_arguments(tmp_path: Path) -> None:
    assert plan(tmp_path, BINARY).build_args == {
        "BUILD_FROM_SOURCE": "false",
        "BASE_IMAGE": "nvidia/cuda:12.8.1-devel-ubuntu22.04",
        "PYTHON_VERSION": "3.10",
        "POETRY_WITH": "binary-torch",
        "POETRY_WITHOUT": "",
        "GPU_BUILD_REQUIREMENT": "poetry-gpu-build==1.2.3",
    }


def test_the_source_mode_gets_its_arguments(tmp_path: Path) -> None:
    assert plan(tmp_path, MAXWELL, BINARY).build_args == {
        "BUILD_FROM_SOURCE": "true",
        "BASE_IMAGE": "nvidia/cuda:11.8.0-cudnn8-devel-ubuntu22.04",
        "PYTHON_VERSION": "3.10",
        "POETRY_WITH": "",
        "POETRY_WITHOUT": "binary-torch",
        "GPU_BUILD_REQUIREMENT": "poetry-gpu-build==1.2.3",
        "TORCH_REF": "v2.4.1",
        "PYTORCH_BUILD_VERSION": "2.4.1",
        "TORCH_CUDA_ARCH_LIST": "5.2;8.6",
        "COMPILE_GIB_PER_JOB": "4",
    }


@pytest.mark.parametrize("target", [BINARY, MAXWELL])
def test_every_argument_is_one_that_the_dockerfile_knows(tmp_path: Path, target: str) -> None:
    made = plan(tmp_path, target)
    text = (docker_dir() / Path(made.dockerfile).name).read_text(encoding="utf-8")
    assert set(made.build_args) <= set(re.findall(r"^ARG (\w+)", text, re.MULTILINE))


def test_further_groups_are_arguments_too(tmp_path: Path) -> None:
    text = settings("modes.binary.with = ['extra']\nmodes.binary.without = ['docs', 'dev']")
    arguments = plan(tmp_path, BINARY, pyproject=text).build_args
    assert (arguments["POETRY_WITH"], arguments["POETRY_WITHOUT"]) == ("binary-torch,extra", "docs,dev")


def test_the_users_arguments_count_more_than_the_policys_and_those_more_than_the_plans(tmp_path: Path) -> None:
    made = inputs(tmp_path, settings("build-args = { A = 'policy', B = 'policy', MAX_JOBS = '3' }"))
    asked = replace(request(MAXWELL), build_args=(("A", "user"), ("A", "user again"), ("C", "")))
    arguments = make_plan(made, asked).build_args
    assert (arguments["A"], arguments["B"], arguments["C"]) == ("user again", "policy", "")
    assert arguments["MAX_JOBS"] == "3"


@pytest.mark.parametrize(("target", "value"), [(BINARY, "true"), (BINARY, "YES"), (MAXWELL, "0"), (MAXWELL, "")])
def test_an_argument_that_contradicts_the_mode_is_refused(tmp_path: Path, target: str, value: str) -> None:
    asked = replace(request(target), build_args=(("BUILD_FROM_SOURCE", value),))
    with pytest.raises(ConfigurationError, match="contradicts the plan") as caught:
        make_plan(inputs(tmp_path), asked)
    assert "--from-source" in caught.value.ways_out[0]


@pytest.mark.parametrize(
    ("target", "argument", "place"),
    [
        # Each would make another image than was planned, under the labels of the plan.
        (MAXWELL, ("TORCH_CUDA_ARCH_LIST", "8.6"), "--gpu"),
        (MAXWELL, ("PYTORCH_BUILD_VERSION", "2.4.0"), "modes.source.torch in"),
        (MAXWELL, ("TORCH_REF", "main"), "modes.source.torch-ref"),
        (MAXWELL, ("POETRY_WITHOUT", ""), "modes.source.without"),
        (BINARY, ("BASE_IMAGE", "debian:12"), "modes.binary.base-image"),
        (BINARY, ("PYTHON_VERSION", "3.12"), "python in"),
        (BINARY, ("TORCH_CUDA_ARCH_LIST", "8.6"), "--gpu"),
    ],
)
def test_an_argument_that_the_plan_decides_is_said_elsewhere(
    tmp_path: Path, target: str, argument: tuple[str, str], place: str
) -> None:
    asked = replace(request(target), build_args=(argument,))
    with pytest.raises(ConfigurationError, match="contradicts the plan") as caught:
        make_plan(inputs(tmp_path), asked)
    assert place in caught.value.ways_out[0]


def test_half_an_image_does_not_take_the_name_of_the_whole_one(tmp_path: Path) -> None:
    (whole,) = make_plan(inputs(tmp_path / "whole"), request(MAXWELL)).tags
    (half,) = make_plan(inputs(tmp_path / "half"), replace(request(MAXWELL), stage="torch-build")).tags
    assert half == f"{whole}-torch-build"


@pytest.mark.parametrize(("target", "value"), [(BINARY, "off"), (BINARY, ""), (MAXWELL, "TRUE"), (MAXWELL, "1")])
def test_an_argument_that_says_the_mode_in_other_words_is_none(tmp_path: Path, target: str, value: str) -> None:
    asked = replace(request(target), build_args=(("BUILD_FROM_SOURCE", value),))
    assert make_plan(inputs(tmp_path), asked).build_args["BUILD_FROM_SOURCE"] == value


def test_an_argument_that_is_no_switch_is_refused(tmp_path: Path) -> None:
    asked = replace(request(BINARY), build_args=(("BUILD_FROM_SOURCE", "maybe"),))
    with pytest.raises(InvalidValueError, match="maybe"):
        make_plan(inputs(tmp_path), asked)


# --- what is compiled, and with how many jobs


def test_without_a_target_the_policys_defaults_are_compiled(tmp_path: Path) -> None:
    made = plan(tmp_path, flags=Flags(from_source=True))
    assert made.build_args["TORCH_CUDA_ARCH_LIST"] == "5.2"
    assert made.targets == ()


def test_equal_gpus_are_compiled_for_once_and_in_order(tmp_path: Path) -> None:
    assert plan(tmp_path, BINARY, MAXWELL, MAXWELL).build_args["TORCH_CUDA_ARCH_LIST"] == "5.2;8.6"


def test_a_target_that_the_toolkit_does_not_know_is_compiled_for_as_the_best_that_runs_there(tmp_path: Path) -> None:
    text = settings("modes.source.base-image = 'nvidia/cuda:12.8.1-devel-ubuntu22.04'")
    made = plan(tmp_path, MAXWELL, "12.1", pyproject=text)
    assert made.build_args["TORCH_CUDA_ARCH_LIST"] == "5.2;12.0"
    assert made.labels["poetry-gpu-build.targets"] == "5.2;12.1"


def test_a_toolkit_of_which_nothing_is_known_compiles_what_it_is_told(tmp_path: Path) -> None:
    text = settings("modes.source.cuda = '12.7'")
    assert plan(tmp_path, MAXWELL, pyproject=text).build_args["TORCH_CUDA_ARCH_LIST"] == "5.2"


def test_a_default_target_that_the_toolkit_does_not_compile_for_is_refused(tmp_path: Path) -> None:
    text = settings("modes.source.targets = ['5.2', '12.0']")
    made = inputs(tmp_path, text)
    with pytest.raises(ConfigurationError, match=r"12\.0") as caught:
        make_plan(made, request(flags=Flags(from_source=True)))
    assert caught.value.where is not None
    assert text.splitlines()[caught.value.where.line - 1].startswith("modes.source.targets")


def test_the_compile_counts_its_jobs_itself_so_that_every_machine_has_the_same_arguments(tmp_path: Path) -> None:
    assert "MAX_JOBS" not in plan(tmp_path, MAXWELL).build_args


def test_the_policy_says_how_much_memory_a_job_takes(tmp_path: Path) -> None:
    made = make_plan(inputs(tmp_path, settings("modes.source.memory-per-job = 0.5")), request(MAXWELL))
    assert made.build_args["COMPILE_GIB_PER_JOB"] == "0.5"


# --- what the image may hold


LOCKED = '[[package]]\nname = "torch"\nversion = "2.7.1+cu128"\n'


@pytest.mark.parametrize(
    ("constraint", "lines", "allowed"),
    [
        ("2.7.1+cu128", "", None),
        (">=2.7,<3", "", ">=2.7,<3"),
        # The lock of the host is not in the image, unless the policy says so.
        (">=2.7,<3", "[tool.gpu-build]\nlock = 'require'\n", None),
    ],
)
def test_a_range_leaves_the_image_a_choice_unless_the_lock_is_in_it(
    tmp_path: Path, constraint: str, lines: str, allowed: str | None
) -> None:
    pyproject = PYPROJECT.replace("2.7.1+cu128", constraint) + lines
    made = inputs(tmp_path, pyproject)
    locked = replace(made, project=project(tmp_path, pyproject, lock=LOCKED))
    plan = make_plan(locked, request("8.6"))
    assert (plan.torch, plan.torch_range) == ("2.7.1+cu128", allowed)


def test_the_source_mode_leaves_no_choice(tmp_path: Path) -> None:
    pyproject = PYPROJECT.replace("2.7.1+cu128", ">=2.7,<3")
    plan = make_plan(inputs(tmp_path, pyproject), request("5.2"))
    assert (plan.torch, plan.torch_range, plan.prefix) == ("2.4.1", None, "/opt/torch")


# --- tags and labels


@pytest.mark.parametrize(
    ("name", "repository"),
    [
        ("minimal", "minimal"),
        ("My Project", "my-project"),
        ("a.b_c", "a-b-c"),
        ("---", "app"),
        ("Ünïcödé", "n-c-d"),
        ("日本", "app"),
        ("x/../y", "x-y"),
    ],
)
def test_the_tag_is_the_projects_name_as_docker_allows_it(tmp_path: Path, name: str, repository: str) -> None:
    text = PYPROJECT.replace('"minimal"', f'"{name}"', 1)
    assert plan(tmp_path, BINARY, pyproject=text).tags == (f"{repository}:binary",)


def test_the_tag_is_the_mode(tmp_path: Path) -> None:
    assert plan(tmp_path, BINARY).tags == ("minimal:binary",)
    assert plan(tmp_path, MAXWELL).tags == ("minimal:source",)


def test_the_policy_may_name_the_image(tmp_path: Path) -> None:
    text = settings("image = 'registry.example:5000/team/app'")
    assert plan(tmp_path, BINARY, pyproject=text).tags == ("registry.example:5000/team/app:binary",)


def test_the_users_tags_are_taken_as_they_are(tmp_path: Path) -> None:
    made = make_plan(inputs(tmp_path), request(BINARY, tags=("a:1", "b:{mode}-2")))
    assert made.tags == ("a:1", "b:binary-2")


def test_an_empty_tag_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="--tag is empty"):
        make_plan(inputs(tmp_path), request(BINARY, tags=("a:1", "")))


def test_the_labels_tell_what_the_image_is(tmp_path: Path) -> None:
    made = inputs(tmp_path)
    made = replace(made, project=replace(made.project, revision="0123abc"))
    assert make_plan(made, request("8.6", "8.9")).labels == {
        "poetry-gpu-build.version": "1.2.3",
        "poetry-gpu-build.mode": "binary",
        "poetry-gpu-build.torch": "2.7.1+cu128",
        "poetry-gpu-build.targets": "8.6;8.9",
        "org.opencontainers.image.revision": "0123abc",
    }


def test_without_a_revision_there_is_no_label_of_it(tmp_path: Path) -> None:
    made = inputs(tmp_path)
    made = replace(made, project=replace(made.project, revision=None))
    assert "org.opencontainers.image.revision" not in make_plan(made, request(BINARY)).labels


def test_the_torch_is_the_one_that_the_project_pins_and_not_the_policys(tmp_path: Path) -> None:
    text = PYPROJECT.replace("2.7.1+cu128", "2.8.0").replace("cu128", "cu126")
    assert plan(tmp_path, BINARY, pyproject=text).torch == "2.8.0+cu126"


def test_the_torch_of_the_source_mode_is_the_policys(tmp_path: Path) -> None:
    assert plan(tmp_path, MAXWELL).torch == "2.4.1"


def test_a_torch_that_is_no_single_build_is_shown_as_it_is_written(tmp_path: Path) -> None:
    text = PYPROJECT.replace("2.7.1+cu128", ">=2.99")
    assert plan(tmp_path, BINARY, pyproject=text).torch == ">=2.99"


# --- both modes at once


def test_each_mode_gets_the_targets_that_the_policy_gives_it(tmp_path: Path) -> None:
    binary, source = plan_every_mode(inputs(tmp_path), request("5.2", "8.6", "12.0"))
    assert (binary.mode, [str(target) for target in binary.targets]) == ("binary", ["8.6", "12.0"])
    assert (source.mode, [str(target) for target in source.targets]) == ("source", ["5.2"])
    assert source.build_args["TORCH_CUDA_ARCH_LIST"] == "5.2"


def test_a_mode_without_a_target_is_built_for_its_defaults(tmp_path: Path) -> None:
    binary, source = plan_every_mode(inputs(tmp_path), request())
    assert (binary.targets, source.targets) == ((), ())
    assert source.build_args["TORCH_CUDA_ARCH_LIST"] == "5.2"


def test_the_modes_never_share_a_tag(tmp_path: Path) -> None:
    binary, source = plan_every_mode(inputs(tmp_path), request())
    assert not set(binary.tags) & set(source.tags)


def test_a_tag_that_both_modes_would_write_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="both modes would write the tag app:1") as caught:
        plan_every_mode(inputs(tmp_path), request(tags=("x:{mode}", "app:1")))
    assert "{mode}" in caught.value.ways_out[0]


def test_a_tag_that_tells_the_mode_serves_both(tmp_path: Path) -> None:
    binary, source = plan_every_mode(inputs(tmp_path), request(tags=("app:{mode}",)))
    assert (binary.tags, source.tags) == (("app:binary",), ("app:source",))


def test_the_reason_for_each_mode_is_all_modes(tmp_path: Path) -> None:
    for made in plan_every_mode(inputs(tmp_path), request("5.2", "8.6")):
        assert "--all-modes" in made.reasons[0].text


def test_a_target_that_its_mode_does_not_serve_is_a_veto_here_too(tmp_path: Path) -> None:
    with pytest.raises(NoModeServesError, match=r"6\.1") as caught:
        plan_every_mode(inputs(tmp_path), request("5.2", "6.1"))
    assert "a flag asks" not in caught.value.message


def test_a_switch_that_cannot_be_read_is_an_error_here_too(tmp_path: Path) -> None:
    with pytest.raises(InvalidValueError):
        plan_every_mode(inputs(tmp_path), request(flags=Flags(build_from_source="maybe")))


# --- paths


def line_of(error: ConfigurationError, text: str) -> str:
    assert error.where is not None
    return text.splitlines()[error.where.line - 1]


@pytest.mark.parametrize(
    ("setting", "path"),
    [
        ("modes.binary.dockerfile", "../Dockerfile"),
        ("modes.binary.dockerfile", "docker/../../Dockerfile"),
        ("modes.binary.dockerfile", "/etc/hostname"),
        ("modes.binary.dockerfile", "link/Dockerfile"),
        ("context", ".."),
        ("context", "/"),
        ("context", "link"),
    ],
)
def test_a_path_that_leaves_the_project_is_refused_at_its_setting(tmp_path: Path, setting: str, path: str) -> None:
    tmp_path.joinpath("Dockerfile").touch()
    root = tmp_path / "project"
    root.mkdir()
    root.joinpath("link").symlink_to(tmp_path)
    text = settings(f"{setting} = '{path}'")
    error = refused(root, text)
    assert "outside the project" in error.message
    assert line_of(error, text).startswith(setting)
    assert error.ways_out


def test_a_project_behind_a_link_is_inside_itself(tmp_path: Path) -> None:
    tmp_path.joinpath("link").symlink_to(tmp_path / "real", target_is_directory=True)
    tmp_path.joinpath("real").mkdir()
    assert plan(tmp_path / "link", BINARY).dockerfile == "docker/Dockerfile"


@pytest.mark.parametrize(
    "path", [r"docker/\u0000", "x" * 5000, "docker/ring"], ids=["nul character", "too long", "ring of links"]
)
def test_what_is_no_path_is_refused_at_its_setting(tmp_path: Path, path: str) -> None:
    tmp_path.joinpath("docker").mkdir()
    tmp_path.joinpath("docker", "ring").symlink_to("ring")
    text = settings(f'modes.binary.dockerfile = "{path}"')
    error = refused(tmp_path, text)
    assert error.where is not None
    assert error.ways_out
    assert "Dockerfile" in error.message


@pytest.mark.parametrize(("target", "file"), [(BINARY, "Dockerfile"), (MAXWELL, "Dockerfile.source")])
def test_a_missing_dockerfile_is_refused_with_its_path_and_the_setting(tmp_path: Path, target: str, file: str) -> None:
    made = inputs(tmp_path)
    tmp_path.joinpath("docker", file).unlink()
    with pytest.raises(ConfigurationError, match="does not exist") as caught:
        make_plan(made, request(target))
    assert caught.value.where is not None
    assert caught.value.where.path == tmp_path / "docker" / file
    assert "[tool.gpu-build]" in caught.value.ways_out[0]


def test_the_other_modes_dockerfile_may_be_missing(tmp_path: Path) -> None:
    made = inputs(tmp_path)
    tmp_path.joinpath("docker", "Dockerfile.source").unlink()
    assert make_plan(made, request(BINARY)).mode == "binary"


def test_a_folder_is_no_dockerfile(tmp_path: Path) -> None:
    error = refused(tmp_path, settings("modes.binary.dockerfile = 'docker'"))
    assert "no file" in error.message


def test_a_file_is_no_build_context(tmp_path: Path) -> None:
    error = refused(tmp_path, settings("context = 'pyproject.toml'"))
    assert "no folder" in error.message


# --- a project that is not under the policy


def test_without_the_group_the_error_shows_how_to_add_it(tmp_path: Path) -> None:
    error = refused(tmp_path, HEAD)
    assert error.message == "there is no dependency group binary-torch"
    assert error.where is not None
    assert error.where.path == tmp_path / "pyproject.toml"
    assert "[tool.poetry.group.binary-torch]" in error.ways_out[0]
    assert "2.7.1+cu128" in error.ways_out[0]
    assert "torch-group" in error.ways_out[1]


def test_a_group_without_torch_is_refused_at_its_line(tmp_path: Path) -> None:
    text = HEAD + GROUP.replace("torch =", "numpy =") + SOURCE
    error = refused(tmp_path, text)
    assert error.message == "the dependency group binary-torch holds no torch"
    assert line_of(error, text) == "[tool.poetry.group.binary-torch]"


def test_a_group_of_the_standards_kind_without_torch_is_refused_at_its_line(tmp_path: Path) -> None:
    text = HEAD + "\n[dependency-groups]\nBinary_Torch = []\n"
    assert line_of(refused(tmp_path, text), text) == "Binary_Torch = []"


def test_the_group_is_needed_in_the_source_mode_too(tmp_path: Path) -> None:
    assert "no dependency group" in refused(tmp_path, HEAD, MAXWELL).message


def test_another_group_may_hold_torch_if_the_policy_says_so(tmp_path: Path) -> None:
    text = PYPROJECT.replace("binary-torch", "wheels") + "\n[tool.gpu-build]\ntorch-group = 'wheels'\n"
    assert plan(tmp_path, BINARY, pyproject=text).with_groups == ("wheels",)


MAIN_TORCH = HEAD.replace('"numpy>=1.26"', '"numpy>=1.26", "torch==2.7.1"')


def test_a_main_torch_serves_the_binary_mode(tmp_path: Path) -> None:
    assert plan(tmp_path, BINARY, pyproject=MAIN_TORCH).torch == "2.7.1+cu126"


@pytest.mark.parametrize("text", [MAIN_TORCH, MAIN_TORCH + GROUP + SOURCE])
def test_a_main_torch_is_refused_in_the_source_mode_at_its_line(tmp_path: Path, text: str) -> None:
    error = refused(tmp_path, text, MAXWELL)
    assert "a main dependency" in error.message
    assert "torch==" in line_of(error, text)
    assert "[tool.poetry.group.binary-torch.dependencies]" in error.ways_out[0]


def other_group(*lines: str) -> str:
    return PYPROJECT + "\n".join(["", "[tool.poetry.group.Dev]", *lines, "dependencies.torch = '2.7.1'", ""])


def test_a_torch_in_another_group_that_is_installed_is_refused_in_the_source_mode(tmp_path: Path) -> None:
    text = other_group()
    error = refused(tmp_path, text, MAXWELL)
    assert "in the group" in error.message
    assert "torch" in line_of(error, text)


def test_a_torch_in_an_optional_group_is_not_installed(tmp_path: Path) -> None:
    assert plan(tmp_path, MAXWELL, pyproject=other_group("optional = true")).mode == "source"


def test_a_torch_in_an_optional_group_that_the_mode_takes_is_refused(tmp_path: Path) -> None:
    text = other_group("optional = true") + "\n[tool.gpu-build]\nmodes.source.with = ['dev']\n"
    assert "in the group" in refused(tmp_path, text, MAXWELL).message


def test_a_torch_in_a_group_that_the_mode_leaves_out_is_not_installed(tmp_path: Path) -> None:
    text = other_group() + "\n[tool.gpu-build]\nmodes.source.without = ['dev']\n"
    assert plan(tmp_path, MAXWELL, pyproject=text).mode == "source"
