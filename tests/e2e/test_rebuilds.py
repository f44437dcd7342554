"""What a change of a project builds again: read from docker's own progress, and from the layers of the images."""

from __future__ import annotations

import json
import shutil
import zipfile
from typing import TYPE_CHECKING
from typing import Any

import pytest

from .harness.project import edit_pyproject
from .harness.steps import run_again
from .harness.steps import steps_of
from .images import Image

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from .harness.engine import Engine
    from .harness.plugin import Poetry
    from .harness.project import Surroundings

MODES = pytest.mark.parametrize("image", ["binary_image", "source_image"], indirect=True)
GPUS = {"binary": "8.6", "source": "5.2"}
OTHER_TORCH = "2.7.0+cu128"
CACHE = "RUN --mount=type=cache,target=/root/.cache/pypoetry     "
INSTALL = "poetry install --no-interaction --no-ansi"
TORCH = f"[app] {CACHE}--mount=type=bind,from=deps,source=/deps/torch,target=/app,rw     {INSTALL} --no-root"
REST = ["[app] COPY --from=deps /deps/all ./", f"[app] {CACHE}{INSTALL} --no-root"]
PROOF = {
    "binary": "[app] RUN env -u PYTHONPATH python -I <<'PROOF'",
    "source": "[app] RUN poetry gpu-build swap --check",
}


def code(mode: str) -> list[str]:
    """The steps behind the dependencies: they are few, and run for every change."""
    return ["[app] COPY . .", f"[app] {CACHE}{INSTALL} --only-root", PROOF[mode]]


@pytest.fixture
def image(request: pytest.FixtureRequest) -> Image:
    built: Image = request.getfixturevalue(request.param)
    return built


def mode_of(image: Image) -> str:
    return image.name.rpartition(":")[2]


@pytest.fixture
def copy(project: Path, tmp_path: Path) -> Path:
    return shutil.copytree(project, tmp_path / project.name)


def rebuilt(image: Image, poetry: Poetry, folder: Path, name: str) -> Image:
    """The changed project's image, in the mode of the other one."""
    mode = mode_of(image)
    arguments = ("--gpu", GPUS[mode], "--tag", f"{name}:{{mode}}", "--no-lint", "--no-verify")
    return Image(image.engine, f"{name}:{mode}", poetry.built(*arguments, cwd=folder))


def shared(one: Image, other: Image) -> int:
    """How many layers the two have in common, from the first on; negative: how many each has more than that."""
    ours, theirs = one.layers(), other.layers()
    assert len(ours) == len(theirs)
    same = next((at for at, (a, b) in enumerate(zip(ours, theirs, strict=True)) if a != b), len(ours))
    return same - len(ours)


def append(name: str, text: str) -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        with (folder / name).open("a", encoding="utf-8") as file:
            file.write(text)

    return edit


def new_version(folder: Path, version: str = "0.2.0") -> None:
    edit_pyproject(folder, lambda document: document["project"].update(version=version))


def new_dependency(document: Any) -> None:
    document["project"]["dependencies"].append("iniconfig>=2")


def other_torch(document: Any) -> None:
    document["tool"]["poetry"]["group"]["binary-torch"]["dependencies"]["torch"]["version"] = OTHER_TORCH


@pytest.fixture(scope="module")
def two_torches(surroundings: Surroundings) -> None:
    """A second torch in the index: enough of one to be installed and imported."""
    folder = surroundings.index.folder
    info = f"torch-{OTHER_TORCH}.dist-info"
    files = {
        "torch/__init__.py": f"__version__ = {OTHER_TORCH!r}\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: torch\nVersion: {OTHER_TORCH}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    files[f"{info}/RECORD"] = "".join(f"{path},,\n" for path in (*files, f"{info}/RECORD"))
    with zipfile.ZipFile(folder / f"torch-{OTHER_TORCH}-py3-none-any.whl", "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)


# No dependency step runs


@MODES
@pytest.mark.parametrize(
    "edit",
    [
        append("hello_gpu/__init__.py", "\n\nCHANGED = True\n"),
        new_version,
        append("pyproject.toml", "\n[tool.ruff]\nline-length = 99\n"),
        append("README.md", "\nMore.\n"),
    ],
    ids=["code", "version", "tool", "readme"],
)
def test_what_is_no_dependency_runs_no_step_of_them(
    image: Image, edit: Callable[[Path], None], poetry: Poetry, copy: Path
) -> None:
    edit(copy)
    changed = rebuilt(image, poetry, copy, "edited")
    assert run_again(changed.log) == code(mode_of(image))
    assert shared(image, changed) >= -3


@MODES
def test_times_and_modes_of_the_manifests_are_no_change_of_them(image: Image, poetry: Poetry, copy: Path) -> None:
    for name in ("pyproject.toml", "poetry.toml"):
        (copy / name).touch()
        (copy / name).chmod(0o600)
    assert set(run_again(rebuilt(image, poetry, copy, "touched").log)) <= set(code(mode_of(image)))


# A dependency step runs


@MODES
def test_a_new_dependency_leaves_torch_s_layer_alone(image: Image, poetry: Poetry, copy: Path) -> None:
    edit_pyproject(copy, new_dependency)
    changed = rebuilt(image, poetry, copy, "grown")
    assert run_again(changed.log) == [*REST, *code(mode_of(image))]
    assert shared(image, changed) == -5
    changed.python("import iniconfig")


@pytest.mark.usefixtures("two_torches")
def test_another_torch_is_a_new_layer_of_torch_and_no_earlier_one(
    binary_image: Image, poetry: Poetry, copy: Path
) -> None:
    edit_pyproject(copy, other_torch)
    changed = rebuilt(binary_image, poetry, copy, "other")
    assert run_again(changed.log) == [TORCH, *REST, *code("binary")]
    assert shared(binary_image, changed) == -6
    assert changed.python("import torch; print(torch.__version__)") == OTHER_TORCH


@pytest.mark.usefixtures("two_torches")
def test_another_wheel_compiles_nothing_again(source_image: Image, poetry: Poetry, copy: Path) -> None:
    edit_pyproject(copy, other_torch)
    changed = rebuilt(source_image, poetry, copy, "other")
    assert run_again(changed.log) == [*REST, *code("source")]
    assert changed.python("import torch; print(torch.__version__)") == "2.4.1"


# Without the plugin


@MODES
def test_a_plain_docker_build_makes_the_same_layers(image: Image, bases: Engine, poetry: Poetry, project: Path) -> None:
    mode = mode_of(image)
    said = poetry.gpu_build("--dry-run", "--format", "json", "--gpu", GPUS[mode], cwd=project)
    plan = json.loads(said.stdout)
    arguments = [f"--build-arg={name}={value}" for name, value in plan["build_args"].items()]
    log = bases.docker(
        *("buildx", "build", "--progress=plain", "--tag", f"plain:{mode}", "--file", plan["dockerfile"]),
        *(*arguments, "."),
        cwd=project,
    ).stderr
    assert steps_of(log)
    assert {step.split("]")[0] for step in run_again(log)} <= {"[deps"}
    assert shared(image, Image(bases, f"plain:{mode}", log)) == 0


@MODES
def test_a_plain_docker_build_is_built_again_as_little(image: Image, bases: Engine, poetry: Poetry, copy: Path) -> None:
    mode = mode_of(image)
    said = poetry.gpu_build("--dry-run", "--format", "bake", "--gpu", GPUS[mode], cwd=copy)
    new_version(copy, "0.3.0")  # one that no other test has built
    log = bases.docker("buildx", "bake", "--progress=plain", "-f", "-", cwd=copy, input_text=said.stdout).stderr
    again = run_again(log)
    assert [step for step in again if not step.startswith("[deps]")] == code(mode)
    assert any("poetry gpu-build dependencies --output /deps" in step for step in again)
