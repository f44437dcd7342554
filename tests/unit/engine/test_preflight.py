from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from poetry_gpu_build.engine import preflight
from poetry_gpu_build.engine.options import BuildOptions
from poetry_gpu_build.engine.preflight import Answer
from poetry_gpu_build.engine.preflight import Engine
from poetry_gpu_build.engine.preflight import ask_docker
from poetry_gpu_build.engine.preflight import check_compose
from poetry_gpu_build.engine.preflight import check_engine
from poetry_gpu_build.errors import EngineUnavailableError

from ..builders import put_on_path

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Sequence
    from pathlib import Path

    Recorded = Callable[[str], str]

SILENT = Answer(None, "", "")
NO_DAEMON = Answer(
    1, "\n", "Cannot connect to the Docker daemon at unix:///tmp/nowhere.sock. Is the docker daemon running?\n"
)
REMOTE = "Name:   far\nDriver: remote\n\nNodes:\nName:     far0\nEndpoint: tcp://far.example:1234\nStatus:   running\n"
CONTAINER = "Name:   box\nDriver: docker-container\n\nNodes:\nName:   box0\nStatus: inactive\n"


class Docker:
    """A docker that answers each question as it is told, the healthy way by default."""

    def __init__(self, recorded: Recorded) -> None:
        self.asked: list[str] = []
        self.answers = {
            "buildx version": Answer(0, recorded("buildx-version"), ""),
            "buildx inspect": Answer(0, recorded("inspect-docker"), ""),
            "version": Answer(0, recorded("version"), ""),
            "compose version": Answer(0, recorded("compose-version"), ""),
            "buildx bake --help": Answer(0, recorded("bake-help"), ""),
        }

    def __call__(self, arguments: Sequence[str]) -> Answer:
        line = " ".join(arguments)
        self.asked.append(line)
        return next(answer for question, answer in self.answers.items() if line.startswith(question))


@pytest.fixture
def docker(recorded: Recorded) -> Docker:
    return Docker(recorded)


def unavailable(docker: Docker, options: BuildOptions | None = None) -> EngineUnavailableError:
    with pytest.raises(EngineUnavailableError) as caught:
        check_engine(options or BuildOptions(), docker)
    assert caught.value.exit_code == 4
    assert caught.value.ways_out
    return caught.value


# --- an engine that can build


def test_a_healthy_engine_is_found(docker: Docker) -> None:
    assert check_engine(BuildOptions(), docker) == Engine("0.13.1+ds1", "default", "docker")


def test_a_builder_that_is_named_is_the_one_that_is_asked(docker: Docker) -> None:
    docker.answers["buildx inspect"] = Answer(0, REMOTE, "")
    assert check_engine(BuildOptions(builder="far", push=True), docker) == Engine("0.13.1+ds1", "far", "remote")
    assert "buildx inspect far" in docker.asked


@pytest.mark.parametrize(
    "options", [BuildOptions(push=True), BuildOptions(load=True), BuildOptions(outputs=("type=oci,dest=x",))]
)
def test_a_builder_that_keeps_nothing_will_do_where_the_result_goes_somewhere(
    docker: Docker, options: BuildOptions
) -> None:
    docker.answers["buildx inspect"] = Answer(0, CONTAINER, "")
    assert check_engine(options, docker).driver == "docker-container"


def test_a_builder_elsewhere_needs_no_daemon_here(docker: Docker) -> None:
    docker.answers |= {"buildx inspect": Answer(0, REMOTE, ""), "version": NO_DAEMON}
    assert check_engine(BuildOptions(push=True), docker).builder == "far"


def test_a_builder_that_buildx_will_start_itself_may_be_inactive(docker: Docker) -> None:
    docker.answers["buildx inspect"] = Answer(0, CONTAINER, "")
    assert check_engine(BuildOptions(push=True), docker).builder == "box"


def test_one_node_that_runs_is_enough(docker: Docker) -> None:
    nodes = REMOTE + "Name:     far1\nEndpoint: tcp://gone.example:1234\nStatus:   inactive\n"
    docker.answers["buildx inspect"] = Answer(0, nodes, "")
    assert check_engine(BuildOptions(push=True), docker).builder == "far"


def test_entitlements_are_granted_where_bake_knows_them(docker: Docker) -> None:
    docker.answers["buildx bake --help"] = Answer(
        0, "      --allow stringArray   Allow build to access resources\n", ""
    )
    assert check_engine(BuildOptions(allow=("network.host",)), docker).driver == "docker"


# --- each failure has its own message


def test_without_buildx_the_legacy_builder_is_not_fallen_back_to(docker: Docker, recorded: Recorded) -> None:
    docker.answers["buildx version"] = Answer(1, "", recorded("buildx-missing"))
    error = unavailable(docker)
    assert "buildx" in error.message
    assert "docker-buildx-plugin" in error.ways_out[0]
    assert docker.asked == ["buildx version"]


def test_without_a_daemon_the_daemon_is_blamed(docker: Docker, recorded: Recorded) -> None:
    docker.answers |= {
        "buildx inspect": Answer(0, recorded("inspect-no-daemon"), ""),
        "version": Answer(1, "\n", recorded("version-no-daemon")),
    }
    error = unavailable(docker)
    assert "the Docker daemon does not answer" in error.message
    assert "unix:///tmp/nowhere.sock" in error.message
    assert any("systemctl start docker" in way for way in error.ways_out)


def test_an_unknown_builder_is_named(docker: Docker, recorded: Recorded) -> None:
    docker.answers["buildx inspect"] = Answer(1, "", recorded("inspect-unknown-builder"))
    error = unavailable(docker, BuildOptions(builder="nobody"))
    assert "the builder nobody does not answer" in error.message
    assert 'no builder "nobody" found' in error.message
    assert "ERROR" not in error.message
    assert "docker buildx ls" in error.ways_out[0]


def test_a_remote_builder_where_nobody_listens_is_dead_though_inspect_says_0(
    docker: Docker, recorded: Recorded
) -> None:
    docker.answers["buildx inspect"] = Answer(0, recorded("inspect-dead-remote"), "")
    error = unavailable(docker, BuildOptions(builder="dead", push=True))
    assert "the builder dead does not answer" in error.message
    assert "tcp://127.0.0.1:9" in error.message


def test_a_builder_that_hangs_is_told_apart(docker: Docker) -> None:
    docker.answers["buildx inspect"] = SILENT
    error = unavailable(docker, BuildOptions(builder="slow"))
    assert "docker buildx inspect slow gave no answer within 20 s" in error.message


def test_a_buildx_that_hangs_is_none(docker: Docker) -> None:
    docker.answers["buildx version"] = SILENT
    assert "no working buildx (docker buildx version gave no answer within 20 s)" in unavailable(docker).message


def test_a_daemon_that_hangs_is_told_apart(docker: Docker) -> None:
    docker.answers["version"] = SILENT
    assert "docker version gave no answer within 20 s" in unavailable(docker).message


def test_a_daemon_without_a_version_is_none(docker: Docker) -> None:
    docker.answers["version"] = Answer(0, "\n", "")
    assert "the Docker daemon does not answer" in unavailable(docker).message


def test_a_builder_that_keeps_nothing_needs_to_know_where_the_result_goes(docker: Docker) -> None:
    docker.answers["buildx inspect"] = Answer(0, CONTAINER, "")
    error = unavailable(docker)
    assert "docker-container" in error.message
    assert all(option in error.ways_out[0] for option in ("--push", "--load", "--output"))


def test_load_without_a_daemon_is_refused_before_the_build(docker: Docker) -> None:
    docker.answers |= {"buildx inspect": Answer(0, REMOTE, ""), "version": NO_DAEMON}
    assert "the Docker daemon does not answer" in unavailable(docker, BuildOptions(load=True)).message


def test_an_entitlement_that_bake_does_not_know_is_refused(docker: Docker) -> None:
    error = unavailable(docker, BuildOptions(allow=("network.host",)))
    assert "--allow" in error.message
    assert "0.13.1" in error.message


@pytest.mark.parametrize("output", ["", "\n", "Driver:\n", "garbage \0\x1b[2J", "Name: x\n"])
def test_an_answer_that_makes_no_sense_is_no_builder(docker: Docker, output: str) -> None:
    docker.answers["buildx inspect"] = Answer(0, output, "")
    assert "does not answer" in unavailable(docker).message


def test_a_version_that_makes_no_sense_is_no_hindrance(docker: Docker) -> None:
    docker.answers["buildx version"] = Answer(0, "\n", "")
    assert check_engine(BuildOptions(), docker).buildx == "of unknown version"


# --- compose


def test_compose_and_the_daemon_are_asked(docker: Docker) -> None:
    check_compose(docker)
    assert [line.split()[0] for line in docker.asked] == ["compose", "version"]


def test_without_compose_nothing_comes_up(docker: Docker, recorded: Recorded) -> None:
    docker.answers["compose version"] = Answer(1, "", recorded("buildx-missing").replace("buildx", "compose"))
    with pytest.raises(EngineUnavailableError, match="no working Compose"):
        check_compose(docker)


def test_without_a_daemon_nothing_comes_up(docker: Docker) -> None:
    docker.answers["version"] = NO_DAEMON
    with pytest.raises(EngineUnavailableError, match="daemon does not answer"):
        check_compose(docker)


# --- asking


def test_docker_is_asked_without_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_on_path(monkeypatch, tmp_path, 'cat; printf "%s|" "$@"; echo oops >&2; exit 3')
    assert ask_docker(["a b", "--c"]) == Answer(3, "a b|--c|", "oops\n")


def test_output_that_is_not_utf_8_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_on_path(monkeypatch, tmp_path, r"printf '\377x'")
    assert ask_docker([]).output == "\ufffdx"


def test_without_docker_on_path_the_way_out_is_to_install_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EngineUnavailableError, match="not installed, or not on PATH") as caught:
        ask_docker(["version"])
    assert any("--dry-run" in way for way in caught.value.ways_out)


def test_a_docker_that_is_no_program_is_no_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_on_path(monkeypatch, tmp_path, "").write_bytes(b"\x7fELF garbage")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EngineUnavailableError, match="docker cannot be run"):
        ask_docker(["version"])


def test_a_docker_that_may_not_be_run_is_no_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_on_path(monkeypatch, tmp_path, "").chmod(0o644)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EngineUnavailableError, match="docker cannot be run"):
        ask_docker(["version"])


def test_a_docker_that_hangs_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_on_path(monkeypatch, tmp_path, "exec tail -f /dev/null")
    monkeypatch.setattr(preflight, "TIMEOUT_SECONDS", 0.05)
    assert ask_docker(["version"]) == SILENT


def test_what_a_docker_that_hangs_started_is_ended_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The child holds a pipe open for as long as it lives: its other end then reads to the end.
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    put_on_path(monkeypatch, tmp_path / "bin", f"( exec 3> '{pipe}'; exec tail -f /dev/null ) & wait")
    monkeypatch.setattr(preflight, "TIMEOUT_SECONDS", 1)
    with ThreadPoolExecutor() as pool:
        read = pool.submit(pipe.read_bytes)
        assert ask_docker(["version"]) == SILENT
        assert read.result(timeout=30) == b""


# --- what the daemon's own builder can export

OLDER = Answer(0, '[["Backing Filesystem","extfs"],["Supports d_type","true"]]\n', "")
NEWER = Answer(0, '[["driver-type","io.containerd.snapshotter.v1"]]\n', "")
TO_REGISTRY = BuildOptions(cache_to=("type=registry,ref=r.example/c,mode=max",))


@pytest.mark.parametrize(
    "options",
    [
        TO_REGISTRY,
        BuildOptions(cache_to=("type=local,dest=a",)),
        BuildOptions(cache_to=("r.example/c",)),
        BuildOptions(cache_to=("type=inline", "type=registry,ref=a")),
        BuildOptions(push=True, compression="zstd"),
        BuildOptions(outputs=("type=image,push=true,compression=zstd",)),
    ],
)
def test_the_older_image_store_exports_nothing_but_an_inline_cache_and_gzip(
    docker: Docker, options: BuildOptions
) -> None:
    docker.answers["info"] = OLDER
    error = unavailable(docker, options)
    assert "docker buildx create --driver docker-container" in error.ways_out[0]
    assert "containerd-snapshotter" in error.ways_out[1]


def test_the_containerd_image_store_exports_what_docker_says_it_does(docker: Docker) -> None:
    docker.answers["info"] = NEWER
    assert check_engine(TO_REGISTRY, docker).driver == "docker"
    assert check_engine(BuildOptions(push=True, compression="zstd"), docker).driver == "docker"


def test_the_containerd_image_store_has_no_cache_in_a_cloud(docker: Docker) -> None:
    docker.answers["info"] = NEWER
    error = unavailable(docker, BuildOptions(cache_to=("type=s3,region=x,bucket=b",)))
    assert "type=s3" in error.message
    assert not any("containerd-snapshotter" in way for way in error.ways_out)


@pytest.mark.parametrize(
    "options", [BuildOptions(), BuildOptions(cache_to=("type=inline",), push=True), BuildOptions(cache_from=("a",))]
)
def test_nobody_asks_for_the_image_store_where_it_does_not_matter(docker: Docker, options: BuildOptions) -> None:
    check_engine(options, docker)
    assert not any(question.startswith("info") for question in docker.asked)


@pytest.mark.parametrize("builder", [REMOTE, CONTAINER])
def test_every_other_driver_exports_every_cache(docker: Docker, builder: str) -> None:
    docker.answers |= {"buildx inspect": Answer(0, builder, ""), "info": OLDER}
    for kind in ("registry,ref=a", "local,dest=a", "s3,region=x,bucket=b"):
        check_engine(BuildOptions(push=True, compression="zstd", cache_to=(f"type={kind}",)), docker)
