"""`--report`: what real builds took and why, by a real engine; the page in a real browser."""

from __future__ import annotations

import json
import re
import signal
import subprocess
from dataclasses import dataclass
from dataclasses import replace
from typing import TYPE_CHECKING
from typing import Any

import pytest

from .harness import small
from .harness.plugin import install_poetry
from .harness.plugin import plugin_wheel
from .harness.project import files_of
from .harness.small import make_base
from .harness.small import small_project
from .harness.terminal import Terminal

if TYPE_CHECKING:
    from pathlib import Path

    from .harness.engine import Engine
    from .harness.plugin import Poetry

BINARY = ("--gpu", "8.6", "--no-lint", "--no-verify")
SOURCE = ("--gpu", "5.2", "--no-lint", "--no-verify")
SECRET = "hunter2hunter2"
NUMBERED = ("RUN ", "COPY ", "WORKDIR ")


@dataclass(frozen=True, slots=True)
class Built:
    """A build and its report."""

    result: subprocess.CompletedProcess[str]
    report: dict[str, Any]

    def instructions(self, state: str) -> list[str]:
        """Of the steps that ended so."""
        return [
            instruction(step)
            for step in self.report["steps"]
            if step["state"] == state and instruction(step).startswith(NUMBERED)
        ]

    def reasons(self) -> dict[str, list[str]]:
        """By the instruction of each first step that ran."""
        names = {step["id"]: instruction(step) for step in self.report["steps"]}
        return {names[cause["step"]]: cause["reasons"] for cause in self.report["invalidated"]}


@dataclass(frozen=True, slots=True)
class Workplace:
    """A project, and a user who never had a report before."""

    poetry: Poetry
    project: Path

    @property
    def reports(self) -> Path:
        """Where the reports are written."""
        return self.project.parent

    def build(self, *arguments: str, status: int = 0) -> Built:
        """Build with a report, which ends with this exit code."""
        path = self.reports / "report.json"
        result = self.poetry.gpu_build(*arguments, "--report", str(path), cwd=self.project)
        assert result.returncode == status, result.stderr
        return Built(result, json.loads(path.read_text(encoding="utf-8")))

    def write(self, name: str, text: str) -> None:
        """Write a file of the project."""
        (self.project / name).write_text(text, encoding="utf-8")


def instruction(step: dict[str, Any]) -> str:
    return str(step["name"]).partition("] ")[2]


def empty(engine: Engine) -> None:
    """Leave nothing in the cache."""
    engine.docker("image", "rm", "--force", "hello-gpu:binary", "hello-gpu:source")
    engine.docker("builder", "prune", "--all", "--force")


@pytest.fixture(scope="module")
def installed(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Poetry:
    make_base(engine)
    return install_poetry(tmp_path_factory.mktemp("poetry"), plugin_wheel(), engine)


def workplace_in(folder: Path, installed: Poetry) -> Workplace:
    project = small_project(folder / "hello-gpu")
    return Workplace(installed.with_env(XDG_STATE_HOME=str(folder / "state")), project)


@pytest.fixture
def workplace(installed: Poetry, tmp_path: Path) -> Workplace:
    return workplace_in(tmp_path, installed)


@pytest.fixture(scope="module")
def story(installed: Poetry, engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Built]:
    """One project, built again and again, each time with one thing changed."""
    workplace = workplace_in(tmp_path_factory.mktemp("story"), installed)
    main = workplace.project / "app/main.py"
    main.chmod(0o644)
    (workplace.project / "app/model").write_bytes(bytes(1_000_000))
    empty(engine)
    story = {"first": workplace.build(*BINARY)}
    main.touch()
    story["touched"] = workplace.build(*BINARY)
    workplace.write("app/main.py", "print(2)\n")
    workplace.write("app/new.py", "print(3)\n")
    story["changed files"] = workplace.build(*BINARY)
    main.chmod(0o755)
    story["changed mode"] = workplace.build(*BINARY)
    story["changed argument"] = workplace.build(*BINARY, "--build-arg", "GREETING=good day")
    workplace.write("docker/Dockerfile", small.BINARY.replace("echo proven", "echo shown"))
    story["changed instruction"] = workplace.build(*BINARY)
    make_base(engine, saying="second")
    story["changed base"] = workplace.build(*BINARY)
    story["no cache"] = workplace.build(*BINARY, "--docker-no-cache")
    empty(engine)
    story["emptied cache"] = workplace.build(*BINARY)
    return story


# What ran, and why


def test_the_first_build_runs_each_step_and_knows_no_earlier_one(story: dict[str, Built]) -> None:
    first = story["first"]
    assert first.report["outcome"] == "built"
    assert len(first.instructions("run")) == 6
    # BuildKit puts the values of build arguments into the names of steps.
    assert first.reasons() == {
        'RUN echo "hello" > /greeting': ["no earlier build with a report is known here to compare with"]
    }


def test_a_file_that_was_only_touched_makes_nothing_run(story: dict[str, Built]) -> None:
    assert story["touched"].instructions("run") == []
    assert len(story["touched"].instructions("cached")) == 6
    assert story["touched"].report["invalidated"] == []


def test_changed_files_are_named_with_the_step_that_they_made_run(story: dict[str, Built]) -> None:
    changed = story["changed files"]
    assert changed.reasons() == {"COPY . .": ["app/main.py changed, app/new.py is new"]}
    assert [name.partition(" ")[0] for name in changed.instructions("run")] == ["COPY", "RUN"]
    assert len(changed.instructions("cached")) == 4


def test_a_changed_mode_is_told_as_such(story: dict[str, Built]) -> None:
    assert story["changed mode"].reasons() == {"COPY . .": ["app/main.py changed its mode from 644 to 755"]}


def test_a_changed_build_argument_is_named_with_its_values(story: dict[str, Built]) -> None:
    assert list(story["changed argument"].reasons().values()) == [["GREETING changed from hello to good day"]]


def test_a_changed_instruction_is_told_and_what_the_cache_still_has_is_not(story: dict[str, Built]) -> None:
    # The argument is back at its default, of which the cache still holds the steps.
    assert story["changed instruction"].reasons() == {
        "RUN <<PROOF (echo shown...)": ["its instruction is new, or was changed"]
    }


def test_a_base_image_that_another_one_took_the_name_of_is_told(story: dict[str, Built]) -> None:
    told = [[f"the base image {small.BASE} is another one under the same name"]]
    assert list(story["changed base"].reasons().values()) == told


def test_a_build_without_the_cache_says_so(story: dict[str, Built]) -> None:
    told = [["the build was told not to use the cache (--docker-no-cache)"]]
    assert list(story["no cache"].reasons().values()) == told


def test_an_emptied_cache_is_not_blamed_on_a_file(story: dict[str, Built]) -> None:
    [[reason]] = story["emptied cache"].reasons().values()
    assert reason.startswith("the cache had no answer")


# Sizes, times, the path


def test_layers_are_told_with_the_steps_that_made_them(story: dict[str, Built]) -> None:
    report = story["first"].report
    sizes = {instruction(step): step["layer"] for step in report["steps"]}
    assert sizes[f"RUN dd if=/dev/zero of=/torch bs=1000 count={small.TORCH_BYTES // 1000}"] == small.TORCH_BYTES
    assert sizes['RUN echo "hello" > /greeting'] == len("hello\n")
    assert sizes["RUN <<PROOF (echo proven...)"] is None
    [image] = report["images"]
    assert image["name"] == "hello-gpu:binary"
    assert sum(layer["size"] for layer in image["layers"]) == image["size"]


def test_the_transfer_of_the_context_is_told_in_bytes(story: dict[str, Built]) -> None:
    [context] = [step for step in story["first"].report["steps"] if "load build context" in step["name"]]
    assert 1_000_000 < context["transferred"] < 1_100_000


def test_the_critical_path_ends_with_the_export_and_is_no_longer_than_the_build(story: dict[str, Built]) -> None:
    report = story["first"].report
    path = report["critical_path"]
    assert 0 < path["seconds"] <= report["seconds"] + 0.001
    assert report["steps"][int(path["steps"][-1][1:]) - 1]["name"] == "exporting to image"


def test_both_modes_are_one_report(workplace: Workplace) -> None:
    both = ("--all-modes", "--no-lint", "--no-verify")
    report = workplace.build(*both).report
    assert report["title"] == "hello-gpu:binary, hello-gpu:source"
    stages = {(step["target"], step["stage"]) for step in report["steps"] if step["kind"] == "stage"}
    assert stages >= {("binary", "app"), ("source", "torch-build"), ("source", "torch"), ("source", "app")}
    assert [image["name"] for image in report["images"]] == ["hello-gpu:binary", "hello-gpu:source"]
    workplace.write("app/main.py", "print('never before')\n")
    assert workplace.build(*both).reasons() == {
        "COPY . .": ["app/main.py changed"],
        "COPY . /app": ["app/main.py changed"],
    }


# Builds that do not succeed


@pytest.fixture(scope="module")
def failed(installed: Poetry, tmp_path_factory: pytest.TempPathFactory) -> tuple[Workplace, Built]:
    workplace = workplace_in(tmp_path_factory.mktemp("failed"), installed)
    workplace = replace(workplace, poetry=workplace.poetry.with_env(TOKEN=SECRET))
    workplace.write("app/main.py", "print('of this test alone')\n")
    workplace.write("broken", f"token is {SECRET}\n")
    html = str(workplace.reports / "report.html")
    built = workplace.build(*SOURCE, "--secret", "id=token,env=TOKEN", "--report", html, status=5)
    return workplace, built


def test_a_failed_build_is_reported_with_the_steps_last_words(failed: tuple[Workplace, Built]) -> None:
    report = failed[1].report
    assert report["outcome"] == "failed"
    assert "with exit code 3" in report["error"]
    [step] = [step for step in report["steps"] if step["state"] == "failed"]
    assert step["log"] == ["error: <b>no kernel</b>", "token is ***"]
    assert [step["state"] for step in report["steps"] if "endless" in step["name"]] == ["unstarted"]


def test_a_secret_that_a_step_prints_is_in_no_report_and_not_remembered(failed: tuple[Workplace, Built]) -> None:
    folder = failed[0].reports
    written = [folder / "report.html", folder / "report.json", *(folder / "state").rglob("*.json")]
    assert [path for path in written if SECRET in path.read_text(encoding="utf-8")] == []
    assert "token is ***" in written[0].read_text(encoding="utf-8")


def test_the_message_of_a_failure_is_the_same_with_a_report(failed: tuple[Workplace, Built]) -> None:
    workplace, built = failed
    without = workplace.poetry.gpu_build(*SOURCE, cwd=workplace.project).stderr
    told = built.result.stderr.rpartition("\nerror: ")[2]
    assert told == without.rpartition("\nerror: ")[2]
    assert "--> docker/Dockerfile.source:" in told


def test_what_a_failed_build_finished_is_remembered_and_the_rest_is_not(failed: tuple[Workplace, Built]) -> None:
    workplace, _ = failed
    (workplace.project / "broken").unlink()
    assert workplace.build(*SOURCE).reasons() == {"COPY . /app": ["broken is gone"]}


def test_a_stopped_build_is_reported_as_far_as_it_came(workplace: Workplace) -> None:
    workplace.write("endless", "")
    path = workplace.reports / "report.json"
    command = subprocess.Popen(
        [workplace.poetry.program, "gpu-build", *SOURCE, "--report", str(path)],
        cwd=workplace.project,
        env=dict(workplace.poetry.environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert command.stderr
        shown = ""
        while not shown.endswith(" waiting\n"):
            line = command.stderr.readline()
            assert line, shown
            shown += line
        command.send_signal(signal.SIGINT)
        command.communicate(timeout=60)
    finally:
        command.kill()
        command.wait()
    assert command.returncode == 130
    report = json.loads(path.read_text(encoding="utf-8"))
    assert report["outcome"] == "interrupted"
    [stopped] = [step for step in report["steps"] if step["state"] == "cancelled"]
    assert "endless" in stopped["name"]


# What is shown meanwhile, and what is written


def test_the_progress_is_shown_as_lines_where_docker_cannot_both_draw_and_tell(story: dict[str, Built]) -> None:
    result = story["first"].result
    assert re.search(r"^#\d+ \[app 3/5\] RUN dd ", result.stderr, re.MULTILINE)
    assert re.search(r"^#\d+ \d+\.\d{3} proven$", result.stderr, re.MULTILINE)
    assert re.search(r"^#\d+ DONE \d+\.\ds$", result.stderr, re.MULTILINE)
    assert '"vertexes"' not in result.stderr
    assert result.stdout == "built hello-gpu:binary\n"


def test_rawjson_stays_rawjson(workplace: Workplace) -> None:
    built = workplace.build(*BINARY, "--progress", "rawjson")
    assert '"vertexes"' in built.result.stderr
    assert len(built.instructions("run")) + len(built.instructions("cached")) == 6


def test_in_a_terminal_too_and_it_is_said_why_docker_does_not_draw(workplace: Workplace) -> None:
    path = workplace.reports / "report.json"
    command: list[str | Path] = [workplace.poetry.program, "gpu-build", *BINARY, "--report", str(path)]
    with Terminal(command, env=workplace.poetry.environment, cwd=workplace.project) as terminal:
        assert terminal.wait() == 0
        assert " exporting to image" in terminal.screen
    [note] = json.loads(path.read_text(encoding="utf-8"))["notes"]
    assert "keeps no history" in note


def test_reports_of_each_format_are_written_at_once_and_nothing_else_is(workplace: Workplace) -> None:
    before = files_of(workplace.project)
    paths = [workplace.reports / name for name in ("a.html", "b.json", "c.md")]
    options = [word for path in paths for word in ("--report", str(path))]
    workplace.poetry.built(*BINARY, *options, cwd=workplace.project)
    assert paths[0].read_text(encoding="utf-8").startswith("<!doctype html>")
    assert json.loads(paths[1].read_text(encoding="utf-8"))["schema_version"] == 1
    assert paths[2].read_text(encoding="utf-8").startswith("## hello-gpu")
    assert files_of(workplace.project) == before


def test_a_report_in_the_build_context_is_written_and_noted(workplace: Workplace) -> None:
    result = workplace.poetry.gpu_build(*BINARY, "--report", "report.html", cwd=workplace.project)
    assert result.returncode == 0
    assert "report.html lies in the build context" in result.stderr
    assert (workplace.project / "report.html").is_file()
