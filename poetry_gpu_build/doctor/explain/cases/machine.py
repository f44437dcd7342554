"""The host: its driver, and what nvidia-smi and CUDA say of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from poetry_gpu_build.doctor.explain.case import Case
from poetry_gpu_build.doctor.explain.case import Example
from poetry_gpu_build.documents.lazy import lazy_pattern

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Mapping

    from poetry_gpu_build.doctor.explain.situation import Situation


class DriverMismatch(Case):
    """The NVIDIA driver was updated, and the old one is still loaded.

    The library on disk and the module in the kernel must be of one version. Nothing that asks the driver works until
    the new module is loaded: no container, no torch, no detection of the GPU.
    """

    name = "driver-mismatch"
    hints = ("river/library version mismatch", "nvml error: driver/library", "API mismatch")
    patterns = (
        lazy_pattern(r"[Dd]river/library version mismatch"),
        lazy_pattern(r"NVRM: API mismatch: the client has the version (?P<library>[\d.]{3,20})"),
    )
    details = (lazy_pattern(r"NVML library version: (?P<library>[\d.]{3,20})"),)
    examples = (
        Example(
            "Failed to initialize NVML: Driver/library version mismatch\nNVML library version: 535.86",
            {"library": "535.86"},
        ),
        Example("nvidia-container-cli: initialization error: nvml error: driver/library version mismatch: unknown", {}),
    )
    lookalikes = ("Failed to initialize NVML: Unknown Error", "version mismatch between client and server")

    def ways(self, _values: Mapping[str, str], _situation: Situation) -> Iterator[str]:
        """A reboot is the way that always works."""
        yield "reboot the host; or, with nothing on the GPU: sudo rmmod nvidia_drm nvidia_modeset nvidia_uvm nvidia"
        yield "until then name the card, and build without asking the driver: poetry gpu-build --gpu 8.6"


class DriverNotLoaded(Case):
    """The NVIDIA driver is not there, or not loaded.

    On the host: no driver, a kernel that is newer than its module (DKMS did not build it), Secure Boot, or the nouveau
    driver in its place. In a container: it was started without its GPU. A build needs no driver at all.
    """

    name = "driver-not-loaded"
    hints = (
        "communicate with the NVIDIA driver",
        "river Not Loaded",
        "driver not loaded",
        "libnvidia-ml.so.1",
        "NVIDIA driver on your system",
        "WARNING: The NVIDIA Driver was not detected",
    )
    patterns = (
        lazy_pattern(r"couldn't communicate with the NVIDIA driver"),
        lazy_pattern(r"(?:NVML|nvml)(?: error)?: [Dd]river [Nn]ot [Ll]oaded"),
        lazy_pattern(r"libnvidia-ml\.so\.1: cannot open shared object file"),
        lazy_pattern(r"Found no NVIDIA driver on your system"),
        lazy_pattern(r"WARNING: The NVIDIA Driver was not detected"),
    )
    references = ("NVIDIA/nvidia-container-toolkit#1611",)
    examples = (
        Example(
            "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver. Make sure that the latest "
            "NVIDIA driver is installed and running."
        ),
        Example(
            "nvidia-container-cli: initialization error: load library failed: libnvidia-ml.so.1: cannot open shared "
            "object file: no such file or directory: unknown"
        ),
        Example("failed to generate CDI spec: failed to initialize NVML: Driver Not Loaded"),
        Example("RuntimeError: Found no NVIDIA driver on your system. Please check that you have an NVIDIA GPU"),
    )
    lookalikes = (
        "The NVIDIA driver on your system is too old (found version 11040).",
        "INFO[0000] Using /usr/lib/x86_64-linux-gnu/libnvidia-ml.so.560.35.03",
    )

    def here(self, _values: Mapping[str, str], situation: Situation) -> Iterator[str]:
        """This machine may have one all the same."""
        for gpu in situation.gpus:
            if gpu.driver is not None:
                yield f"this machine has {gpu} with driver {gpu.driver}: in a container, it was started without its GPU"

    def ways(self, _values: Mapping[str, str], _situation: Situation) -> Iterator[str]:
        """Host, container, build."""
        yield (
            "nvidia-smi on the host: if that fails too, install the driver, or reboot into the kernel it was built for"
        )
        yield "docker run --gpus all …: a container sees no GPU without it"
        yield "poetry gpu-build --gpu 8.6: a build needs no driver, only the name of the card"


class ContainerLostGpu(Case):
    """A running container has lost its GPU.

    `systemctl daemon-reload` on the host makes systemd write the container's device rules again, and NVIDIA's devices
    are not in them. nvidia-smi works on the host, and in a container that is started anew.
    """

    name = "container-lost-gpu"
    hints = ("nitialize NVML: Unknown Error",)
    patterns = (lazy_pattern(r"Failed to initialize NVML: Unknown Error"),)
    references = ("NVIDIA/nvidia-docker#1730", "NVIDIA/nvidia-container-toolkit#251")
    examples = (Example("root@098b49afe624:/# nvidia-smi\nFailed to initialize NVML: Unknown Error"),)
    lookalikes = ("Failed to initialize NVML: Driver/library version mismatch", "CUDA driver error: unknown error")

    def ways(self, _values: Mapping[str, str], _situation: Situation) -> Iterator[str]:
        """Restart, then keep it from coming again."""
        yield "docker restart CONTAINER: it has its GPU again, until the next daemon-reload"
        yield "docker run --device=nvidia.com/gpu=all … (CDI: docker 25 or newer) is not affected"
        yield 'or in /etc/docker/daemon.json: "exec-opts": ["native.cgroupdriver=cgroupfs"]'


class SmiWithoutComputeCap(Case):
    """nvidia-smi is too old to tell the compute capability.

    The field came after driver branch 470, which is the last one for Kepler. A nvidia-smi that is older than the driver
    (one in a snap or an image) says the same.
    """

    name = "smi-without-compute-cap"
    hints = ("compute_cap",)
    patterns = (lazy_pattern(r'Field \\?"compute_cap\\?" is not a valid field to query'),)
    details = (lazy_pattern(r"NVIDIA-SMI (?:version {1,4}: |v)?(?P<smi>\d{3}(?:\.\d{1,3}){1,2})"),)
    references = ("huggingface/candle#733", "canonical/inference-snaps#89")
    examples = (
        Example('Field "compute_cap" is not a valid field to query.\n'),
        Example(
            '$ nvidia-smi --query-gpu=compute_cap --format=csv\nField "compute_cap" is not a valid field to query.\n'
            "| NVIDIA-SMI 470.256.02   Driver Version: 580.95.05    CUDA Version: 13.0     |",
            {"smi": "470.256.02"},
        ),
    )
    lookalikes = ('Field "id" is not a valid field to query.', "compute_cap\n8.9")

    def here(self, _values: Mapping[str, str], _situation: Situation) -> Iterator[str]:
        """The plugin copes."""
        yield "this plugin asks NVML first, and nvidia-smi again without the field: here nothing need be done"

    def ways(self, _values: Mapping[str, str], _situation: Situation) -> Iterator[str]:
        """The field is the other program's."""
        yield (
            "in another program that asks for it: update the driver, or tell it the number: nvidia-smi -L "
            "names the card"
        )
        yield "poetry gpu-build doctor: the card, and its compute capability by NVML or the table of cards"


class NoGpuVisible(Case):
    """CUDA sees no GPU, though a driver is there.

    CUDA_VISIBLE_DEVICES names none that exists (an empty one hides all), the container was given none, the card is one
    that this driver no longer drives, or it fell off the bus.
    """

    name = "no-gpu-visible"
    hints = ("No CUDA GPUs are available", "no CUDA-capable device is detected", "No devices were found")
    patterns = (
        lazy_pattern(r"No CUDA GPUs are available"),
        lazy_pattern(r"no CUDA-capable device is detected"),
        lazy_pattern(r"^No devices were found"),
    )
    examples = (
        Example("RuntimeError: No CUDA GPUs are available"),
        Example("RuntimeError: CUDA error: no CUDA-capable device is detected"),
        Example("$ nvidia-smi -L\nNo devices were found"),
    )
    lookalikes = ("Found no NVIDIA driver on your system.", "ls: No devices were found under /dev/video*")

    def here(self, _values: Mapping[str, str], situation: Situation) -> Iterator[str]:
        """The branch may be too new for the card."""
        yield from situation.about_cards_and_drivers()

    def ways(self, _values: Mapping[str, str], _situation: Situation) -> Iterator[str]:
        """By likelihood."""
        yield "env | grep VISIBLE_DEVICES: CUDA_VISIBLE_DEVICES and NVIDIA_VISIBLE_DEVICES must name cards that exist"
        yield "docker run --gpus all …; in Compose: deploy.resources.reservations.devices with capabilities: [gpu]"
        yield "sudo dmesg | grep -i nvrm: a card that this driver does not drive, or that fell off the bus"


class DriverTooOld(Case):
    """The driver is older than the CUDA in torch asks for.

    A driver runs machine code of its own CUDA major and of every older one; each major has a least driver.
    """

    name = "driver-too-old"
    hints = (
        "driver on your system is too old",
        "CUDA driver version is insufficient",
        "cudaErrorInsufficientDriver",
        "driver version is too old",
    )
    patterns = (
        lazy_pattern(r"driver on your system is too old \(found version (?P<found>\d{4,5})\)"),
        lazy_pattern(r"CUDA driver version is insufficient for CUDA runtime version"),
        lazy_pattern(r"cudaErrorInsufficientDriver"),
    )
    details = (lazy_pattern(r"Driver Version: {1,8}(?P<driver>\d{3}(?:\.\d{1,3}){1,2})"),)
    examples = (
        Example(
            "UserWarning: CUDA initialization: The NVIDIA driver on your system is too old (found version 11040). "
            "Please update your GPU driver",
            {"found": "11040"},
        ),
        Example("RuntimeError: CUDA error: CUDA driver version is insufficient for CUDA runtime version", {}),
    )
    lookalikes = ("RuntimeError: Found no NVIDIA driver on your system.", "Your driver version is 570.26")

    def here(self, values: Mapping[str, str], situation: Situation) -> Iterator[str]:
        """The number is that of the CUDA which the driver is for."""
        found = values.get("found", "")
        if found.isdecimal():
            yield f"the driver is of CUDA {int(found) // 1000}.{int(found) % 1000 // 10}"
        torch = situation.told.torch or (situation.pinned.build if situation.pinned is not None else None)
        cuda = torch.cuda if torch is not None else situation.policy.binary.cuda
        if cuda is not None:
            yield from situation.about_driver(cuda)
        yield from situation.about_cards_and_drivers()

    def ways(self, _values: Mapping[str, str], situation: Situation) -> Iterator[str]:
        """The driver, or an older CUDA."""
        yield "update the host's driver: it is the host's, whatever is in the image"
        yield "or use a torch of an older CUDA: cu11x runs from driver 450.80.02 on, cu12x from 525.60.13"
        if situation.in_project:
            yield "poetry gpu-build --dry-run: what the plan says of this machine's driver"


class ForwardCompatibility(Case):
    """The image brings a driver library that GeForce cards refuse.

    NVIDIA's images hold cuda-compat, by which data-centre cards run a newer CUDA on an older driver. On other cards it
    is refused. It comes into play where the image's CUDA is newer than the host's driver.
    """

    name = "forward-compatibility"
    hints = ("forward compatibility was attempted", "CompatNotSupportedOnDevice")
    patterns = (
        lazy_pattern(r"forward compatibility was attempted on non supported HW"),
        lazy_pattern(r"cudaErrorCompatNotSupportedOnDevice"),
    )
    references = ("NVIDIA/nvidia-docker#1515", "mistralai/mistral-inference#144")
    examples = (
        Example(
            "UserWarning: CUDA initialization: Unexpected error from cudaGetDeviceCount(). Did you run some cuda "
            "functions before calling NumCudaDevices() that might have already set an error? Error 804: forward "
            "compatibility was attempted on non supported HW"
        ),
    )
    lookalikes = ("Unexpected error from cudaGetDeviceCount(). Error 802: system not yet initialized",)

    def here(self, _values: Mapping[str, str], situation: Situation) -> Iterator[str]:
        """Both modes have an image of NVIDIA's."""
        for mode in (situation.policy.binary, situation.policy.source):
            yield f"the {mode.name} mode's base image is {mode.base_image} (CUDA {mode.cuda})"
        yield from situation.about_driver(situation.policy.binary.cuda)

    def ways(self, _values: Mapping[str, str], _situation: Situation) -> Iterator[str]:
        """The driver, or the library away."""
        yield "update the host's driver to one of the image's CUDA or newer, and reboot"
        yield (
            "or take the library out of the image: RUN rm -rf /usr/local/cuda/compat, if a driver of this "
            "major is there"
        )
        yield "or choose a base image of an older CUDA: modes.binary.base-image in [tool.gpu-build]"


class UnknownCudaError(Case):
    """CUDA could not start, and does not say why.

    Often the module nvidia_uvm is not loaded or did not survive a suspend; in a container /dev/nvidia-uvm may be
    missing. It has nothing to do with the architectures in torch.
    """

    name = "unknown-cuda-error"
    hints = ("CUDA unknown error", "Error 999", "cudaErrorUnknown", "CUDA_ERROR_UNKNOWN")
    patterns = (
        lazy_pattern(r"CUDA unknown error - this may be due to an incorrectly set up environment"),
        lazy_pattern(r"Error 999: unknown error"),
        lazy_pattern(r"CUDA_ERROR_UNKNOWN|cudaErrorUnknown"),
    )
    examples = (
        Example(
            "UserWarning: CUDA initialization: CUDA unknown error - this may be due to an incorrectly set up "
            "environment, e.g. changing env variable CUDA_VISIBLE_DEVICES after program start."
        ),
    )
    lookalikes = ("HTTP Error 999", "CUDA error: no kernel image is available for execution on the device")

    def ways(self, _values: Mapping[str, str], _situation: Situation) -> Iterator[str]:
        """Load the module again."""
        yield "on the host: sudo rmmod nvidia_uvm; sudo modprobe nvidia_uvm; or reboot"
        yield "ls -l /dev/nvidia-uvm in the container: started with --gpus all, it is there"
