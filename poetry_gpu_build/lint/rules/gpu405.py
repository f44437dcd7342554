"""GPU405: the main service reserves no GPU."""

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
_DEPLOY = "    deploy: {resources: {reservations: {devices: [{capabilities: [%s], count: %s}]}}}\n"


class GpuNotReserved(ComposeRule):
    """The main service should reserve a GPU.

    Without a reservation the container sees no GPU: torch.cuda.is_available() is false, and the code falls back to the
    CPU without a word, in an image that was built for a card.
    """

    code = "GPU405"
    name = "gpu-not-reserved"
    valid = (
        Example({_FILE: _MAIN + _DEPLOY % ("gpu", "all")}),
        Example({_FILE: _MAIN + "    gpus: all\n"}),
        Example({_FILE: _MAIN + "    runtime: nvidia\n"}),
        Example({_FILE: "services:\n  board:\n    image: b\n"}),
    )
    invalid = (
        Example({_FILE: _MAIN}, (f"{_FILE}:2:3",)),
        Example({_FILE: _MAIN + _DEPLOY % ("tpu", "all")}, (f"{_FILE}:2:3",)),
        Example({_FILE: _MAIN + _DEPLOY % ("gpu", "0")}, (f"{_FILE}:2:3",)),
    )

    def check_compose(self, documents: Documents) -> Iterator[Hit]:
        """Look for a reservation of GPUs in the main service."""
        help_text = "reserve them: deploy.resources.reservations.devices with capabilities: [gpu], or `gpus: all`"
        for service in main_services(documents).values():
            if not _reserves(service):
                yield from hit_at(documents, service.position, f"{service.name} reserves no GPU", help_text)


def _reserves(service: Service) -> bool:
    if service.runtime is not None and service.runtime.value == "nvidia":
        return True
    return any(device.is_gpu and device.count != "0" for device in service.devices)
