"""Stand-ins for NVIDIA's base images, under their real names, for an engine that can pull nothing.

A Debian root with this machine's certificates and index, and NVIDIA's own environment on top; the 11.8 image
holds the real CUDA 11.8 compiler. Neither holds pip, Poetry or a driver.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from .cuda import cuda_toolkit
from .pypi import image_configuration
from .rootfs import certificate_bundle
from .rootfs import root_filesystem

if TYPE_CHECKING:
    from .engine import Engine


BINARY_BASE = "nvidia/cuda:12.8.1-devel-ubuntu22.04"
SOURCE_BASE = "nvidia/cuda:11.8.0-cudnn8-devel-ubuntu22.04"

_ROOT_IMAGE = "gpu-build-e2e/bookworm:latest"

_BUNDLE = "/etc/ssl/certs/ca-certificates.crt"
_TRUST = f"""\
COPY ca-certificates.crt {_BUNDLE}
ENV SSL_CERT_FILE={_BUNDLE} PIP_CERT={_BUNDLE} REQUESTS_CA_BUNDLE={_BUNDLE}
"""

_NVIDIA = """\
ENV NVARCH=x86_64 \\
    CUDA_VERSION={version} \\
    NVIDIA_REQUIRE_CUDA="cuda>={require}" \\
    NVIDIA_VISIBLE_DEVICES=all \\
    NVIDIA_DRIVER_CAPABILITIES=compute,utility \\
    PATH=/usr/local/nvidia/bin:/usr/local/cuda/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \\
    LD_LIBRARY_PATH=/usr/local/nvidia/lib:/usr/local/nvidia/lib64 \\
    LIBRARY_PATH=/usr/local/cuda/lib64/stubs
"""


def make_bases(engine: Engine) -> None:
    """Make both base images in the engine, and the root image that they share."""
    engine.docker("import", "--message", "debootstrap bookworm", root_filesystem(), _ROOT_IMAGE)
    binary = _NVIDIA.format(version="12.8.1", require="12.8")
    source = _NVIDIA.format(version="11.8.0", require="11.8") + (
        "COPY cuda /usr/local/cuda-11.8\nRUN ln -s cuda-11.8 /usr/local/cuda && ldconfig /usr/local/cuda/lib64\n"
    )
    with tempfile.TemporaryDirectory(prefix="gpu-build-bases-") as folder:
        context = Path(folder)
        head = f"FROM {_ROOT_IMAGE}\n" + _carry_machine(engine, context)
        engine.docker("build", "--tag", BINARY_BASE, "--file", "-", context, input_text=head + binary)
        # Hard links would do, but the cache and /tmp need not be one file system.
        shutil.copytree(cuda_toolkit(), context / "cuda", symlinks=True)
        engine.docker("build", "--tag", SOURCE_BASE, "--file", "-", context, input_text=head + source)


def _carry_machine(engine: Engine, context: Path) -> str:
    """Put what the machine trusts and asks into the build context; the Dockerfile lines that copy it."""
    lines = ""
    bundle = certificate_bundle()
    if bundle is not None:
        (context / "ca-certificates.crt").write_bytes(bundle)
        lines += _TRUST
    pip_conf = image_configuration(engine.address)
    if pip_conf:
        (context / "pip.conf").write_text(pip_conf)
        lines += "COPY pip.conf /etc/pip.conf\n"
    return lines
