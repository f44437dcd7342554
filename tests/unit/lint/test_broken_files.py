"""Files that cannot be read as what they are, and Compose files besides the project's own: what is told, and where."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from poetry_gpu_build.documents.source import Source
from poetry_gpu_build.errors import ConfigurationError
from poetry_gpu_build.lint.documents import Documents
from poetry_gpu_build.lint.registry import Selection
from poetry_gpu_build.lint.registry import load_rule
from poetry_gpu_build.lint.session import lint_files
from poetry_gpu_build.lint.session import mend
from poetry_gpu_build.lint.session import project_root
from poetry_gpu_build.policy import load_policy
from poetry_gpu_build.resources import policies_dir

if TYPE_CHECKING:
    from collections.abc import Mapping

    from poetry_gpu_build.lint.session import Linted

ROOT = Path("/project")
DOCKERFILE = "docker/Dockerfile"
COMPOSE = "docker/docker-compose.yml"
APP = "services:\n  app:\n    build: {context: .., dockerfile: docker/Dockerfile}\n"
BOARD = "services:\n  board:\n    image: b\n    ports: ['80:80']\n"


def found(rule: str, files: Mapping[str, str], *named: str) -> list[str]:
    def read(path: Path) -> Source | None:
        text = files.get(path.relative_to(ROOT).as_posix()) if path.is_relative_to(ROOT) else None
        return None if text is None else Source(path, text)

    documents = Documents(ROOT, load_policy(policies_dir()), read, [ROOT / name for name in named])
    hits = load_rule(rule).check(documents)
    places = [(hit.source.path.relative_to(ROOT).as_posix(), hit.source.position(hit.start)) for hit in hits]
    return sorted(f"{name}:{where.line}:{where.column}" for name, where in places)


def write(root: Path, files: Mapping[str, str]) -> Path:
    for name, text in {"pyproject.toml": "", **files}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    return root


def lint(root: Path, *files: str, select: str = "GPU4") -> Linted:
    return lint_files(root, Selection((select,)), [root / name for name in files], {})


def places(linted: Linted) -> list[str]:
    return [
        f"{each.where.path.relative_to(linted.root).as_posix()}:{each.where.line} {each.code}"
        for each in linted.findings
    ]


def test_an_env_file_shows_no_value() -> None:
    files = {COMPOSE: APP, "docker/.env": "PASSWORD=geheim\nA SECRET\n"}
    read = {ROOT / name: Source(ROOT / name, text) for name, text in files.items()}
    documents = Documents(ROOT, load_policy(policies_dir()), read.get)
    [hit] = load_rule("GPU900").check(documents)
    assert hit.source.position(hit.start).line == 2
    assert "SECRET" not in hit.message + hit.source.text
    assert "geheim" not in hit.source.text


def test_a_warning_of_buildkit_is_no_broken_document() -> None:
    assert found("GPU900", {DOCKERFILE: "FROM a\nRUN x \\\n\n  y\n"}) == []


def test_an_instruction_that_is_too_long_for_us_alone_is_undecidable() -> None:
    text = "FROM a\nRUN : \\\n" + f"  {'x' * 60_000} \\\n" * 5 + "  pip\n"
    assert found("GPU900", {DOCKERFILE: text}) == []
    assert found("GPU901", {DOCKERFILE: text}) == [f"{DOCKERFILE}:2:1"]


def test_a_line_that_buildkit_refuses_is_broken_and_nothing_else() -> None:
    text = f"FROM a\nRUN {'x' * 300_000}\n"
    assert found("GPU900", {DOCKERFILE: text}) == [f"{DOCKERFILE}:2:1"]
    assert found("GPU901", {DOCKERFILE: text}) == []


def test_a_compose_file_beyond_our_limit_is_undecidable() -> None:
    text = APP + f"# {'x' * 1_100_000}\n"
    assert found("GPU900", {COMPOSE: text}) == []
    assert found("GPU901", {COMPOSE: text}) == [f"{COMPOSE}:1:1"]


def test_a_file_that_cannot_be_read_does_not_end_the_rules() -> None:
    def read(path: Path) -> Source | None:
        raise ConfigurationError(f"{path.name} cannot be read")

    documents = Documents(ROOT, load_policy(policies_dir()), read)
    assert documents.pyproject is None
    assert documents.images == ()
    assert documents.source("a") is None
    assert list(load_rule("GPU900").check(documents)) == []


@pytest.mark.parametrize(
    "name",
    ["compose.dev.yml", "compose-dev.yaml", "docker-compose.gpu.yml", "other/compose.yaml", "Docker-Compose.YML"],
)
def test_a_named_compose_file_is_linted_by_its_name(name: str) -> None:
    assert found("GPU401", {name: BOARD}, name) == [f"{name}:4:13"]


def test_yaml_with_services_is_a_compose_file_whatever_its_name() -> None:
    assert found("GPU401", {"stack.yml": BOARD}, "stack.yml") == ["stack.yml:4:13"]


@pytest.mark.parametrize(
    "text",
    [
        "on: push\njobs:\n  test:\n    services:\n      db: {image: d, ports: ['1:1']}\n",
        "services: [docker:dind]\n",
        "- a\n",
        "[",
        "",
    ],
)
def test_other_yaml_is_none_of_composes(text: str) -> None:
    for rule in ("GPU401", "GPU900", "GPU901"):
        assert found(rule, {"x.yml": text}, "x.yml") == []


def test_a_file_that_was_not_named_is_not_looked_for() -> None:
    assert found("GPU401", {"compose.dev.yml": BOARD}) == []


def test_a_further_file_without_images_is_laid_over_the_projects_own() -> None:
    override = "services:\n  app:\n    ports: ['80:80']\n  board:\n    ports: ['81:81']\n"
    files = {COMPOSE: APP + "  board: {image: b}\n", "docker/docker-compose.dev.yml": override}
    assert found("GPU401", files, "docker/docker-compose.dev.yml") == ["docker/docker-compose.dev.yml:5:13"]


def test_what_the_own_file_brings_along_is_not_told_twice() -> None:
    files = {COMPOSE: APP, "docker/docker-compose.override.yml": BOARD}
    named = (COMPOSE, "docker/docker-compose.override.yml")
    assert found("GPU401", files, *named) == ["docker/docker-compose.override.yml:4:13"]


def test_a_further_file_for_one_mode_need_not_choose() -> None:
    files = {"docker/compose.dev.yml": APP, DOCKERFILE: "FROM a\n", "docker/Dockerfile.source": "FROM b\n"}
    assert found("GPU402", files, "docker/compose.dev.yml") == []
    wrong = APP.replace("docker/Dockerfile}", "'docker/Dockerfile${BUILD_FROM_SOURCE:+.source}'}")
    assert found("GPU402", {**files, "docker/compose.dev.yml": wrong}, "docker/compose.dev.yml") != []


def test_a_broken_further_file_is_told() -> None:
    assert found("GPU900", {"compose.dev.yml": "services: [\n"}, "compose.dev.yml") == ["compose.dev.yml:2:1"]


def test_only_what_stands_in_the_named_file_is_told(tmp_path: Path) -> None:
    root = write(tmp_path, {COMPOSE: BOARD, "docker/compose.dev.yml": BOARD})
    assert places(lint(root, "docker/compose.dev.yml", select="GPU401")) == ["docker/compose.dev.yml:4 GPU401"]


def test_a_path_is_one_file_however_it_is_named(tmp_path: Path) -> None:
    root = write(tmp_path, {DOCKERFILE: "FROM a\nRUN poetry config a b\n"})
    linted = lint(root, "docker/../docker/./Dockerfile", select="GPU105")
    assert places(linted) == ["docker/Dockerfile:2 GPU105"]
    assert project_root(root / "docker/../docker/Dockerfile") == root


def test_a_broken_manifest_is_still_the_projects_root(tmp_path: Path) -> None:
    root = write(tmp_path, {DOCKERFILE: "FROM a\n"})
    (root / "pyproject.toml").unlink()
    (root / "pyproject.toml").symlink_to("pyproject.toml")
    assert project_root(root / DOCKERFILE) == root


@pytest.mark.parametrize(
    ("name", "text", "code"),
    [
        (".dockerignore", "poetry.lock # ours\n", "GPU306"),
        ("poetry.toml", "[", "GPU900"),
        ("poetry.lock", "[", "GPU900"),
        ("pyproject.toml", "[", "GPU900"),
    ],
)
def test_findings_in_a_named_document_of_any_kind_are_told(tmp_path: Path, name: str, text: str, code: str) -> None:
    root = write(tmp_path, {DOCKERFILE: "FROM a\n", name: text})
    assert {each.code for each in lint(root, name, select=code).findings} == {code}


def test_a_fix_is_made_in_a_further_file(tmp_path: Path) -> None:
    wrong = APP.replace(
        "build: {context: .., dockerfile: docker/Dockerfile}",
        "build:\n      context: ..\n      dockerfile: docker/Dockerfile${BUILD_FROM_SOURCE:+.source}",
    )
    files = {DOCKERFILE: "FROM a\n", "docker/Dockerfile.source": "FROM b\n", "docker/compose.dev.yml": wrong}
    root = write(tmp_path, files)
    path = root / "docker/compose.dev.yml"
    mended = mend(root, Selection(("GPU402",)), [path], {}, unsafe=True)
    assert "dockerfile: ${GPU_BUILD_DOCKERFILE:-docker/Dockerfile}\n" in mended.after[path]


def test_of_one_rule_in_one_file_a_thousand_findings_are_told_and_that_there_are_more(tmp_path: Path) -> None:
    many = "FROM a\n" + "RUN poetry config a b\n" * 1500
    root = write(tmp_path, {DOCKERFILE: many, "docker/Dockerfile.source": "FROM a\nRUN poetry config a b\n"})
    linted = lint(root, select="GPU105")
    assert len(linted.findings) == 1001
    assert [each.where.line for each in linted.findings if "finds more" in each.message] == [1001]
