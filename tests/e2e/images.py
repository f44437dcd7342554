"""Images that `poetry gpu-build` built, and what is asked of them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .harness.engine import Engine


_KEPT = "-as-built"


@dataclass(frozen=True, slots=True)
class Image:
    """An image in the engine, and what building it said."""

    engine: Engine
    name: str
    log: str

    def run(self, *command: str) -> str:
        """What a command prints in a container without a network."""
        return self.engine.docker("run", "--rm", "--network", "none", self.name, *command).stdout

    def python(self, code: str) -> str:
        """What the image's interpreter prints, in a folder where no code of a project lies."""
        return self.engine.docker(
            *("run", "--rm", "--network", "none", "--workdir", "/", self.name, "python", "-c", code)
        ).stdout.strip()

    def history(self) -> list[str]:
        """The commands that made it, as the image itself records them."""
        said = self.engine.docker("history", "--no-trunc", "--format", "{{json .CreatedBy}}", self.name).stdout
        return [json.loads(line) for line in said.splitlines()]

    def labels(self) -> dict[str, str]:
        """Its labels."""
        said = self.engine.docker("image", "inspect", "--format", "{{json .Config.Labels}}", self.name).stdout
        labels: dict[str, str] = json.loads(said)
        return labels

    def layers(self) -> list[str]:
        """The digests of its layers: equal for equal files, whatever the labels say."""
        said = self.engine.docker("image", "inspect", "--format", "{{json .RootFS.Layers}}", self.name).stdout
        layers: list[str] = json.loads(said)
        return layers

    def id(self) -> str:
        """The digest of its configuration: equal for equal builds."""
        return self.engine.docker("image", "inspect", "--format", "{{.Id}}", self.name).stdout.strip()

    def named_again(self) -> Image:
        """The same image, its name back from whatever was built under it since: Compose writes no labels."""
        self.engine.docker("tag", f"{self.name}{_KEPT}", self.name)
        return self


def kept(image: Image) -> Image:
    """Give it a second name, by which `named_again` finds it."""
    image.engine.docker("tag", image.name, f"{image.name}{_KEPT}")
    return image
