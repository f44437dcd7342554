from __future__ import annotations

import json
import os
import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

import pytest

from poetry_gpu_build.commands import planning
from poetry_gpu_build.gpu.platforms import Platform

from ..builders import GROUP
from ..builders import HEAD
from ..builders import PYPROJECT
from ..builders import SOURCE
from ..builders import gpu
from ..builders import put_on_path
from ..builders import settings
from ..builders import tree
from ..builders import write_project

if TYPE_CHECKING:
    from collections.abc import Callable

    from .conftest import Machine
    from .conftest import Poetry
    from .conftest import Ran

RECORDED = Path(__file__).parents[1] / "engine" / "recorded"
DRY = "gpu-build --dry-run"


def data(ran: Ran) -> dict[str, Any]:
    """The one document on stdout."""
    found: dict[str, Any] = json.loads(ran.out)
    assert found["schema_version"] == 1
    return found


def error(ran: Ran, status: int) -> dict[str, Any]:
    assert ran.status == status
    found: dict[str, Any] = data(ran)["error"]
    assert found["exit_code"] == status
    assert set(found) == {"exit_code", "message", "where", "ways_out"}
    return found


# --- the plan is shown


def test_the_text_says_what_would_be_built_and_why(poetry: Poetry) -> None:
    ran = poetry(f"{DRY} --gpu 5.2")
    assert ran.status == 0
    for said in ("mode: source", "docker/Dockerfile.source", "11.8.0", "2.4.1", "sm_52", "without binary-torch"):
        assert said in ran.out
    assert "minimal:source" in ran.out
    assert re.search(r"1\. flag .*\n.*2\. targets .*\n.*3\. policy .*\n.*4\. facts ", ran.out)
    assert "advice" in ran.out


def test_the_json_is_the_plan(poetry: Poetry, root: Path) -> None:
    ran = poetry(f"{DRY} --gpu 8.6 --format json")
    assert ran.status == 0
    plan = data(ran)
    assert plan["mode"] == "binary"
    assert plan["targets"] == ["8.6"]
    assert plan["gpus"] == [
        {"compute_capability": "8.6", "name": None, "reported_by": "--gpu", "driver": None, "is_guess": False}
    ]
    assert Path(plan["root"]).samefile(root)
    assert (plan["context"], plan["dockerfile"]) == (".", "docker/Dockerfile")
    assert plan["base_image"] == "nvidia/cuda:12.8.1-devel-ubuntu22.04"
    assert plan["torch"] == "2.7.1+cu128"
    assert plan["groups"] == {"with": ["binary-torch"], "without": []}
    assert plan["arch_list"] == []
    assert plan["build_args"]["BUILD_FROM_SOURCE"] == "false"
    assert plan["tags"] == ["minimal:binary"]
    assert {reason["step"] for reason in plan["reasons"]} >= {"flag", "targets", "policy", "facts"}
    assert [reason["status"] for reason in plan["reasons"] if reason["step"] == "facts"] == ["secondary+user reports"]


@pytest.mark.parametrize(
    ("targets", "mode", "dockerfile", "groups", "arch_list"),
    [
        (["3.5"], "source", "docker/Dockerfile.source", ([], ["binary-torch"]), ["3.5"]),
        (["5.0"], "source", "docker/Dockerfile.source", ([], ["binary-torch"]), ["5.0"]),
        (["5.2"], "source", "docker/Dockerfile.source", ([], ["binary-torch"]), ["5.2"]),
        (["7.5"], "binary", "docker/Dockerfile", (["binary-torch"], []), []),
        (["8.6"], "binary", "docker/Dockerfile", (["binary-torch"], []), []),
        (["8.9"], "binary", "docker/Dockerfile", (["binary-torch"], []), []),
        (["9.0"], "binary", "docker/Dockerfile", (["binary-torch"], []), []),
        (["10.0"], "binary", "docker/Dockerfile", (["binary-torch"], []), []),
        (["12.0"], "binary", "docker/Dockerfile", (["binary-torch"], []), []),
        (["5.2", "8.6"], "source", "docker/Dockerfile.source", ([], ["binary-torch"]), ["5.2", "8.6"]),
    ],
)
def test_the_issues_table(
    poetry: Poetry,
    targets: list[str],
    mode: str,
    dockerfile: str,
    groups: tuple[list[str], list[str]],
    arch_list: list[str],
) -> None:
    ran = poetry(f"{DRY} --format json " + " ".join(f"--gpu {target}" for target in targets))
    assert ran.status == 0
    plan = data(ran)
    assert (plan["mode"], plan["dockerfile"], plan["arch_list"]) == (mode, dockerfile, arch_list)
    assert (plan["groups"]["with"], plan["groups"]["without"]) == groups
    assert plan["targets"] == targets


@pytest.mark.parametrize(
    ("targets", "ways"),
    [
        (["6.1"], ["cu126", "--from-source"]),
        (["7.0"], ["cu126", "--from-source"]),
        (["5.2", "12.0"], ["CUDA 12.8"]),
        (["12.0", "--from-source"], ["--binary", "CUDA 12.8"]),
    ],
)
def test_the_issues_table_of_refusals(poetry: Poetry, targets: list[str], ways: list[str]) -> None:
    line = " ".join(item if item.startswith("--") else f"--gpu {item}" for item in targets)
    ran = poetry(f"{DRY} --format json {line}")
    told = error(ran, 3)
    assert told["where"] is None
    for way in ways:
        assert any(way in offered for offered in told["ways_out"])
        assert way in ran.words


def test_both_modes_are_two_plans(poetry: Poetry) -> None:
    plans = data(poetry(f"{DRY} --all-modes --gpu 5.2 --gpu 8.6 --format json"))["plans"]
    assert [(plan["mode"], plan["targets"]) for plan in plans] == [("binary", ["8.6"]), ("source", ["5.2"])]


def test_the_bake_definition_is_one_that_bake_reads(poetry: Poetry) -> None:
    ran = poetry(f"{DRY} --gpu 8.6 --format bake --target app --cache-to type=inline --docker-no-cache")
    definition = json.loads(ran.out)
    assert definition["group"]["default"]["targets"] == ["binary"]
    target = definition["target"]["binary"]
    assert (target["target"], target["cache-to"], target["no-cache"]) == ("app", ["type=inline"], True)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("--cache-to type=inline,mode=max", "mode=max"),
        ("--cache-to type=registry", "needs ref"),
        ("--all-modes --cache-to type=registry,ref=r.example/c", "lost"),
        ("--all-modes --output type=oci,dest=a.tar", "lost"),
        ("--compression zstd", "leaves the builder"),
        ("--push --compression rar", "rar"),
    ],
)
def test_what_would_do_nothing_is_refused_in_a_dry_run_too(poetry: Poetry, arguments: str, said: str) -> None:
    told = error(poetry(f"{DRY} --format json {arguments}"), 2)
    assert said in told["message"]
    assert told["ways_out"]


def test_the_teams_cache_is_in_the_definition_of_each_mode(poetry: Poetry, root: Path) -> None:
    lines = 'cache.from = ["r.example/c:{mode}"]\ncache.to = ["type=registry,ref=r.example/c:{mode},mode=max"]'
    (root / "pyproject.toml").write_text(settings(lines), encoding="utf-8")
    targets = json.loads(poetry(f"{DRY} --all-modes --push --format bake").out)["target"]
    assert [target["cache-from"] for target in targets.values()] == [["r.example/c:binary"], ["r.example/c:source"]]
    assert targets["source"]["cache-to"] == ["type=registry,ref=r.example/c:source,mode=max"]
    assert "cache-to" not in json.loads(poetry(f"{DRY} --gpu 5.2 --format bake").out)["target"]["source"]


def test_the_environment_is_one_that_a_shell_reads(poetry: Poetry) -> None:
    line = ("--dry-run", "--gpu", "5.2", "--gpu", "8.6", "--format", "env", "--build-arg", "SAY=it's a $dollar")
    ran = poetry.process("gpu-build", *line)
    words = [shlex.split(line) for line in ran.out.splitlines()]
    variables = dict(word.partition("=")[::2] for [word] in words)
    assert variables["GPU_BUILD_DOCKERFILE"] == "docker/Dockerfile.source"
    assert variables["TORCH_CUDA_ARCH_LIST"] == "5.2;8.6"
    assert variables["POETRY_WITH"] == ""
    assert variables["SAY"] == "it's a $dollar"


@pytest.mark.parametrize("form", ["text", "json", "bake", "env"])
def test_a_dry_run_touches_no_engine_and_writes_nothing(
    poetry: Poetry, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    put_on_path(monkeypatch, tmp_path / "bin", f"touch '{tmp_path}/touched'")
    before = tree(root)
    assert poetry(f"{DRY} --gpu 8.6 --format {form}").status == 0
    assert tree(root) == before
    assert not tmp_path.joinpath("touched").exists()


def test_values_come_out_as_they_went_in(poetry: Poetry) -> None:
    values = ["<error>x</error>", "a=b", "", r"\<b>", "ünïcödé", "<", r"C:\ ".strip(), "{mode}"]
    line = [f"--build-arg=A{at}={value}" for at, value in enumerate(values)]
    plan = data(poetry.process("gpu-build", "--dry-run", "--gpu", "8.6", "--format", "json", *line))
    assert [plan["build_args"][f"A{at}"] for at in range(len(values))] == values


# --- stdout holds the result and nothing else


@pytest.mark.parametrize("form", ["json", "bake"])
def test_stdout_is_one_document_and_stderr_is_empty(poetry: Poetry, form: str) -> None:
    ran = poetry.process("gpu-build", "--dry-run", "--gpu", "8.6", "--format", form)
    assert (ran.status, ran.err) == (0, "")
    json.loads(ran.out)


def test_of_an_error_stdout_holds_the_document_and_stderr_the_text(poetry: Poetry) -> None:
    ran = poetry.process("gpu-build", "--dry-run", "--gpu", "6.1", "--format", "json")
    told = error(ran, 3)
    assert ran.err.startswith("error: ")
    assert told["message"].splitlines()[0] in ran.err
    assert "Traceback" not in ran.err


def test_of_an_error_in_text_stdout_is_empty(poetry: Poetry) -> None:
    ran = poetry.process("gpu-build", "--dry-run", "--gpu", "6.1")
    assert (ran.status, ran.out) == (3, "")
    assert len([line for line in ran.err.splitlines() if line.startswith("error: ")]) == 1


def test_notes_go_to_stderr(poetry: Poetry, machine: Machine) -> None:
    machine.has()
    ran = poetry(f"{DRY} --format json")
    assert "note: NVML: no driver" in ran.err
    assert data(ran)["mode"] == "binary"


def test_without_a_terminal_there_is_no_colour(poetry: Poetry) -> None:
    ran = poetry.process("gpu-build", "--dry-run", "--gpu", "6.1")
    assert "\x1b" not in ran.out + ran.err


# --- where the targets come from


def test_the_machines_gpus_are_the_targets(poetry: Poetry, machine: Machine) -> None:
    machine.has(gpu("5.2", name="NVIDIA GeForce GTX 970", driver="470.82.01"))
    plan = data(poetry(f"{DRY} --format json"))
    assert plan["mode"] == "source"
    assert plan["gpus"][0]["name"] == "NVIDIA GeForce GTX 970"
    assert plan["gpus"][0]["driver"] == "470.82.01"


def test_the_projects_targets_count_more_than_the_machines(poetry: Poetry, root: Path, machine: Machine) -> None:
    machine.has(gpu("5.2", driver="470.82.01"))
    root.joinpath("pyproject.toml").write_text(settings("targets = ['GTX 970', '8.6']"), encoding="utf-8")
    assert data(poetry(f"{DRY} --format json"))["targets"] == ["5.2", "8.6"]


def test_the_flag_counts_more_than_the_projects_targets(poetry: Poetry, root: Path) -> None:
    root.joinpath("pyproject.toml").write_text(settings("targets = ['5.2']"), encoding="utf-8")
    assert data(poetry(f"{DRY} --gpu 8.6 --format json"))["targets"] == ["8.6"]


@pytest.mark.parametrize("card", ["GTX 970", "gtx 970", "GeForce GTX 970", "sm_52", "52"])
def test_a_card_is_a_target_too(poetry: Poetry, card: str) -> None:
    assert data(poetry(f"{DRY} --gpu {shlex.quote(card)} --format json"))["targets"] == ["5.2"]


def test_the_visible_devices_are_followed_and_that_is_said(
    poetry: Poetry, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dataclasses import replace

    machine.has(
        replace(gpu("5.2", driver="580.65.06"), uuid="GPU-aaaa"),
        replace(gpu("8.6", driver="580.65.06"), uuid="GPU-bbbb"),
    )
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "GPU-bbbb")
    ran = poetry(f"{DRY} --format json")
    assert data(ran)["targets"] == ["8.6"]
    assert "CUDA_VISIBLE_DEVICES=GPU-bbbb was followed" in ran.err


def test_the_visible_devices_are_no_matter_for_a_named_target(poetry: Poetry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    ran = poetry(f"{DRY} --gpu 5.2 --format json")
    assert data(ran)["targets"] == ["5.2"]
    assert ran.err == ""


def test_a_jetson_is_refused_unless_a_target_is_named(poetry: Poetry, machine: Machine) -> None:
    machine.has(platform=Platform(is_jetson=True))
    assert "Jetson" in error(poetry(f"{DRY} --format json"), 3)["message"]
    assert poetry(f"{DRY} --gpu 8.6").status == 0


# --- the flag


@pytest.mark.parametrize(
    ("text", "mode"),
    [
        ("true", "source"),
        ("TRUE", "source"),
        ("1", "source"),
        ("yes", "source"),
        ("on", "source"),
        ("false", "binary"),
        ("0", "binary"),
        ("no", "binary"),
        ("off", "binary"),
        ("", "binary"),
    ],
)
def test_the_environment_asks_for_a_mode_and_an_option_overrules_it(
    poetry: Poetry, monkeypatch: pytest.MonkeyPatch, text: str, mode: str
) -> None:
    monkeypatch.setenv("BUILD_FROM_SOURCE", text)
    assert data(poetry(f"{DRY} --gpu 8.6 --format json"))["mode"] == mode
    assert data(poetry(f"{DRY} --gpu 8.6 --format json --from-source"))["mode"] == "source"
    assert data(poetry(f"{DRY} --gpu 8.6 --format json --binary"))["mode"] == "binary"


@pytest.mark.parametrize("option", ["", "--from-source", "--binary", "--all-modes"])
def test_an_environment_that_is_neither_yes_nor_no_is_an_error_in_any_case(
    poetry: Poetry, monkeypatch: pytest.MonkeyPatch, option: str
) -> None:
    monkeypatch.setenv("BUILD_FROM_SOURCE", "maybe")
    told = error(poetry(f"{DRY} --gpu 8.6 --format json {option}"), 2)
    assert "'maybe'" in told["message"]
    assert told["ways_out"]


# --- options that cannot be


@pytest.mark.parametrize(
    ("options", "said", "way"),
    [
        ("--from-source --binary", "exclude each other", "one of them"),
        ("--all-modes --from-source", "--all-modes builds both", "leave one"),
        ("--all-modes --binary", "--all-modes builds both", "leave one"),
        ("--all-modes --tag app:1", "both modes would write the tag app:1", "{mode}"),
        ("--all-modes --format env", "one mode", "--all-modes"),
        ("--format xml", "xml", "text, json, bake, env"),
        ("--progress fancy", "fancy", "auto, plain"),
        ("--build-arg FOO", "FOO has no value", "NAME=VALUE"),
        ("--build-arg =x", "has no value", "NAME=VALUE"),
        ("--build-arg BUILD_FROM_SOURCE=true", "contradicts the plan", "--from-source"),
        ("--build-arg BUILD_FROM_SOURCE=maybe", "neither yes nor no", "true or false"),
        ("--tag=", "--tag is empty", "--tag name"),
        ("--gpu=", "the GPU is empty", "5.2"),
        ("--gpu 970", "97.0", "GTX 970"),
        ("--gpu 'GTX 9999'", "GTX 9999", "5.2"),
        ("--gpu 5.2,8.6", "is a list", "--gpu"),
    ],
)
def test_an_option_that_cannot_be_is_one_line_with_a_way_out(poetry: Poetry, options: str, said: str, way: str) -> None:
    target = "" if "--gpu" in options else "--gpu 8.6"
    ran = poetry(f"{DRY} {target} {options}")
    assert ran.status == 2
    assert ran.out == ""
    first, *rest = ran.err.splitlines()
    assert first.startswith("error: ")
    assert said in first
    assert all(line.startswith("  help: ") for line in rest)
    assert way in "\n".join(rest)


def test_a_format_for_programs_is_one_of_a_plan(poetry: Poetry) -> None:
    for form in ("bake", "env"):
        ran = poetry(f"gpu-build --gpu 8.6 --format {form}")
        assert ran.status == 2
        assert "--dry-run" in ran.err


def test_a_word_too_many_builds_nothing(poetry: Poetry) -> None:
    ran = poetry(f"{DRY} lnit")
    assert ran.status == 1
    assert ran.out == ""


def test_repeated_options_keep_every_value_in_order(poetry: Poetry) -> None:
    line = "--tag a:1 --tag b:{mode} --secret id=x --secret id=y,src=f --cache-from type=a --cache-from type=b"
    definition = json.loads(poetry(f"{DRY} --gpu 8.6 --format bake {line}").out)["target"]["binary"]
    assert definition["tags"] == ["a:1", "b:binary"]
    assert definition["secret"] == ["id=x", "id=y,src=f"]
    assert definition["cache-from"] == ["type=a", "type=b"]


# --- bad input: one clear line with file and remedy, the right exit code, and nothing changed


def rewritten(text: str) -> Callable[[Path], object]:
    return lambda root: root.joinpath("pyproject.toml").write_text(text, encoding="utf-8")


def lock(contents: bytes) -> Callable[[Path], object]:
    return lambda root: root.joinpath("poetry.lock").write_bytes(contents)


def removed(name: str) -> Callable[[Path], object]:
    return lambda root: root.joinpath(name).unlink()


def linked_away(root: Path) -> None:
    root.joinpath("docker", "Dockerfile").unlink()
    root.joinpath("docker", "Dockerfile").symlink_to(root.parent / "outside")
    root.parent.joinpath("outside").touch()


BAD_INPUT: dict[str, tuple[Callable[[Path], object], str, str]] = {
    "broken TOML": (rewritten(PYPROJECT + "[tool.poetry\n"), r"pyproject\.toml:\d+:\d+", "not valid TOML"),
    "half-written TOML": (rewritten(PYPROJECT + 'x = """'), r"pyproject\.toml:\d+", "not valid TOML"),
    "not UTF-8": (
        lambda root: root.joinpath("pyproject.toml").write_bytes(b"x = '\xff'\n"),
        r"pyproject\.toml:1",
        "not UTF-8",
    ),
    "no Poetry project": (rewritten("[tool.ruff]\n"), r"pyproject\.toml", "not a Poetry project"),
    "unknown setting": (rewritten(settings("tragets = ['5.2']")), r"pyproject\.toml:\d+:1", "unknown key"),
    "wrong type": (rewritten(settings("targets = '5.2'")), r"pyproject\.toml:\d+:1", "must be an array"),
    "missing Dockerfile": (removed("docker/Dockerfile"), r"docker/Dockerfile", "does not exist"),
    "group absent": (rewritten(HEAD), r"pyproject\.toml", "no dependency group binary-torch"),
    "torch not in the project": (
        rewritten(HEAD + GROUP.replace("torch =", "numpy =") + SOURCE),
        r"pyproject\.toml:\d+:1",
        "holds no torch",
    ),
    "undefined source": (rewritten(HEAD + GROUP), r"pyproject\.toml:\d+:1", "not defined"),
    "torch of the wrong type": (
        rewritten(HEAD + "[tool.poetry.group.binary-torch.dependencies]\ntorch = 2.7\n"),
        r"pyproject\.toml:\d+:1",
        "a version or a table",
    ),
    "no version": (rewritten(PYPROJECT.replace("2.7.1+cu128", "newest")), r"pyproject\.toml:\d+:1", "not a version"),
    "conflicted lock": (lock(b"<<<<<<< HEAD\n"), r"poetry\.lock:1:1", "not valid TOML"),
    "binary lock": (lock(b"\x00\xff"), r"poetry\.lock:1", "not UTF-8"),
    "lock that is a folder": (lambda root: root.joinpath("poetry.lock").mkdir(), r"poetry\.lock", "cannot be read"),
    "lock that leads nowhere": (
        lambda root: root.joinpath("poetry.lock").symlink_to("gone"),
        r"poetry\.lock",
        "cannot be read",
    ),
    "path outside": (
        rewritten(settings("modes.binary.dockerfile = '../Dockerfile'")),
        r"pyproject\.toml:\d+:\d+",
        "outside the project",
    ),
    "absolute path outside": (rewritten(settings("context = '/'")), r"pyproject\.toml:\d+:1", "outside the project"),
    "link that leads outside": (linked_away, r"docker/Dockerfile", "outside the project"),
}


@pytest.mark.parametrize("dry_run", [True, False], ids=["dry run", "build"])
@pytest.mark.parametrize("name", BAD_INPUT)
def test_bad_input_is_one_line_with_its_file_and_what_to_do_and_changes_nothing(
    poetry: Poetry, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, dry_run: bool
) -> None:
    spoil, where, said = BAD_INPUT[name]
    spoil(root)
    put_on_path(monkeypatch, tmp_path / "bin", f"touch '{tmp_path}/touched'")
    before = tree(root)
    ran = poetry("gpu-build --gpu 8.6 --format json" + (" --dry-run" if dry_run else ""))
    told = error(ran, 2)
    assert said in told["message"]
    assert "\n" not in told["message"]
    assert re.fullmatch(where, told["where"])
    assert told["ways_out"]
    lines = ran.err.splitlines()
    assert lines[0] == f"error: {told['message']}"
    assert lines[1] == f"  --> {told['where']}"
    assert lines[2:] == [f"  help: {way}" for way in told["ways_out"]]
    assert tree(root) == before
    assert not tmp_path.joinpath("touched").exists()


def test_outside_any_project_the_way_out_is_to_name_one(
    poetry: Poetry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    told = error(poetry(f"{DRY} --gpu 8.6 --format json"), 2)
    assert "there is no pyproject.toml" in told["message"]
    assert "--project" in told["ways_out"][0]


def test_without_git_the_plan_has_no_revision_and_is_made_all_the_same(
    poetry: Poetry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    plan = data(poetry(f"{DRY} --gpu 8.6 --format json"))
    assert "org.opencontainers.image.revision" not in plan["labels"]


@pytest.mark.parametrize("broken", ["[tool.poetry\n", "[tool.gpu-build]\nx = 1\n"])
def test_poetry_itself_lets_us_report_a_broken_project(poetry: Poetry, root: Path, broken: str) -> None:
    root.joinpath("pyproject.toml").write_text(PYPROJECT + broken, encoding="utf-8")
    ran = poetry.process("gpu-build", "--dry-run", "--gpu", "8.6")
    assert (ran.status, ran.out) == (2, "")
    assert re.search(r"--> pyproject\.toml:\d+:\d+", ran.err)
    assert "Traceback" not in ran.err


# --- which project


def test_the_project_is_found_from_a_folder_inside(poetry: Poetry, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root / "docker")
    assert Path(data(poetry(f"{DRY} --gpu 8.6 --format json"))["root"]).samefile(root)


@pytest.mark.parametrize("option", ["--project", "--directory"])
def test_the_project_may_be_named(
    poetry: Poetry, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, option: str
) -> None:
    monkeypatch.chdir(tmp_path)
    ran = poetry(f"{option} minimal {DRY} --gpu 8.6 --format json")
    assert Path(data(ran)["root"]).samefile(root)


def test_a_folder_of_the_project_may_be_gone_to(
    poetry: Poetry, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ran = poetry(f"--directory minimal/docker {DRY} --gpu 8.6 --format json")
    assert Path(data(ran)["root"]).samefile(root)


def test_a_folder_of_the_same_name_inside_is_not_the_one_that_is_gone_to(
    poetry: Poetry, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_project(root / "minimal", PYPROJECT.replace("minimal", "another"))
    monkeypatch.chdir(tmp_path)
    ran = poetry(f"--directory minimal {DRY} --gpu 8.6 --format json")
    assert Path(data(ran)["root"]).samefile(root)


# --- the build itself


HEALTHY = f"""\
case "$*" in
  'buildx version') cat '{RECORDED}/buildx-version-0.13.1.txt' ;;
  'buildx inspect'*) cat '{RECORDED}/inspect-docker-0.13.1.txt' ;;
  'version '*) cat '{RECORDED}/version-26.1.txt' ;;
  'buildx bake '*) BAKE ;;
  *) echo "not asked for: $*" >&2; exit 64 ;;
esac"""


def docker(monkeypatch: pytest.MonkeyPatch, folder: Path, bake: str) -> None:
    """An engine that is well, and this for a bake."""
    put_on_path(monkeypatch, folder, HEALTHY.replace("BAKE", bake))


def test_a_build_shows_its_plan_and_ends_with_the_tags(
    poetry: Poetry, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    docker(monkeypatch, tmp_path / "bin", f"cat > '{tmp_path}/definition'; echo '#1 DONE' >&2")
    before = tree(root)
    ran = poetry("gpu-build --gpu 8.6 --no-verify --tag app:1 --tag app:2")
    assert (ran.status, ran.out) == (0, "built app:1, app:2\n")
    assert "mode: binary" in ran.err
    assert "buildx 0.13.1" in ran.err
    definition = json.loads(tmp_path.joinpath("definition").read_text(encoding="utf-8"))
    assert definition["target"]["binary"]["tags"] == ["app:1", "app:2"]
    assert tree(root) == before


def test_a_build_with_json_ends_with_the_plan(poetry: Poetry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    docker(monkeypatch, tmp_path / "bin", "cat > /dev/null")
    assert data(poetry("gpu-build --gpu 8.6 --no-verify --format json"))["mode"] == "binary"


def test_a_build_that_fails_is_exit_5_with_the_step_and_its_line(
    poetry: Poetry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = RECORDED.joinpath("bake-failure-plain-0.13.1.txt").read_text(encoding="utf-8")
    tmp_path.joinpath("said").write_text(text.replace("ok1.Dockerfile", "Dockerfile"), encoding="utf-8")
    docker(monkeypatch, tmp_path / "bin", f"cat > /dev/null; cat '{tmp_path}/said' >&2; exit 1")
    ran = poetry("gpu-build --gpu 8.6 --format json")
    told = error(ran, 5)
    assert "[3/3] RUN" in told["message"]
    assert "error: kernel.cu(3): expected a ;" in told["message"]
    assert told["where"] == "docker/Dockerfile:3"


def test_without_docker_it_is_exit_4(poetry: Poetry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    told = error(poetry("gpu-build --gpu 8.6 --format json"), 4)
    assert "docker" in told["message"]


def test_a_dead_daemon_is_exit_4(poetry: Poetry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = HEALTHY.replace("inspect-docker-0.13.1", "inspect-no-daemon-0.13.1")
    script = script.replace(
        f"cat '{RECORDED}/version-26.1.txt'", f"cat '{RECORDED}/version-no-daemon-26.1.txt' >&2; exit 1"
    )
    put_on_path(monkeypatch, tmp_path / "bin", script)
    told = error(poetry("gpu-build --gpu 8.6 --format json"), 4)
    assert "the Docker daemon does not answer" in told["message"]


def test_a_veto_comes_before_the_engine_is_asked(
    poetry: Poetry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert poetry("gpu-build --gpu 6.1").status == 3


def test_an_interrupted_build_is_exit_130_and_leaves_nothing(
    poetry: Poetry, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    docker(monkeypatch, tmp_path / "bin", f"echo $$ > '{tmp_path}/pid'; kill -INT $PPID; exec tail -f /dev/null")
    before = tree(root)
    ran = poetry("gpu-build --gpu 8.6 --format json")
    assert "interrupted" in error(ran, 130)["message"]
    assert tree(root) == before
    with pytest.raises(ProcessLookupError):
        os.kill(int(tmp_path.joinpath("pid").read_text(encoding="utf-8")), 0)


def test_an_interrupt_before_the_build_is_exit_130_too(poetry: Poetry, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(planning, "plan_project", interrupted)
    ran = poetry("gpu-build --gpu 8.6")
    assert (ran.status, ran.out) == (130, "")
    assert "error: interrupted" in ran.err


def test_both_modes_are_built_in_one_call(poetry: Poetry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    docker(monkeypatch, tmp_path / "bin", f"cat > /dev/null; echo called >> '{tmp_path}/calls'")
    ran = poetry("gpu-build --all-modes --no-verify --gpu 5.2 --gpu 8.6")
    assert (ran.status, ran.out) == (0, "built minimal:binary, minimal:source\n")
    assert tmp_path.joinpath("calls").read_text(encoding="utf-8") == "called\n"


def test_an_error_in_depth_is_shown_in_depth_on_request_only(poetry: Poetry) -> None:
    assert "_veto" not in poetry(f"{DRY} --gpu 6.1").err
    assert "_veto" in poetry(f"{DRY} --gpu 6.1 -vvv").err
