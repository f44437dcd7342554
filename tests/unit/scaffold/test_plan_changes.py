from __future__ import annotations

import sys

import pytest
import yaml

from poetry_gpu_build.errors import ConfigurationError

from .builders import EMPTY
from .builders import SHIPPED
from .builders import after
from .builders import planned

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FILES = {
    "docker/Dockerfile",
    "docker/Dockerfile.source",
    "docker/docker-compose.yml",
    ".dockerignore",
    ".gitignore",
    "poetry.toml",
    ".pre-commit-config.yaml",
    "pyproject.toml",
}


def test_an_empty_project_gets_everything() -> None:
    assert {change.path for change in planned().changes} == FILES
    assert all(change.why for change in planned().changes)


def test_a_second_run_changes_nothing() -> None:
    assert planned(after()).changes == ()


def test_a_second_run_with_force_changes_nothing() -> None:
    assert planned(after(), force=True).changes == ()


def test_the_dockerfiles_are_the_shipped_ones() -> None:
    files = after()
    assert files["docker/Dockerfile"] == SHIPPED["Dockerfile"]
    assert files["docker/Dockerfile.source"] == SHIPPED["Dockerfile.source"]


def test_the_dockerfiles_have_the_projects_own_policy() -> None:
    settings = """
[tool.gpu-build]
python = "3.12"
torch-group = "gpu"
context = "."

[tool.gpu-build.modes.binary]
dockerfile = "build/Binary.Dockerfile"
base-image = "nvidia/cuda:12.8.1-devel-ubuntu24.04"

[tool.gpu-build.modes.source]
torch-ref = "v2.5.1"
torch = "2.5.1"
targets = ["5.2", "6.1"]
"""
    files = after({"pyproject.toml": EMPTY + settings})
    binary, source = files["build/Binary.Dockerfile"], files["docker/Dockerfile.source"]
    assert "ARG BASE_IMAGE=nvidia/cuda:12.8.1-devel-ubuntu24.04\n" in binary
    assert "ARG POETRY_WITH=gpu\n" in binary
    assert "this is build/Binary.Dockerfile, the binary mode" in binary
    assert "ARG PYTHON_VERSION=3.12\n" in source
    assert "ARG TORCH_REF=v2.5.1\nARG PYTORCH_BUILD_VERSION=2.5.1\nARG TORCH_CUDA_ARCH_LIST=5.2;6.1\n" in source
    assert "ARG POETRY_WITHOUT=gpu\n" in source
    installs = [[line for line in text.splitlines() if "poetry install" in line] for text in (binary, source)]
    assert installs[0] == installs[1]


def test_the_compose_file_bears_the_projects_name() -> None:
    compose = yaml.safe_load(after()["docker/docker-compose.yml"])
    assert compose["name"] == "my-app"
    app = compose["services"]["app"]
    assert app["image"] == "${GPU_BUILD_IMAGE:-my-app:binary}"
    assert app["build"]["context"] == ".."
    assert app["build"]["dockerfile"] == "${GPU_BUILD_DOCKERFILE:-docker/Dockerfile}"
    assert "poetry-gpu-build" not in str(compose)


def test_a_compose_file_elsewhere_finds_the_context() -> None:
    settings = '\n[tool.gpu-build]\ncompose-file = "compose.yaml"\nimage = "registry.example/team/app"\n'
    app = yaml.safe_load(after({"pyproject.toml": EMPTY + settings})["compose.yaml"])["services"]["app"]
    assert app["build"]["context"] == "."
    assert app["image"] == "${GPU_BUILD_IMAGE:-registry.example/team/app:binary}"


def test_a_dockerfile_that_differs_is_left_and_told() -> None:
    changes = planned({"docker/Dockerfile": "FROM scratch\n"})
    assert "docker/Dockerfile" not in {change.path for change in changes.changes}
    assert any("docker/Dockerfile exists" in note and "--force" in note for note in changes.notes)


def test_force_replaces_a_dockerfile_and_still_merges_the_rest() -> None:
    files = after({"docker/Dockerfile": "FROM scratch\n", ".gitignore": "secret\n"}, force=True)
    assert files["docker/Dockerfile"] == SHIPPED["Dockerfile"]
    assert files[".gitignore"] == "secret\n/poetry.lock\n"


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        ("data\n", "data\npoetry.lock\n.venv\n.poetry\n"),
        ("data", "data\npoetry.lock\n.venv\n.poetry\n"),
        ("data\r\n.venv\r\n", "data\r\n.venv\r\npoetry.lock\r\n.poetry\r\n"),
        ("*\n!app\n", "*\n!app\n"),
        ("poetry.lock\n.*\n", "poetry.lock\n.*\n"),
    ],
)
def test_a_dockerignore_gets_what_it_lacks(before: str, expected: str) -> None:
    assert after({".dockerignore": before})[".dockerignore"] == expected


def test_the_ignore_file_beside_a_dockerfile_is_the_one_that_counts_for_it() -> None:
    files = after({"docker/Dockerfile.dockerignore": "data\n"})
    assert files["docker/Dockerfile.dockerignore"] == "data\npoetry.lock\n.venv\n.poetry\n"
    assert "poetry.lock" in files[".dockerignore"]  # for the source mode


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        ("*.pyc\n", "*.pyc\n/poetry.lock\n"),
        ("*.pyc", "*.pyc\n/poetry.lock\n"),
        ("a\r\n", "a\r\n/poetry.lock\r\n"),
        ("*.lock\n", "*.lock\n"),
        ("\udcff\n", "\udcff\n/poetry.lock\n"),
    ],
)
def test_a_gitignore_gets_the_lock(before: str, expected: str) -> None:
    assert after({".gitignore": before})[".gitignore"] == expected


def test_a_lock_that_the_policy_requires_is_ignored_nowhere_and_copied() -> None:
    files = after({"pyproject.toml": EMPTY + '\n[tool.gpu-build]\nlock = "require"\n'})
    assert "poetry.lock" not in files[".dockerignore"] + files[".gitignore"]
    for name in ("docker/Dockerfile", "docker/Dockerfile.source"):
        assert "COPY pyproject.toml poetry.toml poetry.lock ./\n" in files[name]


@pytest.mark.parametrize(
    "before",
    [
        "",
        "# ours\n[virtualenvs]\nin-project = true # yes\n",
        "[virtualenvs]\r\ncreate = true\r\n",
        "virtualenvs = {create = true}\n[installer]\nparallel = false\n",
        "[installer]\nbuiltin-uninstall = true",
    ],
)
def test_poetry_toml_gets_both_settings_and_keeps_the_rest(before: str) -> None:
    text = after({"poetry.toml": before})["poetry.toml"]
    data = tomllib.loads(text)
    assert data["virtualenvs"]["create"] is False
    assert data["installer"]["builtin-uninstall"] is True
    assert all(comment in text for comment in ("# ours", "# yes") if comment in before)
    assert after({"poetry.toml": text})["poetry.toml"] == text


def test_a_broken_poetry_toml_is_an_error() -> None:
    with pytest.raises(ConfigurationError, match=r"poetry\.toml is not valid TOML"):
        planned({"poetry.toml": "[virtualenvs\n"})


def test_a_host_that_changes_its_ways_is_told() -> None:
    assert any("active interpreter" in note for note in planned().notes)


def test_a_repository_around_the_project_gets_no_hook_but_a_note() -> None:
    changes = planned(repository=("../..", "services/app"))
    assert ".pre-commit-config.yaml" not in {change.path for change in changes.changes}
    assert any("poetry --directory services/app gpu-build lint" in note for note in changes.notes)


def test_a_python_that_the_project_does_not_allow_is_told() -> None:
    text = EMPTY.replace(">=3.10", ">=3.12")
    assert any("the image's Python is 3.10" in note for note in planned({"pyproject.toml": text}).notes)
    assert not any("the image's Python" in note for note in planned().notes)


def test_a_project_without_a_package_is_told() -> None:
    assert any("package-mode = false" in note for note in planned(has_package=False).notes)
    assert not any("package-mode" in note for note in planned().notes)


def test_a_lock_that_is_older_now_is_told() -> None:
    assert any("poetry lock" in note for note in planned({"poetry.lock": "package = []\n"}).notes)
    assert not any("poetry lock" in note for note in planned().notes)
