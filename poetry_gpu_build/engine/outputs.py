"""What leaves the builder, `--output` and `--push`, and how it is compressed: `--compression zstd`. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from poetry_gpu_build.engine.caches import MODE
from poetry_gpu_build.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from poetry_gpu_build.engine.options import BuildOptions

COMPRESSIONS = ("zstd", "gzip", "estargz", "uncompressed")
_COMPRESSED = ("image", "registry", "oci")


def check_compression(options: BuildOptions) -> None:
    """Refuse a `--compression` that would compress nothing. Raises ConfigurationError."""
    if options.compression is None:
        return
    if options.compression not in COMPRESSIONS:
        raise ConfigurationError(
            f"--compression {options.compression} is unknown",
            ways_out=(f"choose one of: {', '.join(COMPRESSIONS)}",),
        )
    if not options.push and not any(_kind(output) in _COMPRESSED for output in options.outputs):
        raise ConfigurationError(
            "--compression is of an image that leaves the builder, and nothing here is one",
            ways_out=("add --push", "or an image as --output: type=oci,dest=FILE"),
        )
    for output in options.outputs:
        if "compression=" in output:
            raise ConfigurationError(
                f"--output {output} says its compression, and --compression says another",
                ways_out=("leave one of them out",),
            )


def check_outputs(options: BuildOptions, modes: Sequence[str]) -> None:
    """Refuse one file for two images: the last one to end would be in it. Raises ConfigurationError."""
    if len(modes) < 2:
        return
    for output in options.outputs:
        place = output if "=" not in output else _fields(output).get("dest") or _fields(output).get("name") or ""
        if place and MODE not in place:
            raise ConfigurationError(
                f"both modes would write the output {output}, and one of them would be lost",
                ways_out=(f"let it tell the mode: {output.replace(place, f'{place}-{MODE}')}",),
            )


def outputs_of(options: BuildOptions) -> tuple[str, ...]:
    """The outputs, compressed as asked; `--push` is one of them then, because its own compression is gzip."""
    if options.compression is None:
        return options.outputs
    pushed = ("type=registry",) if options.push else ()
    return tuple(
        f"{output},{_compressed(options.compression)}" if _kind(output) in _COMPRESSED else output
        for output in (*options.outputs, *pushed)
    )


def pushes_by_output(options: BuildOptions) -> bool:
    """Whether `--push` is among the outputs already: bake's own would replace them."""
    return options.push and options.compression is not None


def _compressed(compression: str) -> str:
    """Docker's own manifests know no zstd, and a layer that is there with gzip would be taken as it is."""
    return f"oci-mediatypes=true,compression={compression},force-compression=true"


def _kind(output: str) -> str:
    return _fields(output).get("type", "")


def _fields(output: str) -> dict[str, str]:
    return dict(field.partition("=")[::2] for field in output.split(","))
