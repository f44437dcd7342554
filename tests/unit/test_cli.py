"""`gpu-build-lint` as it is run: what it reports, its exit codes, and what it does not import."""

from __future__ import annotations

import io
import json
import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from poetry_gpu_build import cli
from poetry_gpu_build.documents import reading
from poetry_gpu_build.lint import session
from poetry_gpu_build.lint.command_line import parser
from poetry_gpu_build.lint.main import Streams
from poetry_gpu_build.lint.main import run_lint
from poetry_gpu_build.lint.options import LintRequest
from poetry_gpu_build.lint.registry import known_codes

from .builders import settings
from .builders import tree
from .builders import write_project

BROKEN = "FROM a\nRUN poetry config virtualenvs.create false\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_project(tmp_path)


def lint(folder: Path, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "poetry_gpu_build.cli", *arguments],
        cwd=folder,
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_finding_is_shown_with_its_place_and_is_exit_1(root: Path) -> None:
    (root / "docker/Dockerfile").write_text(BROKEN, encoding="utf-8")
    done = lint(root, "--select", "GPU105")
    assert (done.returncode, done.stderr) == (1, "")
    assert "docker/Dockerfile:2:5: error[GPU105]" in done.stdout


def test_no_finding_is_exit_0(root: Path) -> None:
    (root / "docker/Dockerfile").write_text("FROM a\n", encoding="utf-8")
    assert lint(root, "--select", "GPU105").returncode == 0


def test_exit_zero_is_exit_0_with_findings_too(root: Path) -> None:
    (root / "docker/Dockerfile").write_text(BROKEN, encoding="utf-8")
    assert lint(root, "--select", "GPU105", "--exit-zero").returncode == 0


def test_only_the_named_files_are_reported_on(root: Path) -> None:
    for name in ("Dockerfile", "Dockerfile.source"):
        (root / "docker" / name).write_text(BROKEN, encoding="utf-8")
    done = lint(root, "--select", "GPU105", "--format", "json", "docker/Dockerfile.source")
    assert [finding["path"] for finding in json.loads(done.stdout)["findings"]] == ["docker/Dockerfile.source"]


def test_a_dockerfile_that_no_mode_builds_is_linted_where_it_is_named(root: Path) -> None:
    (root / "other.Dockerfile").write_text(BROKEN, encoding="utf-8")
    assert lint(root, "--select", "GPU105", "other.Dockerfile").returncode == 1


def test_stdin_stands_for_the_file_that_it_names(root: Path) -> None:
    (root / "docker/Dockerfile").write_text("FROM a\n", encoding="utf-8")
    done = lint(root, "--select", "GPU105", "-", "--stdin-filename", "docker/Dockerfile", stdin=BROKEN)
    assert done.returncode == 1
    assert "docker/Dockerfile:2:5" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["-"], "--stdin-filename"),
        (["--fix", "-", "--stdin-filename", "docker/Dockerfile"], "--diff"),
        (["--select", "XYZ1"], "there is no rule XYZ1"),
        (["no-such.Dockerfile"], "there is no file"),
        (["-", "docker/Dockerfile", "--stdin-filename", "docker/Dockerfile"], "one file from stdin"),
        (["--stdin-filename", "docker/Dockerfile"], "add -"),
        (["--unsafe-fixes"], "--diff"),
        (["--diff", "--format", "json"], "--diff shows a patch"),
        (["--format", "xml"], "text, json, sarif"),
        (["--fi"], "unrecognized"),
    ],
)
def test_what_cannot_be_asked_is_exit_2_with_what_to_do(root: Path, arguments: list[str], said: str) -> None:
    done = lint(root, *arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_file_that_cannot_be_read_does_not_hide_the_others(root: Path) -> None:
    (root / "docker/Dockerfile").write_text(BROKEN, encoding="utf-8")
    (root / "docker/Dockerfile.source").unlink()
    (root / "docker/Dockerfile.source").mkdir()
    done = lint(root, "--select", "GPU105")
    assert "docker/Dockerfile:2:5" in done.stdout
    assert "Dockerfile.source" in done.stderr
    assert done.returncode == 2


def test_poetry_is_not_imported(root: Path) -> None:
    (root / "docker/Dockerfile").write_text(BROKEN, encoding="utf-8")
    code = "import sys; from poetry_gpu_build.cli import main; main(['docker/Dockerfile']); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert not {name for name in loaded if name.startswith(("poetry.console", "poetry.factory", "cleo", "tomlkit"))}


INSTALL = "FROM a\nRUN poetry install\n"
MOUNTED = "FROM a\nRUN --mount=type=cache,target=/root/.cache/pypoetry poetry install\n"


def test_a_fix_is_written_and_said(root: Path) -> None:
    (root / "docker/Dockerfile").write_text(INSTALL, encoding="utf-8")
    done = lint(root, "--select", "GPU307", "--fix", "docker/Dockerfile")
    assert (root / "docker/Dockerfile").read_text(encoding="utf-8") == MOUNTED
    assert "Fixed 1 finding." in done.stdout
    assert done.returncode == 0


def test_a_second_fix_changes_nothing(root: Path) -> None:
    (root / "docker/Dockerfile").write_text(MOUNTED, encoding="utf-8")
    assert lint(root, "--select", "GPU307", "--fix", "docker/Dockerfile").returncode == 0
    assert (root / "docker/Dockerfile").read_text(encoding="utf-8") == MOUNTED


def test_a_diff_shows_the_fix_and_writes_nothing(root: Path) -> None:
    (root / "docker/Dockerfile").write_text(INSTALL, encoding="utf-8")
    done = lint(root, "--select", "GPU307", "--diff", "docker/Dockerfile")
    assert (root / "docker/Dockerfile").read_text(encoding="utf-8") == INSTALL
    assert "--- a/docker/Dockerfile" in done.stdout
    assert "+RUN --mount=type=cache" in done.stdout
    assert done.returncode == 1


def test_fixes_stay_in_the_named_files(root: Path) -> None:
    for name in ("Dockerfile", "Dockerfile.source"):
        (root / "docker" / name).write_text(INSTALL, encoding="utf-8")
    lint(root, "--select", "GPU307", "--fix", "docker/Dockerfile")
    assert (root / "docker/Dockerfile.source").read_text(encoding="utf-8") == INSTALL


# --- what may be named, and where paths count from


@pytest.mark.parametrize("name", ["docker/Dockerfile", "./docker/Dockerfile", "docker/../docker/Dockerfile"])
def test_a_file_may_be_named_in_any_way(root: Path, name: str) -> None:
    (root / "docker/Dockerfile").write_text(BROKEN, encoding="utf-8")
    done = lint(root, "--select", "GPU105", name)
    assert (done.returncode, done.stdout.count("error[GPU105]")) == (1, 1)


def test_a_folder_stands_for_its_whole_project(root: Path) -> None:
    (root / "docker/Dockerfile").write_text(BROKEN, encoding="utf-8")
    done = lint(root.parent, "--select", "GPU105", str(root / "docker"))
    assert (done.returncode, done.stdout.count("error[GPU105]")) == (1, 1)


def test_the_files_of_several_projects_are_each_linted_in_their_own(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_project(tmp_path / name)
        (tmp_path / name / "docker/Dockerfile").write_text(BROKEN, encoding="utf-8")
    done = lint(tmp_path, "--select", "GPU105", "one/docker/Dockerfile", "two/docker/Dockerfile")
    assert "one/docker/Dockerfile:2:5: error[GPU105]" in done.stdout
    assert "two/docker/Dockerfile:2:5: error[GPU105]" in done.stdout


def test_the_settings_of_one_project_do_not_hide_what_is_wrong_in_another(tmp_path: Path) -> None:
    write_project(tmp_path / "one", settings("nonsense = 1"))
    write_project(tmp_path / "two")
    (tmp_path / "two/docker/Dockerfile").write_text(BROKEN, encoding="utf-8")
    done = lint(tmp_path, "--select", "GPU105", "one/docker/Dockerfile", "two/docker/Dockerfile")
    assert done.returncode == 2
    assert "two/docker/Dockerfile:2:5: error[GPU105]" in done.stdout
    assert "--> one/pyproject.toml:" in done.stderr


def test_paths_are_shown_from_the_folder_that_one_stands_in(root: Path) -> None:
    (root / "docker/Dockerfile").write_text(BROKEN, encoding="utf-8")
    done = lint(root.parent, "--select", "GPU105", f"{root.name}/docker/Dockerfile")
    assert done.stdout.startswith(f"{root.name}/docker/Dockerfile:2:5")


def test_paths_are_shown_from_the_project_where_one_stands_inside_it(root: Path) -> None:
    (root / "docker/Dockerfile").write_text(BROKEN, encoding="utf-8")
    assert lint(root / "docker", "--select", "GPU105").stdout.startswith("docker/Dockerfile:2:5")


def test_where_there_is_nothing_to_lint_that_is_said(tmp_path: Path) -> None:
    done = lint(tmp_path)
    assert done.returncode == 0
    assert "there is nothing to lint" in done.stderr


# --- stdin


def test_a_closed_stdin_is_an_empty_file(root: Path) -> None:
    program = f"{sys.executable} -m poetry_gpu_build.cli --select GPU105 - --stdin-filename docker/Dockerfile <&-"
    done = subprocess.run(["sh", "-c", program], cwd=root, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_stdin_without_an_end_is_read_to_the_limit_only(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MAXIMUM_BYTES", 2**20)
    endless = io.BufferedReader(Endless())
    out, err = io.StringIO(), io.StringIO()
    request = LintRequest(files=("-",), stdin_filename="docker/Dockerfile")
    assert run_lint(request, root, Streams(endless, out, err)) == 2
    assert "stdin holds more than 1 MiB" in err.getvalue()


class Endless(io.RawIOBase):
    """A stream like /dev/zero."""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        assert isinstance(buffer, memoryview)
        buffer[:] = bytes(len(buffer))
        return len(buffer)


def test_a_diff_of_stdin_is_one_of_the_named_file(root: Path) -> None:
    done = lint(root, "--select", "GPU307", "--diff", "-", "--stdin-filename", "docker/Dockerfile", stdin=INSTALL)
    assert "+++ b/docker/Dockerfile" in done.stdout


# --- the report in a file


def test_the_report_may_go_to_a_file_and_stdout_stays_empty(root: Path) -> None:
    (root / "docker/Dockerfile").write_text(BROKEN, encoding="utf-8")
    done = lint(root, "--select", "GPU105", "--format", "json", "--output", "lint.json")
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "wrote lint.json: 1 finding\n")
    document = json.loads((root / "lint.json").read_text(encoding="utf-8"))
    assert [finding["code"] for finding in document["findings"]] == ["GPU105"]


def test_the_last_report_is_replaced_as_a_whole(root: Path) -> None:
    (root / "report.txt").write_text("x" * 100_000, encoding="utf-8")
    lint(root, "--select", "GPU105", "--output", "report.txt")
    assert (root / "report.txt").read_text(encoding="utf-8") == "All checks passed!\n"
    assert [path.name for path in root.glob(".gpu-build*")] == []


@pytest.mark.parametrize("output", ["/dev/null", "/dev/stderr"])
def test_a_report_may_go_to_a_device(root: Path, output: str) -> None:
    done = lint(root, "--select", "GPU105", "--output", output)
    assert (done.returncode, done.stdout) == (0, "")
    assert ("All checks passed!" in done.stderr) is (output == "/dev/stderr")


@pytest.mark.parametrize(
    ("output", "said"), [("no/such/report.txt", "there is no folder for --output"), ("docker", "docker")]
)
def test_a_report_that_cannot_be_written_is_exit_2(root: Path, output: str, said: str) -> None:
    out, err = io.StringIO(), io.StringIO()
    before = tree(root)
    assert run_lint(LintRequest(output=output), root, Streams(io.BytesIO(), out, err)) == 2
    assert said in err.getvalue()
    assert tree(root) == before


def test_a_patch_may_go_to_a_file_and_git_applies_it(root: Path) -> None:
    (root / "docker/Dockerfile").write_text(INSTALL, encoding="utf-8")
    done = lint(root, "--select", "GPU307", "--diff", "--output", "fix.patch", "docker/Dockerfile")
    assert (done.returncode, done.stdout) == (1, "")
    subprocess.run(["git", "apply", "fix.patch"], cwd=root, check=True)
    assert (root / "docker/Dockerfile").read_text(encoding="utf-8") == MOUNTED


def test_a_patch_holds_the_very_bytes_of_the_file(root: Path) -> None:
    text = b"# caf\xe9\xc3\xa9\r\n" + INSTALL.encode()
    (root / "docker/Dockerfile").write_bytes(text)
    command = [sys.executable, "-m", "poetry_gpu_build.cli", "--select", "GPU307", "--diff", "docker/Dockerfile"]
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, check=False)
    assert b" # caf\xe9\xc3\xa9\r\n" in done.stdout


# --- streams that end early


def big(root: Path) -> Path:
    """More findings than a pipe holds."""
    (root / "docker/Dockerfile").write_text("FROM a\n" + "RUN poetry config a b\n" * 3000, encoding="utf-8")
    return root


def test_a_reader_that_has_read_enough_is_no_error(root: Path) -> None:
    program = f"{sys.executable} -m poetry_gpu_build.cli --select GPU105 | head -n 1"
    done = subprocess.run(["sh", "-c", program], cwd=big(root), capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert "error[GPU105]" in done.stdout


def test_a_full_disk_is_said_and_is_exit_2(root: Path) -> None:
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        command = [sys.executable, "-m", "poetry_gpu_build.cli", "--select", "GPU105"]
        done = subprocess.run(command, cwd=big(root), stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("error: the report cannot be written to stdout: No space left")
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


def test_an_interrupt_is_exit_130(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.chdir(root)
    monkeypatch.setattr(session, "lint_files", interrupted)
    assert cli.main([]) == 130
    assert capsys.readouterr().err == "error: interrupted\n"


@pytest.mark.parametrize(("variables", "colored"), [({}, True), ({"NO_COLOR": "1"}, False), ({"NO_COLOR": ""}, True)])
def test_colours_are_for_a_terminal_without_no_color(root: Path, variables: dict[str, str], colored: bool) -> None:
    (root / "docker/Dockerfile").write_text(BROKEN, encoding="utf-8")
    environment = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    outer, inner = pty.openpty()
    command = [sys.executable, "-m", "poetry_gpu_build.cli", "--select", "GPU105"]
    subprocess.run(command, cwd=root, env={**environment, **variables}, stdout=inner, check=False)
    os.close(inner)
    said = os.read(outer, 100_000).decode()
    os.close(outer)
    assert "GPU105" in said
    assert ("\x1b[" in said) is colored


# --- exit codes and documents


def test_exit_zero_hides_no_file_that_cannot_be_read(root: Path) -> None:
    assert lint(root, "--exit-zero", "no-such.Dockerfile").returncode == 2


def test_exit_zero_is_for_a_diff_too(root: Path) -> None:
    (root / "docker/Dockerfile").write_text(INSTALL, encoding="utf-8")
    assert lint(root, "--select", "GPU307", "--diff", "--exit-zero", "docker/Dockerfile").returncode == 0


def test_a_diff_with_nothing_to_mend_is_exit_0_and_empty(root: Path) -> None:
    (root / "docker/Dockerfile").write_text(MOUNTED, encoding="utf-8")
    done = lint(root, "--select", "GPU307", "--diff", "docker/Dockerfile")
    assert (done.returncode, done.stdout) == (0, "")


def test_with_fix_a_diff_writes_nothing_either(root: Path) -> None:
    (root / "docker/Dockerfile").write_text(INSTALL, encoding="utf-8")
    assert lint(root, "--select", "GPU307", "--diff", "--fix", "docker/Dockerfile").returncode == 1
    assert (root / "docker/Dockerfile").read_text(encoding="utf-8") == INSTALL


def test_warnings_alone_are_exit_0(root: Path) -> None:
    done = lint(root, "--select", "GPU508")
    assert (done.returncode, "1 warning" in done.stdout) == (0, True)


def test_with_json_an_error_is_one_document_too(root: Path) -> None:
    done = lint(root, "--format", "json", "--select", "XYZ")
    document = json.loads(done.stdout)
    assert (document["schema_version"], document["error"]["exit_code"]) == (1, 2)
    assert "there is no rule XYZ" in done.stderr


def test_codes_may_be_listed_or_repeated_in_either_case(root: Path) -> None:
    (root / "docker/Dockerfile").write_text(BROKEN, encoding="utf-8")
    for options in (["--select", "gpu105, GPU307"], ["--select", "GPU105", "--select", "GPU307"]):
        assert lint(root, *options).stdout.count("error[GPU105]") == 1
    assert "GPU105" not in lint(root, "--ignore", "GPU1").stdout


def test_sarif_holds_the_page_of_every_rule(root: Path) -> None:
    rules = json.loads(lint(root, "--format", "sarif").stdout)["runs"][0]["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == list(known_codes())
    assert all(rule["help"]["markdown"].startswith(f"# {rule['id']}: {rule['name']}\n") for rule in rules)


def test_the_help_teaches() -> None:
    shown = parser().format_help()
    for taught in ("gpu-build-lint --fix", "--format sarif --output", "130  interrupted", "gpu-build rule GPU401"):
        assert taught in shown


# --- fixes and a file that somebody else writes


def test_a_file_that_changed_meanwhile_is_left_alone_and_the_others_are_mended(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("Dockerfile", "Dockerfile.source"):
        (root / "docker" / name).write_text(INSTALL, encoding="utf-8")
    mend = session.mend

    def mend_slowly(*arguments: Any, **options: Any) -> session.Mended:
        mended = mend(*arguments, **options)
        (root / "docker/Dockerfile").write_text(f"# mine\n{INSTALL}", encoding="utf-8")
        return mended

    monkeypatch.setattr(session, "mend", mend_slowly)
    monkeypatch.chdir(root)
    assert cli.main(["--select", "GPU307", "--fix"]) == 2
    assert (root / "docker/Dockerfile").read_text(encoding="utf-8") == f"# mine\n{INSTALL}"
    assert (root / "docker/Dockerfile.source").read_text(encoding="utf-8") == MOUNTED
    said = capsys.readouterr()
    assert "changed since it was read" in said.err
    assert "docker/Dockerfile:3:5" in said.out, "what is found now, not what was to be"
    assert "Fixed" not in said.out
