from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING

import pytest

from poetry_gpu_build.documents.source import Position
from poetry_gpu_build.engine.bake import bake_command
from poetry_gpu_build.engine.bake import run_bake
from poetry_gpu_build.engine.definition import bake_definition
from poetry_gpu_build.engine.options import BuildOptions
from poetry_gpu_build.errors import BuildFailedError
from poetry_gpu_build.errors import BuildInterruptedError
from poetry_gpu_build.plan import make_plan
from poetry_gpu_build.plan import plan_every_mode

from ..builders import inputs
from ..builders import put_on_path
from ..builders import request

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Sequence
    from pathlib import Path

    from poetry_gpu_build.plan import Plan

    Recorded = Callable[[str], str]


@pytest.fixture
def plans(tmp_path: Path) -> Sequence[Plan]:
    """Both modes of the minimal project."""
    return plan_every_mode(inputs(tmp_path / "project"), request())


def bake(plans: Sequence[Plan], options: BuildOptions | None = None) -> bytes:
    """What docker printed."""
    options = options or BuildOptions()
    out = io.BytesIO()
    run_bake(plans, bake_definition(plans, options), options, out)
    return out.getvalue()


def failed(plans: Sequence[Plan]) -> BuildFailedError:
    with pytest.raises(BuildFailedError) as caught:
        bake(plans)
    assert caught.value.exit_code == 5
    return caught.value


@pytest.fixture
def docker_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, int], None]:
    """Make docker print this text to stderr and end with this status."""

    def install(text: str, status: int) -> None:
        said = tmp_path / "said"
        said.write_bytes(text.encode())
        put_on_path(monkeypatch, tmp_path / "bin", f"cat '{said}' >&2; exit {status}")

    return install


# --- the command


def test_without_options_the_command_reads_the_definition_from_its_stdin() -> None:
    assert bake_command(BuildOptions()) == ["docker", "buildx", "bake", "--file", "-", "--progress", "auto"]


def test_what_is_passed_through_is_passed_through() -> None:
    options = BuildOptions(
        builder="far",
        push=True,
        load=True,
        overrides=("*.platform=linux/amd64", "binary.tags=a b"),
        allow=("network.host", "security.insecure"),
        progress="rawjson",
    )
    assert bake_command(options)[3:] == [
        *("--file", "-"),
        *("--progress", "rawjson"),
        *("--builder", "far"),
        "--push",
        "--load",
        *("--set", "*.platform=linux/amd64"),
        *("--set", "binary.tags=a b"),
        *("--allow", "network.host"),
        *("--allow", "security.insecure"),
    ]


def test_docker_gets_the_definition_in_the_projects_folder(
    tmp_path: Path, plans: Sequence[Plan], monkeypatch: pytest.MonkeyPatch
) -> None:
    put_on_path(monkeypatch, tmp_path / "bin", f"cat > '{tmp_path}/stdin'; pwd; printf '%s\\n' \"$@\"")
    out = bake(plans).decode().splitlines()
    assert out[0] == str(tmp_path / "project")
    assert out[1:] == ["buildx", "bake", "--file", "-", "--progress", "auto"]
    definition = json.loads(tmp_path.joinpath("stdin").read_text(encoding="utf-8"))
    assert definition == bake_definition(plans, BuildOptions())


# --- a build that fails


def test_a_failed_step_is_an_error_with_its_line_and_its_last_output(
    plans: Sequence[Plan], recorded: Recorded, docker_fails: Callable[[str, int], None]
) -> None:
    docker_fails(recorded("bake-failure-plain").replace("ok1.Dockerfile", "Dockerfile.source"), 1)
    error = failed(plans)
    lines = error.message.splitlines()
    assert lines[0] == "the build failed in [3/3] RUN <<SCRIPT (set -eu...), with exit code 1"
    assert lines[1:] == ["  | compiling torch", "  | error: kernel.cu(3): expected a ;"]
    assert error.where == Position(plans[1].root / "docker/Dockerfile.source", 3)


@pytest.mark.parametrize(("file", "mode"), [("Dockerfile", 0), ("docker/Dockerfile", 0), ("Dockerfile.source", 1)])
def test_of_several_dockerfiles_the_one_that_failed_is_named(
    plans: Sequence[Plan], recorded: Recorded, docker_fails: Callable[[str, int], None], file: str, mode: int
) -> None:
    docker_fails(recorded("bake-failure-plain").replace("ok1.Dockerfile", file), 1)
    where = failed(plans).where
    assert where is not None
    assert where.path == plans[mode].root / plans[mode].dockerfile


def test_out_of_memory_in_the_compile_is_fewer_jobs(
    plans: Sequence[Plan], recorded: Recorded, docker_fails: Callable[[str, int], None]
) -> None:
    docker_fails(recorded("bake-failure-plain-137").replace("ok137.Dockerfile", "Dockerfile.source"), 1)
    error = failed(plans)
    assert "exit code 137" in error.message
    assert any("--build-arg MAX_JOBS=N" in way and "one for each 4 GiB" in way for way in error.ways_out)


def test_a_compiler_that_was_killed_under_ninja_is_out_of_memory_too(
    plans: Sequence[Plan], recorded: Recorded, docker_fails: Callable[[str, int], None]
) -> None:
    # ninja ends with 1 whatever ended its job.
    text = recorded("bake-failure-plain-137").replace("ok137.Dockerfile", "Dockerfile.source")
    docker_fails(text.replace("exit code: 137", "exit code: 1"), 1)
    assert any("--build-arg MAX_JOBS=N" in way for way in failed(plans).ways_out)


def test_out_of_memory_elsewhere_is_no_matter_of_jobs(
    plans: Sequence[Plan], recorded: Recorded, docker_fails: Callable[[str, int], None]
) -> None:
    docker_fails(recorded("bake-failure-plain-137").replace("ok137.Dockerfile", "Dockerfile"), 1)
    ways = failed(plans).ways_out
    assert any("out of memory" in way for way in ways)
    assert not any("MAX_JOBS" in way for way in ways)


def test_a_base_image_that_cannot_be_reached_can_be_mirrored(
    plans: Sequence[Plan], recorded: Recorded, docker_fails: Callable[[str, int], None]
) -> None:
    text = recorded("bake-missing-base-plain").replace("missing.Dockerfile", "Dockerfile")
    docker_fails(text.replace("nvidia/cuda:0.0.0-none", plans[0].base_image), 1)
    error = failed(plans)
    assert "failed to resolve source metadata" in error.message
    assert error.where == Position(plans[0].root / "docker/Dockerfile", 1)
    assert any("modes.binary.base-image" in way for way in error.ways_out)
    assert any(f"docker pull {plans[0].base_image}" in way for way in error.ways_out)


def test_a_base_image_that_its_registry_does_not_have_is_said_to_be_gone(
    plans: Sequence[Plan], docker_fails: Callable[[str, int], None]
) -> None:
    name = plans[0].base_image
    docker_fails(
        f"ERROR: failed to solve: {name}: failed to resolve source metadata for {name}: {name}: not found\n", 1
    )
    assert any("is not in its registry" in way for way in failed(plans).ways_out)


def test_another_image_that_cannot_be_reached_is_not_the_base_image(
    plans: Sequence[Plan], recorded: Recorded, docker_fails: Callable[[str, int], None]
) -> None:
    docker_fails(recorded("bake-missing-base-plain"), 1)
    assert failed(plans).ways_out == ()


def test_a_python_that_the_distribution_lacks_is_named(
    plans: Sequence[Plan], docker_fails: Callable[[str, int], None]
) -> None:
    said = "0.5 E: Unable to locate package python3.10"
    docker_fails(f"------\n > [base 2/2] RUN apt-get update:\n{said}\n------\nERROR: exit code: 100\n", 1)
    assert any("no Python 3.10" in way for way in failed(plans).ways_out)


def test_an_entitlement_that_is_missing_is_named(
    plans: Sequence[Plan], docker_fails: Callable[[str, int], None]
) -> None:
    docker_fails("ERROR: granting entitlement network.host is not allowed by build daemon configuration\n", 1)
    assert any("--allow network.host" in way for way in failed(plans).ways_out)


def test_a_daemon_that_went_away_is_its_own_last_word(
    plans: Sequence[Plan], recorded: Recorded, docker_fails: Callable[[str, int], None]
) -> None:
    docker_fails(recorded("bake-no-daemon-plain"), 1)
    error = failed(plans)
    assert "Cannot connect to the Docker daemon" in error.message
    assert error.where is None


def test_a_docker_that_says_nothing_gave_no_reason(
    plans: Sequence[Plan], docker_fails: Callable[[str, int], None]
) -> None:
    docker_fails("", 1)
    assert failed(plans).message == "the build failed: buildx gave no reason"


def test_a_docker_that_was_killed_is_a_failed_build(
    tmp_path: Path, plans: Sequence[Plan], monkeypatch: pytest.MonkeyPatch
) -> None:
    put_on_path(monkeypatch, tmp_path / "bin", "echo working >&2; kill -KILL $$")
    assert "working" in failed(plans).message


def test_what_docker_prints_is_passed_on_even_where_it_fails(
    plans: Sequence[Plan], recorded: Recorded, docker_fails: Callable[[str, int], None]
) -> None:
    docker_fails(recorded("bake-failure-tty"), 1)
    out = io.BytesIO()
    with pytest.raises(BuildFailedError):
        run_bake(plans, bake_definition(plans, BuildOptions()), BuildOptions(), out)
    assert out.getvalue() == recorded("bake-failure-tty").encode()


# --- a build that is interrupted


def test_an_interrupt_is_no_failure(tmp_path: Path, plans: Sequence[Plan], monkeypatch: pytest.MonkeyPatch) -> None:
    # The interrupt comes to us, as from a terminal; docker gets it from us, and ends its work.
    put_on_path(
        monkeypatch,
        tmp_path / "bin",
        "trap 'echo canceled >&2; exit 1' INT\nkill -INT $PPID\nwhile :; do read -r _ < /dev/null; done",
    )
    with pytest.raises(BuildInterruptedError) as caught:
        bake(plans)
    assert caught.value.exit_code == 130


def test_a_build_that_succeeds_says_nothing_more(
    tmp_path: Path, plans: Sequence[Plan], monkeypatch: pytest.MonkeyPatch
) -> None:
    put_on_path(monkeypatch, tmp_path / "bin", "echo '#1 DONE' >&2")
    assert bake(plans) == b"#1 DONE\n"


def test_nothing_is_written_into_the_build_context(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, recorded: Recorded, docker_fails: Callable[[str, int], None]
) -> None:
    from ..builders import tree

    plan = make_plan(inputs(tmp_path / "project"), request("8.6"))
    before = tree(plan.root)
    docker_fails(recorded("bake-failure-plain"), 1)
    failed([plan])
    assert tree(plan.root) == before


def test_a_step_is_told_without_what_it_mounts(plans: Sequence[Plan], docker_fails: Callable[[str, int], None]) -> None:
    mounts = "".join(f"--mount=type=cache,target=/a/folder/with/a/long/name/{number}     " for number in range(4))
    step = f"[app 2/7] RUN {mounts}poetry install --no-root"
    docker_fails(f"------\n > {step}:\n0.1 no\n------\nERROR: process did not complete successfully: exit code: 1\n", 1)
    assert "in [app 2/7] RUN poetry install --no-root" in failed(plans).message
