"""One project whose main dependency needs torch, one lock, both modes: torch is provided, nothing fights over it."""

from __future__ import annotations

import json
import re
import zipfile
from typing import TYPE_CHECKING
from typing import Any

import pytest

from .harness.process import HarnessError
from .harness.project import SENTINEL
from .harness.project import edit_pyproject
from .harness.project import example_project
from .harness.standin import BINARY_VERSION
from .harness.steps import installs
from .harness.steps import steps_of
from .images import Image

if TYPE_CHECKING:
    from pathlib import Path

    from .harness.engine import Engine
    from .harness.plugin import Poetry
    from .harness.project import Surroundings

SITE = "/usr/local/lib/python3.11/dist-packages"
COPY = "COPY pyproject.toml poetry.toml ./"
# Of every file below /opt/torch: its name, its mode and its contents.
TREE = (
    "cd /opt/torch && find . -print0 | sort -z | xargs -0 stat -c '%n %f'"
    " && find . -type f -print0 | sort -z | xargs -0 sha256sum"
)


def wheel(folder: Path, name: str, requires: str) -> None:
    """A wheel of one module that imports torch and requires it."""
    module = name.replace("-", "_")
    info = f"{module}-1.0.dist-info"
    files = {
        f"{module}.py": "import torch\n\nVERSION = torch.__version__\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\nRequires-Dist: {requires}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    files[f"{info}/RECORD"] = "".join(f"{path},,\n" for path in (*files, f"{info}/RECORD"))
    with zipfile.ZipFile(folder / f"{module}-1.0-py3-none-any.whl", "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)


def locked_project(folder: Path, surroundings: Surroundings, poetry: Poetry, dependency: str, requires: str) -> Path:
    """The example with one main dependency more, and a lock that both images must follow."""
    wheel(surroundings.index.folder, dependency, requires)
    project = example_project(folder / "hello-gpu", surroundings)

    def edit(document: Any) -> None:
        document["project"]["dependencies"].append(f"{dependency}==1.0")
        document["tool"]["poetry"]["dependencies"] = {dependency: {"source": "pytorch-cu128"}}
        document["tool"]["gpu-build"].update(lock="require", image=dependency)

    edit_pyproject(project, edit)
    for name in ("Dockerfile", "Dockerfile.source"):
        dockerfile = project / "docker" / name
        text = dockerfile.read_text(encoding="utf-8")
        assert text.count(COPY) == 1
        dockerfile.write_text(text.replace(COPY, COPY.replace(" ./", " poetry.lock ./")), encoding="utf-8")
    for name in (".dockerignore", ".gitignore"):
        lines = (project / name).read_text(encoding="utf-8").splitlines()
        kept = [line for line in lines if "poetry.lock" not in line]
        (project / name).write_text("\n".join([*kept, ""]), encoding="utf-8")
    (project / "poetry.lock").unlink()
    made = poetry.run("lock", "--no-interaction", cwd=project)
    if made.returncode != 0:
        raise HarnessError(f"poetry lock exited with {made.returncode}:\n{made.stdout}{made.stderr}")
    return project


@pytest.fixture(scope="module")
def project(
    bases: Engine, surroundings: Surroundings, poetry: Poetry, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    return locked_project(tmp_path_factory.mktemp("needs"), surroundings, poetry, "needs-torch", "torch>=2.0")


@pytest.fixture(scope="module")
def images(bases: Engine, poetry: Poetry, project: Path) -> dict[str, Image]:
    return {
        mode: Image(bases, f"needs-torch:{mode}", poetry.built("--gpu", gpu, cwd=project))
        for mode, gpu in (("binary", "8.6"), ("source", "5.2"))
    }


MODES = pytest.mark.parametrize("mode", ["binary", "source"])


# One project, one lock


def test_the_lock_has_torch_for_the_main_dependency_too(project: Path) -> None:
    lock = (project / "poetry.lock").read_text(encoding="utf-8")
    assert SENTINEL not in lock
    assert f'name = "torch"\nversion = "{BINARY_VERSION}"' in lock
    groups = re.search(r'^name = "torch"$.*?^groups = (?P<groups>[^\n]*)$', lock, re.MULTILINE | re.DOTALL)
    assert groups is not None
    assert sorted(json.loads(groups["groups"])) == ["binary-torch", "main"]


@MODES
def test_both_images_follow_the_one_lock(images: dict[str, Image], project: Path, mode: str) -> None:
    assert images[mode].run("cat", "/app/poetry.lock") == (project / "poetry.lock").read_text(encoding="utf-8")


def test_both_ran_the_identical_install_lines(images: dict[str, Image]) -> None:
    assert list(installs(images["binary"].log)) == list(installs(images["source"].log)) != []


@MODES
def test_the_dependency_imports_the_modes_own_torch(images: dict[str, Image], mode: str) -> None:
    ask = "import needs_torch, torch; print(needs_torch.VERSION, torch.__file__)"
    expected = {
        "binary": f"{BINARY_VERSION} {SITE}/torch/__init__.py",
        "source": "2.4.1 /opt/torch/torch/__init__.py",
    }
    assert images[mode].python(ask) == expected[mode]


@MODES
def test_neither_holds_the_others_files(images: dict[str, Image], mode: str) -> None:
    found = images[mode].run("sh", "-c", f"ls -d {SITE}/torch* /opt/torch 2>/dev/null || true").split()
    if mode == "binary":
        assert found == [f"{SITE}/torch", f"{SITE}/torch-{BINARY_VERSION}.dist-info"]
    else:
        assert found == ["/opt/torch"]


def test_the_source_build_fetched_no_wheel_of_torch(images: dict[str, Image]) -> None:
    assert "Installing torch" not in images["source"].log
    assert "Updating torch" not in images["source"].log


@MODES
def test_every_distribution_has_what_it_requires(images: dict[str, Image], mode: str) -> None:
    assert images[mode].run("python", "-m", "pip", "check").strip() == "No broken requirements found."


# In a container that is there already


@pytest.mark.parametrize(
    "command",
    [
        "poetry install --no-interaction",
        "poetry install --no-interaction --with binary-torch",
        "poetry sync --no-interaction",
        "poetry sync --no-interaction --with binary-torch",
        "poetry gpu-build swap --apply",
        "poetry gpu-build swap --check",
    ],
)
def test_no_command_touches_the_compiled_torch(images: dict[str, Image], command: str) -> None:
    script = (
        f"({TREE}) > /tmp/before && {command} >&2 && ({TREE}) > /tmp/after && cmp /tmp/before /tmp/after && echo same"
    )
    assert images["source"].run("sh", "-c", script).strip() == "same"


def test_poetry_itself_outlives_a_sync(images: dict[str, Image]) -> None:
    said = images["source"].run("sh", "-c", "poetry sync --no-interaction >&2 && poetry --version")
    assert said.startswith("Poetry (version 2.")


# A dependency that the compiled torch does not satisfy


def test_a_dependency_that_needs_a_newer_torch_stops_the_build_before_the_compile(
    surroundings: Surroundings, poetry: Poetry, tmp_path: Path
) -> None:
    project = locked_project(tmp_path, surroundings, poetry, "needs-newer-torch", "torch>=2.6")
    result = poetry.gpu_build("--gpu", "5.2", cwd=project)
    assert result.returncode != 0
    assert "needs-newer-torch" in result.stderr
    assert "2.4.1" in result.stderr
    assert steps_of(result.stderr) == []


def test_where_nobody_lints_the_installation_names_it(
    surroundings: Surroundings, images: dict[str, Image], poetry: Poetry, tmp_path: Path
) -> None:
    project = locked_project(tmp_path, surroundings, poetry, "needs-newer-torch", "torch>=2.6")
    result = poetry.gpu_build("--gpu", "5.2", "--no-lint", cwd=project)
    assert result.returncode == 5
    assert "needs-newer-torch" in result.stderr
    assert "poetry install --no-interaction --no-ansi --no-root" in result.stderr.rpartition("\nerror: ")[2]
