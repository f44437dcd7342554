"""[tool.gpu-build.lint]: which rules run, how bad their findings are, and how every bad setting is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from poetry_gpu_build.documents.toml import parse_toml
from poetry_gpu_build.documents.toml import read_toml
from poetry_gpu_build.errors import ConfigurationError
from poetry_gpu_build.lint.registry import Selection
from poetry_gpu_build.lint.registry import known_codes
from poetry_gpu_build.lint.registry import select_rules
from poetry_gpu_build.lint.session import lint_files
from poetry_gpu_build.lint.session import mend
from poetry_gpu_build.lint_policy import SEVERITIES
from poetry_gpu_build.lint_policy import FileIgnores
from poetry_gpu_build.lint_policy import LintPolicy
from poetry_gpu_build.policy import load_policy
from poetry_gpu_build.resources import policies_dir

from ..patience import ends_soon

CONFIG = "RUN poetry config virtualenvs.create false\n"


def settings(lines: str) -> LintPolicy:
    """What these lines of [tool.gpu-build.lint] say."""
    text = f"[tool.gpu-build.lint]\n{lines}"
    return load_policy(policies_dir(), parse_toml(text, Path("pyproject.toml"))).lint


def selected(lines: str = "", selection: Selection | None = None) -> list[str]:
    return [rule.code for rule in select_rules(selection or Selection(), settings(lines))]


def family(*beginnings: str) -> list[str]:
    return [code for code in known_codes() if code.startswith(beginnings)]


# --- policies/rules.toml


def test_each_rule_has_one_line_in_the_shipped_severities_and_no_line_is_without_a_rule() -> None:
    shipped = read_toml(policies_dir() / "rules.toml")
    assert tuple(shipped.data) == known_codes()
    assert set(shipped.data.values()) <= set(SEVERITIES)


# --- which rules run


def test_without_a_word_all_rules_run() -> None:
    assert selected() == list(known_codes())


@pytest.mark.parametrize(
    ("lines", "selection", "codes"),
    [
        ("select = ['GPU1', 'GPU401']", Selection(), family("GPU1", "GPU401")),
        ("select = ['gpu1']", Selection(), family("GPU1")),
        ("select = ['GPU1']", Selection(select=("GPU4",)), family("GPU4")),
        ("ignore = ['GPU1', 'GPU2']", Selection(select=("GPU1", "GPU3")), family("GPU3")),
        ("select = ['GPU1']\nignore = ['GPU101']", Selection(ignore=("GPU102",)), family("GPU1")[2:]),
        ("ignore = ['GPU']", Selection(), []),
        ("ignore = []", Selection(), family("GPU")),
    ],
)
def test_the_command_line_selects_in_the_projects_place_and_ignores_besides_it(
    lines: str, selection: Selection, codes: list[str]
) -> None:
    assert selected(lines, selection) == codes


@pytest.mark.parametrize("selection", [Selection(select=("GPU777",)), Selection(ignore=("GPU101", "X"))])
def test_an_unknown_rule_of_the_command_line_is_refused(selection: Selection) -> None:
    with pytest.raises(ConfigurationError, match="there is no rule") as caught:
        select_rules(selection)
    assert caught.value.where is None
    assert "GPU101" in caught.value.ways_out[0]


def test_a_run_takes_the_settings_of_the_project(tmp_path: Path) -> None:
    (tmp_path / "docker").mkdir()
    (tmp_path / "docker/Dockerfile").write_text(f"FROM a\n{CONFIG}", encoding="utf-8")
    lines = "[tool.gpu-build.lint]\nselect = ['GPU105']\nseverity.GPU105 = 'info'\n"
    (tmp_path / "pyproject.toml").write_text(lines, encoding="utf-8")
    found = lint_files(tmp_path, Selection(), (), {}).findings
    assert [(finding.code, finding.severity) for finding in found] == [("GPU105", "info")]
    assert lint_files(tmp_path, Selection(ignore=("GPU105",)), (), {}).findings == ()


def test_of_the_unused_suppressions_only_those_in_the_named_files_are_told_and_mended(tmp_path: Path) -> None:
    (tmp_path / "docker").mkdir()
    text = "FROM a\n# gpu-build: ignore[GPU105] gone\nRUN true\n"
    paths = [tmp_path / "docker" / name for name in ("Dockerfile", "Dockerfile.source")]
    for path in paths:
        path.write_text(text, encoding="utf-8")
    selection = Selection(select=("GPU105", "GPU902"))
    assert [finding.where.path for finding in lint_files(tmp_path, selection, (), {}).findings] == paths
    assert [each.where.path for each in lint_files(tmp_path, selection, paths[1:], {}).findings] == paths[1:]
    mended = mend(tmp_path, selection, paths[1:], {}, unsafe=False)
    assert mended.after == {paths[1]: "FROM a\nRUN true\n"}
    assert mended.linted.findings == ()


# --- severities


@pytest.mark.parametrize(
    ("lines", "code", "severity"),
    [
        ("", "GPU105", "error"),
        ("", "GPU901", "warning"),
        ("severity.GPU105 = 'warning'", "GPU105", "warning"),
        ("severity.GPU1 = 'info'", "GPU105", "info"),
        ("severity.gpu1 = 'info'", "GPU105", "info"),
        ("severity.GPU1 = 'info'", "GPU201", "error"),
        ("severity = { GPU105 = 'warning', GPU = 'info', GPU10 = 'error' }", "GPU105", "warning"),
        ("severity = { GPU = 'info', GPU10 = 'error' }", "GPU105", "error"),
        ("severity = { GPU10 = 'error', GPU = 'info' }", "GPU201", "info"),
    ],
)
def test_the_longest_name_that_fits_decides_the_severity(lines: str, code: str, severity: str) -> None:
    assert settings(lines).severities[code] == severity


# --- patterns


@pytest.mark.parametrize(
    ("pattern", "path", "is_meant"),
    [
        ("docker/Dockerfile", "docker/Dockerfile", True),
        ("docker/Dockerfile", "sub/docker/Dockerfile", False),
        ("Dockerfile", "sub/docker/Dockerfile", True),
        ("/Dockerfile", "sub/docker/Dockerfile", False),
        ("/Dockerfile", "Dockerfile", True),
        ("sub", "sub/docker/Dockerfile", True),
        ("docker", "sub/docker/Dockerfile", False),
        ("**/docker", "sub/docker/Dockerfile", True),
        ("sub/**", "sub/docker/Dockerfile", True),
        ("*", "sub/docker/Dockerfile", True),
        ("Docker[a-f]ile", "sub/Dockerfile", True),
        ("Docker?ile", "sub/Dockerfile", True),
        ("dockerfile", "Dockerfile", False),
        (".dockerignore", ".dockerignore", True),
    ],
)
def test_a_pattern_means_files(pattern: str, path: str, is_meant: bool) -> None:
    assert FileIgnores(pattern, ()).matcher()(path) is is_meant


# --- every bad setting is one error, with its place


def refused(lines: str) -> ConfigurationError:
    with pytest.raises(ConfigurationError) as caught:
        settings(lines)
    assert caught.value.exit_code == 2
    assert caught.value.ways_out
    assert len(caught.value.message) < 500
    assert caught.value.where is not None
    assert caught.value.where.path == Path("pyproject.toml")
    return caught.value


@pytest.mark.parametrize(
    ("lines", "place", "said"),
    [
        # the wrong type
        ("select = 'GPU1'", (2, 1), "an array"),
        ("select = []", (2, 1), "at least 1"),
        ("select = ['GPU1',\n  3]", (3, 3), "a string"),
        ("ignore = { GPU1 = true }", (2, 1), "an array"),
        ("per-file-ignores = ['GPU1']", (2, 1), "a table"),
        ("per-file-ignores = { 'a' = 'GPU1' }", (2, 22), "an array"),
        ("severity = 'error'", (2, 1), "a table"),
        ("severity.GPU1 = true", (2, 10), "error"),
        ("severity.GPU1.level = 'error'", (2, 10), "error"),
        # the places of names with dots and brackets
        ("[tool.gpu-build.lint.per-file-ignores]\n'docker/Dockerfile.source' = 3", (3, 1), "an array"),
        ("[tool.gpu-build.lint.per-file-ignores]\n'a.b' = []\n'a' = ['GPU1',\n 4]", (5, 2), "a string"),
        ("[tool.gpu-build.lint.per-file-ignores]\n'x[0].{y}' = ['GPU1', 4]", (3, 23), "a string"),
        # unknown names
        ("selekt = ['GPU1']", (2, 1), "unknown key"),
        ("select = ['GPU1', 'GPU777']", (2, 19), "no rule GPU777"),
        ("ignore = ['E501']", (2, 11), "no rule E501"),
        ("ignore = ['']", (2, 11), "longer"),
        ("ignore = [' GPU1']", (2, 11), "no rule"),
        ("per-file-ignores = { 'a' = ['GPU1', 'GPU1011'] }", (2, 37), "no rule GPU1011"),
        ("severity.GPU777 = 'error'", (2, 10), "no rule GPU777"),
        ("severity.'' = 'error'", (2, 10), "no rule"),
        ("severity.GPU1 = 'fatal'", (2, 10), "warning"),
        ("severity.GPU1 = 'Error'", (2, 10), "warning"),
        # patterns that mean nothing
        ("per-file-ignores = { '' = ['GPU1'] }", (2, 22), "no file"),
        ("per-file-ignores = { '  ' = ['GPU1'] }", (2, 22), "no file"),
        ("per-file-ignores = { '/' = ['GPU1'] }", (2, 22), "no file"),
        ("per-file-ignores = { './' = ['GPU1'] }", (2, 22), "no file"),
        ("per-file-ignores = { '!a' = ['GPU1'] }", (2, 22), "takes back"),
        ("per-file-ignores = { '../a' = ['GPU1'] }", (2, 22), "leads out"),
        ("per-file-ignores = { 'a/../..' = ['GPU1'] }", (2, 22), "leads out"),
        ("per-file-ignores = { '[a' = ['GPU1'] }", (2, 22), "not a pattern"),
        ("per-file-ignores = { 'a\\' = ['GPU1'] }", (2, 22), "not a pattern"),
    ],
)
def test_a_bad_setting_is_refused_at_its_place(lines: str, place: tuple[int, int], said: str) -> None:
    error = refused(lines)
    assert error.where is not None
    assert (error.where.line, error.where.column) == place
    assert said in error.message


HUGE = 20_000


@pytest.mark.parametrize(
    "lines",
    [
        f"select = {['GPU101'] * HUGE}",
        f"ignore = {[f'X{number}' for number in range(HUGE)]}",
        f"ignore = ['{'X' * 1_000_000}']",
        f"severity = {{ {', '.join(f'GPU{number} = 1' for number in range(HUGE))} }}",
        f"per-file-ignores = {{ {', '.join(f'f{number} = []' for number in range(HUGE))} }}",
        f"per-file-ignores = {{ '{'*a' * 100_000}' = ['GPU1'] }}",
        f"per-file-ignores = {{ a = {['GPU1'] * HUGE} }}",
    ],
    ids=["select", "ignore", "long-name", "severity", "files", "long-pattern", "codes-of-a-file"],
)
def test_a_huge_setting_is_refused_in_short_words_and_time(lines: str) -> None:
    with ends_soon():
        refused(lines)


def test_the_longest_pattern_that_is_allowed_is_tried_in_a_short_time() -> None:
    pattern = "*a" * 2048
    [entry] = settings(f"per-file-ignores = {{ '{pattern}' = ['GPU1'] }}").per_file_ignores
    with ends_soon():
        assert not entry.matcher()("a" * 4000 + "b")
