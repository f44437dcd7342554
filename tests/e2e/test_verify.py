"""The proof of images that were really built: what is good, what was tampered with, and what a build says of it."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING
from typing import Any

import pytest

from .harness.project import edit_pyproject

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

    from .harness.engine import Engine
    from .harness.plugin import Poetry
    from .images import Image

GPUS = {"binary": "8.6", "source": "5.2"}
MODES = pytest.mark.parametrize("mode", ["binary", "source"])


@pytest.fixture(scope="module")
def images(binary_image: Image, source_image: Image) -> dict[str, Image]:
    return {"binary": binary_image.named_again(), "source": source_image.named_again()}


def document(result: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def failing(result: subprocess.CompletedProcess[str]) -> dict[str, str]:
    [image] = document(result)["images"]
    return {line["claim"]: line["seen"] for line in image["proof"] if line["ok"] is False}


def changed(engine: Engine, image: Image, name: str, *lines: str) -> str:
    """An image that stands on another, with these instructions more."""
    dockerfile = "\n".join([f"FROM {image.name}", *lines, ""])
    engine.docker("build", "--network", "none", "--tag", name, "-", input_text=dockerfile)
    return name


# What `poetry gpu-build` builds is proven


@MODES
def test_a_build_proves_what_it_built(images: dict[str, Image], mode: str) -> None:
    places = {"binary": "site-packages: /usr/local/lib/python3.11/", "source": "/opt/torch: /opt/torch/torch/"}
    said = images[mode].log.rpartition(f"\n{images[mode].name}: ")[2].splitlines()
    assert any(line.startswith(f"  ✓ torch comes from {places[mode]}") for line in said)
    assert any(line.startswith(f"  ✓ its machine code runs on {GPUS[mode]}: ") for line in said)
    assert "✗" not in images[mode].log


@MODES
@pytest.mark.parametrize("named", [True, False], ids=["for its card", "for what it says"])
def test_the_image_is_proven_by_its_name(
    images: dict[str, Image], poetry: Poetry, project: Path, mode: str, named: bool
) -> None:
    gpus = ("--gpu", GPUS[mode]) if named else ()
    result = poetry.gpu_build("verify", images[mode].name, *gpus, "--format", "json", cwd=project)
    assert (result.returncode, failing(result)) == (0, {})


@MODES
def test_its_size_and_layers_are_those_of_the_engine(
    images: dict[str, Image], bases: Engine, poetry: Poetry, project: Path, mode: str
) -> None:
    result = poetry.gpu_build("verify", images[mode].name, "--gpu", GPUS[mode], "--format", "json", cwd=project)
    [told] = document(result)["images"]
    size = bases.docker("image", "inspect", "--format", "{{.Size}}", images[mode].name).stdout
    assert told["size"] == int(size)
    assert 0 < len(told["layers"]) <= len(images[mode].layers())
    assert sum(layer["size"] for layer in told["layers"]) == pytest.approx(told["size"], rel=0.01)


def test_no_container_is_left(images: dict[str, Image], bases: Engine, poetry: Poetry, project: Path) -> None:
    poetry.gpu_build("verify", images["source"].name, "--gpu", "5.2", cwd=project)
    assert bases.docker("ps", "--all", "--quiet").stdout == ""


# What is not as its plan says is exit 6


TAMPERED = {
    "another torch before it": (
        "source",
        ["RUN mkdir -p /app/torch && echo '__version__ = \"2.4.1\"' > /app/torch/__init__.py"],
        "torch comes from /opt/torch",
    ),
    "torch is gone": ("source", ["RUN rm -r /opt/torch/torch"], "importing torch works"),
    "the swap is gone": (
        "source",
        ["RUN rm /usr/local/lib/python3.11/dist-packages/gpu-build-opt.pth"],
        "torch comes from /opt/torch",
    ),
    "a binary torch beside it": (
        "source",
        ["RUN cp -r /opt/torch/torch /opt/torch/torch-*.dist-info /usr/local/lib/python3.11/dist-packages/"],
        "there is one distribution of torch",
    ),
    "PYTHONPATH instead of the swap": (
        "source",
        [
            "RUN rm /usr/local/lib/python3.11/dist-packages/gpu-build-opt.pth",
            "ENV PYTHONPATH=/opt/torch",
        ],
        "torch comes from /opt/torch",
    ),
    "a requirement is gone": (
        "binary",
        ["RUN python -m pip uninstall --yes --break-system-packages filelock"],
        "its requirements are satisfied",
    ),
    "a library without machine code": (
        "source",
        ["RUN cp /bin/true /opt/torch/torch/lib/libtorch_cuda.so"],
        "libtorch_cuda.so can be read",
    ),
    "a library that is cut off": (
        "source",
        ["RUN truncate --size=5000 /opt/torch/torch/lib/libtorch_cuda.so"],
        "libtorch_cuda.so can be read",
    ),
    "another label": ("source", ["LABEL poetry-gpu-build.torch=2.3.0"], "label torch"),
    "no interpreter": ("source", ["RUN rm /usr/local/bin/python"], "its interpreter tells about torch"),
}


@pytest.mark.parametrize("what", TAMPERED)
def test_what_was_tampered_with_fails(
    images: dict[str, Image], bases: Engine, poetry: Poetry, project: Path, what: str
) -> None:
    mode, lines, claim = TAMPERED[what]
    name = changed(bases, images[mode], f"tampered:{what.replace(' ', '-').lower()}", *lines)
    result = poetry.gpu_build("verify", name, "--gpu", GPUS[mode], "--format", "json", cwd=project)
    assert result.returncode == 6
    assert claim in failing(result)
    assert document(result)["error"]["exit_code"] == 6


def test_another_card_than_it_was_built_for_fails(images: dict[str, Image], poetry: Poetry, project: Path) -> None:
    result = poetry.gpu_build("verify", images["source"].name, "--gpu", "3.5", "--format", "json", cwd=project)
    assert result.returncode == 6
    assert set(failing(result)) == {"label targets", "its machine code runs on 3.5"}


def test_an_image_of_nobody_is_told_by_its_labels(bases: Engine, poetry: Poetry, project: Path) -> None:
    bases.docker("build", "--tag", "nobody", "-", input_text="FROM scratch\nLABEL a=b\n")
    result = poetry.gpu_build("verify", "nobody", "--gpu", "5.2", "--format", "json", cwd=project)
    assert result.returncode == 6
    assert {"label mode", "its interpreter tells about torch"} <= set(failing(result))


def test_an_image_that_is_not_there_is_not_pulled(poetry: Poetry, bases: Engine, project: Path) -> None:
    result = poetry.gpu_build("verify", "hello-gpu:gone", cwd=project)
    assert result.returncode == 2
    assert "the engine has no image hello-gpu:gone" in result.stderr
    assert "docker pull hello-gpu:gone" in result.stderr


def test_a_build_whose_proof_fails_exits_6(source_image: Image, poetry: Poetry, project: Path, tmp_path: Path) -> None:
    copy = tmp_path / project.name
    shutil.copytree(project, copy)
    # Behind the image's own proof: the file lies before site-packages for whoever starts in /app.
    with (copy / "docker/Dockerfile.source").open("a") as dockerfile:
        dockerfile.write("\nRUN echo 'raise ImportError(\"not this one\")' > /app/torch.py\n")
    result = poetry.gpu_build("--gpu", "5.2", "--tag", "bad:{mode}", cwd=copy)
    assert (result.returncode, result.stdout) == (6, "")
    assert "✗ importing torch works: " in result.stderr
    assert "ImportError: not this one" in result.stderr
    assert "error: bad:source is not what the plan says: " in result.stderr


def test_the_proof_may_be_left_out(source_image: Image, poetry: Poetry, project: Path, tmp_path: Path) -> None:
    copy = tmp_path / project.name
    shutil.copytree(project, copy)
    edit_pyproject(copy, lambda document: document["tool"]["gpu-build"].update(image="unproven"))
    result = poetry.gpu_build("--gpu", "5.2", "--no-verify", cwd=copy)
    assert (result.returncode, result.stdout) == (0, "built unproven:source\n")
    # The Dockerfile's own proof is docker's to show, behind the number of its step.
    assert "\n  ✓ torch comes from" not in result.stderr
