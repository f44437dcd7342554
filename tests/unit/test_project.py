from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

import pytest

from poetry_gpu_build.errors import ConfigurationError
from poetry_gpu_build.project import find_project

from .builders import GROUP
from .builders import HEAD
from .builders import PYPROJECT
from .builders import SOURCE
from .builders import project
from .builders import put_on_path

if TYPE_CHECKING:
    from pathlib import Path

    from poetry_gpu_build.torch_pin import TorchPin

INDEX = "https://download.pytorch.org/whl/cu128"


def torch(folder: Path, pyproject: str, group: str | None = "binary-torch", python: str = "3.10") -> TorchPin | None:
    return project(folder, pyproject, python=python).torch_in(group)


def in_group(entry: str) -> str:
    """The minimal project, with torch written so in its group."""
    return f"{HEAD}\n[tool.poetry.group.binary-torch.dependencies]\ntorch = {entry}\n{SOURCE}"


def refused(folder: Path, pyproject: str, *, lock: str | None = None) -> ConfigurationError:
    with pytest.raises(ConfigurationError) as caught:
        project(folder, pyproject, lock=lock)
    assert caught.value.where is not None
    assert caught.value.ways_out
    return caught.value


# --- finding it


def test_the_nearest_folder_upwards_with_a_pyproject_is_the_project(tmp_path: Path) -> None:
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    for folder in (tmp_path, tmp_path / "a"):
        folder.joinpath("pyproject.toml").touch()
    assert find_project(inner) == tmp_path / "a"


def test_a_folder_called_pyproject_toml_is_none(tmp_path: Path) -> None:
    tmp_path.joinpath("pyproject.toml").touch()
    tmp_path.joinpath("a", "pyproject.toml").mkdir(parents=True)
    assert find_project(tmp_path / "a") == tmp_path


def test_outside_any_project_the_error_says_where_it_looked(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=re.escape(str(tmp_path))) as caught:
        find_project(tmp_path)
    assert "--project" in caught.value.ways_out[0]


# --- what it is


def test_the_minimal_project_is_read(tmp_path: Path) -> None:
    found = project(tmp_path)
    assert found.name == "minimal"
    assert found.groups == {"binary-torch"}
    assert found.optional_groups == {"binary-torch"}
    assert found.locked_torch == ()


@pytest.mark.parametrize(
    ("pyproject", "name"),
    [
        ("[project]\nname = 'a'\n[tool.poetry]\nname = 'b'", "a"),
        ("[tool.poetry]\nname = 'b'", "b"),
        ("[tool.poetry]\npackage-mode = false", "the-folder"),
        ("[project]\nname = ''", "the-folder"),
    ],
)
def test_its_name_is_that_of_the_project_table_else_of_poetrys_else_of_the_folder(
    tmp_path: Path, pyproject: str, name: str
) -> None:
    assert project(tmp_path / "the-folder", pyproject).name == name


def test_groups_of_both_kinds_are_known_by_their_normalised_names(tmp_path: Path) -> None:
    text = "[project]\nname = 'x'\n[dependency-groups]\nA_b = []\n[tool.poetry.group.C.dependencies]\n"
    assert project(tmp_path, text).groups == {"a-b", "c"}


def test_a_group_is_optional_if_poetrys_table_says_so(tmp_path: Path) -> None:
    text = "[project]\nname = 'x'\n[dependency-groups]\nA = []\nb = []\n[tool.poetry.group.a]\noptional = true\n"
    assert project(tmp_path, text).optional_groups == {"a"}


@pytest.mark.parametrize(
    ("table", "line"),
    [("[tool.poetry.group.A_b]", 3), ("[tool.poetry.group.A_b.dependencies]", 3), ("[dependency-groups]\nA_b = []", 4)],
)
def test_a_group_stands_where_it_is_named(tmp_path: Path, table: str, line: int) -> None:
    found = project(tmp_path, f"[project]\nname = 'x'\n{table}\n")
    assert found.place_of_group("a-b").line == line


def test_a_group_that_is_not_there_stands_nowhere(tmp_path: Path) -> None:
    assert project(tmp_path).place_of_group("docs").line == 0


@pytest.mark.parametrize("pyproject", ["", "[tool.ruff]\n", "[project]\n", "[build-system]\nrequires = []\n"])
def test_a_pyproject_of_no_poetry_project_is_refused(tmp_path: Path, pyproject: str) -> None:
    error = refused(tmp_path, pyproject)
    assert "not a Poetry project" in error.message
    assert error.ways_out


@pytest.mark.parametrize(
    ("pyproject", "key", "line"),
    [
        ("project = 3", "project", 1),
        ("tool = 3", "tool", 1),
        ("[tool]\npoetry = 3", "tool.poetry", 2),
        ("[project]\nname='x'\ndependencies = 'torch'", "project.dependencies", 3),
        ("[project]\nname='x'\n[dependency-groups]\nbinary-torch = 'torch'", "dependency-groups.binary-torch", 4),
        ("[project]\nname='x'\n[tool]\n[tool.poetry]\ndependencies = []", "tool.poetry.dependencies", 5),
        ("dependency-groups = []", "dependency-groups", 1),
        ("[tool.poetry]\nname='x'\ngroup = 3", "tool.poetry.group", 3),
        ("[tool.poetry]\nname='x'\ngroup.binary-torch = 3", "tool.poetry.group.binary-torch", 3),
        ("[tool.poetry]\nname='x'\ngroup.a.dependencies = 3", "tool.poetry.group.a.dependencies", 3),
        ("[tool.poetry]\nname='x'\nsource = 3", "tool.poetry.source", 3),
    ],
)
def test_a_wrong_type_is_refused_at_its_key(tmp_path: Path, pyproject: str, key: str, line: int) -> None:
    error = refused(tmp_path, pyproject)
    assert error.message.startswith(f"{key} must be")
    assert error.where is not None
    assert error.where.line == line


# --- which torch it asks for


@pytest.mark.parametrize(
    ("entry", "constraint", "variant", "index"),
    [
        ("'2.7.1'", "2.7.1", None, None),
        ("'^2.7'", "^2.7", None, None),
        ("'==2.7.1+cu128'", "==2.7.1+cu128", "cu128", None),
        ("{ version = '2.7.1', source = 'pytorch-cu128' }", "2.7.1", "cu128", INDEX),
        ("{ version = '2.7.1', source = 'PyTorch-CU128' }", "2.7.1", "cu128", INDEX),
        ("{ version = '2.7.1', source = 'pypi' }", "2.7.1", None, None),
        ("{ version = '>=2.6,<3' }", ">=2.6,<3", None, None),
        ("{ source = 'pytorch-cu128' }", "*", "cu128", INDEX),
    ],
)
def test_a_torch_in_poetrys_own_notation(
    tmp_path: Path, entry: str, constraint: str, variant: str | None, index: str | None
) -> None:
    pin = torch(tmp_path, in_group(entry))
    assert pin is not None
    assert (pin.constraint, pin.variant, pin.index) == (constraint, variant, index)


def test_its_place_is_the_line_that_pins_it(tmp_path: Path) -> None:
    pin = torch(tmp_path, PYPROJECT)
    assert pin is not None
    line = PYPROJECT.splitlines().index('torch = { version = "2.7.1+cu128", source = "pytorch-cu128" }') + 1
    assert (pin.where.path.name, pin.where.line, pin.where.column) == ("pyproject.toml", line, 1)


@pytest.mark.parametrize(
    "entry",
    [
        "[{ version = '2.4.1', platform = 'darwin' }, { version = '2.7.1', platform = 'linux' }]",
        "[{ version = '2.4.1', markers = \"sys_platform == 'win32'\" }, { version = '2.7.1' }]",
        "[{ version = '2.4.1', markers = \"platform_machine == 'aarch64'\" }, '2.7.1']",
        "[{ version = '2.4.1', python = '<3.10' }, { version = '2.7.1', python = '>=3.10' }]",
        "[{ version = '2.4.1', markers = \"python_version > '3.10'\" }, { version = '2.7.1', python = '~3.10' }]",
    ],
)
def test_of_several_entries_the_one_for_the_image_counts(tmp_path: Path, entry: str) -> None:
    pin = torch(tmp_path, in_group(entry))
    assert pin is not None
    assert pin.constraint == "2.7.1"


@pytest.mark.parametrize(("python", "constraint"), [("3.10", "2.4.1"), ("3.12", "2.7.1")])
def test_the_images_python_decides_and_not_the_hosts(tmp_path: Path, python: str, constraint: str) -> None:
    entry = "[{ version = '2.4.1', python = '<3.12' }, { version = '2.7.1', markers = \"python_version >= '3.12'\" }]"
    pin = torch(tmp_path, in_group(entry), python=python)
    assert pin is not None
    assert pin.constraint == constraint


def test_a_torch_for_other_machines_only_is_none(tmp_path: Path) -> None:
    assert torch(tmp_path, in_group("{ version = '2.7.1', platform = 'darwin' }")) is None


@pytest.mark.parametrize(
    ("file", "constraint", "variant"),
    [
        (f"url = '{INDEX}/torch-2.7.1%2Bcu128-cp310-cp310-manylinux_2_28_x86_64.whl'", "==2.7.1+cu128", "cu128"),
        ("path = 'wheels/torch-2.4.1+cu118-cp310-cp310-linux_x86_64.whl'", "==2.4.1+cu118", "cu118"),
        ("file = 'torch-2.4.1-cp310-cp310-linux_x86_64.whl'", "==2.4.1", None),
        ("path = '../torch'", "*", None),
        ("git = 'https://git.example/torch.git'", "*", None),
    ],
)
def test_a_torch_from_a_file_is_what_its_name_says_and_not_pypis(
    tmp_path: Path, file: str, constraint: str, variant: str | None
) -> None:
    pin = torch(tmp_path, in_group(f"{{ {file} }}"))
    assert pin is not None
    assert (pin.constraint, pin.variant) == (constraint, variant)
    assert pin.index is not None


@pytest.mark.parametrize(
    ("requirement", "constraint", "variant"),
    [
        ("torch==2.7.1", "==2.7.1", None),
        ("torch==2.7.1+cu128", "==2.7.1+cu128", "cu128"),
        ("Torch[opt]>=2.6,<3", "<3,>=2.6", None),
        ("torch", "*", None),
        ("torch @ https://x.example/torch-2.7.1%2Bcu128-cp310-cp310-linux_x86_64.whl", "==2.7.1+cu128", "cu128"),
    ],
)
@pytest.mark.parametrize(
    ("table", "group"), [("[project]\nname = 'x'\ndependencies", None), ("[dependency-groups]\nbinary-torch", "a")]
)
def test_a_torch_in_the_standards_notation(
    tmp_path: Path, table: str, group: str | None, requirement: str, constraint: str, variant: str | None
) -> None:
    pin = torch(tmp_path, f'{table} = ["numpy", "{requirement}"]', group and "binary-torch")
    assert pin is not None
    assert (pin.constraint, pin.variant) == (constraint, variant)


def test_a_marker_of_the_standards_notation_is_judged_for_the_image(tmp_path: Path) -> None:
    entries = "[\"torch==2.4.1; sys_platform == 'darwin'\", \"torch==2.7.1; sys_platform == 'linux'\"]"
    pin = torch(tmp_path, f"[project]\nname = 'x'\ndependencies = {entries}", None)
    assert pin is not None
    assert pin.constraint == "==2.7.1"


@pytest.mark.parametrize("written", ["binary-torch", "Binary_Torch"])
def test_poetrys_table_adds_the_source_to_a_standard_group(tmp_path: Path, written: str) -> None:
    text = f"""\
[project]
name = "x"
[dependency-groups]
{written} = ["torch==2.7.1", {{ include-group = "other" }}]
other = []
[tool.poetry.group.binary-torch.dependencies]
torch = {{ source = "pytorch-cu128" }}
{SOURCE}"""
    pin = torch(tmp_path, text)
    assert pin is not None
    assert (pin.constraint, pin.variant, pin.index) == ("==2.7.1", "cu128", INDEX)


def test_a_group_is_asked_for_by_any_spelling_of_its_name(tmp_path: Path) -> None:
    text = f"{HEAD}\n[tool.poetry.group.Binary_Torch.dependencies]\nTorch = '2.7.1'\n"
    assert torch(tmp_path, text, "binary.torch") is not None


def test_a_project_without_torch_has_none(tmp_path: Path) -> None:
    assert project(tmp_path, HEAD).torch == ()


def test_torchvision_is_not_torch(tmp_path: Path) -> None:
    text = "[project]\nname = 'x'\ndependencies = ['torchvision==0.22.1', 'pytorch-lightning']"
    assert project(tmp_path, text).torch == ()


def test_every_place_that_asks_for_torch_is_known_main_first(tmp_path: Path) -> None:
    text = f"{HEAD}{GROUP}{SOURCE}\n[tool.poetry.dependencies]\ntorch = '2.6.0'\n"
    assert [pin.group for pin in project(tmp_path, text).torch] == [None, "binary-torch"]


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("{ version = '2.7.1', source = 'nowhere' }", "'nowhere', which is not defined"),
        ("{ version = '2.7.1', source = 3 }", "source is 3"),
        ("{ version = 2 }", "version is 2"),
        ("{ version = ['2.7.1'] }", "version is ['2.7.1']"),
        ("{ url = 3 }", "url is 3"),
        ("{ path = ['x'] }", "path is ['x']"),
        ("{ version = '2.7.1', platform = 3 }", "platform is 3"),
        ("{ version = '2.7.1', python = 3.10 }", "python is 3.1"),
        ("3", "must be a version or a table"),
        ("true", "must be a version or a table"),
        ("[3]", "must be a version or a table"),
    ],
)
def test_a_torch_that_cannot_be_read_is_refused_at_its_line(tmp_path: Path, entry: str, said: str) -> None:
    text = in_group(entry)
    error = refused(tmp_path, text)
    assert said in error.message
    assert error.where is not None
    assert text.splitlines()[error.where.line - 1].startswith("torch =")


def test_a_requirement_that_is_none_is_refused_at_its_line(tmp_path: Path) -> None:
    error = refused(tmp_path, "[project]\nname = 'x'\ndependencies = [\n  'numpy',\n  'torch = 2.7',\n]")
    assert "not a valid requirement" in error.message
    assert error.where is not None
    assert error.where.line == 5


@pytest.mark.parametrize("entry", ["{ version = '2.7.1', markers = 'nonsense' }", "{ version='2.7.1', python='x!' }"])
def test_what_is_poetrys_to_refuse_hides_no_torch(tmp_path: Path, entry: str) -> None:
    assert torch(tmp_path, in_group(entry)) is not None


# --- the lock


def package(version: str = "2.7.1", *lines: str) -> str:
    return "\n".join(["[[package]]", 'name = "torch"', f'version = "{version}"', *lines, ""])


def locked(folder: Path, lock: str) -> list[tuple[str, str | None]]:
    return [(pin.constraint, pin.variant) for pin in project(folder, lock=lock).locked_torch]


@pytest.mark.parametrize(
    ("lock", "expected"),
    [
        ("", []),
        ('[[package]]\nname = "torchvision"\nversion = "0.22.1"\n', []),
        (package("2.7.1"), [("==2.7.1", None)]),
        (package("2.7.1+cu128"), [("==2.7.1+cu128", "cu128")]),
        (package("2.7.1", "[package.source]", f'url = "{INDEX}"'), [("==2.7.1", "cu128")]),
        (package("2.7.1", "[package.source]", 'url = "https://mirror.example/simple"'), [("==2.7.1", None)]),
        (package("2.6.0", "markers = \"sys_platform == 'darwin'\"") + package(), [("==2.7.1", None)]),
        (
            package("2.6.0", "[package.markers]", "main = \"sys_platform == 'darwin'\"")
            + package(
                "2.7.1", "[package.markers]", "binary-torch = \"sys_platform == 'linux'\"", "dev = \"os_name=='x'\""
            ),
            [("==2.7.1", None)],
        ),
        (package("2.6.0", "markers = \"python_version >= '3.12'\"") + package(), [("==2.7.1", None)]),
        (package("2.6.0") + package(), [("==2.6.0", None), ("==2.7.1", None)]),
        ("package = [3]\n", []),
    ],
)
def test_the_lock_tells_what_is_locked_for_the_image(
    tmp_path: Path, lock: str, expected: list[tuple[str, str | None]]
) -> None:
    assert locked(tmp_path, lock) == expected


@pytest.mark.parametrize("lock", ["<<<<<<< HEAD\n", "[[package]]\nname = ", "package = 3", "[package]\nname = 'torch'"])
def test_a_broken_lock_is_refused_with_how_to_write_it_anew(tmp_path: Path, lock: str) -> None:
    error = refused(tmp_path, PYPROJECT, lock=lock)
    assert "poetry.lock" in error.message
    assert "poetry lock" in error.ways_out[0]


def test_a_lock_that_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    tmp_path.joinpath("poetry.lock").write_bytes(b"# \xff\n")
    assert "poetry lock" in refused(tmp_path, PYPROJECT).ways_out[0]


def test_a_folder_in_place_of_the_lock_is_refused(tmp_path: Path) -> None:
    tmp_path.joinpath("poetry.lock").mkdir()
    assert "poetry lock" in refused(tmp_path, PYPROJECT).ways_out[0]


def test_a_lock_that_is_a_link_to_nowhere_is_refused(tmp_path: Path) -> None:
    tmp_path.joinpath("poetry.lock").symlink_to(tmp_path / "gone")
    assert "poetry lock" in refused(tmp_path, PYPROJECT).ways_out[0]


# --- its revision


def git(folder: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=t", "-c", "user.email=t@example.invalid", "-c", "commit.gpgsign=false")
    command = ["git", "-C", str(folder), *identity, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty repository of its own, whatever the machine's git is set to."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "no-config"))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    root = tmp_path / "repository"
    root.mkdir()
    git(root, "init", "--quiet")
    return root


def committed(repository: Path) -> str:
    project(repository)
    git(repository, "add", ".")
    git(repository, "commit", "--quiet", "--message", "x")
    return git(repository, "rev-parse", "HEAD")


def test_outside_git_there_is_no_revision(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert project(tmp_path).revision is None


def test_a_repository_without_a_commit_has_no_revision(repository: Path) -> None:
    assert project(repository).revision is None


def test_the_revision_is_the_commit(repository: Path) -> None:
    commit = committed(repository)
    assert project(repository).revision == commit


def test_a_tag_does_not_hide_the_commit(repository: Path) -> None:
    commit = committed(repository)
    git(repository, "tag", "v1.0")
    assert project(repository).revision == commit


def test_a_changed_work_tree_is_said_to_be_dirty(repository: Path) -> None:
    commit = committed(repository)
    assert project(repository, f"{PYPROJECT}\n# changed\n").revision == f"{commit}-dirty"


def test_without_git_there_is_no_revision(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    committed(repository)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert project(repository).revision is None


def test_a_git_that_fails_is_no_revision(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_on_path(monkeypatch, tmp_path / "bin", "echo fatal: detected dubious ownership >&2; exit 128", program="git")
    assert project(tmp_path / "x").revision is None
