"""What the user passes through to BuildKit, resolved once."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BuildOptions:
    """Options of one build; each text is in docker's own notation (`docker buildx build --help`)."""

    builder: str | None = None
    push: bool = False
    load: bool = False
    outputs: tuple[str, ...] = ()
    """``{mode}`` stands for the mode, here and in the caches."""
    cache_from: tuple[str, ...] = ()
    cache_to: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    overrides: tuple[str, ...] = ()
    """`--set target.key=value` of bake."""
    allow: tuple[str, ...] = ()
    """Entitlements, such as network.host."""
    progress: str = "auto"
    no_cache: bool = False
    compression: str | None = None
    """Of the layers of what leaves the builder; None: BuildKit's own choice, gzip."""
    stage: str | None = None
    """Build up to this stage of the Dockerfile; None: the last."""

    @property
    def keeps_something(self) -> bool:
        """Whether the result leaves the builder."""
        return self.push or self.load or bool(self.outputs)

    @property
    def changes_the_image(self) -> bool:
        """Whether an override makes, or names, another image than the plan: ``*.tags=…``."""
        keys = {override.partition("=")[0].partition(".")[2].partition(".")[0] for override in self.overrides}
        return not keys.isdisjoint({"tags", "target", "output", "labels", "dockerfile", "context", "platform"})
