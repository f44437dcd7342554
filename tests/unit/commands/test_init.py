from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
from cleo.testers import application_tester
from poetry.console.application import Application

from poetry_gpu_build import durable
from poetry_gpu_build.errors import ConfigurationError
from poetry_gpu_build.plugin import GpuBuildApplicationPlugin

from ..builders import tree
from .conftest import Ran

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from .conftest import Poetry

EMPTY = '[project]\nname = "empty"\nversion = "1"\nrequires-python = ">=3.10"\n'
YES = "gpu-build init --yes"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project that is not under the policy yet."""
    folder = tmp_path / "empty"
    folder.mkdir()
    folder.joinpath("pyproject.toml").write_text(EMPTY, encoding="utf-8")
    return folder


def answering(monkeypatch: pytest.MonkeyPatch, answer: str, before: Callable[[], object] = dict) -> Ran:
    """Poetry at a terminal where this is typed; ``before`` happens while the question is open."""

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

        def readline(self, size: int | None = -1, /) -> str:  # type: ignore[override]
            before()
            return super().readline(-1 if size is None else size)

    monkeypatch.setattr(application_tester, "StringIO", Terminal)
    application = Application()
    application._plugins_loaded = True
    GpuBuildApplicationPlugin().activate(application)
    tester = application_tester.ApplicationTester(application)
    status = tester.execute("gpu-build init", inputs=answer)
    return Ran(status, tester.io.fetch_output(), tester.io.fetch_error())


def refused(poetry: Poetry, root: Path, message: str, line: str = YES) -> Ran:
    """The command ends with exit 2 and this message, and leaves everything as it was."""
    before = tree(root)
    ran = poetry(line)
    assert ran.status == 2
    assert message in ran.words
    assert tree(root) == before
    return ran


def test_everything_is_written_and_said(poetry: Poetry, root: Path) -> None:
    ran = poetry(YES)
    assert ran.status == 0
    assert root.joinpath("docker/Dockerfile.source").is_file()
    assert "+++ b/docker/Dockerfile.source\n" in ran.out
    assert "wrote docker/Dockerfile, " in ran.err
    assert "next: poetry gpu-build --dry-run" in ran.err


def test_a_dry_run_works_on_what_was_written(poetry: Poetry) -> None:
    poetry(YES)
    ran = poetry("gpu-build --dry-run --gpu 8.6")
    assert ran.status == 0
    assert "mode: binary" in ran.out


def test_a_second_run_has_nothing_to_do(poetry: Poetry, root: Path) -> None:
    poetry(YES)
    before = tree(root)
    ran = poetry("gpu-build init")
    assert (ran.status, ran.out) == (0, "")
    assert "nothing to do" in ran.err
    assert tree(root) == before


def test_a_dry_run_shows_the_same_diff_and_writes_nothing(poetry: Poetry, root: Path) -> None:
    before = tree(root)
    shown = poetry("gpu-build init --dry-run")
    assert shown.status == 0
    assert tree(root) == before
    assert shown.out == poetry(YES).out


@pytest.mark.usefixtures("poetry")
def test_yes_at_the_question_writes(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ran = answering(monkeypatch, "y\n")
    assert ran.status == 0
    assert "Write these files?" in ran.err
    assert root.joinpath("poetry.toml").is_file()


@pytest.mark.usefixtures("poetry")
@pytest.mark.parametrize("answer", ["n\n", "\n", "", "what\n"])
def test_anything_else_at_the_question_writes_nothing_and_is_exit_1(
    root: Path, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    before = tree(root)
    ran = answering(monkeypatch, answer)
    assert ran.status == 1
    assert "nothing was written" in ran.err
    assert tree(root) == before


@pytest.mark.usefixtures("poetry")
def test_a_file_that_changes_while_the_question_is_open_stops_it(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gitignore = root / ".gitignore"
    ran = answering(monkeypatch, "y\n", lambda: gitignore.write_text("mine\n", encoding="utf-8"))
    assert ran.status == 2
    assert ".gitignore changed meanwhile; nothing was written" in ran.words
    assert sorted(path.name for path in root.iterdir()) == [".gitignore", "pyproject.toml"]
    assert gitignore.read_text(encoding="utf-8") == "mine\n"


def test_without_a_terminal_it_asks_for_yes(poetry: Poetry, root: Path) -> None:
    ran = refused(poetry, root, "nobody can be asked here", "gpu-build init --no-interaction")
    assert "--yes" in ran.err


def test_a_process_without_a_terminal_asks_for_yes(poetry: Poetry) -> None:
    ran = poetry.process("gpu-build", "init")
    assert ran.status == 2
    assert "--yes" in ran.err


def test_an_existing_dockerfile_stays_without_force_and_goes_with_it(poetry: Poetry, root: Path) -> None:
    dockerfile = root / "docker" / "Dockerfile"
    dockerfile.parent.mkdir()
    dockerfile.write_text("FROM scratch\n", encoding="utf-8")
    ran = poetry(YES)
    assert "docker/Dockerfile exists and stays as it is; --force replaces it" in ran.words
    assert dockerfile.read_text(encoding="utf-8") == "FROM scratch\n"
    ran = poetry(f"{YES} --force")
    assert "-FROM scratch\n" in ran.out
    assert "The binary mode" in dockerfile.read_text(encoding="utf-8")


def test_a_byte_that_is_not_utf8_is_kept(poetry: Poetry, root: Path) -> None:
    root.joinpath(".gitignore").write_bytes(b"caf\xe9\n")
    assert poetry(YES).status == 0
    assert root.joinpath(".gitignore").read_bytes() == b"caf\xe9\n/poetry.lock\n"


def test_a_file_keeps_its_mode(poetry: Poetry, root: Path) -> None:
    root.joinpath("pyproject.toml").chmod(0o600)
    poetry(YES)
    assert root.joinpath("pyproject.toml").stat().st_mode & 0o777 == 0o600


def test_a_link_inside_the_project_is_written_through(poetry: Poetry, root: Path) -> None:
    root.joinpath("ignored").write_text("a\n", encoding="utf-8")
    root.joinpath(".gitignore").symlink_to("ignored")
    assert poetry(YES).status == 0
    assert root.joinpath(".gitignore").is_symlink()
    assert root.joinpath("ignored").read_text(encoding="utf-8") == "a\n/poetry.lock\n"


def test_a_link_out_of_the_project_is_refused(poetry: Poetry, root: Path) -> None:
    outside = root.parent / "outside"
    outside.write_text("a\n", encoding="utf-8")
    root.joinpath(".gitignore").symlink_to(outside)
    refused(poetry, root, ".gitignore lies outside the project")
    assert outside.read_text(encoding="utf-8") == "a\n"


def test_a_folder_that_leads_out_of_the_project_is_refused(poetry: Poetry, root: Path) -> None:
    outside = root.parent / "outside"
    outside.mkdir()
    root.joinpath("docker").symlink_to(outside)
    refused(poetry, root, "docker/Dockerfile lies outside the project")
    assert not list(outside.iterdir())


def test_a_setting_that_leads_out_of_the_project_is_refused(poetry: Poetry, root: Path) -> None:
    text = EMPTY + '\n[tool.gpu-build]\ncompose-file = "../compose.yml"\n'
    root.joinpath("pyproject.toml").write_text(text, encoding="utf-8")
    refused(poetry, root, "../compose.yml lies outside the project")


def test_a_link_to_nothing_is_refused(poetry: Poetry, root: Path) -> None:
    root.joinpath("poetry.toml").symlink_to("missing")
    refused(poetry, root, "poetry.toml cannot be read")


def test_a_ring_of_links_is_refused(poetry: Poetry, root: Path) -> None:
    root.joinpath("poetry.toml").symlink_to("poetry.toml")
    refused(poetry, root, "poetry.toml cannot be read")


def test_a_folder_in_the_place_of_a_file_is_refused(poetry: Poetry, root: Path) -> None:
    root.joinpath("docker", "Dockerfile").mkdir(parents=True)
    refused(poetry, root, "Dockerfile is not a regular file")


def test_a_file_in_the_place_of_the_folder_is_refused(poetry: Poetry, root: Path) -> None:
    root.joinpath("docker").write_text("", encoding="utf-8")
    refused(poetry, root, "docker is no folder")


def test_a_folder_that_may_not_be_written_to_is_refused(
    poetry: Poetry, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The tests may run as root, who may write anywhere.
    monkeypatch.setattr("os.access", lambda *_: False)
    refused(poetry, root, "no folder that you may write to")


def test_a_failure_in_the_middle_says_what_was_written(
    poetry: Poetry, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = durable.write_whole

    def full_disk(path: Path, old: str | None, new: str, *, root: Path | None = None) -> None:
        if path.name == "docker-compose.yml":
            raise ConfigurationError(f"{path.name} cannot be written: No space left on device")
        write(path, old, new, root=root)

    monkeypatch.setattr(durable, "write_whole", full_disk)
    ran = poetry(YES)
    assert ran.status == 2
    assert "No space left on device; written before it: docker/Dockerfile, docker/Dockerfile.source" in ran.words
    monkeypatch.undo()
    monkeypatch.chdir(root)
    assert poetry(YES).status == 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[project\n", "pyproject.toml is not valid TOML"),
        ("[tool.ruff]\n", "is not a Poetry project"),
        (EMPTY + "[tool.gpu-build]\nmode = 1\n", "unknown key"),
        (EMPTY + 'dependencies = ["torch=="]\n', "is not a valid requirement"),
        (EMPTY + "[tool.poetry.dependencies]\ntorch = 2\n", "must be a version or a table"),
    ],
)
def test_a_manifest_that_cannot_be_used_is_refused(poetry: Poetry, root: Path, text: str, message: str) -> None:
    root.joinpath("pyproject.toml").write_text(text, encoding="utf-8")
    refused(poetry, root, message)


def test_a_manifest_that_is_not_utf8_is_refused(poetry: Poetry, root: Path) -> None:
    root.joinpath("pyproject.toml").write_bytes(EMPTY.encode() + b"# \xff\n")
    refused(poetry, root, "pyproject.toml is not UTF-8")


def test_without_a_manifest_it_names_poetry_init(poetry: Poetry, root: Path) -> None:
    root.joinpath("pyproject.toml").unlink()
    refused(poetry, root, "make a Poetry project first: poetry init")


def test_a_project_below_the_repositorys_root_gets_no_hook(poetry: Poetry, root: Path) -> None:
    root.parent.joinpath(".git").mkdir()
    ran = poetry(YES)
    assert not root.joinpath(".pre-commit-config.yaml").exists()
    assert "--directory empty" in ran.words


@pytest.mark.parametrize("place", ["empty/__init__.py", "src/empty/__init__.py", "empty.py"])
def test_a_package_is_found_where_poetry_finds_it(poetry: Poetry, root: Path, place: str) -> None:
    assert "package-mode" in poetry("gpu-build init --dry-run").err
    root.joinpath(place).parent.mkdir(parents=True, exist_ok=True)
    root.joinpath(place).touch()
    assert "package-mode" not in poetry("gpu-build init --dry-run").err


def test_it_works_from_a_folder_below(poetry: Poetry, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    below = root / "src"
    below.mkdir()
    monkeypatch.chdir(below)
    assert poetry(YES).status == 0
    assert root.joinpath("docker", "Dockerfile").is_file()
    assert not list(below.iterdir())
