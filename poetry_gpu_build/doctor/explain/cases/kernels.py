"""What fails when the GPU is used: code that is not for it, PTX that the driver does not know, libraries too new."""

from __future__ import annotations

from typing import TYPE_CHECKING

from poetry_gpu_build.doctor.explain.case import Case
from poetry_gpu_build.doctor.explain.case import Example
from poetry_gpu_build.doctor.explain.situation import with_doubt
from poetry_gpu_build.doctor.explain.told import parsed_or_none
from poetry_gpu_build.documents.lazy import lazy_pattern
from poetry_gpu_build.values import ComputeCapability
from poetry_gpu_build.values import CudaVersion

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Mapping

    from poetry_gpu_build.doctor.explain.situation import Situation

_CUPY = ("CuPy for CUDA 11 still serves them: cupy-cuda11x 13.6.0 is its last", "cupy-cuda12x serves 5.0 and newer")


class NoKernelImage(Case):
    """Some code was started on a GPU that it was not compiled for.

    torch itself, or an extension (torchvision, xformers, flash-attn, your own). torch.cuda.is_available() says True all
    the same. Machine code runs on its own compute-capability generation from its minor number on, and nowhere else:
    cu128 wheels have nothing for GTX 10xx, P100 and V100, older wheels nothing for RTX 50.
    """

    name = "no-kernel-image"
    hints = ("no kernel image is available", "cudaErrorNoKernelImageForDevice", "invalid device function")
    patterns = (
        lazy_pattern(r"(?<!FOR_GPU: )no kernel image is available for execution on the device"),
        lazy_pattern(r"cudaErrorNoKernelImageForDevice"),
        lazy_pattern(r"CUDA error: invalid device function|cuda runtime error \(8\) : invalid device function"),
    )
    references = ("astral-sh/uv#14742", "vllm-project/vllm#19185", "pytorch/pytorch#31285", "Kaggle/kaggle-cli#1151")
    examples = (
        Example("RuntimeError: CUDA error: no kernel image is available for execution on the device"),
        Example(
            "torch.AcceleratorError: CUDA error: no kernel image is available for execution on the device\n"
            "Search for `cudaErrorNoKernelImageForDevice' in https://docs.nvidia.com/cuda/"
        ),
        Example("RuntimeError: CUDA error: invalid device function"),
    )
    lookalikes = (
        "CUDADriverError: CUDA_ERROR_NO_BINARY_FOR_GPU: no kernel image is available for execution on the device",
        "no kernel image found in /boot",
    )

    def here(self, _values: Mapping[str, str], situation: Situation) -> Iterator[str]:
        """The cards of the text or of the machine."""
        yield from situation.about_torch(None)

    def ways(self, _values: Mapping[str, str], situation: Situation) -> Iterator[str]:
        """Images that run; extensions have their own list."""
        yield from situation.ways_to_run(None)
        yield "poetry gpu-build archs FILE: what a .so, a wheel or a site-packages is compiled for, extensions too"


class UnsupportedPtx(Case):
    """The driver is older than the toolkit that made the portable code (PTX).

    Where there is no machine code for a card, the driver compiles PTX at the first start, and it knows only the PTX of
    its own CUDA and of older ones: the promise that any 12.x runs on any 12.x driver is for machine code alone.
    """

    name = "unsupported-ptx"
    hints = ("unsupported toolchain", "UNSUPPORTED_PTX_VERSION", "UnsupportedPtxVersion", "Unsupported .version")
    patterns = (
        lazy_pattern(r"provided PTX was compiled with an unsupported toolchain"),
        lazy_pattern(r"CUDA_ERROR_UNSUPPORTED_PTX_VERSION|cudaErrorUnsupportedPtxVersion"),
        lazy_pattern(r"Unsupported \.version (?P<ptx>\d\.\d{1,2}); current version is '(?P<known>\d\.\d{1,2})'"),
    )
    details = (
        lazy_pattern(r"Driver Version: {1,8}(?P<driver>\d{3}(?:\.\d{1,3}){1,2})"),
        lazy_pattern(r"Cuda compilation tools, release (?P<cuda>\d{1,2}\.\d)"),
    )
    references = ("cupy/cupy#5610", "cupy/cupy#6875")
    examples = (
        Example("RuntimeError: CUDA error: the provided PTX was compiled with an unsupported toolchain.", {}),
        Example(
            "CUDADriverError: CUDA_ERROR_UNSUPPORTED_PTX_VERSION: the provided PTX was compiled with an unsupported "
            "toolchain.\nCuda compilation tools, release 11.1, V11.1.105\n| NVIDIA-SMI 455.23.04    Driver Version: "
            "455.23.04    CUDA Version: 11.1     |",
            {"cuda": "11.1", "driver": "455.23.04"},
        ),
        Example(
            "ptxas application ptx input, line 9; fatal   : Unsupported .version 8.7; current version is '8.4'",
            {"ptx": "8.7", "known": "8.4"},
        ),
    )
    lookalikes = ("ptxas fatal   : Unresolved extern function", "unsupported toolchain version in rust-toolchain.toml")

    def here(self, values: Mapping[str, str], situation: Situation) -> Iterator[str]:
        """The driver that knows it."""
        torch = situation.told.torch or (situation.pinned.build if situation.pinned is not None else None)
        cuda = parsed_or_none(CudaVersion.parse, values.get("cuda"))
        cuda = cuda or (torch.cuda if torch is not None else None) or situation.policy.binary.cuda
        yield from situation.about_driver(cuda)

    def ways(self, _values: Mapping[str, str], situation: Situation) -> Iterator[str]:
        """A newer driver, or machine code."""
        yield "update the host's driver to that of the toolkit, or newer"
        named = " ".join(f"--gpu {target}" for target in situation.targets())
        if named:
            yield f"poetry gpu-build {named} --dry-run: an image that holds machine code for the card needs no PTX"
        yield "in a source build name the card itself in TORCH_CUDA_ARCH_LIST, such as 8.6, and not only an older +PTX"


class CupyArchitecture(Case):
    """CuPy's CUDA no longer compiles for this GPU, or does not know it yet.

    CuPy compiles its kernels on the machine, with the NVRTC of its own CUDA major: CUDA 13 begins at compute capability
    7.5, so cupy-cuda13x does not run on GTX 10xx, P100 or V100; CUDA 11 ends at 9.0.
    """

    name = "cupy-architecture"
    hints = ("invalid value for --gpu-architecture",)
    patterns = (lazy_pattern(r"nvrtc: error: invalid value for --gpu-architecture \(-arch\)"),)
    details = (
        lazy_pattern(r"-arch(?:=|itecture=)(?P<capability>(?:sm|compute)_\d{2,3})"),
        lazy_pattern(r"cupy[-_](?P<package>cuda\d{2}x)"),
    )
    references = ("cupy/cupy#9475", "cupy/cupy#973")
    examples = (
        Example("RuntimeError: nvrtc: error: invalid value for --gpu-architecture (-arch)", {}),
        Example(
            "NVRTC compilation error: nvrtc: error: invalid value for --gpu-architecture (-arch)\n\n-----\nName: \n"
            "Options: -I/usr/lib/python3/dist-packages/cupy/core/include -ftz=true -arch=compute_61",
            {"capability": "compute_61"},
        ),
    )
    lookalikes = ("nvcc fatal   : Unsupported gpu architecture 'compute_61'", "gcc: error: invalid value for -march")

    def here(self, values: Mapping[str, str], situation: Situation) -> Iterator[str]:
        """Which CUDA still compiles for the cards in question."""
        for target in situation.targets(parsed_or_none(ComputeCapability.parse, values.get("capability"))):
            toolkits = situation.toolkits_for(target)
            if toolkits:
                yield f"CUDA {toolkits[0].cuda} to {toolkits[-1].cuda} compile for {target}"

    def ways(self, _values: Mapping[str, str], _situation: Situation) -> Iterator[str]:
        """The package of another major."""
        yield f"poetry remove cupy-cuda13x && poetry add cupy-cuda12x: {_CUPY[1]}"
        yield f"in the source image (CUDA 11.8): cupy-cuda11x; {_CUPY[0]}"
        yield "in torch's own traceback: a torch whose CUDA knows the card: poetry gpu-build --dry-run says which"


class CupyNoBinary(Case):
    """A library of the CUDA driver interface (CuPy, Numba, …) loaded code that is not for this GPU.

    The package was compiled for other cards, or its cache comes from another machine: a home folder, or a layer of an
    image that was made on a machine with another GPU.
    """

    name = "no-binary-for-gpu"
    hints = ("CUDA_ERROR_NO_BINARY_FOR_GPU",)
    patterns = (lazy_pattern(r"CUDA_ERROR_NO_BINARY_FOR_GPU"),)
    examples = (
        Example(
            "cupy_backends.cuda.api.driver.CUDADriverError: CUDA_ERROR_NO_BINARY_FOR_GPU: no kernel image is available "
            "for execution on the device"
        ),
    )
    lookalikes = ("RuntimeError: CUDA error: no kernel image is available for execution on the device",)

    def ways(self, _values: Mapping[str, str], situation: Situation) -> Iterator[str]:
        """Another package, or no cache."""
        for target in situation.targets():
            yield f"poetry gpu-build archs --runs-on {target} FILE: whether a wheel or .so holds code for the card"
        yield "rm -rf ~/.cupy/kernel_cache: the kernels that were kept"
        yield f"choose the package of a CUDA that serves the card: {_CUPY[1]}; {_CUPY[0]}"


class PtxasUnknownArchitecture(Case):
    """Triton's assembler does not know this GPU: it is older than the card.

    torch.compile compiles on the machine, with the ptxas and the LLVM in the triton package, which comes with torch.
    """

    name = "triton-too-old"
    hints = ("is not defined for option 'gpu-name'", "is not a recognized processor for this target")
    patterns = (
        lazy_pattern(r"Value '(?P<capability>sm_\d{2,3})a?' is not defined for option 'gpu-name'"),
        lazy_pattern(r"'(?P<capability>sm_\d{2,3})a?' is not a recognized processor for this target"),
    )
    references = ("Adamdad/rational_kat_cu#17",)
    examples = (
        Example("ptxas fatal   : Value 'sm_120' is not defined for option 'gpu-name'", {"capability": "sm_120"}),
        Example(
            "'sm_120' is not a recognized processor for this target (ignoring processor)", {"capability": "sm_120"}
        ),
    )
    lookalikes = ("'generic-rv64' is not a recognized processor for this target", "ptxas fatal : Unresolved extern")

    def here(self, values: Mapping[str, str], situation: Situation) -> Iterator[str]:
        """The same torch may lack the code, too."""
        yield from situation.about_torch(parsed_or_none(ComputeCapability.parse, values.get("capability")))

    def ways(self, values: Mapping[str, str], situation: Situation) -> Iterator[str]:
        """A torch that knows the card."""
        yield from situation.ways_to_run(parsed_or_none(ComputeCapability.parse, values.get("capability")))


class CudnnArchitecture(Case):
    """cuDNN has no kernels for this GPU.

    cuDNN leaves old cards behind apart from torch: from 9.11 on it begins at compute capability 7.5, so a newer
    nvidia-cudnn in the lock, or in the base image, breaks convolutions on cards that torch itself still serves.
    """

    name = "cudnn-architecture"
    hints = ("ARCH_MISMATCH",)
    patterns = (lazy_pattern(r"(?P<status>CUDNN_STATUS_(?:NOT_SUPPORTED_)?ARCH_MISMATCH)"),)
    details = (lazy_pattern(r"cu[dD][nN][nN](?:[-_]cu\d\d)?(?:==| version:? )(?P<cudnn>\d{1,2}\.\d{1,2}\.\d{1,2})"),)
    references = ("flairNLP/flair#723", "CMU-Perceptual-Computing-Lab/openpose#681")
    examples = (
        Example("RuntimeError: cuDNN error: CUDNN_STATUS_ARCH_MISMATCH", {"status": "CUDNN_STATUS_ARCH_MISMATCH"}),
        Example(
            "nvidia-cudnn-cu12==9.11.0.98\nRuntimeError: cuDNN error: CUDNN_STATUS_NOT_SUPPORTED_ARCH_MISMATCH",
            {"status": "CUDNN_STATUS_NOT_SUPPORTED_ARCH_MISMATCH", "cudnn": "9.11.0"},
        ),
    )
    lookalikes = ("RuntimeError: cuDNN error: CUDNN_STATUS_EXECUTION_FAILED", "CUBLAS_STATUS_ARCH_MISMATCH")

    def here(self, values: Mapping[str, str], situation: Situation) -> Iterator[str]:
        """The cuDNN of the text, else of the pinned wheel, against the cards."""
        version = values.get("cudnn") or situation.cudnn_of_pinned()
        for target in situation.targets():
            answer = None if version is None else situation.cudnn_answer(version, target)
            if answer is not None:
                yield with_doubt(answer.because, answer.doubt)

    def ways(self, _values: Mapping[str, str], _situation: Situation) -> Iterator[str]:
        """Hold cuDNN back."""
        yield 'poetry show nvidia-cudnn-cu12: for cards before 7.5 keep it below 9.11: nvidia-cudnn-cu12 = "<9.11"'
        yield "without cuDNN, slower: torch.backends.cudnn.enabled = False"


class CudnnNoEngine(Case):
    """cuDNN finds no way to compute a convolution.

    A cuDNN that does not fit: another one is found first (LD_LIBRARY_PATH, the base image's), it is too new for an old
    card, or the GPU's memory is used up.
    """

    name = "cudnn-no-engine"
    hints = ("unable to find an engine to execute", "No valid engine configs")
    patterns = (lazy_pattern(r"(?:GET|FIND) was unable to find an engine to execute this computation"),)
    references = ("hugofloresgarcia/vampnet#10", "ultralytics/.github#43")
    examples = (Example("RuntimeError: GET was unable to find an engine to execute this computation"),)
    lookalikes = ("docker: unable to find an engine to execute in this context",)

    def here(self, _values: Mapping[str, str], situation: Situation) -> Iterator[str]:
        """Whether the pinned wheel's cuDNN serves the cards."""
        version = situation.cudnn_of_pinned()
        for target in situation.targets():
            answer = None if version is None else situation.cudnn_answer(version, target)
            if answer is not None:
                yield with_doubt(answer.because, answer.doubt)

    def ways(self, _values: Mapping[str, str], _situation: Situation) -> Iterator[str]:
        """Which cuDNN, and whether memory."""
        yield 'python -c "import torch; print(torch.backends.cudnn.version())": the one that is loaded'
        yield "env -u LD_LIBRARY_PATH python …: the one that came with torch"
        yield "a smaller batch: if it runs then, it was the GPU's memory"


class GpuOutOfMemory(Case):
    """The GPU's own memory is used up.

    It is not the machine's memory, and no matter of architectures: the model and the batch are larger than the card, or
    another process holds its memory.
    """

    name = "gpu-out-of-memory"
    hints = ("CUDA out of memory", "CUDA error: out of memory", "cudaErrorMemoryAllocation")
    patterns = (
        lazy_pattern(r"CUDA out of memory\.(?: Tried to allocate (?P<size>[\d.]{1,10} [KMG]iB))?"),
        lazy_pattern(r"CUDA error: out of memory|cudaErrorMemoryAllocation"),
    )
    examples = (
        Example(
            "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total "
            "capacity of 3.94 "
            "GiB of which 61.25 MiB is free.",
            {"size": "2.00 GiB"},
        ),
        Example("RuntimeError: CUDA error: out of memory", {}),
    )
    lookalikes = ("g++: fatal error: Killed signal terminated program cc1plus", "virtual memory exhausted")

    def here(self, _values: Mapping[str, str], situation: Situation) -> Iterator[str]:
        """What the cards have."""
        for gpu in situation.gpus:
            if gpu.memory_mib is not None:
                yield f"{gpu} has {gpu.memory_mib} MiB"

    def ways(self, _values: Mapping[str, str], _situation: Situation) -> Iterator[str]:
        """Smaller, alone, unfragmented."""
        yield "a smaller batch, or a smaller model"
        yield "nvidia-smi: which processes hold memory"
        yield "PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True, where much is reserved and little allocated"
