from __future__ import annotations

import json
from typing import Any

import pytest

from poetry_gpu_build.doctor.docker_info import DockerInfo
from poetry_gpu_build.doctor.docker_info import ask_info
from poetry_gpu_build.doctor.docker_info import read_info
from poetry_gpu_build.engine.preflight import Answer

from ..patience import ends_soon
from .world import no_docker
from .world import recorded


def read(data: Any) -> DockerInfo:
    info = read_info(Answer(0, json.dumps(data), ""))
    assert isinstance(info, DockerInfo)
    return info


def test_a_real_daemon_is_read() -> None:
    info = read_info(Answer(0, recorded("info-nvidia-26.1.5"), ""))
    assert info == DockerInfo(
        version="26.1.5+dfsg1",
        name="vm",
        os_type="linux",
        architecture="x86_64",
        root="/var/lib/docker",
        memory=25276502016,
        cores=2,
        runtimes=("io.containerd.runc.v2", "nvidia", "runc"),
        cdi_folders=("/etc/cdi",),
    )


def test_a_daemon_that_does_not_answer_is_none_though_docker_exits_with_0() -> None:
    assert read_info(Answer(0, recorded("info-no-daemon-26.1.5"), "")) == "no engine"


def test_no_docker_no_answer_and_a_failure_are_no_engine() -> None:
    assert ask_info(no_docker) == "no engine"
    assert read_info(Answer(None, "", "")) == "no engine"
    assert read_info(Answer(1, "", "Cannot connect to the Docker daemon")) == "no engine"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "not JSON",
        recorded("info-26.1.5")[:1000],
        "[]",
        '"text"',
        "[" * 100_000,
        '{"ServerVersion": "26.1.5", "Name": "' + "x" * (5 * 2**20) + '"}',
    ],
)
def test_an_answer_that_cannot_be_read_is_told(text: str) -> None:
    with ends_soon():
        assert read_info(Answer(0, text, "")) == "docker info gave no answer that can be read"


@pytest.mark.parametrize("value", [None, 7, "x", [], {}, [None, 7, [], {}], {"a": None}, True, -1, 1e300])
def test_a_field_of_the_wrong_type_is_as_good_as_missing(value: Any) -> None:
    fields = ("Name", "OSType", "MemTotal", "NCPU", "Runtimes", "CDISpecDirs", "DiscoveredDevices", "DriverStatus")
    info = read({"ServerVersion": "26.1.5", **dict.fromkeys((*fields, "Containerd", "DockerRootDir"), value)})
    assert info.version == "26.1.5"
    assert all(isinstance(each, str) for each in (*info.runtimes, *info.cdi_folders, *info.devices, info.root))


def test_the_devices_that_newer_daemons_found_are_read() -> None:
    # Engine API 1.50, SystemInfo.DiscoveredDevices: "For CDI devices, this would be an FQDN like vendor.com/gpu=0".
    devices = [{"Source": "cdi", "ID": "nvidia.com/gpu=0"}]
    assert read({"ServerVersion": "28.3.0", "DiscoveredDevices": devices}).devices == ("nvidia.com/gpu=0",)


def test_layers_in_the_machine_s_own_containerd_lie_there() -> None:
    store = [["driver-type", "io.containerd.snapshotter.v1"]]
    data = {"ServerVersion": "29.0.0", "DockerRootDir": "/var/lib/docker", "DriverStatus": store}
    assert read({**data, "Containerd": {"Address": "/run/containerd/containerd.sock"}}).root == "/var/lib/containerd"
    # One that docker started itself keeps them below docker's folder.
    started = {"Address": "/var/run/docker/containerd/containerd.sock"}
    assert read({**data, "Containerd": started}).root == "/var/lib/docker"


def test_only_a_daemon_that_says_so_runs_here() -> None:
    assert DockerInfo("26", name="vm").runs_on("vm")
    assert not DockerInfo("26", name="vm").runs_on("other")
    assert not DockerInfo("26").runs_on("")
