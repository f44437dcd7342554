from __future__ import annotations

import sys

import pytest

from poetry_gpu_build.errors import ConfigurationError

from .builders import EMPTY
from .builders import manifest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

# The policy's words for the group and its source (README, examples/minimal), behind the comment that explains it.
COMMENT = (
    "# On in the binary mode, off in the source mode; optional, so that nothing else ever installs it by the way.\n"
)
OUTER = "[tool.poetry.group.binary-torch]\noptional = true\n"
INNER = "[tool.poetry.group.binary-torch.dependencies]\n"
TORCH = 'torch = { version = "2.7.1+cu128", source = "pytorch-cu128" }\n'
SOURCE = """\
[[tool.poetry.source]]
name = "pytorch-cu128"
url = "https://download.pytorch.org/whl/cu128"
priority = "explicit"
"""
GROUP = f"{COMMENT}{OUTER}\n{INNER}{TORCH}"
ADDED = f"\n{GROUP}\n{SOURCE}"


def torch_of(text: str) -> object:
    return tomllib.loads(text)["tool"]["poetry"]["group"]["binary-torch"]["dependencies"]["torch"]


def sources_of(text: str) -> list[dict[str, str]]:
    found: list[dict[str, str]] = tomllib.loads(text)["tool"]["poetry"]["source"]
    return found


def project(*dependencies: str, more: str = "") -> str:
    lines = "".join(f"    {line}\n" for line in dependencies)
    return f"{EMPTY}dependencies = [\n{lines}]\n{more}"


def test_a_project_without_torch_gets_the_group_and_its_source_and_keeps_every_byte() -> None:
    assert manifest(EMPTY).text == EMPTY + ADDED


def test_poetrys_tables_stay_together() -> None:
    poetry = "[tool.poetry]\npackage-mode = false\n"
    ruff = "# how we lint\n[tool.ruff]\nline-length = 100\n"
    assert manifest(f"{EMPTY}\n{poetry}\n{ruff}").text == f"{EMPTY}\n{poetry}{ADDED}\n{ruff}"


def test_torch_moves_out_of_poetrys_main_dependencies_with_its_comments() -> None:
    text = """\
[tool.poetry]
name = "a"

[tool.poetry.dependencies]
# what runs
python = "^3.10"
numpy = "^1.26"  # arrays
# for the training
torch = "2.7.1"  # see the wiki
pandas = "*"
"""
    rest = text.replace('# for the training\ntorch = "2.7.1"  # see the wiki\n', "")
    moved = GROUP.replace(TORCH, f"# for the training\n{TORCH.rstrip()}  # see the wiki\n")
    assert manifest(text).text == f"{rest}\n{moved}\n{SOURCE}"


def test_torch_moves_out_of_the_standards_list_with_its_comments() -> None:
    text = project('"numpy>=1.26",  # arrays', "# for the training", '"torch==2.7.1+cu128",  # pinned', '"rich",')
    rest = project('"numpy>=1.26",  # arrays', '"rich",')
    moved = GROUP.replace(TORCH, f"# for the training\n{TORCH.rstrip()}  # pinned\n")
    assert manifest(text).text == f"{rest}\n{moved}\n{SOURCE}"


def test_the_heading_of_a_block_stays_with_the_block() -> None:
    text = project("# machine learning", '"torch==2.7.1",', '"scikit-learn",', "", "# the rest", '"rich",')
    assert manifest(text).text.startswith(project("# machine learning", '"scikit-learn",', "", "# the rest", '"rich",'))


def test_a_heading_of_torch_alone_goes_along() -> None:
    text = project('"rich",', "", "# machine learning", '"torch==2.7.1",', "", "# the rest", '"numpy",')
    after = manifest(text).text
    assert after.index("# machine learning") > after.index(INNER)
    assert after.index("# the rest") < after.index(INNER)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('["torch==2.7.1"]', "[]"),
        ('["numpy", "torch==2.7.1"]', '["numpy"]'),
        ('["torch==2.7.1", "numpy"]  # all', '["numpy"]  # all'),
        ('["numpy", "Torch == 2.7.1 ; python_version > \'3\'", "rich"]', '["numpy", "rich"]'),
    ],
)
def test_the_rest_of_a_list_in_one_line_stays(before: str, after: str) -> None:
    found = manifest(f"{EMPTY}dependencies = {before}\n").text
    assert found.startswith(f"{EMPTY}dependencies = {after}\n")


@pytest.mark.parametrize(
    ("requirement", "version"),
    [
        ("torch==2.7.1", "2.7.1+cu128"),  # the release exists for the base image's CUDA
        ("torch==2.7.1+cu128", "2.7.1+cu128"),
        ("torch==2.8.0+cu128", "2.8.0+cu128"),
        ("torch>=2.2,<3", "2.7.1+cu128"),  # a range names no build
        ("torch", "2.7.1+cu128"),
        ("torch==99.0.0", "2.7.1+cu128"),  # no fact knows it
        ("torch==2.7.1+cu126", "2.7.1+cu128"),  # made with another CUDA than the base image's
    ],
)
def test_the_version_is_the_projects_where_the_facts_know_the_build_else_the_policys(
    requirement: str, version: str
) -> None:
    assert torch_of(manifest(project(f'"{requirement}",')).text) == {"version": version, "source": "pytorch-cu128"}


@pytest.mark.parametrize(("requirement", "is_told"), [("torch==2.7.1", False), ("torch>=2.2,<3", True)])
def test_a_version_that_is_replaced_is_told(requirement: str, is_told: bool) -> None:
    notes = manifest(project(f'"{requirement}",')).notes
    assert any("torch >=2.2,<3 became 2.7.1+cu128" in note for note in notes) is is_told


def test_a_release_that_the_default_index_has_for_the_modes_cuda_needs_no_source() -> None:
    # facts/torch_wheels.toml: PyPI's 2.8.0 is the cu128 wheel.
    after = manifest(project('"torch==2.8.0",')).text
    assert torch_of(after) == "2.8.0"
    assert "source" not in tomllib.loads(after)["tool"]["poetry"]


def test_markers_and_extras_stay() -> None:
    text = project("\"torch[opt-einsum]==2.7.1 ; sys_platform == 'linux'\",")
    assert torch_of(manifest(text).text) == {
        "version": "2.7.1+cu128",
        "extras": ["opt-einsum"],
        "markers": 'sys_platform == "linux"',
        "source": "pytorch-cu128",
    }


def test_a_source_that_torch_names_is_kept_and_becomes_explicit() -> None:
    mirror = '[[tool.poetry.source]]\nname = "mirror"\nurl = "https://mirror.example/whl/cu128"\n'
    text = f'{EMPTY}[tool.poetry.dependencies]\ntorch = {{ version = "2.7.1", source = "mirror" }}\n\n{mirror}'
    edited = manifest(text)
    assert torch_of(edited.text) == {"version": "2.7.1", "source": "mirror"}
    assert sources_of(edited.text) == [
        {"name": "mirror", "url": "https://mirror.example/whl/cu128", "priority": "explicit"}
    ]
    assert any("mirror is explicit now" in note for note in edited.notes)


@pytest.mark.parametrize(
    "source",
    [
        {"name": "wheels", "url": "https://download.pytorch.org/whl/cu128/"},
        {"name": "PyTorch-cu128", "url": "https://mirror.example/simple"},
    ],
)
def test_a_source_with_the_address_or_the_name_is_used_again(source: dict[str, str]) -> None:
    written = "".join(f'{key} = "{value}"\n' for key, value in source.items())
    text = f'{EMPTY}\n[[tool.poetry.source]]\n{written}priority = "explicit"\n'
    after = manifest(text).text
    assert sources_of(after) == [{**source, "priority": "explicit"}]
    assert torch_of(after) == {"version": "2.7.1+cu128", "source": source["name"]}


def test_the_index_follows_the_policys_build() -> None:
    text = f'{EMPTY}\n[tool.gpu-build.modes.binary]\ntorch = "2.7.1+cu126"\nbase-image = "nvidia/cuda:12.6.3-devel"\n'
    after = manifest(text).text
    assert torch_of(after) == {"version": "2.7.1+cu126", "source": "pytorch-cu126"}
    assert sources_of(after)[0]["url"] == "https://download.pytorch.org/whl/cu126"


def test_a_build_without_a_label_comes_from_the_default_index() -> None:
    after = manifest(f'{EMPTY}\n[tool.gpu-build.modes.binary]\ntorch = "2.7.1"\n').text
    assert torch_of(after) == "2.7.1"
    assert "source" not in tomllib.loads(after)["tool"]["poetry"]


def test_the_group_has_the_policys_name() -> None:
    after = manifest(f'{EMPTY}\n[tool.gpu-build]\ntorch-group = "gpu"\n').text
    assert tomllib.loads(after)["tool"]["poetry"]["group"]["gpu"]["optional"] is True


def test_torchvision_and_torchaudio_move_along_and_are_told() -> None:
    text = project('"torch==2.7.1",', '"torchvision==0.22.1",', '"torchaudio",')
    edited = manifest(text)
    group = tomllib.loads(edited.text)["tool"]["poetry"]["group"]["binary-torch"]["dependencies"]
    assert group["torchvision"] == {"version": "0.22.1", "source": "pytorch-cu128"}
    assert group["torchaudio"] == {"version": "*", "source": "pytorch-cu128"}
    assert tomllib.loads(edited.text)["project"]["dependencies"] == []
    assert any("torchvision and torchaudio moved with torch" in note for note in edited.notes)


def test_other_packages_of_the_name_stay() -> None:
    text = project('"torchmetrics",', '"torch-geometric",')
    assert manifest(text).text == text + ADDED


def test_the_source_of_poetrys_table_joins_the_requirement_of_the_standards() -> None:
    table = f'\n[tool.poetry.dependencies]\ntorch = {{ source = "pytorch-cu128" }}\n\n{SOURCE}'
    after = manifest(project('"torch==2.7.1+cu128",', more=table)).text
    assert torch_of(after) == {"version": "2.7.1+cu128", "source": "pytorch-cu128"}
    assert tomllib.loads(after)["tool"]["poetry"]["dependencies"] == {}


def test_a_wheel_by_its_address_stays_what_it_is() -> None:
    url = "https://mirror.example/torch-2.7.1%2Bcu128-cp310-cp310-manylinux_2_28_x86_64.whl"
    after = manifest(project(f'"torch @ {url}",')).text
    assert torch_of(after) == {"url": url}


def test_several_entries_for_several_platforms_stay_what_they_are() -> None:
    entries = (
        "[{ version = '2.7.1', markers = \"sys_platform == 'linux'\" },"
        " { version = '2.6.0', markers = \"sys_platform == 'darwin'\" }]"
    )
    text = f"{EMPTY}[tool.poetry.dependencies]\ntorch = {entries}\n"
    assert torch_of(manifest(text).text) == tomllib.loads(text)["tool"]["poetry"]["dependencies"]["torch"]


def test_torch_in_a_table_of_its_own_moves() -> None:
    text = (
        f'{EMPTY}[tool.poetry.dependencies]\nrich = "*"\n\n[tool.poetry.dependencies.torch]\nversion = "2.7.1"  # c\n'
    )
    after = manifest(text).text
    assert torch_of(after) == {"version": "2.7.1+cu128", "source": "pytorch-cu128"}
    assert tomllib.loads(after)["tool"]["poetry"]["dependencies"] == {"rich": "*"}
    assert f"{INNER}# c\n{TORCH}" in after


def test_a_table_of_torch_alone_leaves_nothing_behind() -> None:
    text = f'{EMPTY}[tool.poetry.dependencies.torch]\nversion = "2.7.1"\n\n[tool.ruff]\nline-length = 100\n'
    assert "dependencies" not in tomllib.loads(manifest(text).text)["tool"]["poetry"]


@pytest.mark.parametrize(
    "more",
    [
        "[project.optional-dependencies]\ngpu = ['torch>=2']\n",
        "[tool.poetry.dependencies]\ntorch = {version = '2', optional = true}\n[tool.poetry.extras]\ngpu = ['torch']\n",
    ],
)
def test_torch_in_an_extra_is_left_and_told(more: str) -> None:
    edited = manifest(EMPTY + more)
    assert more in edited.text
    assert any("torch stays with an extra" in note and "GPU501" in note for note in edited.notes)


def test_torch_in_another_group_is_left_and_told() -> None:
    more = "[tool.poetry.group.dev.dependencies]\ntorch = '*'\n"
    edited = manifest(EMPTY + more)
    assert more in edited.text
    assert any("group dev" in note for note in edited.notes)


def test_torch_that_the_group_has_is_left_alone_and_the_one_in_main_goes() -> None:
    own = '[tool.poetry.group.binary-torch.dependencies]\ntorch = "2.6.0"\n'
    after = manifest(project('"torch==2.7.1",', more=own)).text
    assert torch_of(after) == "2.6.0"
    assert tomllib.loads(after)["project"]["dependencies"] == []
    assert tomllib.loads(after)["tool"]["poetry"]["group"]["binary-torch"]["optional"] is True


@pytest.mark.parametrize(
    "group",
    [
        "[tool.poetry.group.binary-torch]\noptional = false\n",
        "[tool.poetry.group.binary-torch]\n",
        "[tool.poetry.group.Binary_Torch]\noptional = true\n",
        "[tool.poetry.group.binary-torch.dependencies]\ntriton = '*'\n",
        "[dependency-groups]\nbinary-torch = []\n",
        "[dependency-groups]\nbinary-torch = ['torch==2.7.1+cu128']\n",
    ],
)
def test_a_group_that_is_there_is_completed(group: str) -> None:
    after = manifest(f"{EMPTY}\n{group}").text
    data = tomllib.loads(after)
    (own,) = data["tool"]["poetry"]["group"].values()
    assert own["optional"] is True
    standard = data.get("dependency-groups", {}).get("binary-torch", [])
    asked = own.get("dependencies", {}).get("torch", {})
    assert "torch==2.7.1+cu128" in standard or asked["version"] == "2.7.1+cu128"
    assert manifest(after).text == after


TEXTS = [
    EMPTY,
    project('"numpy",', '"torch==2.7.1",  # c', '"torchvision",'),
    f"{EMPTY}[tool.poetry.dependencies]\ntorch = '^2.2'\n\n[build-system]\nrequires = []\n\n[tool.ruff]\nsrc = ['a']\n",
    "[tool.poetry]\nname = 'a'\ndependencies.torch = '2.7.1'\ndependencies.rich = '*'\n",
]


@pytest.mark.parametrize("text", TEXTS)
def test_a_second_run_changes_nothing(text: str) -> None:
    once = manifest(text).text
    assert manifest(once).text == once


@pytest.mark.parametrize("text", TEXTS)
def test_line_ends_and_a_byte_order_mark_stay(text: str) -> None:
    windows = "\ufeff" + text.replace("\n", "\r\n")
    assert manifest(windows).text == "\ufeff" + manifest(text).text.replace("\n", "\r\n")


@pytest.mark.parametrize("text", TEXTS)
def test_a_file_without_a_newline_at_its_end_gets_what_it_lacks(text: str) -> None:
    assert tomllib.loads(manifest(text.rstrip("\n")).text) == tomllib.loads(manifest(text).text)


@pytest.mark.parametrize(
    "more",
    [
        "[tool.poetry]\nsource = [{name = 'a', url = 'https://a.example'}]\n",
        "[tool]\npoetry = {package-mode = false}\n",
        # PEP 735 has no word for a caret.
        "[tool.poetry.dependencies]\ntorchvision = '^0.22'\n[dependency-groups]\nbinary-torch = []\n",
        "[tool.poetry]\ngroup = {binary-torch = {optional = true, dependencies = {triton = '*'}}}\n",
    ],
)
def test_what_cannot_be_edited_safely_is_an_error_with_its_place(more: str) -> None:
    with pytest.raises(ConfigurationError, match="cannot be edited") as caught:
        manifest(EMPTY + more)
    assert caught.value.ways_out
