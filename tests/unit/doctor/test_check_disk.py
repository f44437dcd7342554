from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from poetry_gpu_build.doctor.checks.disk import ROOM
from poetry_gpu_build.doctor.checks.disk import Space
from poetry_gpu_build.doctor.checks.disk import check_disk
from poetry_gpu_build.doctor.checks.disk import judge_disk
from poetry_gpu_build.doctor.checks.disk import look_at_disk
from poetry_gpu_build.doctor.line import DECISION
from poetry_gpu_build.doctor.seen import Wish
from poetry_gpu_build.doctor.seen import look
from poetry_gpu_build.engine.preflight import Answer

from .world import INFO
from .world import Docker
from .world import world

if TYPE_CHECKING:
    from pathlib import Path

    from poetry_gpu_build.policy import ModeName

GB = 10**9


def space(gigabytes: float) -> Space:
    return Space("/var/lib/docker", int(gigabytes * GB))


@pytest.mark.parametrize("mode", ["binary", "source"])
def test_room_enough_is_well(mode: ModeName) -> None:
    line = judge_disk(mode, space(ROOM[mode].enough), INFO)
    assert line.mark == "ok"
    assert "GB free at /var/lib/docker" in line.seen


@pytest.mark.parametrize("mode", ["binary", "source"])
def test_less_than_a_build_takes_is_a_problem(mode: ModeName) -> None:
    line = judge_disk(mode, space(ROOM[mode].least - 0.1), INFO)
    assert line.mark == "problem"
    assert any("docker buildx prune" in remedy for remedy in line.remedies)


@pytest.mark.parametrize("mode", ["binary", "source"])
def test_between_them_is_a_warning(mode: ModeName) -> None:
    assert judge_disk(mode, space(ROOM[mode].least + 0.1), INFO).mark == "warning"
    assert judge_disk(mode, space(ROOM[mode].enough - 0.1), INFO).mark == "warning"


def test_the_binary_mode_takes_at_least_torch_and_its_requirements() -> None:
    # torch 2.7.1 from PyPI: 2.98 GB of wheels, which stay in the cache, and 5.24 GB unpacked.
    assert ROOM["binary"].least == pytest.approx(2.98 + 5.24, abs=0.1)


def test_a_number_that_nobody_measured_is_called_a_decision() -> None:
    assert judge_disk("binary", space(1), INFO).known_by is None
    for mode, gigabytes in (("source", 1), ("source", 20), ("binary", 20), ("binary", 100)):
        assert judge_disk(mode, space(gigabytes), INFO).known_by == DECISION  # type: ignore[arg-type]


def test_a_disk_that_is_elsewhere_is_told_to_be() -> None:
    line = judge_disk("source", None, INFO._replace(name="far"))
    assert line.mark == "warning"
    assert "not seen from here" in line.seen
    assert "on far, at /var/lib/docker" in line.seen


@pytest.fixture
def local(tmp_path: Path) -> Path:
    tmp_path.joinpath("var/lib/docker").mkdir(parents=True)
    return tmp_path


def test_the_folder_of_a_daemon_here_is_looked_at(local: Path) -> None:
    found = look_at_disk(look(Wish(), world(local, Docker())))
    assert found is not None
    assert found.folder == "/var/lib/docker"
    assert found.free > 0


def test_the_same_folder_of_a_daemon_elsewhere_is_not(local: Path) -> None:
    seen = look(Wish(), world(local, Docker())._replace(hostname="another"))
    assert look_at_disk(seen) is None


def test_nor_is_this_one_where_the_builder_runs_elsewhere(local: Path) -> None:
    docker = Docker()
    remote = "Name: far\nDriver: remote\n\nNodes:\nName: far0\nEndpoint: tcp://far.example:1\nStatus: running\n"
    docker.answers["buildx inspect"] = Answer(0, remote, "")
    assert look_at_disk(look(Wish(), world(local, docker))) is None


@pytest.mark.parametrize("root", ["", "var/lib/docker", "C:\\\\ProgramData\\\\docker", "/nowhere", "/a\\u0000b"])
def test_a_folder_that_cannot_be_looked_at_is_not_seen(local: Path, root: str) -> None:
    docker = Docker()
    docker.answers["info"] = Answer(0, f'{{"ServerVersion": "26", "Name": "vm", "DockerRootDir": "{root}"}}', "")
    [line] = check_disk(look(Wish(), world(local, docker)))
    assert line.mark == "warning"
    assert "not seen from here" in line.seen


def test_without_an_engine_nothing_is_looked_at(tmp_path: Path) -> None:
    [line] = check_disk(look(Wish(), world(tmp_path)))
    assert line.reason_not_looked_at == "no engine"
