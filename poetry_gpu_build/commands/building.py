"""The options of every command that builds: what they are called, and how they are read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cleo.helpers import option

from poetry_gpu_build.engine.options import BuildOptions
from poetry_gpu_build.errors import ConfigurationError

if TYPE_CHECKING:
    from typing import Any

    from cleo.io.inputs.option import Option

    from poetry_gpu_build.commands.base import GpuBuildBaseCommand

PROGRESS = ("auto", "plain", "tty", "quiet", "rawjson")


def value_option(name: str, description: str, *, many: bool = False) -> Option:
    """An option with a value."""
    return option(name, None, description, flag=False, multiple=many)


def engine_options() -> list[Option]:
    """How, where and with what docker builds."""
    return [
        value_option("builder", "The buildx builder to use."),
        value_option("cache-from", "External cache to read, as in docker buildx build; {mode} is the mode.", many=True),
        value_option("cache-to", "External cache to write.", many=True),
        value_option("compression", "Compress what is pushed or output with it: zstd is faster than the usual gzip."),
        value_option(
            "build-arg", "Build argument NAME=VALUE; never a secret, it stays in the image's history.", many=True
        ),
        value_option("secret", "Secret for RUN --mount=type=secret, as in docker buildx build.", many=True),
        value_option("allow", "Grant the build an entitlement, such as network.host.", many=True),
        option("docker-no-cache", None, "Build without BuildKit's cache."),
        value_option("progress", f"How docker shows its progress: {', '.join(PROGRESS)}."),
    ]


def build_options(command: GpuBuildBaseCommand) -> BuildOptions:
    """What the user passes through to BuildKit; an option that the command does not have is not given."""
    known = {each.name for each in command.options}

    def said(name: str) -> Any:
        return command.option(name) if name in known else None

    return BuildOptions(
        builder=said("builder"),
        push=bool(said("push")),
        load=bool(said("load")),
        outputs=tuple(said("output") or ()),
        cache_from=tuple(said("cache-from") or ()),
        cache_to=tuple(said("cache-to") or ()),
        secrets=tuple(said("secret") or ()),
        overrides=tuple(said("set") or ()),
        allow=tuple(said("allow") or ()),
        progress=choice(command, "progress", PROGRESS, "auto"),
        no_cache=bool(said("docker-no-cache")),
        compression=said("compression"),
        stage=said("target"),
    )


def build_arguments(command: GpuBuildBaseCommand) -> tuple[tuple[str, str], ...]:
    """The values of `--build-arg`. Raises ConfigurationError for one that is no assignment."""
    return tuple(_assignment(text) for text in command.option("build-arg"))


def choice(command: GpuBuildBaseCommand, name: str, known: tuple[str, ...], default: str) -> str:
    """The value of an option that has a few. Raises ConfigurationError for another one."""
    value = command.option(name) or default
    if value in known:
        return str(value)
    raise ConfigurationError(f"--{name} {value} is unknown", ways_out=(f"choose one of: {', '.join(known)}",))


def _assignment(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if name and equals:
        return name, value
    raise ConfigurationError(f"--build-arg {text} has no value", ways_out=("write it as --build-arg NAME=VALUE",))
