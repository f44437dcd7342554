"""The short and the long syntaxes of ports and volumes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from poetry_gpu_build.documents.compose.ports import PortError
from poetry_gpu_build.documents.compose.ports import parse_short
from poetry_gpu_build.documents.compose.volumes import MountError
from poetry_gpu_build.documents.compose.volumes import parse_short as parse_volume

if TYPE_CHECKING:
    from .conftest import Compose


@pytest.mark.parametrize(
    ("text", "address", "published", "target", "protocol"),
    [
        ("3000", "", "None", "3000", "tcp"),
        ("3000-3005", "", "None", "3000-3005", "tcp"),
        ("8000:8000", "", "8000", "8000", "tcp"),
        (":8000", "", "None", "8000", "tcp"),
        ("9090-9091:8080-8081", "", "9090-9091", "8080-8081", "tcp"),
        ("9090-9095:8080", "", "9090-9095", "8080", "tcp"),
        ("49100:22", "", "49100", "22", "tcp"),
        ("8000:9000/UDP", "", "8000", "9000", "udp"),
        ("127.0.0.1:8001:8001", "127.0.0.1", "8001", "8001", "tcp"),
        ("127.0.0.1::5000", "127.0.0.1", "None", "5000", "tcp"),
        ("127.0.0.1:5000-5010:5000-5010", "127.0.0.1", "5000-5010", "5000-5010", "tcp"),
        ("[::1]:6001:6001", "::1", "6001", "6001", "tcp"),
        ("::1:6001:6001/sctp", "::1", "6001", "6001", "sctp"),
        ("080:080", "", "80", "80", "tcp"),
        ("0:80", "", "0", "80", "tcp"),
    ],
)
def test_a_short_port_is_taken_apart(text: str, address: str, published: str, target: str, protocol: str) -> None:
    found = parse_short(text)
    assert (found[0], str(found[1]), str(found[2]), found[3]) == (address, published, target, protocol)


@pytest.mark.parametrize(
    "text",
    ["", ":", "80:", "http", "80:http", "http:80", "80/icmp", "65536", "80-", "-80", "82-80", "1-2:1-3", "1_000"],
)
def test_what_is_no_port_is_refused(text: str) -> None:
    with pytest.raises(PortError):
        parse_short(text)


@pytest.mark.parametrize("text", ["localhost:80:80", "1.2.3:80:80", "80:80:80", "²:80", "80 :80", "0x50"])
def test_what_is_no_address_and_no_number_is_refused(text: str) -> None:
    with pytest.raises(PortError):
        parse_short(text)


@pytest.mark.parametrize(
    ("entry", "bindings"),
    [
        ("'3000'", [("", "", 3000, "tcp")]),
        ("'1-2:5-6'", [("", "1", 5, "tcp"), ("", "2", 6, "tcp")]),
        ("'1-5:7'", [("", "1-5", 7, "tcp")]),
        ("'[::1]::7/udp'", [("::1", "", 7, "udp")]),
        ("{target: 80, published: 8080}", [("", "8080", 80, "tcp")]),
        ("{target: '80', published: '8080-8090', host_ip: 127.0.0.1}", [("127.0.0.1", "8080-8090", 80, "tcp")]),
        ("{target: 80, published: '', protocol: udp}", [("", "", 80, "udp")]),
        ("{target: 0x50, mode: host}", [("", "", 80, "tcp")]),
    ],
)
def test_a_port_binds_what_compose_says(
    compose: Compose, entry: str, bindings: list[tuple[str, str, int, str]]
) -> None:
    project = compose(f"services: {{app: {{ports: [{entry}]}}}}")
    assert project.problems == ()
    (port,) = project.services["app"].ports
    assert list(port.bindings()) == bindings
    assert port.ephemeral == (bindings[0][1] == "")
    assert port.syntax == ("long" if entry.startswith("{") else "short")


def test_a_port_tells_how_it_was_written(compose: Compose) -> None:
    ports = compose("services: {app: {ports: ['${P:-1}:2', 3000, {target: 80, published: $P}]}}").services["app"].ports
    assert [port.written for port in ports] == ["${P:-1}:2", "3000", "target: 80, published: $P"]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("/data", ("", "/data", ())),
        ("a", ("", "a", ())),
        (".:/app", (".", "/app", ())),
        ("data:/data:ro,z", ("data", "/data", ("ro", "z"))),
        ("C:\\x:/x", ("C:\\x", "/x", ())),
        ("C:\\x:D:\\y:ro", ("C:\\x", "D:\\y", ("ro",))),
    ],
)
def test_a_short_volume_is_taken_apart(text: str, parts: tuple[str, str, tuple[str, ...]]) -> None:
    assert parse_volume(text) == parts


@pytest.mark.parametrize("text", ["", "data::ro", ":/data", "data:", "data:/data:ro:z"])
def test_what_is_no_volume_is_refused(text: str) -> None:
    with pytest.raises(MountError):
        parse_volume(text)


@pytest.mark.parametrize(
    ("entry", "kind", "path", "target", "read_only"),
    [
        ("'.:/app'", "bind", "/project", "/app", False),
        ("'../up:/up/:ro'", "bind", "/up", "/up", True),
        ("'/etc/x:/x:ro,rw'", "bind", "/etc/x", "/x", False),
        ("'~/x:/x'", "bind", "None", "/x", False),
        ("data:/data", "volume", "None", "/data", False),
        ("{type: bind, source: ./s, target: /t, read_only: true}", "bind", "/project/s", "/t", True),
        ("{type: tmpfs, target: /t}", "tmpfs", "None", "/t", False),
    ],
)
def test_a_mount_names_the_host_s_path(
    compose: Compose, entry: str, kind: str, path: str, target: str, read_only: bool
) -> None:
    (mount,) = compose(f"services: {{app: {{volumes: [{entry}]}}}}").services["app"].volumes
    assert (mount.type, str(mount.source_path), mount.target, mount.read_only) == (kind, path, target, read_only)


def test_a_mount_that_cannot_be_evaluated_is_kept(compose: Compose) -> None:
    project = compose("services: {app: {volumes: ['${X?}:/x', '${Y']}}")
    assert [mount.decided for mount in project.services["app"].volumes] == [False, False]
    assert len(project.problems) == 2
