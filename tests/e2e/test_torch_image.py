"""One compile for the team: published in a real registry, and taken by an engine that has compiled nothing."""

from __future__ import annotations

import json
import shutil
import zipfile
from typing import TYPE_CHECKING
from typing import Any

import pytest

from .harness.bases import SOURCE_BASE
from .harness.engine import Engine
from .harness.project import edit_pyproject
from .harness.registry import Registry
from .harness.small import make_base
from .harness.small import small_project
from .harness.standin import binary_wheel
from .harness.steps import steps_of
from .images import Image

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from .harness.plugin import Poetry

BUILD = ("--gpu", "5.2", "--no-lint", "--no-verify", "--progress", "plain")
PUBLISH = ("torch", "--gpu", "5.2", "--push", "--no-lint", "--progress", "plain")
# A compile whose every run makes other bytes.
COMPILE = "RUN mkdir -p /opt/torch && cat /proc/sys/kernel/random/uuid > /opt/torch/lib\n"


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    with Registry(tmp_path_factory.mktemp("registry")) as running:
        yield running


@pytest.fixture(scope="module")
def elsewhere(bases: Engine) -> Iterator[Engine]:
    """Another machine of the team: its engine has built nothing."""
    make_base(bases)
    with Engine() as running:
        make_base(running)
        yield running


@pytest.fixture
def theirs(poetry: Poetry, elsewhere: Engine) -> Poetry:
    return poetry.with_env(DOCKER_HOST=elsewhere.host, DOCKER_CONFIG=elsewhere.env()["DOCKER_CONFIG"])


@pytest.fixture
def small(tmp_path: Path, registry: Registry) -> Path:
    """A small project, whose compile is nobody else's."""
    folder = small_project(tmp_path / "small")
    use(folder, f"{registry.address}/team/torch", tmp_path.name)
    dockerfile = folder / "docker/Dockerfile.source"
    head, _, rest = dockerfile.read_text(encoding="utf-8").partition("RUN ")
    dockerfile.write_text(
        f"{head}ENV ONLY_FOR={tmp_path.name}\n{COMPILE}{rest.partition(chr(10))[2]}", encoding="utf-8"
    )
    return folder


def use(folder: Path, repository: str, image: str = "with-torch") -> None:
    def edit(document: Any) -> None:
        settings = document["tool"].setdefault("gpu-build", {})
        settings["torch-image"] = repository
        settings["image"] = image.replace("_", "-").lower().strip("-")

    edit_pyproject(folder, edit)


def published(poetry: Poetry, folder: Path) -> str:
    """Publish the project's compile; the name by which it is found."""
    poetry.built(*PUBLISH, cwd=folder)
    said = poetry.gpu_build("torch", "--gpu", "5.2", "--dry-run", "--format", "json", cwd=folder)
    reference: str = json.loads(said.stdout)["torch_image"]["reference"]
    return reference


def stages(log: str) -> set[str]:
    return {step.stage for step in steps_of(log)}


def tag_of(folder: Path) -> str:
    found: dict[str, Any] = {}
    edit_pyproject(folder, lambda document: found.update(document["tool"]["gpu-build"]))
    return f"{found['image']}:source"


# Small projects: what is looked for, and what is built


def test_another_machine_compiles_nothing(
    poetry: Poetry, theirs: Poetry, bases: Engine, elsewhere: Engine, small: Path
) -> None:
    assert theirs.gpu_build("torch", "--gpu", "5.2", "--check", cwd=small).returncode == 1
    published(poetry, small)
    assert theirs.gpu_build("torch", "--gpu", "5.2", "--check", cwd=small).returncode == 0
    log = theirs.built(*BUILD, cwd=small)
    assert "(published)" in log
    assert stages(log) == {"app"}
    ours = Image(bases, tag_of(small), poetry.built(*BUILD, cwd=small))
    assert Image(elsewhere, tag_of(small), log).run("cat", "/opt/torch/lib") == ours.run("cat", "/opt/torch/lib")
    assert "already published" in theirs.gpu_build(*PUBLISH, cwd=small).stdout


def test_a_build_behind_it_is_built_again_as_little_as_any(poetry: Poetry, theirs: Poetry, small: Path) -> None:
    published(poetry, small)
    theirs.built(*BUILD, cwd=small)
    assert all(step.cached for step in steps_of(theirs.built(*BUILD, cwd=small)))


def test_a_plain_docker_build_takes_it_too(poetry: Poetry, elsewhere: Engine, small: Path) -> None:
    reference = published(poetry, small)
    log = elsewhere.docker(
        *("buildx", "build", "--progress=plain", "--file", "docker/Dockerfile.source"),
        *("--build-context", f"torch=docker-image://{reference}", "."),
        cwd=small,
    ).stderr
    assert stages(log) == {"app"}


def test_what_was_changed_is_compiled(poetry: Poetry, theirs: Poetry, small: Path) -> None:
    published(poetry, small)
    path = small / "docker/Dockerfile.source"
    path.write_text(path.read_text(encoding="utf-8").replace("mkdir -p", "mkdir -v -p"), encoding="utf-8")
    log = theirs.built(*BUILD, cwd=small)
    assert "is not published" in log
    assert "torch-build" in stages(log)


def test_a_registry_that_is_down_stops_no_build(theirs: Poetry, small: Path) -> None:
    use(small, "127.0.0.1:1/team/torch", "down")
    log = theirs.built(*BUILD, cwd=small)
    assert "note: torch is compiled here: 127.0.0.1:1/team/torch:" in log
    assert "connection refused" in log
    assert "torch-build" in stages(log)
    said = theirs.gpu_build(*PUBLISH, cwd=small)
    assert said.returncode == 4
    assert not steps_of(said.stderr)


def relabelled(engine: Engine, reference: str, *lines: str) -> None:
    """Push something else under the name."""
    engine.docker("buildx", "build", "--push", "--tag", reference, "-", input_text="\n".join(lines))


def test_an_image_that_says_another_thing_is_not_taken(
    poetry: Poetry, theirs: Poetry, bases: Engine, small: Path
) -> None:
    reference = published(poetry, small)
    relabelled(bases, reference, f"FROM {reference}", "LABEL poetry-gpu-build.torch-archs=6.1")
    log = theirs.built(*BUILD, cwd=small)
    assert "is not taken, because its label poetry-gpu-build.torch-archs says '6.1'" in log
    assert "torch-build" in stages(log)


# The real source mode: whatever is taken is proved


@pytest.fixture(scope="module")
def shared(project: Path, registry: Registry, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = shutil.copytree(project, tmp_path_factory.mktemp("shared") / project.name)
    use(folder, f"{registry.address}/team/real", "shared")
    return folder


@pytest.fixture(scope="module")
def reference(poetry: Poetry, shared: Path, source_image: Image) -> str:
    assert source_image  # its steps are in the cache: the compile, and what is installed behind it
    return published(poetry, shared)


@pytest.mark.usefixtures("reference")
def test_the_published_torch_is_the_image_s(bases: Engine, poetry: Poetry, shared: Path) -> None:
    log = poetry.built("--gpu", "5.2", "--progress", "plain", cwd=shared)
    assert "(published)" in log
    assert "torch-build" not in stages(log)
    image = Image(bases, "shared:source", log)
    assert image.python("import torch; print(torch.__version__, torch.__file__)") == (
        "2.4.1 /opt/torch/torch/__init__.py"
    )


# The torch of the project, but for its version; and but for its machine code, which is that of the wheel.
OTHER_VERSION = f"""\
FROM {SOURCE_BASE} AS edited
COPY --from=REFERENCE /opt/torch /opt/torch
RUN sed -i 's/2[.]4[.]1/2.4.0/' /opt/torch/torch/version.py
FROM scratch
COPY --from=edited /opt/torch /opt/torch
"""
OTHER_CODE = """\
FROM REFERENCE
COPY torch/ /opt/torch/torch/
COPY --from=REFERENCE /opt/torch/torch/version.py /opt/torch/torch/version.py
"""


@pytest.mark.parametrize(
    ("dockerfile", "said"),
    [(OTHER_VERSION, "2.4.0"), (OTHER_CODE, "machine code runs on 5.2")],
    ids=["another version", "another architecture"],
)
def test_a_wrong_torch_under_the_right_labels_fails_the_build(
    dockerfile: str, said: str, bases: Engine, poetry: Poetry, shared: Path, reference: str, tmp_path: Path
) -> None:
    document = poetry.gpu_build("torch", "--dry-run", "--format", "json", "--gpu", "5.2", cwd=shared).stdout
    labels = json.loads(document)["torch_image"]["labels"]
    with zipfile.ZipFile(binary_wheel(bases)) as wheel:
        wheel.extractall(tmp_path)
    (tmp_path / "Dockerfile").write_text(dockerfile.replace("REFERENCE", reference), encoding="utf-8")
    bases.docker(
        *("buildx", "build", "--push", "--tag", reference),
        *(f"--label={name}={value}" for name, value in labels.items()),
        tmp_path,
    )
    ended = poetry.gpu_build("--gpu", "5.2", "--progress", "plain", cwd=shared)
    poetry.built(*PUBLISH, "--force", cwd=shared)
    assert ended.returncode == 5
    assert "(published)" in ended.stderr
    message = ended.stderr.rpartition("error: the build failed")[2]
    assert "swap --apply" in message
    assert said in message
    assert "--no-torch-image" in message
