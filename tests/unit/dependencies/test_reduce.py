"""What a manifest keeps, and what is no change of it."""

from __future__ import annotations

from typing import Any

import pytest

from poetry_gpu_build.dependencies.context import ALL
from poetry_gpu_build.dependencies.context import TORCH
from poetry_gpu_build.dependencies.context import DependencyContext
from poetry_gpu_build.dependencies.context import Groups
from poetry_gpu_build.dependencies.context import Manifests
from poetry_gpu_build.dependencies.context import dependency_context
from poetry_gpu_build.dependencies.reduce import dependencies_of
from poetry_gpu_build.dependencies.reduce import torch_alone
from poetry_gpu_build.documents.toml import parse_toml

from ..builders import GROUP
from ..builders import HEAD
from ..builders import PYPROJECT
from ..builders import PYPROJECT_PATH
from ..builders import SOURCE

GROUPS = Groups("binary-torch", ("binary-torch",))
POETRY_TOML = {"virtualenvs": {"create": False}}


def loads(text: str) -> dict[str, Any]:
    return parse_toml(text, PYPROJECT_PATH).data


def context(text: str, *, with_torch: bool = True, groups: Groups = GROUPS) -> DependencyContext:
    return dependency_context(Manifests(loads(text), POETRY_TOML, None), groups, with_torch=with_torch)


def manifest(text: str, folder: str, *, with_torch: bool = True) -> dict[str, Any]:
    return loads(context(text, with_torch=with_torch).files[f"{folder}/pyproject.toml"])


def changed(before: str, after: str, *, with_torch: bool = True) -> set[str]:
    """The folders whose files differ."""
    one, other = context(before, with_torch=with_torch).files, context(after, with_torch=with_torch).files
    assert one.keys() == other.keys()
    return {name.split("/")[0] for name in one if one[name] != other[name]}


# What is no change


@pytest.mark.parametrize(
    "after",
    [
        PYPROJECT.replace('"0.1.0"', '"0.2.0"'),
        f"# a comment\n\n{PYPROJECT}",
        f"{PYPROJECT}\n[tool.ruff]\nline-length = 99\n",
        f"{PYPROJECT}\n[tool.gpu-build.lint]\nignore = ['GPU508']\n",
        f"{PYPROJECT}\n[project.scripts]\nminimal = 'minimal:main'\n",
        f"{PYPROJECT}\n[build-system]\nrequires = ['poetry-core']\nbuild-backend = 'poetry.core.masonry.api'\n",
        PYPROJECT.replace('version = "0.1.0"', 'version = "0.1.0"\nreadme = "README.md"\ndescription = "It is small."'),
        PYPROJECT.replace("package-mode = false", 'package-mode = false\npackages = [{ include = "minimal" }]'),
    ],
    ids=["version", "comment", "ruff", "lint", "scripts", "build-system", "readme", "packages"],
)
def test_what_an_installation_does_not_read_is_no_change(after: str) -> None:
    assert after != PYPROJECT
    assert changed(PYPROJECT, after) == set()


@pytest.mark.parametrize(
    ("after", "folders"),
    [
        (PYPROJECT.replace("numpy>=1.26", "numpy>=2"), {ALL}),
        (f"{PYPROJECT}\n[dependency-groups]\ndev = ['pytest']\n", {ALL}),
        (f"{PYPROJECT}\n[project.optional-dependencies]\nplots = ['matplotlib']\n", {ALL}),
        (
            f'{PYPROJECT}\n[[tool.poetry.source]]\nname = "own"\nurl = "https://o.example"\npriority = "explicit"\n',
            {ALL},
        ),
        (PYPROJECT.replace("2.7.1+cu128", "2.7.0+cu128"), {ALL, TORCH}),
        (PYPROJECT.replace("whl/cu128", "whl/cu128/"), {ALL, TORCH}),
        (PYPROJECT.replace(">=3.10,<3.13", ">=3.10,<3.14"), {ALL, TORCH}),
        (f'{PYPROJECT}\n[[tool.poetry.source]]\nname = "mirror"\nurl = "https://m.example"\n', {ALL, TORCH}),
        (f"{PYPROJECT}\n[tool.poetry.build-constraints.a]\nsetuptools = '<81'\n", {ALL, TORCH}),
    ],
    ids=["dependency", "group", "extra", "other index", "torch", "its index", "python", "every index", "constraints"],
)
def test_a_change_of_a_dependency_is_one_of_its_own_step_and_of_later_ones(after: str, folders: set[str]) -> None:
    assert changed(PYPROJECT, after) == folders


def test_where_torch_is_compiled_another_wheel_is_no_change_of_its_step() -> None:
    assert changed(PYPROJECT, PYPROJECT.replace("2.7.1+cu128", "2.7.0+cu128"), with_torch=False) == {ALL}


def test_a_new_poetry_toml_is_a_change_of_everything() -> None:
    one = context(PYPROJECT).files
    other = dependency_context(Manifests(loads(PYPROJECT), {}, None), GROUPS, with_torch=True).files
    assert {name for name in one if one[name] != other[name]} == {f"{TORCH}/poetry.toml", f"{ALL}/poetry.toml"}


# What is kept


def test_all_that_decides_an_installation_is_kept_as_it_is() -> None:
    kept = {
        "project": {"name": "minimal", "requires-python": ">=3.10,<3.13", "dependencies": ["numpy>=1.26"]},
        "dependency-groups": {"dev": ["pytest", {"include-group": "docs"}], "docs": [{"include-group": "x"}], "x": []},
        "tool": {
            "poetry": {
                "requires-plugins": {"poetry-plugin-x": ">=1"},
                "dependencies": {
                    "lib": [{"version": "1", "python": "<3.11"}, {"git": "https://g.example", "tag": "é"}]
                },
                "group": {
                    "test": {"include-groups": ["dev"], "dependencies": {"a.b": {"path": "../a", "develop": True}}}
                },
                "extras": {"all": ["lib"]},
                "source": [{"name": "PyPI", "priority": "primary"}],
            }
        },
    }
    written = dependency_context(Manifests(kept, POETRY_TOML, None), GROUPS, with_torch=True).files
    assert loads(written[f"{ALL}/pyproject.toml"]) == kept
    assert loads(written[f"{ALL}/poetry.toml"]) == POETRY_TOML


def test_a_version_is_a_constant_wherever_it_is_said() -> None:
    legacy = manifest('[tool.poetry]\nname = "a"\nversion = "1"\n', ALL)
    assert legacy == {"tool": {"poetry": {"name": "a", "version": "9999"}}}
    dynamic = manifest('[project]\nname = "a"\ndynamic = ["version", "dependencies", "readme"]\n', ALL)
    assert dynamic == {"project": {"name": "a", "version": "9999", "dynamic": ["dependencies"]}}


def test_torch_stands_alone_with_its_python_and_its_index() -> None:
    assert manifest(PYPROJECT, TORCH) == {
        "project": {"name": "torch-alone", "version": "9999", "requires-python": ">=3.10,<3.13"},
        "tool": {
            "poetry": {
                "package-mode": False,
                "group": {
                    "binary-torch": {
                        "optional": True,
                        "dependencies": {"torch": {"version": "2.7.1+cu128", "source": "pytorch-cu128"}},
                    }
                },
                "source": [
                    {
                        "name": "pytorch-cu128",
                        "url": "https://download.pytorch.org/whl/cu128",
                        "priority": "explicit",
                    }
                ],
            }
        },
    }


def test_where_torch_is_compiled_its_step_installs_nothing_and_knows_the_group() -> None:
    assert manifest(PYPROJECT, TORCH, with_torch=False) == {
        "project": {"name": "torch-alone", "version": "9999", "requires-python": ">=3.10,<3.13"},
        "tool": {
            "poetry": {
                "package-mode": False,
                "group": {"binary-torch": {"optional": True, "dependencies": {}}},
            }
        },
    }


def test_the_groups_that_a_group_includes_come_along() -> None:
    text = (
        '[project]\nname = "a"\nversion = "1"\n'
        '[dependency-groups]\nBinary_Torch = ["torch", { include-group = "cuda" }]\n'
        'cuda = ["triton"]\ndev = ["pytest"]\n'
    )
    assert manifest(text, TORCH)["dependency-groups"] == {
        "Binary_Torch": ["torch", {"include-group": "cuda"}],
        "cuda": ["triton"],
    }
    poetrys = PYPROJECT.replace("optional = true", 'optional = true\ninclude-groups = ["cuda"]')
    poetrys += "\n[tool.poetry.group.cuda.dependencies]\ntriton = '*'\n"
    assert set(manifest(poetrys, TORCH)["tool"]["poetry"]["group"]) == {"binary-torch", "cuda"}


def test_groups_that_include_each_other_are_not_followed_forever() -> None:
    back = 'b = [{ include-group = "binary-torch" }]\n'
    text = f'[dependency-groups]\nbinary-torch = ["torch", {{ include-group = "b" }}]\n{back}'
    assert set(manifest(text, TORCH)["dependency-groups"]) == {"binary-torch", "b"}


def test_other_groups_that_the_modes_switch_are_there_and_empty() -> None:
    text = f"{PYPROJECT}\n[dependency-groups]\nDev = ['pytest']\n"
    groups = Groups("binary-torch", ("binary-torch", "dev", "nobody"))
    written = loads(context(text, groups=groups).files[f"{TORCH}/pyproject.toml"])
    assert written["tool"]["poetry"]["group"]["dev"] == {"optional": True, "dependencies": {}}
    assert "nobody" not in written["tool"]["poetry"]["group"]
    assert "dependency-groups" not in written


def test_the_settings_that_the_plugin_reads_in_the_image_come_along() -> None:
    text = f"""{PYPROJECT}
[tool.gpu-build]
torch-group = "binary-torch"
host-install = "allow"
image = "x"
[tool.gpu-build.modes.source]
prefix = "/opt/other"
build-args = {{ A = "b" }}
"""
    own = {"torch-group": "binary-torch", "host-install": "allow"}
    assert manifest(text, TORCH)["tool"]["gpu-build"] == own
    assert manifest(text, ALL)["tool"]["gpu-build"] == own
    swapped = own | {"modes": {"source": {"prefix": "/opt/other"}}}
    assert manifest(text, TORCH, with_torch=False)["tool"]["gpu-build"] == swapped


# Where torch cannot stand alone


@pytest.mark.parametrize(
    "text",
    [
        HEAD,
        HEAD + "[tool.poetry.group.binary-torch]\noptional = true\n",
        HEAD + "[tool.poetry.group.binary-torch.dependencies]\ntorch = { path = 'wheels/torch.whl' }\n",
        HEAD + "[tool.poetry.group.binary-torch.dependencies]\ntorch = [{ file = 'wheels/torch.whl' }]\n",
        HEAD + "[dependency-groups]\nbinary-torch = ['torch @ file:wheels/torch.whl']\n",
    ],
    ids=["no group", "empty", "path", "file", "address"],
)
def test_a_group_without_requirements_or_on_a_file_has_no_step_of_its_own(text: str) -> None:
    made = context(text)
    assert made.together is not None
    assert "binary-torch" in made.together
    assert "dependencies" not in loads(made.files[f"{TORCH}/pyproject.toml"]).get("project", {})


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"project": [], "dependency-groups": 3, "tool": {"poetry": "x"}},
        {"dependency-groups": {"binary-torch": "torch"}, "tool": {"poetry": {"group": {"binary-torch": []}}}},
        {"tool": {"poetry": {"group": {"binary-torch": {"dependencies": [], "include-groups": 1}}, "source": 3}}},
        {"tool": {"poetry": {"group": {"binary-torch": {"dependencies": {"torch": "1"}}}, "source": [1]}}},
    ],
)
def test_a_manifest_of_wrong_types_is_poetry_s_to_report(data: dict[str, Any]) -> None:
    dependencies_of(data, with_torch=True)
    torch_alone(data, "binary-torch", ("binary-torch",))


def test_the_example_of_the_policy_has_a_step_for_torch() -> None:
    assert context(HEAD + GROUP + SOURCE).together is None
