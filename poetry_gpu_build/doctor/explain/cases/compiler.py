"""The compile of torch and of extensions."""

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


class NvccArchitecture(Case):
    """This CUDA toolkit does not compile for this GPU.

    nvcc knows a span of compute capabilities: 11.8 3.5 to 9.0, 12.0 to 12.6 5.0 to 9.0, 12.8 5.0 to 12.0, 13.x from 7.5
    on. The list that asks is TORCH_CUDA_ARCH_LIST, or CMAKE_CUDA_ARCHITECTURES.
    """

    name = "nvcc-architecture"
    hints = ("Unsupported gpu architecture",)
    patterns = (
        lazy_pattern(r"nvcc fatal {1,4}: Unsupported gpu architecture '(?P<capability>(?:compute|sm)_\d{2,3})[af]?'"),
    )
    details = (
        lazy_pattern(r"Cuda compilation tools, release (?P<cuda>\d{1,2}\.\d)"),
        lazy_pattern(r"/usr/local/cuda-(?P<cuda>\d{1,2}\.\d)/"),
        lazy_pattern(r"nvidia/cuda:(?P<cuda>\d{1,2}\.\d)"),
    )
    identity = ("capability",)
    references = ("pytorch/pytorch#18781", "pytorch/pytorch#10201")
    examples = (
        Example("nvcc fatal   : Unsupported gpu architecture 'compute_120'", {"capability": "compute_120"}),
        Example(
            "/usr/local/cuda-13.0/bin/nvcc -gencode arch=compute_52,code=sm_52\n"
            "nvcc fatal   : Unsupported gpu architecture 'compute_52'",
            {"capability": "compute_52", "cuda": "13.0"},
        ),
        Example("nvcc fatal   : Unsupported gpu architecture 'compute_35'", {"capability": "compute_35"}),
    )
    lookalikes = (
        "nvrtc: error: invalid value for --gpu-architecture (-arch)",
        "nvcc warning : The 'compute_35' architecture is deprecated, and may be removed in a future release",
    )

    def here(self, values: Mapping[str, str], situation: Situation) -> Iterator[str]:
        """The toolkit of the text, else those of the modes."""
        card = parsed_or_none(ComputeCapability.parse, values["capability"])
        if card is None:
            return
        told = parsed_or_none(CudaVersion.parse, values.get("cuda"))
        for cuda in dict.fromkeys(
            [told] if told is not None else [situation.policy.source.cuda, situation.policy.binary.cuda]
        ):
            answer = situation.toolkit_answer(card, cuda)
            if answer is not None:
                yield with_doubt(answer.because, answer.doubt)

    def ways(self, values: Mapping[str, str], situation: Situation) -> Iterator[str]:
        """Another toolkit, or another list."""
        card = parsed_or_none(ComputeCapability.parse, values["capability"])
        toolkits = () if card is None else situation.toolkits_for(card)
        if toolkits:
            span = f"CUDA {toolkits[0].cuda} to {toolkits[-1].cuda}"
            yield f"a base image that compiles for {card}: {span}; modes.source.base-image in [tool.gpu-build]"
            yield f"poetry gpu-build --gpu {card} --dry-run: which mode serves the card, and with what"
        yield f"or take {values['capability']} out of TORCH_CUDA_ARCH_LIST, if no card of it is meant"


class UnknownArchList(Case):
    """torch's build tools do not know an entry of TORCH_CUDA_ARCH_LIST.

    A release knows the cards of its time; also a slip of the pen: `sm_52` and `52` are no entries, `5.2` and `5.2+PTX`
    are.
    """

    name = "unknown-arch-list"
    hints = ("Unknown CUDA arch", "Unknown CUDA Architecture Name")
    patterns = (
        lazy_pattern(r"Unknown CUDA arch \((?P<entry>[\w.+ ]{1,40})\) or GPU not supported"),
        lazy_pattern(r"Unknown CUDA Architecture Name (?P<entry>[\w.+]{1,40})"),
    )
    identity = ("entry",)
    references = ("NVIDIA/apex#1527", "NVIDIA/apex#1819", "pytorch/pytorch#166120")
    examples = (
        Example("ValueError: Unknown CUDA arch (9.0+PTX) or GPU not supported", {"entry": "9.0+PTX"}),
        Example("ValueError: Unknown CUDA arch (compute) or GPU not supported", {"entry": "compute"}),
    )
    lookalikes = ("Unknown CUDA error", "nvcc fatal   : Unsupported gpu architecture 'compute_90'")

    def here(self, _values: Mapping[str, str], situation: Situation) -> Iterator[str]:
        """What compiles here."""
        yield f"the source mode compiles torch {situation.policy.source.torch} with CUDA {situation.policy.source.cuda}"

    def ways(self, _values: Mapping[str, str], _situation: Situation) -> Iterator[str]:
        """Leave the list to the plan."""
        yield "poetry gpu-build --dry-run --format env: the TORCH_CUDA_ARCH_LIST of the plan, which nvcc and torch know"
        yield "for a card newer than torch: the newest entry it knows of the same generation, or that one with +PTX"


class GccTooNew(Case):
    """This CUDA toolkit refuses this gcc: it is too new.

    Each toolkit knows gcc up to a major version; `-allow-unsupported-compiler` silences the check, and may end in other
    errors, or in wrong code.
    """

    name = "gcc-too-new"
    hints = ("unsupported GNU version",)
    patterns = (
        lazy_pattern(
            r"unsupported GNU version! gcc versions later than (?P<newest>\d{1,2})(?:\.\d)? are not supported"
        ),
    )
    details = (
        lazy_pattern(r"/usr/local/cuda-(?P<cuda>\d{1,2}\.\d)/"),
        lazy_pattern(r"(?:gcc|GNU) (?:version |\([\w .+~-]{1,60}\) )(?P<gcc>\d{1,2})\."),
    )
    references = ("vectorch-ai/ScaleLLM#185", "ggml-org/llama.cpp#9205")
    examples = (
        Example(
            "/usr/local/cuda/bin/../targets/x86_64-linux/include/crt/host_config.h:132:2: error: #error "
            "-- unsupported GNU "
            "version! gcc versions later than 11 are not supported! The nvcc flag "
            "'-allow-unsupported-compiler' can be used",
            {"newest": "11"},
        ),
    )
    lookalikes = ("configure: error: unsupported GNU make version", "gcc: error: unsupported option")

    def here(self, values: Mapping[str, str], situation: Situation) -> Iterator[str]:
        """The toolkit of the source mode has its own."""
        toolkit = situation.facts.toolkit(situation.policy.source.cuda)
        if toolkit is not None and toolkit.newest_gcc is not None and toolkit.gcc_evidence is not None:
            text = f"CUDA {toolkit.cuda} of the source mode accepts gcc up to {toolkit.newest_gcc}"
            yield with_doubt(text, toolkit.gcc_evidence.doubt)
        if situation.told.is_source or situation.in_project:
            yield f"the source mode compiles on {situation.policy.source.base_image}, whose distribution brings the gcc"
        if "gcc" in values:
            yield f"the text speaks of gcc {values['gcc']}"

    def ways(self, values: Mapping[str, str], _situation: Situation) -> Iterator[str]:
        """The older compiler, by name."""
        newest = values["newest"]
        yield f"RUN apt-get install -y gcc-{newest} g++-{newest}"
        yield f"ENV CC=gcc-{newest} CXX=g++-{newest} CUDAHOSTCXX=g++-{newest}"
        yield "or a base image on the distribution that its tag names (…-ubuntu22.04 has gcc 11)"


class CudaMismatch(Case):
    """An extension is compiled with another CUDA than torch was.

    torch refuses it where the major numbers differ: the base image's toolkit and the torch that is installed must be of
    one CUDA.
    """

    name = "cuda-mismatch"
    hints = ("The detected CUDA version",)
    patterns = (lazy_pattern(r"The detected CUDA version \((?P<toolkit>\d{1,2}\.\d)\) mismatches"),)
    details = (lazy_pattern(r"PyTorch \((?P<torch>\d{1,2}\.\d)\)\. Please make sure"),)
    references = ("icip-cas/AutoAlign#25", "pytorch/pytorch#73047")
    examples = (
        Example(
            "RuntimeError:\nThe detected CUDA version (12.4) mismatches the version that was used to compile\n"
            "PyTorch (11.8). Please make sure to use the same CUDA versions.",
            {"toolkit": "12.4", "torch": "11.8"},
        ),
    )
    lookalikes = ("The detected CUDA version (12.4) has a minor version mismatch",)

    def here(self, _values: Mapping[str, str], situation: Situation) -> Iterator[str]:
        """What each mode has."""
        for mode in (situation.policy.binary, situation.policy.source):
            yield f"the {mode.name} mode: {mode.base_image} (CUDA {mode.cuda}), torch {mode.torch}"

    def ways(self, _values: Mapping[str, str], _situation: Situation) -> Iterator[str]:
        """One CUDA."""
        yield "choose the base image by torch's CUDA: modes.binary.base-image in [tool.gpu-build]"
        yield "pip install --no-build-isolation: with isolation the extension is built with a torch fetched for it"


class NoCudaHome(Case):
    """There is no CUDA compiler where an extension is compiled.

    The stage begins with a base or runtime image: only those whose tag says devel hold nvcc.
    """

    name = "no-cuda-compiler"
    hints = (
        "CUDA_HOME environment variable is not set",
        "nvcc: not found",
        "nvcc: command not found",
        "nvcc not found",
    )
    patterns = (
        lazy_pattern(r"CUDA_HOME environment variable is not set"),
        lazy_pattern(r"nvcc: (?:command )?not found"),
        lazy_pattern(r"No CMAKE_CUDA_COMPILER could be found"),
    )
    examples = (
        Example("OSError: CUDA_HOME environment variable is not set. Please set it to your CUDA install root."),
        Example("/bin/sh: 1: nvcc: not found"),
    )
    lookalikes = ("No CUDA runtime is found, using CUDA_HOME='/usr/local/cuda'",)

    def ways(self, _values: Mapping[str, str], situation: Situation) -> Iterator[str]:
        """A devel image in the stage that compiles."""
        yield f"FROM {situation.policy.binary.base_image} in the stage that compiles"
        yield "or take the extension's wheel for this torch, and compile nothing"


class CmakeTooNew(Case):
    """cmake 4 does not configure this torch.

    torch 2.6 and older hold third-party projects that ask for a cmake older than 3.5, which cmake 4 refuses.
    """

    name = "cmake-too-new"
    hints = ("Compatibility with CMake < 3.5",)
    patterns = (lazy_pattern(r"Compatibility with CMake < 3\.5 has been removed from CMake"),)
    references = ("pytorch/pytorch#150167", "pytorch/pytorch#150149")
    examples = (
        Example(
            "CMake Error at third_party/protobuf/cmake/CMakeLists.txt:2 (cmake_minimum_required):\n"
            "  Compatibility with CMake < 3.5 has been removed from CMake."
        ),
    )
    lookalikes = ("Compatibility with CMake < 3.10 will be removed from a future version of CMake.",)

    def ways(self, _values: Mapping[str, str], _situation: Situation) -> Iterator[str]:
        """Hold it back."""
        yield 'in the source Dockerfile: pip install "cmake<4", before the compile'
        yield "or ENV CMAKE_POLICY_VERSION_MINIMUM=3.5"


class SetuptoolsTooNew(Case):
    """setuptools is too new for this source: pkg_resources is gone from it.

    The sources of torch 2.4 and many extensions ask for it; setuptools below 81 still brings it.
    """

    name = "setuptools-too-new"
    hints = ("No module named 'pkg_resources'", "invalid command 'bdist_wheel'")
    patterns = (
        lazy_pattern(r"No module named 'pkg_resources'"),
        lazy_pattern(r"error: invalid command 'bdist_wheel'"),
    )
    examples = (
        Example("ModuleNotFoundError: No module named 'pkg_resources'"),
        Example("error: invalid command 'bdist_wheel'"),
    )
    lookalikes = ("UserWarning: pkg_resources is deprecated as an API.",)

    def ways(self, _values: Mapping[str, str], _situation: Situation) -> Iterator[str]:
        """Hold it back."""
        yield 'in the source Dockerfile: pip install "setuptools<81" "wheel<0.46", before the compile'
        yield "for an extension: pip install --no-build-isolation, with these two installed"


class CompilerKilled(Case):
    """The compile ran out of memory: the kernel ended a compiler or the linker.

    Every job takes up to a few GiB, those of flash attention about 5: too many run at once for the machine, or for the
    container that the builder runs in.
    """

    name = "compiler-out-of-memory"
    hints = (
        "illed",
        "signal 9",
        "virtual memory exhausted",
        "out of memory allocating",
        "Cannot allocate memory",
        "cc1plus: out of memory",
        "memory exhausted",
    )
    patterns = (
        lazy_pattern(r"fatal error: Killed signal terminated program (?P<program>[\w+.-]{1,40})"),
        lazy_pattern(r"(?P<program>[\w+./-]{1,80}): internal compiler error: Killed"),
        lazy_pattern(r"fatal error: (?P<program>ld|gold|lld|mold|[\w.-]{1,40}-ld) terminated with signal 9"),
        lazy_pattern(r"nvcc error {1,4}: '(?P<program>\w{1,20})' died due to signal 9"),
        lazy_pattern(r"virtual memory exhausted|ld(?:\.\w{1,5})?: (?:final link failed: )?memory exhausted"),
        lazy_pattern(r"(?P<program>cc1plus|cc1|cicc|ptxas): out of memory"),
        lazy_pattern(
            r"c\+\+: fatal error: Cannot allocate memory|ninja: fatal: (?:fork|posix_spawn): Cannot allocate memory"
        ),
    )
    references = ("NVIDIA/cudf#8018", "microsoft/onnxruntime#18579", "NVIDIA/apex#1356")
    examples = (
        Example("g++: fatal error: Killed signal terminated program cc1plus", {"program": "cc1plus"}),
        Example("c++: internal compiler error: Killed (program cc1plus)", {"program": "c++"}),
        Example("collect2: fatal error: ld terminated with signal 9 [Killed]", {"program": "ld"}),
        Example("nvcc error   : 'cicc' died due to signal 9 (Kill signal)", {"program": "cicc"}),
        Example("virtual memory exhausted: Cannot allocate memory", {}),
        Example("cc1plus: out of memory allocating 65536 bytes after a total of 4096000 bytes", {"program": "cc1plus"}),
    )
    lookalikes = (
        "nvcc error   : 'cicc' died due to signal 11 (Invalid memory reference)",
        "torch.OutOfMemoryError: CUDA out of memory.",
        "[ 50%] Building CXX object skilled.cpp.o",
    )

    def here(self, _values: Mapping[str, str], situation: Situation) -> Iterator[str]:
        """The policy's measure."""
        yield (
            f"the compile counts {situation.policy.memory_per_job:g} GiB of free memory for each job: "
            "modes.source.memory-per-job in [tool.gpu-build]"
        )

    def ways(self, _values: Mapping[str, str], _situation: Situation) -> Iterator[str]:
        """Fewer at once, less to compile, more memory."""
        yield (
            "poetry gpu-build --from-source --build-arg MAX_JOBS=2: with a ccache mount what is done is not done again"
        )
        yield "USE_FLASH_ATTENTION=0 and BUILD_TEST=0 in the source Dockerfile, for cards before 8.0"
        yield (
            "more memory or swap for the builder: Docker Desktop, WSL2 and CI runners give it less than the machine has"
        )


class CompileFailed(Case):
    """A compile failed; why stands above, at the first line that says FAILED.

    ninja lets the jobs that run at the same time end before it stops: the error is far above the last line.
    """

    name = "compile-failed"
    weak = True
    hints = ("ninja: build stopped", "subprocess-exited-with-error", "Error compiling objects for extension")
    patterns = (
        lazy_pattern(r"ninja: build stopped: subcommand failed"),
        lazy_pattern(r"Error compiling objects for extension"),
        lazy_pattern(r"error: subprocess-exited-with-error"),
    )
    references = ("pytorch/pytorch#49795", "pytorch/pytorch#108209")
    examples = (
        Example("ninja: build stopped: subcommand failed."),
        Example("RuntimeError: Error compiling objects for extension"),
    )
    lookalikes = ("ninja: no work to do.",)

    def ways(self, _values: Mapping[str, str], _situation: Situation) -> Iterator[str]:
        """The place, and one job."""
        yield "grep -n -m 3 -A 20 'FAILED:' build.log: the first is the cause"
        yield "poetry gpu-build --from-source --build-arg MAX_JOBS=1: the error is then the last"
