"""GPU401: a sidecar publishes a port."""

from __future__ import annotations

from typing import TYPE_CHECKING

from poetry_gpu_build.lint.rule import ComposeRule
from poetry_gpu_build.lint.rule import Example
from poetry_gpu_build.lint.services import hit_at
from poetry_gpu_build.lint.services import main_services

if TYPE_CHECKING:
    from collections.abc import Iterator

    from poetry_gpu_build.documents.compose.model import Service
    from poetry_gpu_build.lint.documents import Documents
    from poetry_gpu_build.lint.finding import Hit

_FILE = "docker/docker-compose.yml"
_MAIN = "services:\n  app:\n    build: {context: .., dockerfile: docker/Dockerfile}\n"
_BOARD = _MAIN + "  board:\n    image: b\n"
_SECOND = "  slow:\n    build: {context: .., dockerfile: docker/Dockerfile.source}\n    ports: ['80:80']\n"
_CHOSEN = "  slow:\n    build: {context: .., dockerfile: '${GPU_BUILD_DOCKERFILE:-docker/Dockerfile}'}\n"


def _compose(text: str) -> dict[str, str]:
    return {_FILE: text}


class SidecarPublishesPort(ComposeRule):
    """A sidecar must not publish a port to the host.

    Sidecars are reached over the Compose network by their name; a published port is a surface that nobody asked for,
    and two developers on one host collide on it. Only the service that is built from the project's Dockerfile may
    publish ports. `expose` publishes nothing; `ports: ["3000"]` does, on a port that the engine picks.
    """

    code = "GPU401"
    name = "sidecar-publishes-port"
    valid = (
        Example(_compose(_BOARD + "    expose: ['6006']\n")),
        Example(_compose(_MAIN + "    ports: ['8888:8888']\n")),
        Example(_compose(_BOARD + "    ports: []\n    network_mode: service:app\n")),
        Example(_compose(_MAIN + _SECOND)),
        Example({"docker/Dockerfile": "FROM a\n"}),
    )
    invalid = (
        Example(_compose(_BOARD + "    ports: ['6006:6006']\n"), (f"{_FILE}:6:13",)),
        Example(_compose(_BOARD + "    ports:\n      - 6006\n"), (f"{_FILE}:7:9",)),
        Example(_compose(_BOARD + "    ports:\n      - target: 6006\n        published: 80\n"), (f"{_FILE}:7:9",)),
        Example(_compose(_BOARD + "    ports: ['${PORT}']\n"), (f"{_FILE}:6:13",)),
        Example(_compose(_BOARD + "    ports: ['1-9:1-9/udp', '::1:80:80']\n"), (f"{_FILE}:6:13", f"{_FILE}:6:28")),
        Example(_compose(_BOARD + "    network_mode: host\n"), (f"{_FILE}:6:19",)),
        Example(_compose(_BOARD + "    network_mode: ${NETWORK:-host}\n"), (f"{_FILE}:6:19",)),
        Example(_compose(_BOARD + "    network_mode: ${NETWORK:?}\n"), (f"{_FILE}:6:19",)),
        Example(_compose("\ufeff" + _BOARD + "    ports: ['80:80']\n"), (f"{_FILE}:6:13",)),
        Example(_compose("\ufeffservices: {board: {ports: ['80']}}\n"), (f"{_FILE}:1:29",)),
        Example(_compose(_BOARD + "    profiles: [debug]\n    ports: ['80:80']\n"), (f"{_FILE}:7:13",)),
        Example(_compose("x-open: &open\n  ports: ['80']\n" + _BOARD + "    <<: *open\n"), (f"{_FILE}:2:11",)),
        Example(_compose("x-open: &open ['80']\n" + _BOARD + "    ports: *open\n"), (f"{_FILE}:1:16",)),
        Example(
            {
                _FILE: _BOARD + "    extends: {file: base.yml, service: open}\n",
                "docker/base.yml": "services:\n  open:\n    image: b\n    ports: ['80:80']\n",
            },
            ("docker/base.yml:4:13",),
        ),
        Example(
            {
                _FILE: "include: [more.yml]\n" + _MAIN,
                "docker/more.yml": "services:\n  db:\n    ports: ['5432:5432']\n",
            },
            ("docker/more.yml:3:13",),
        ),
        Example(
            {_FILE: _BOARD, "docker/docker-compose.override.yml": "services:\n  board:\n    ports: ['80:80']\n"},
            ("docker/docker-compose.override.yml:3:13",),
        ),
        Example(
            _compose(_MAIN + "    ports: ['80:80']\n  worker:\n    extends: app\n"),
            (f"{_FILE}:4:13",),
        ),
        Example(_compose(_MAIN + "    ports: ['80:80']\n" + _CHOSEN), (f"{_FILE}:4:13",)),
    )

    def check_compose(self, documents: Documents) -> Iterator[Hit]:
        """Look at the services of all profiles, with all that they inherit."""
        project = documents.compose
        if project is None:
            return
        main = main_services(documents)
        for service in project.services.values():
            if service.name not in main:
                yield from _check_sidecar(service, documents)


def _check_sidecar(service: Service, documents: Documents) -> Iterator[Hit]:
    help_text = "remove it: other services reach it by its name; `expose` documents the port"
    for port in service.ports:
        message = f"the sidecar {service.name} publishes a port to the host: {port.written}"
        yield from hit_at(documents, port.position, message, help_text)
    mode = service.network_mode
    if mode is not None and not mode.decided:
        message = f"the network of the sidecar {service.name} cannot be told: it may be the host's"
        yield from hit_at(documents, mode.position, message, "remove network_mode: Compose gives it a network")
    elif mode is not None and mode.value.strip().lower() == "host":
        message = f"the sidecar {service.name} is in the host's network: every port of it is open there"
        yield from hit_at(documents, mode.position, message, "remove network_mode: Compose gives it a network")
