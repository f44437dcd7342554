"""Python packages and shared libraries that do not fit each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from poetry_gpu_build.doctor.explain.case import Case
from poetry_gpu_build.doctor.explain.case import Example
from poetry_gpu_build.documents.lazy import lazy_pattern

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Mapping

    from poetry_gpu_build.doctor.explain.situation import Situation


class CpuTorch(Case):
    """This torch was built without CUDA.

    A wheel for the CPU was installed: from the index …/whl/cpu, from PyPI on a platform that has no other, or because a
    source build found no CUDA toolkit (USE_CUDA=0) and went on without.
    """

    name = "torch-without-cuda"
    hints = ("Torch not compiled with CUDA enabled", "PyTorch without CUDA")
    patterns = (lazy_pattern(r"Torch not compiled with CUDA enabled"),)
    references = ("Comfy-Org/ComfyUI#16438",)
    examples = (Example("AssertionError: Torch not compiled with CUDA enabled"),)
    lookalikes = ("OpenCV was not compiled with CUDA enabled", "Found no NVIDIA driver on your system.")

    def here(self, _values: Mapping[str, str], situation: Situation) -> Iterator[str]:
        """What is pinned."""
        pinned = situation.pinned
        if pinned is None or pinned.build is None:
            return
        yield f"the project pins torch {pinned.build} ({pinned.said_by})"
        if pinned.build.variant == "cpu":
            yield "which is the wheel for the CPU"

    def ways(self, _values: Mapping[str, str], situation: Situation) -> Iterator[str]:
        """The wheel, or the compile."""
        wheel = situation.policy.binary.torch
        example = f'torch = {{ version = "{wheel}", source = "pytorch-{wheel.variant}" }}'
        yield f"pin a wheel with CUDA: {example}, in [tool.poetry.group.{situation.policy.torch_group}.dependencies]"
        yield 'python -c "import torch; print(torch.__version__, torch.version.cuda, torch.__file__)": which one it is'
        yield (
            "in a source build: USE_CUDA=1, which fails where there is no toolkit, and a base image whose "
            "tag says devel"
        )


class NumpyTwo(Case):
    """A package was compiled for NumPy 1, and NumPy 2 is installed.

    torch before 2.4 (as far as known; 2.4.1 was checked), and any torch that was compiled while NumPy 1 was installed,
    hands nothing over to NumPy 2: the message is a warning at the import, and "Numpy is not available" at the first
    .numpy().
    """

    name = "numpy-2"
    hints = ("_ARRAY_API not found", "compiled using NumPy 1.x", "umpy is not available")
    patterns = (
        lazy_pattern(r"_ARRAY_API not found"),
        lazy_pattern(
            r"A module that was compiled using NumPy 1\.x cannot be run in(?: NumPy (?P<numpy>2\.\d{1,2}\.\d))?"
        ),
        lazy_pattern(r"RuntimeError: Numpy is not available"),
    )
    details = (lazy_pattern(r"NumPy (?P<numpy>2\.\d{1,2}\.\d{1,2}) as it may crash"),)
    references = ("pytorch/pytorch#135013", "xai4space/meteors#20")
    examples = (
        Example(
            "A module that was compiled using NumPy 1.x cannot be run in\nNumPy 2.0.2 as it may crash. "
            "To support both 1.x "
            "and 2.x\nversions of NumPy, modules must be compiled with NumPy 2.0.",
            {"numpy": "2.0.2"},
        ),
        Example(
            "UserWarning: Failed to initialize NumPy: _ARRAY_API not found (Triggered internally at tensor_numpy.cpp)"
        ),
        Example("RuntimeError: Numpy is not available"),
    )
    lookalikes = ("ModuleNotFoundError: No module named 'numpy'", "numpy.core is deprecated")

    def here(self, _values: Mapping[str, str], situation: Situation) -> Iterator[str]:
        """Both torches of the policy."""
        yield f"torch {situation.policy.source.torch} of the source mode must be compiled with NumPy 2 installed"

    def ways(self, _values: Mapping[str, str], _situation: Situation) -> Iterator[str]:
        """One of the two moves."""
        yield 'poetry add "numpy<2", until every compiled package is there for NumPy 2'
        yield "poetry update PACKAGE: the one that the traceback below the message names"
        yield "in the source Dockerfile: install numpy>=2 before torch is compiled, and compile again"


class OtherLibrary(Case):
    """torch's library found another one than it was linked with.

    Two copies of one CUDA library are on the path, and the older is found first: the base image's through
    LD_LIBRARY_PATH, another package's (tensorflow, cupy), or an nvidia-* wheel of another version than torch asks for.
    iJIT_NotifyEvent is Intel's MKL 2024.1 and newer with a torch from conda.
    """

    name = "library-mismatch"
    hints = ("undefined symbol: ",)
    patterns = (
        lazy_pattern(
            r"(?P<library>lib[\w.+-]{1,80}\.so[\w.]{0,20}): undefined symbol: "
            r"(?P<symbol>(?:nccl|__nvJitLink|nvJitLink|cudnn|cublas|cusparse|cuda|nvrtc|iJIT_)\w{1,80})"
        ),
    )
    identity = ("symbol",)
    references = (
        "pytorch/pytorch#111469",
        "pytorch/pytorch#134929",
        "pytorch/pytorch#120186",
        "CIA-Oceanix/4dvarnet-starter#23",
    )
    examples = (
        Example(
            "ImportError: "
            "/usr/local/lib/python3.10/dist-packages/torch/lib/../../nvidia/cusparse/lib/libcusparse.so.12: "
            "undefined symbol: __nvJitLinkAddData_12_1, version libnvJitLink.so.12",
            {"library": "libcusparse.so.12", "symbol": "__nvJitLinkAddData_12_1"},
        ),
        Example(
            "ImportError: torch/lib/libtorch_cuda.so: undefined symbol: ncclCommRegister",
            {"library": "libtorch_cuda.so", "symbol": "ncclCommRegister"},
        ),
        Example(
            "ImportError: /opt/conda/lib/python3.8/site-packages/torch/lib/libtorch_cpu.so: undefined symbol: "
            "iJIT_NotifyEvent",
            {"library": "libtorch_cpu.so", "symbol": "iJIT_NotifyEvent"},
        ),
    )
    lookalikes = (
        "ImportError: flash_attn_2_cuda.so: undefined symbol: _ZN3c104cuda9SetDeviceEi",
        "nvidia-ctk: symbol lookup error: nvidia-ctk: undefined symbol: nvmlDeviceGetMaxMigDeviceCount",
    )

    def here(self, values: Mapping[str, str], _situation: Situation) -> Iterator[str]:
        """The source mode has its own trap."""
        if values.get("symbol", "").startswith("nccl"):
            yield "a compiled torch is built with USE_NCCL=0 here, and asks for no NCCL at all"

    def ways(self, values: Mapping[str, str], _situation: Situation) -> Iterator[str]:
        """Which one is found, then the right one."""
        if values.get("symbol", "").startswith("iJIT_"):
            yield 'poetry add "mkl<2024.1", or conda install mkl=2024.0; wheels of torch need no MKL'
            return
        yield "env -u LD_LIBRARY_PATH python -c 'import torch': if that works, LD_LIBRARY_PATH is what to change"
        yield (
            "ldd $(python -c 'import torch; print(torch.__path__[0])')/lib/libtorch_cuda.so: where "
            f"{values['library']} looks"
        )
        yield "poetry sync: the nvidia-* wheels that the lock has for this torch"


class OtherTorch(Case):
    """An extension was compiled for another torch.

    torchvision, torchaudio, flash-attn, xformers and the like hold compiled code that fits one release of torch, and of
    one C++ ABI. After a swap to a compiled torch of another release, wheels that were made for the locked one break.
    """

    name = "extension-of-another-torch"
    hints = ("undefined symbol: _Z", "torchvision::nms", "different CUDA major version", "Could not load this library")
    patterns = (
        lazy_pattern(
            r"(?P<library>[\w.+-]{1,120}\.so[\w.]{0,20}): undefined symbol: _ZNK?\d{0,3}K?(?:2at|3c10|5torch)"
        ),
        lazy_pattern(r"(?:operator|No such operator) torchvision::nms(?: does not exist)?"),
        lazy_pattern(r"Detected that PyTorch and \w{1,20} were compiled with different CUDA(?: major)? versions"),
    )
    identity = ("library",)
    references = ("pytorch/vision#8985", "pytorch/pytorch#157648")
    examples = (
        Example(
            "ImportError: /opt/venv/flash_attn_2_cuda.cpython-310-x86_64-linux-gnu.so: undefined symbol: "
            "_ZN3c105ErrorC2ENS_14SourceLocationE",
            {"library": "flash_attn_2_cuda.cpython-310-x86_64-linux-gnu.so"},
        ),
        Example("RuntimeError: operator torchvision::nms does not exist", {}),
        Example("RuntimeError: No such operator torchvision::nms", {}),
    )
    lookalikes = (
        "libtorch_cuda.so: undefined symbol: ncclCommRegister",
        "libfoo.so: undefined symbol: _ZNSt7__cxx1112basic_stringIcSt11char_traitsIcE",
    )

    def here(self, _values: Mapping[str, str], situation: Situation) -> Iterator[str]:
        """The two torches of the modes."""
        yield (
            f"the binary image has torch {situation.policy.binary.torch}, the source image "
            f"{situation.policy.source.torch}"
        )

    def ways(self, _values: Mapping[str, str], _situation: Situation) -> Iterator[str]:
        """Fit it to the torch that is there."""
        yield "poetry gpu-build swap --check: which torch is in force"
        yield "poetry add torchvision@VERSION of the same index and release as torch (torch 2.7.1 goes with 0.22.1)"
        yield (
            "in the source image compile it for that torch: pip install --no-build-isolation --no-binary "
            "PACKAGE PACKAGE"
        )


class MissingLibrary(Case):
    """A CUDA library is not in the image.

    torch was linked with one that the base image has not: a runtime stage without cuDNN, another CUDA major, or the
    nvidia-* packages were left out (`--without` the group that requires them).
    """

    name = "missing-library"
    hints = ("cannot open shared object file",)
    patterns = (
        lazy_pattern(
            r"(?P<library>lib(?:cu(?:dart|dnn|blas|blasLt|fft|rand|sparse|sparseLt|solver|pti|file|da)|nvrtc|nvJitLink|"
            r"nvToolsExt|nccl|cupti|npp\w{1,8}|nvshmem\w{0,8}|mkl_\w{1,20}|openblas|omp|gomp)[\w-]{0,30}\.so[\d.]{0,12})"
            r": cannot open shared object file"
        ),
    )
    identity = ("library",)
    examples = (
        Example(
            "ImportError: libcudnn.so.8: cannot open shared object file: No such file or directory",
            {"library": "libcudnn.so.8"},
        ),
        Example(
            "OSError: libcublas.so.11: cannot open shared object file: No such file or directory",
            {"library": "libcublas.so.11"},
        ),
        Example(
            "ImportError: libcuda.so.1: cannot open shared object file: No such file or directory",
            {"library": "libcuda.so.1"},
        ),
    )
    lookalikes = (
        "libnvidia-ml.so.1: cannot open shared object file: no such file or directory",
        "ImportError: libGL.so.1: cannot open shared object file: No such file or directory",
    )

    def here(self, values: Mapping[str, str], situation: Situation) -> Iterator[str]:
        """Where it would come from."""
        if values["library"].startswith("libcuda.so"):
            yield "libcuda.so.1 is the driver's own: the container runtime puts it into a container that has a GPU"
            return
        for mode in (situation.policy.binary, situation.policy.source):
            yield f"the {mode.name} mode's base image is {mode.base_image} (CUDA {mode.cuda})"

    def ways(self, values: Mapping[str, str], _situation: Situation) -> Iterator[str]:
        """The stage, the packages, the driver."""
        if values["library"].startswith("libcuda.so"):
            yield "docker run --gpus all …; in a build there is no driver: nothing that runs there may ask for the GPU"
            return
        yield "for a compiled torch: let the last stage begin with a base image of the same CUDA and cuDNN (…-cudnn8-…)"
        yield "for a wheel: poetry install with the group that requires torch; pip check names what is missing"


class OlderLibc(Case):
    """It was compiled on a newer distribution than it runs on.

    A stage that compiles must not be newer than the one that runs: glibc and libstdc++ are upward compatible only.
    """

    name = "older-libc"
    hints = ("' not found (required by",)
    patterns = (lazy_pattern(r"version [`'](?P<symbol>(?:GLIBCXX|GLIBC|CXXABI)_[\d.]{1,10})' not found \(required by"),)
    identity = ("symbol",)
    examples = (
        Example(
            "ImportError: /lib/x86_64-linux-gnu/libc.so.6: version `GLIBC_2.38' not found (required by "
            "/opt/torch/torch/lib/libtorch_cpu.so)",
            {"symbol": "GLIBC_2.38"},
        ),
        Example(
            "/usr/lib/x86_64-linux-gnu/libstdc++.so.6: version `GLIBCXX_3.4.32' not found (required by _C.so)",
            {"symbol": "GLIBCXX_3.4.32"},
        ),
    )
    lookalikes = ("version `LIBTIFF_4.5' not found (required by gdal)",)

    def here(self, _values: Mapping[str, str], situation: Situation) -> Iterator[str]:
        """The image that compiles here."""
        yield f"the source mode compiles on {situation.policy.source.base_image}"

    def ways(self, _values: Mapping[str, str], _situation: Situation) -> Iterator[str]:
        """One base for both."""
        yield "let the stage that compiles and the last stage begin with the same distribution (…-ubuntu22.04)"
        yield "a GLIBCXX alone: a conda or an extra libstdc++ is found first: env -u LD_LIBRARY_PATH"


class NoTorch(Case):
    """There is no torch in this interpreter.

    In the source image: the group with torch is left out, as it must be, and the compiled one is not on the path: no
    .pth, or another interpreter than it was written for. In the binary image: the group was not installed.
    """

    name = "no-torch"
    hints = ("No module named 'torch'", "No module named torch")
    patterns = (lazy_pattern(r"No module named '?torch'?(?![\w.])"),)
    examples = (
        Example("ModuleNotFoundError: No module named 'torch'"),
        Example("/usr/bin/python3: No module named torch"),
    )
    lookalikes = ("ModuleNotFoundError: No module named 'torchvision'", "No module named 'torch.utils.tensorboard'")

    def here(self, _values: Mapping[str, str], situation: Situation) -> Iterator[str]:
        """Group and prefix."""
        policy = situation.policy
        yield (
            f"the binary image gets torch from the group {policy.torch_group}, the source image from "
            f"{policy.source_prefix}"
        )

    def ways(self, _values: Mapping[str, str], situation: Situation) -> Iterator[str]:
        """By image."""
        yield (
            "source image: poetry gpu-build swap --check, in it; then --apply. PYTHONPATH is no way: -I and "
            "sudo drop it"
        )
        yield f"binary image: poetry install --with {situation.policy.torch_group}"
        yield "while another package is built (flash-attn): pip install --no-build-isolation, after torch"
