"""An image with a swapped torch, a really installed Poetry and its own commands: what is under the prefix stays."""

from __future__ import annotations

import re
import shutil
from textwrap import dedent
from typing import TYPE_CHECKING

import pytest

from .images import Image
from .images import digest
from .images import make_image
from .images import unpack
from .index import TORCH
from .index import make_wheel
from .index import served
from .index import write_packages

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Iterator
    from pathlib import Path

    from .poetries import InstalledPoetry

BUILT = "2.4.1"
NEEDS_OF_THE_WHEEL = ("nvidia_cublas_cu12", "triton")

#: What the index holds. The compiled torch requires fsspec and sympy, and nothing of NVIDIA's.
PACKAGES = (
    ("numpy", "2.3.5", ()),
    ("fsspec", "2025.9.0", ()),
    ("sympy", "1.14.0", ()),
    ("nvidia_cublas_cu12", "12.8.3.14", ()),
    ("nvidia_nccl_cu12", "2.26.2", ()),
    ("triton", "3.3.1", ("setuptools_like",)),
    ("setuptools_like", "80", ()),
    ("torch", TORCH, ("fsspec", "sympy", "nvidia_cublas_cu12 ; sys_platform == 'linux'", "nvidia_nccl_cu12", "triton")),
    ("torch", "2.8.0", ("fsspec", "sympy", "nvidia_cublas_cu12", "nvidia_nccl_cu12", "triton")),
    ("lightning", "2.5.0", ("torch>=2.1", "numpy")),
    ("boosting", "3.0", ("nvidia_nccl_cu12",)),
    ("modern", "1.0", ("torch>=2.6",)),
    ("tqdm", "4.67.1", ()),
)

MANIFEST = """
    [project]
    name = "app"
    version = "1"
    requires-python = ">=3.10"
    dependencies = ["lightning", "boosting"]

    [tool.poetry]
    package-mode = false

    [tool.poetry.group.binary-torch]
    optional = true

    [tool.poetry.group.binary-torch.dependencies]
    torch = {{ version = "2.7.1+cu128" }}

    [[tool.poetry.source]]
    name = "loopback-of-the-swap"
    url = "{index}"
    priority = "primary"
"""
POETRY_TOML = "[virtualenvs]\ncreate = false\n\n[installer]\nbuiltin-uninstall = true\n"


@pytest.fixture(scope="module")
def swap_index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    root = tmp_path_factory.mktemp("index")
    write_packages(root, PACKAGES)
    with served(root) as address:
        yield address


@pytest.fixture(scope="module")
def built_wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the compile leaves."""
    return make_wheel(tmp_path_factory.mktemp("built"), "torch", BUILT, ("fsspec", "sympy"))


def lay_swap(image: Image, wheel: Path, *, record: bool = False, front: bool = False) -> None:
    """Put the compiled torch and its own requirements under the prefix, and the prefix on the path."""
    image.prefix.mkdir(parents=True)
    unpack(wheel, image.prefix, record=record)
    for name, version in (("fsspec", "2024.6.1"), ("sympy", "1.13.0")):
        unpack(make_wheel(wheel.parent, name, version), image.prefix, record=record)
    line = f"import sys; sys.path.insert(0, {str(image.prefix)!r})\n" if front else f"{image.prefix}\n"
    image.packages.joinpath("gpu-build-opt.pth").write_text(line, encoding="utf-8")


@pytest.fixture(scope="module")
def locked(
    plain_poetry: InstalledPoetry, swap_index: str, built_wheel: Path, tmp_path_factory: pytest.TempPathFactory
) -> Image:
    """An image with the swap and a lock, before the first `poetry install`; without the plugin."""
    files = {"pyproject.toml": dedent(MANIFEST).format(index=swap_index), "poetry.toml": POETRY_TOML}
    image = make_image(plain_poetry, tmp_path_factory.mktemp("image") / "image", None, files)
    lock = image.run("lock")
    assert lock.returncode == 0, lock.stdout + lock.stderr
    lay_swap(image, built_wheel)
    return image


@pytest.fixture(scope="module")
def swapped(locked: Image, wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Image:
    """The same with the plugin."""
    image = locked.copied(tmp_path_factory.mktemp("image") / "image")
    image.python("-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--ignore-installed", wheel)
    return image


@pytest.fixture(scope="module")
def installed(swapped: Image, tmp_path_factory: pytest.TempPathFactory) -> Image:
    """The same after `poetry install`."""
    image = swapped.copied(tmp_path_factory.mktemp("image") / "image")
    done = image.run("install")
    assert done.returncode == 0, done.stdout + done.stderr
    return image


@pytest.fixture
def copy(tmp_path: Path) -> Callable[[Image], Image]:
    def copy(image: Image) -> Image:
        return image.copied(tmp_path / "image")

    return copy


def is_as_before(image: Image, before: str) -> None:
    """The compiled torch is what is imported, the wheel's own needs are not there, and Poetry still runs."""
    assert digest(image.prefix) == before
    assert not image.holds("torch")
    assert [name for name in NEEDS_OF_THE_WHEEL if image.holds(name)] == []
    imported = image.python("-I", "-B", "-c", "import torch; print(torch.__version__, torch.__file__)").split()
    assert imported == [BUILT, str(image.prefix / "torch" / "__init__.py")]
    assert image.run("--version").returncode == 0


@pytest.mark.parametrize(
    ("line", "is_first", "keeps_lock"),
    [
        ("install", True, True),
        ("install --with binary-torch", True, True),
        ("install --dry-run", True, True),
        ("sync", True, True),
        ("update", True, True),
        ("add tqdm", True, False),
        ("install", False, True),
        ("install --with binary-torch", False, True),
        ("install --all-groups --compile", False, True),
        ("install --sync", False, True),
        ("sync", False, True),
        ("sync --with binary-torch", False, True),
        ("update", False, True),
        ("update torch", False, True),
        ("update --sync", False, True),
        ("add tqdm", False, False),
        ("add --lock tqdm", False, False),
        ("remove boosting", False, False),
        ("remove lightning", False, False),
        ("remove --group binary-torch torch", False, False),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_a_command_leaves_the_swapped_torch_alone(
    swapped: Image, installed: Image, copy: Callable[[Image], Image], line: str, is_first: bool, keeps_lock: bool
) -> None:
    image = copy(swapped if is_first else installed)
    before, written = digest(image.prefix), image.written
    done = image.run(line)
    assert done.returncode == 0, done.stdout + done.stderr
    is_as_before(image, before)
    if keeps_lock:
        assert image.written == written
    else:
        assert image.written != written


def test_the_first_install_installs_all_but_what_the_swap_provides(installed: Image) -> None:
    assert all(image_holds for image_holds in map(installed.holds, ("lightning", "numpy", "boosting", "fsspec")))
    assert installed.holds("sympy")  # the compiled torch requires it
    assert installed.holds("nvidia_nccl_cu12")  # not only the wheel needs it
    assert not installed.holds("setuptools_like")  # only triton needs it


def test_what_was_added_is_installed_and_what_was_removed_is_gone(
    installed: Image, copy: Callable[[Image], Image]
) -> None:
    image = copy(installed)
    assert image.run("add tqdm").returncode == 0
    assert image.holds("tqdm")
    assert image.run("remove tqdm lightning").returncode == 0
    assert (image.holds("tqdm"), image.holds("lightning"), image.holds("numpy")) == (False, False, False)


def test_sync_removes_what_is_not_the_project_s_and_keeps_poetry(
    installed: Image, built_wheel: Path, copy: Callable[[Image], Image]
) -> None:
    image = copy(installed)
    unpack(make_wheel(built_wheel.parent, "stray", "1.0"), image.packages, record=True)
    done = image.run("sync")
    assert done.returncode == 0, done.stdout + done.stderr
    assert not image.holds("stray"), done.stdout + done.stderr
    again = image.run("sync")
    assert again.returncode == 0, again.stdout + again.stderr
    assert "No dependencies to install or update" in again.stdout or "0 removals" in again.stdout


@pytest.mark.parametrize("line", ["install", "sync", "install --with binary-torch"])
def test_a_poetry_that_resolves_the_lock_once_more_leaves_it_alone(
    installed: Image, copy: Callable[[Image], Image], line: str
) -> None:
    image = copy(installed)
    before, written = digest(image.prefix), image.written
    done = image.run(line, POETRY_INSTALLER_RE_RESOLVE="true")
    assert done.returncode == 0, done.stdout + done.stderr
    is_as_before(image, before)
    assert image.holds("nvidia_nccl_cu12")
    assert image.written == written


def test_an_image_without_a_lock_resolves_and_leaves_the_torch_alone(
    swapped: Image, copy: Callable[[Image], Image]
) -> None:
    image = copy(swapped)
    lock = image.project / "poetry.lock"
    expected = lock.read_bytes()
    lock.unlink()
    before = digest(image.prefix)
    done = image.run("install")
    assert done.returncode == 0, done.stdout + done.stderr
    is_as_before(image, before)
    assert lock.read_bytes() == expected


def test_a_newer_torch_in_a_new_lock_changes_nothing(installed: Image, copy: Callable[[Image], Image]) -> None:
    image = copy(installed)
    manifest = image.project / "pyproject.toml"
    manifest.write_text(manifest.read_text(encoding="utf-8").replace("2.7.1+cu128", "2.8.0"), encoding="utf-8")
    before = digest(image.prefix)
    done = image.run("update")
    assert done.returncode == 0, done.stdout + done.stderr
    is_as_before(image, before)
    assert '"2.8.0"' in image.project.joinpath("poetry.lock").read_text(encoding="utf-8")


def test_the_front_form_is_left_alone_too(swapped: Image, copy: Callable[[Image], Image]) -> None:
    image = copy(swapped)
    pth = image.packages / "gpu-build-opt.pth"
    pth.unlink()
    pth.write_text(f"import sys; sys.path.insert(0, {str(image.prefix)!r})\n", encoding="utf-8")
    before = digest(image.prefix)
    for line in ("install", "sync", "add tqdm"):
        done = image.run(line)
        assert done.returncode == 0, done.stdout + done.stderr
        is_as_before(image, before)
    assert image.holds("fsspec")


@pytest.mark.parametrize("line", ["add modern", "add modern --dry-run", "add modern==1.0 tqdm"])
def test_whoever_needs_a_newer_torch_is_named_and_nothing_is_touched(
    installed: Image, copy: Callable[[Image], Image], line: str
) -> None:
    image = copy(installed)
    before, written, packages = digest(image.prefix), image.written, sorted(image.packages.iterdir())
    done = image.run(line)
    assert done.returncode == 2
    assert f"modern 1.0 requires torch >=2.6, and the compiled torch under {image.prefix} is {BUILT}" in done.stderr
    assert 'help: pin a release of modern that takes torch 2.4.1: poetry add --lock "modern<1.0"' in done.stderr
    assert "help: compile a torch" in done.stderr
    assert "Traceback" not in done.stderr
    assert (digest(image.prefix), image.written, sorted(image.packages.iterdir())) == (before, written, packages)


def test_the_project_s_own_pin_of_another_torch_is_named_unless_it_is_in_the_torch_group(
    installed: Image, copy: Callable[[Image], Image]
) -> None:
    image = copy(installed)
    manifest = image.project / "pyproject.toml"
    text = manifest.read_text(encoding="utf-8").replace('"boosting"]', '"boosting", "torch>=2.6"]')
    manifest.write_text(text, encoding="utf-8")
    assert image.run("lock").returncode == 0
    refused = image.run("install")
    assert refused.returncode == 2
    assert "app itself requires torch >=2.6" in refused.stderr


def test_a_group_that_is_not_installed_may_need_any_torch(installed: Image, copy: Callable[[Image], Image]) -> None:
    image = copy(installed)
    manifest = image.project / "pyproject.toml"
    more = '[tool.poetry.group.new]\noptional = true\n[tool.poetry.group.new.dependencies]\nmodern = "*"\n'
    manifest.write_text(manifest.read_text(encoding="utf-8") + more, encoding="utf-8")
    assert image.run("lock").returncode == 0
    assert image.run("install").returncode == 0
    refused = image.run("install --with new")
    assert refused.returncode == 2
    assert "modern 1.0 requires torch >=2.6" in refused.stderr


@pytest.mark.parametrize("line", ["install", "sync", "update", "add tqdm", "remove boosting"])
def test_another_torch_in_site_packages_is_refused(
    installed: Image, built_wheel: Path, copy: Callable[[Image], Image], line: str
) -> None:
    image = copy(installed)
    unpack(make_wheel(built_wheel.parent, "torch", "2.9.0"), image.packages, record=True)
    before, written, packages = digest(image.root / "opt"), image.written, digest(image.packages)
    done = image.run(line)
    assert done.returncode == 2
    assert str(image.packages / "torch-2.9.0.dist-info") in done.stderr or "site-packages/torch" in done.stderr
    assert "poetry gpu-build swap --apply --remove-shadow" in done.stderr
    assert (digest(image.root / "opt"), image.written, digest(image.packages)) == (before, written, packages)


@pytest.mark.parametrize("line", ["install", "sync", "remove boosting"])
def test_a_poetry_that_the_plugin_does_not_know_is_refused(
    installed: Image, copy: Callable[[Image], Image], line: str
) -> None:
    image = copy(installed)
    version = image.packages / "poetry" / "__version__.py"
    version.unlink()  # a link
    version.write_text('__version__ = "3.0.0"\n', encoding="utf-8")
    before, written = digest(image.prefix), image.written
    done = image.run(line)
    assert done.returncode == 2
    assert "this plugin does not know Poetry 3.0.0" in done.stderr
    assert "help: install one that it knows beside it: pip install 'poetry>=2.2,<3'" in done.stderr
    assert (digest(image.prefix), image.written) == (before, written)
    assert image.run("lock").returncode == 0


def test_a_swap_whose_torch_is_gone_is_refused(installed: Image, copy: Callable[[Image], Image]) -> None:
    image = copy(installed)
    shutil.rmtree(image.prefix)
    done = image.run("install")
    assert done.returncode == 2
    assert "there is no installed torch" in done.stderr
    assert not image.holds("torch")


@pytest.mark.parametrize("line", ["lock", "show", "check --lock", "run python --version", "env info -p", "--version"])
def test_other_commands_are_as_without_the_plugin(
    locked: Image, swapped: Image, copy: Callable[[Image], Image], line: str, tmp_path: Path
) -> None:
    with_, without = copy(swapped), locked.copied(tmp_path / "without")
    ours, theirs = with_.run(line), without.run(line)
    said = [re.sub(r"/\S*/image|/\S*/without", "ROOT", text) for text in (ours.stdout, theirs.stdout)]
    assert (ours.returncode, said[0], ours.stderr) == (theirs.returncode, said[1], theirs.stderr)
    assert with_.written == without.written


@pytest.mark.parametrize("line", ["torch", "torch==2.4.1", "--upgrade torch"])
def test_pip_finds_the_torch_installed_or_refuses(
    installed: Image, swap_index: str, copy: Callable[[Image], Image], line: str
) -> None:
    image = copy(installed)
    before = digest(image.prefix)
    pip = "-m", "pip", "install", "--index-url", swap_index, *line.split()
    if "--upgrade" in line:
        with pytest.raises(RuntimeError, match=r"(?i)cannot uninstall torch 2\.4\.1"):
            image.python(*pip)
    else:
        assert "already satisfied: torch" in image.python(*pip)
    assert digest(image.prefix) == before
    assert not image.holds("torch")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("install", "Updating torch (2.4.1 -> 2.7.1+cu128)"),
        ("sync", "Updating torch (2.4.1 -> 2.7.1+cu128)"),
        ("sync", "Removing poetry "),
        ("update", "Updating torch (2.4.1 -> 2.7.1+cu128)"),
        ("add tqdm", "Updating torch (2.4.1 -> 2.7.1+cu128)"),
    ],
)
def test_without_the_plugin_poetry_replaces_it(
    locked: Image, copy: Callable[[Image], Image], line: str, said: str
) -> None:
    """Why all this is done; should this fail, Poetry has learnt to leave alone what is not its own."""
    done = copy(locked).run(f"{line} --dry-run")
    assert said in done.stdout, done.stdout + done.stderr


def test_without_the_plugin_an_install_makes_the_compiled_torch_unimportable(
    locked: Image, built_wheel: Path, copy: Callable[[Image], Image]
) -> None:
    image = copy(locked)
    shutil.rmtree(image.prefix)
    lay_swap(image, built_wheel, record=True)  # as `pip install --target` leaves it
    before = digest(image.prefix)
    image.run("install")
    imported = image.python("-I", "-B", "-c", "import torch; print(torch.__version__)").strip()
    assert (imported, digest(image.prefix) == before) != (BUILT, True)
