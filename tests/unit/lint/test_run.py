"""From hits to findings: the rule's code and severity, the place, the comments that silence, the order."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from poetry_gpu_build.documents.source import Source
from poetry_gpu_build.lint.documents import Documents
from poetry_gpu_build.lint.rules.gpu105 import PoetryConfigInDockerfile
from poetry_gpu_build.lint.run import run_rules
from poetry_gpu_build.policy import load_policy
from poetry_gpu_build.resources import policies_dir

if TYPE_CHECKING:
    from poetry_gpu_build.lint.finding import Finding
    from poetry_gpu_build.lint.finding import Severity

ROOT = Path("/project")
CONFIG = "RUN poetry config virtualenvs.create false\n"


def run(binary: str, source: str = "", **severities: Severity) -> list[Finding]:
    files = {ROOT / "docker/Dockerfile": binary, ROOT / "docker/Dockerfile.source": source}

    def read(path: Path) -> Source | None:
        return Source(path, files[path]) if files.get(path) else None

    documents = Documents(ROOT, load_policy(policies_dir()), read)
    return list(run_rules(documents, [PoetryConfigInDockerfile()], severities, {"GPU105", "GPU101"}))


def test_a_finding_says_rule_place_and_line() -> None:
    [finding] = run(f"FROM a\n{CONFIG}")
    assert (finding.code, finding.name) == ("GPU105", "poetry-config-in-dockerfile")
    assert (finding.where.line, finding.where.column) == (2, 5)
    assert (finding.end.line, finding.end.column) == (2, len(CONFIG))
    assert finding.excerpt == CONFIG.rstrip()


def test_the_severity_in_force_counts() -> None:
    [by_rule] = run(f"FROM a\n{CONFIG}")
    [by_policy] = run(f"FROM a\n{CONFIG}", GPU105="warning")
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
