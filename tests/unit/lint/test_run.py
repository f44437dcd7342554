"""From hits to findings: the rule's code and severity, the place, the comments that silence, the order."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from poetry_gpu_build.documents.source import Source
from poetry_gpu_build.documents.toml import parse_toml
from poetry_gpu_build.lint.documents import Documents
from poetry_gpu_build.lint.fixes import apply_fixes
from poetry_gpu_build.lint.registry import Selection
from poetry_gpu_build.lint.registry import select_rules
from poetry_gpu_build.lint.run import run_rules
from poetry_gpu_build.policy import load_policy
from poetry_gpu_build.resources import policies_dir

from ..patience import ends_soon

if TYPE_CHECKING:
    from collections.abc import Mapping

    from poetry_gpu_build.lint.finding import Finding

ROOT = Path("/project")
CONFIG = "RUN poetry config virtualenvs.create false\n"
DOCKERFILE = "docker/Dockerfile"


def lint(files: Mapping[str, str], select: tuple[str, ...] = ("GPU105",), settings: str = "") -> list[Finding]:
    """The findings of some rules over a project, under these lines of [tool.gpu-build]."""

    def read(path: Path) -> Source | None:
        name = path.relative_to(ROOT).as_posix()
        return Source(path, files[name]) if files.get(name) else None

    policy = load_policy(policies_dir(), parse_toml(f"[tool.gpu-build]\n{settings}", ROOT / "pyproject.toml"))
    return list(run_rules(Documents(ROOT, policy, read), select_rules(Selection(select), policy.lint)))


def run(binary: str, source: str = "", settings: str = "") -> list[Finding]:
    return lint({DOCKERFILE: binary, "docker/Dockerfile.source": source}, settings=settings)


def unused(text: str, *, select: tuple[str, ...] = ("GPU105", "GPU902"), name: str = DOCKERFILE) -> list[str]:
    """Where the rule about suppressions finds something in a file: line and column."""
    found = lint({name: text}, select)
    return [f"{each.where.line}:{each.where.column}" for each in found if each.code == "GPU902"]


def test_a_finding_says_rule_place_and_line() -> None:
    [finding] = run(f"FROM a\n{CONFIG}")
    assert (finding.code, finding.name) == ("GPU105", "poetry-config-in-dockerfile")
    assert (finding.where.line, finding.where.column) == (2, 5)
    assert (finding.end.line, finding.end.column) == (2, len(CONFIG))
    assert finding.excerpt == CONFIG.rstrip()


def test_the_severity_in_force_counts() -> None:
    [by_rule] = run(f"FROM a\n{CONFIG}")
    [by_policy] = run(f"FROM a\n{CONFIG}", settings="lint.severity = { GPU105 = 'warning' }")
    assert (by_rule.severity, by_policy.severity) == ("error", "warning")


def test_findings_are_sorted_by_file_and_place() -> None:
    found = run(f"FROM a\n{CONFIG}{CONFIG}", f"FROM a\n{CONFIG}")
    assert [(finding.where.path.name, finding.where.line) for finding in found] == [
        ("Dockerfile", 2),
        ("Dockerfile", 3),
        ("Dockerfile.source", 2),
    ]


@pytest.mark.parametrize(
    ("text", "left"),
    [
        (f"FROM a\n# gpu-build: ignore[GPU105] reason\n{CONFIG}", 0),
        (f"FROM a\n# gpu-build: ignore[GPU101] another rule\n{CONFIG}", 1),
        (f"FROM a\n# gpu-build: ignore[GPU105]\n{CONFIG}{CONFIG}", 1),
        (f"# gpu-build: ignore-file[GPU105]\nFROM a\n{CONFIG}{CONFIG}", 0),
        ("FROM a\nRUN true && \\\n# gpu-build: ignore[GPU105]\n    poetry config a b\n", 0),
    ],
)
def test_a_comment_silences_what_it_speaks_for(text: str, left: int) -> None:
    assert len(run(text)) == left


# --- what the settings leave out in some files


@pytest.mark.parametrize(
    ("entry", "left"),
    [
        ("'docker/Dockerfile' = ['GPU105']", ["docker/Dockerfile.source"]),
        ("'/docker/Dockerfile' = ['GPU105']", ["docker/Dockerfile.source"]),
        ("'./docker/Dockerfile' = ['gpu1']", ["docker/Dockerfile.source"]),
        ("'Dockerfile.source' = ['GPU105']", ["docker/Dockerfile"]),
        ("'*.source' = ['GPU1']", ["docker/Dockerfile"]),
        ("'docker' = ['GPU105']", []),
        ("'docker/' = ['GPU105']", []),
        ("'docker/*' = ['GPU105']", []),
        ("'**' = ['GPU']", []),
        ("'**/Dockerfile*' = ['GPU105']", []),
        ("'/Dockerfile' = ['GPU105']", ["docker/Dockerfile", "docker/Dockerfile.source"]),
        ("'dockerfile' = ['GPU105']", ["docker/Dockerfile", "docker/Dockerfile.source"]),
        ("'docker/**' = ['GPU2', 'GPU104']", ["docker/Dockerfile", "docker/Dockerfile.source"]),
        ("'docker/**' = []", ["docker/Dockerfile", "docker/Dockerfile.source"]),
    ],
)
def test_a_file_is_left_out_by_its_pattern(entry: str, left: list[str]) -> None:
    text = f"FROM a\n{CONFIG}"
    found = run(text, text, f"lint.per-file-ignores = {{ {entry} }}")
    assert [finding.where.path.relative_to(ROOT).as_posix() for finding in found] == left


def test_a_rule_that_the_settings_leave_out_of_a_file_says_nothing_about_its_suppressions_there() -> None:
    text = "FROM a\n# gpu-build: ignore[GPU105]\nRUN true\n"
    files = {DOCKERFILE: text, "docker/Dockerfile.source": text}
    found = lint(files, ("GPU105", "GPU902"), "lint.per-file-ignores = { Dockerfile = ['GPU105'] }")
    assert [(finding.code, finding.where.path.name) for finding in found] == [("GPU902", "Dockerfile.source")]


def test_the_rule_about_suppressions_can_be_left_out_of_a_file_as_well() -> None:
    files = {DOCKERFILE: "FROM a\n# gpu-build: ignore[GPU105]\n"}
    assert lint(files, ("GPU105", "GPU902"), "lint.per-file-ignores = { Dockerfile = ['GPU9'] }") == []


# --- suppressions that silence nothing


@pytest.mark.parametrize(
    ("text", "places"),
    [
        (f"FROM a\n# gpu-build: ignore[GPU105]\n{CONFIG}", []),
        ("FROM a\n# gpu-build: ignore[GPU105]\nRUN true\n", ["2:21"]),
        ("FROM a\n# gpu-build: ignore[GPU105]\n", ["2:21"]),
        ("FROM a\n# gpu-build: ignore[GPU105]", ["2:21"]),
        ("# gpu-build: ignore-file[GPU105]\nFROM a\n", ["1:26"]),
        (f"FROM a\n{CONFIG}# gpu-build: ignore-file[GPU105] at the end\n", []),
        (f"FROM a\n# gpu-build: ignore[GPU105, GPU105]\n{CONFIG}", ["2:29"]),
        ("FROM a\n# gpu-build: ignore[GPU101]\n", []),
        ("FROM a\n# gpu-build: ignore[GPU999]\n", ["2:21"]),
        (f"FROM a\n# gpu-build ignore[GPU105]\n{CONFIG}", ["2:1"]),
        ("FROM a\nRUN echo '\\\n# gpu-build: ignore[GPU105]\n'\n", ["3:21"]),
        ("FROM a\nRUN <<E\n# gpu-build: ignore[GPU105] not a Dockerfile's comment\nE\n", []),
        # Silenced by a suppression of this rule, which is thereby used; one that silences nothing is said.
        ("FROM a\n# gpu-build: ignore[GPU105, GPU902]\nRUN true\n", []),
        ("# gpu-build: ignore-file[GPU902]\nFROM a\n# gpu-build: ignore[GPU105]\nRUN true\n", []),
        ("# gpu-build: ignore-file[GPU902]\nFROM a\n# gpu-build: ignore[typo]\nRUN true\n", []),
        ("FROM a\n# gpu-build: ignore[GPU902]\nRUN true\n", ["2:21"]),
        ("# gpu-build: ignore-file[GPU902]\nFROM a\n", ["1:26"]),
        ("FROM a\n# gpu-build: ignore[GPU902, GPU902]\n", ["2:21"]),
    ],
)
def test_a_suppression_that_silences_nothing_is_found(text: str, places: list[str]) -> None:
    assert unused(text) == places


@pytest.mark.parametrize(
    ("name", "text", "select", "places"),
    [
        (".dockerignore", "# gpu-build: ignore-file[GPU306]\npoetry.lock\n", "GPU306", ["1:26"]),
        (".gitignore", "/x\n# gpu-build: ignore[GPU305]\n/poetry.lock\n", "GPU305", ["2:21"]),
        ("pyproject.toml", "[tool.poetry]\nname = 'x' # gpu-build: ignore[GPU501]\n", "GPU501", ["2:32"]),
        ("poetry.toml", "# gpu-build: ignore[GPU502]\n", "GPU502", ["1:21"]),
        ("docker/docker-compose.yml", "services: {} # gpu-build: ignore[GPU401]\n", "GPU401", ["1:34"]),
        ("docker/docker-compose.yml", "\ufeffservices: {} # gpu-build: ignore[GPU401]\n", "GPU401", ["1:35"]),
        # What cannot be read as a whole may hold what the suppression is for.
        ("poetry.toml", "# gpu-build: ignore[GPU502]\n[virtualenvs\n", "GPU502", []),
        ("docker/docker-compose.yml", "services: [ # gpu-build: ignore[GPU401]\n", "GPU401", []),
        ("docker/Dockerfile", "FORM a\n# gpu-build: ignore[GPU105]\nRUN true\n", "GPU105", []),
        ("docker/Dockerfile", "FORM a\n# gpu-build: ignore[GPU105, GPU902]\nRUN true\n", "GPU105", []),
        # A mistake in a comment is one all the same.
        ("poetry.toml", "# gpu-build: ignore[GPU52]\n[virtualenvs\n", "GPU502", ["1:21"]),
    ],
)
def test_suppressions_are_looked_at_in_every_language(name: str, text: str, select: str, places: list[str]) -> None:
    base = {DOCKERFILE: "FROM a\n"}
    found = lint({**base, "pyproject.toml": "", name: text}, (select, "GPU902"))
    assert [f"{each.where.line}:{each.where.column}" for each in found if each.code == "GPU902"] == places
    assert all(each.where.path == ROOT / name for each in found if each.code == "GPU902")


def test_only_a_rule_that_ran_can_say_that_a_suppression_is_unused() -> None:
    text = "FROM a\n# gpu-build: ignore[GPU105]\nRUN true\n"
    assert unused(text, select=("GPU902",)) == []
    assert unused(text, select=("GPU101", "GPU902")) == []


def test_nothing_is_said_of_suppressions_where_their_rule_does_not_run() -> None:
    assert unused("FROM a\n# gpu-build: ignore[GPU105]\n# gpu-build: ignore[typo]\n", select=("GPU105",)) == []


def test_the_settings_of_a_manifest_are_no_suppression() -> None:
    assert unused("[tool.gpu-build]\nimage = 'a'\n", name="pyproject.toml") == []


def test_a_file_that_is_merely_copied_may_speak_of_suppressions() -> None:
    files = {DOCKERFILE: "FROM a\nCOPY . .\nRUN sh setup.sh\n", "setup.sh": "# gpu-build: ignore[typo]\ntrue\n"}
    assert [each for each in lint(files, ("GPU1", "GPU902")) if each.code == "GPU902"] == []


def test_a_mistake_says_what_it_is_and_how_to_write_it() -> None:
    [finding] = lint({DOCKERFILE: "FROM a\n# gpu-build: ignore[gpu105]\n"}, ("GPU902",))
    assert (finding.message, finding.help) == ("there is no rule `gpu105`", "write GPU105")
    assert (finding.severity, finding.name, finding.fix) == ("warning", "unused-suppression", None)


def test_fixing_ends_with_nothing_left_to_say() -> None:
    # The first suppression silences what is to be said of itself, and is used by that; the last two silence nothing.
    text = f"""\
# gpu-build: ignore-file[GPU902, GPU105]
FROM a
# gpu-build: ignore[GPU105] x # gpu-build: ignore[GPU902] y
{CONFIG}# gpu-build: ignore[GPU902]
RUN true
"""
    for _ in range(4):
        of = Source(ROOT / DOCKERFILE, text)
        found = lint({DOCKERFILE: text}, ("GPU105", "GPU902"))
        texts = apply_fixes({of.path: of}, found, unsafe=False).texts
        text = texts.get(of.path, text)
    assert found == []
    assert (
        text == f"# gpu-build: ignore-file[GPU902, GPU105]\nFROM a\n# gpu-build: ignore[GPU105] x\n{CONFIG}RUN true\n"
    )


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("# gpu-build: ignore[GPU105]\nRUN true\n" * 5000, 5000),
        ("# gpu-build: ignore[GPU902, typo]\nRUN true\n" * 5000, 0),
        ("RUN true \\\n" + "# gpu-build: ignore[GPU105]\n" * 5000 + "  && true\n", 5000),
    ],
    ids=["unused", "silenced", "in-one-instruction"],
)
def test_many_suppressions_take_no_long_time(text: str, count: int) -> None:
    with ends_soon():
        assert len(unused(f"FROM a\n{text}")) == count
