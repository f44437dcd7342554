"""The container runtime, which hands GPUs to containers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from poetry_gpu_build.doctor.explain.case import Case
from poetry_gpu_build.doctor.explain.case import Example
from poetry_gpu_build.doctor.explain.told import parsed_or_none
from poetry_gpu_build.documents.lazy import lazy_pattern
from poetry_gpu_build.values import CudaVersion

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Mapping

    from poetry_gpu_build.doctor.explain.situation import Situation


class ContainerRequirement(Case):
    """The image asks for a newer driver, and the container runtime refuses to start it.

    NVIDIA's images carry NVIDIA_REQUIRE_CUDA. It names a CUDA version, and older driver branches in which brands other
    than GeForce are let in: a GeForce card needs the driver of that CUDA, even where torch itself would run on an older
    one.
    """

    name = "container-requirement"
    hints = ("unsatisfied condition",)
    patterns = (
        lazy_pattern(r"unsatisfied condition: cuda ?>= ?(?P<cuda>\d{1,2}\.\d{1,2})"),
        lazy_pattern(r"unsatisfied condition: (?P<condition>[a-z]{2,20} ?[<>=!]{1,2} ?[\w.]{1,20})"),
    )
    identity = ("cuda", "condition")
    references = ("MauriceNino/dashdot#1226", "NVIDIA/nvidia-container-toolkit#152")
    examples = (
        Example(
            "nvidia-container-cli: requirement error: unsatisfied condition: cuda>=12.8, please update "
            "your driver to a "
            "newer version, or use an earlier cuda container: unknown",
            {"cuda": "12.8"},
        ),
        Example("nvidia-container-cli: requirement error: unsatisfied condition: cuda >= 9.0", {"cuda": "9.0"}),
        Example(
            "nvidia-container-cli: requirement error: unsatisfied condition: brand = tesla",
            {"condition": "brand = tesla"},
        ),
    )
    lookalikes = ("apt: unsatisfied conditions: none", "requirement error: unknown condition")

    def here(self, values: Mapping[str, str], situation: Situation) -> Iterator[str]:
        """Whose image it is, and what the driver is good for."""
        cuda = parsed_or_none(CudaVersion.parse, values.get("cuda"))
        if cuda is None:
            return
        for mode in (situation.policy.binary, situation.policy.source):
            if mode.cuda == cuda:
                yield f"that is the base image of the {mode.name} mode: {mode.base_image}"
        yield from situation.about_driver(cuda)

    def ways(self, values: Mapping[str, str], situation: Situation) -> Iterator[str]:
        """The driver, another image, or the check away."""
        cuda = parsed_or_none(CudaVersion.parse, values.get("cuda"))
        toolkit = None if cuda is None else situation.facts.toolkit(cuda)
        newer = ""
        if toolkit is not None and toolkit.driver_released_with is not None:
            newer = f" to branch {toolkit.driver_released_with.branch} or newer"
        yield f"update the host's driver{newer}"
        yield "or choose a base image of an older CUDA: modes.binary.base-image in [tool.gpu-build], and a torch of it"
        yield (
            "or skip the check: docker run -e NVIDIA_DISABLE_REQUIRE=true …, if the driver is one that "
            "torch's CUDA major "
            "runs on (cu12x: 525.60.13 and newer)"
        )


class NoGpuRuntime(Case):
    """Docker has nothing that hands GPUs to containers.

    NVIDIA's Container Toolkit is not installed on the host of the daemon, docker was not told of it, or docker is a
    snap or a Docker Desktop that has its own. docker 29 speaks of CDI and of AMD where it finds no NVIDIA device.
    """

    name = "no-gpu-runtime"
    hints = (
        "could not select device driver",
        "runtime name: nvidia",
        "Unknown runtime specified nvidia",
        "no known GPU vendor found",
        "AMD CDI spec not found",
    )
    patterns = (
        lazy_pattern(r'could not select device driver(?: \\?"(?:nvidia)?\\?")? with capabilities: \[\[.{0,60}gpu'),
        lazy_pattern(r"unknown or invalid runtime name: nvidia"),
        lazy_pattern(r"Unknown runtime specified nvidia"),
        lazy_pattern(r"failed to discover GPU vendor from CDI: no known GPU vendor found"),
        lazy_pattern(r"AMD CDI spec not found"),
    )
    references = ("NVIDIA/nvidia-docker#1682", "games-on-whales/wolf#386")
    examples = (
        Example('docker: Error response from daemon: could not select device driver "" with capabilities: [[gpu]].'),
        Example('Error response from daemon: could not select device driver "nvidia" with capabilities: [[gpu]]'),
        Example("docker: Error response from daemon: unknown or invalid runtime name: nvidia."),
        Example(
            "docker: Error response from daemon: failed to discover GPU vendor from CDI: no known GPU vendor found"
        ),
        Example("docker: Error response from daemon: AMD CDI spec not found"),
    )
    lookalikes = (
        'Error response from daemon: could not select device driver "cdi" with capabilities: [].',
        "unknown or invalid runtime name: io.containerd.kata.v2",
    )

    def here(self, _values: Mapping[str, str], _situation: Situation) -> Iterator[str]:
        """Building is another thing."""
        yield "the image can be built and proven all the same: only running it on the GPU needs the runtime"

    def ways(self, _values: Mapping[str, str], _situation: Situation) -> Iterator[str]:
        """Install, configure, restart."""
        yield "install nvidia-container-toolkit on the host of the docker daemon"
        yield "sudo nvidia-ctk runtime configure --runtime=docker && sudo systemctl restart docker"
        yield "docker context ls: another context (rootless, Docker Desktop) has a daemon of its own"


class CdiUnresolvable(Case):
    """The GPU was asked for by its CDI name, and no CDI file describes it.

    The files in /etc/cdi and /var/run/cdi are written by nvidia-ctk for the driver and the cards of that moment: none
    was written, or the driver or the cards changed since.
    """

    name = "cdi-unresolvable"
    hints = ("unresolvable CDI devices", 'device driver "cdi"', 'device driver \\"cdi\\"')
    patterns = (
        lazy_pattern(r"unresolvable CDI devices (?P<device>[\w./=:-]{1,100})"),
        lazy_pattern(r'could not select device driver \\?"cdi\\?"'),
    )
    references = ("NVIDIA/nvidia-container-toolkit#434", "NVIDIA/nvidia-container-toolkit#146")
    examples = (
        Example(
            "Error: setting up CDI devices: unresolvable CDI devices nvidia.com/gpu=all",
            {"device": "nvidia.com/gpu=all"},
        ),
        Example('docker: Error response from daemon: could not select device driver "cdi" with capabilities: [].', {}),
    )
    lookalikes = ('could not select device driver "" with capabilities: [[gpu]].', "INFO[0000] Found 2 CDI devices")

    def ways(self, _values: Mapping[str, str], _situation: Situation) -> Iterator[str]:
        """Write the file; switch CDI on."""
        yield "sudo nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml, again after each update of the driver"
        yield "nvidia-ctk cdi list: the names that exist"
        yield 'docker before 28: "features": {"cdi": true} in /etc/docker/daemon.json, and restart it'
