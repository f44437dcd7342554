"""The rows of policies/facts/ as they are written, for the tests about them."""

from __future__ import annotations

from typing import Any

from poetry_gpu_build.documents.toml import read_toml
from poetry_gpu_build.resources import policies_dir

FACTS = policies_dir() / "facts"
TORCH, CUDA, GPUS, FEATURES = "torch_wheels.toml", "cuda_toolkits.toml", "gpus.toml", "features.toml"


def rows(file: str, table: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = read_toml(FACTS / file).data[table]
    return found


WHEELS = rows(TORCH, "wheel")
LIBRARIES = rows(TORCH, "library")
TOOLKITS = rows(CUDA, "toolkit")
CARDS = rows(GPUS, "gpu")


def named(row: dict[str, Any]) -> str:
    """What tells a row apart from the others of its table."""
    return "+".join(str(row[key]) for key in ("torch", "variant", "cuda", "name", "version", "code") if key in row)


def ascending(values: list[Any]) -> bool:
    """Whether they are in order, and each once."""
    return values == sorted(set(values))
