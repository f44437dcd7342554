from __future__ import annotations

from dataclasses import dataclass
from dataclasses import field
from threading import Event
from types import SimpleNamespace
from typing import TYPE_CHECKING
from typing import Any

import pytest

from poetry_gpu_build.gpu.nvml import NvmlDetector
from poetry_gpu_build.gpu.nvml import load_pynvml
from poetry_gpu_build.values import ComputeCapability
from poetry_gpu_build.values import DriverVersion

if TYPE_CHECKING:
    from poetry_gpu_build.gpu.interface import Detection
    from poetry_gpu_build.gpu.names import CardTable

# From nvidia_smi_outputs.toml: "two Blackwell cards", "unified memory: GB10", "MIG: nvidia-smi -L", "GTX 970".
RTX_5090 = {
    "name": "NVIDIA GeForce RTX 5090",
    "uuid": "GPU-04d3b6e7-5691-3e86-1d34-c37999440cf1",
    "capability": (12, 0),
}
RTX_PRO = {
    "name": "NVIDIA RTX PRO 6000 Blackwell",
    "uuid": "GPU-d0f446cf-1771-414c-e116-a39138798a8c",
    "capability": (12, 0),
}
GB10 = {"name": "NVIDIA GB10", "capability": (12, 1)}
GTX_970 = {"name": "GeForce GTX 970", "capability": (5, 2)}
DIVIDED_A100 = {
    "name": "NVIDIA A100-SXM4-80GB",
    "uuid": "GPU-513536b6-7d19-9063-b049-1e69664bb298",
    "capability": (8, 0),
    "migs": ["MIG-ce861fb0-a248-58ce-a9a8-f9adbc22a66a", "MIG-a45882f0-9215-5733-a0c1-49286ab31cb5"],
}
WHOLE_A100 = {
    "name": "NVIDIA A100-SXM4-80GB",
    "uuid": "GPU-d8594bd4-0fc3-8595-e355-7c98138f3b95",
    "capability": (8, 0),
}


class FakeError(Exception):
    """Stands for pynvml.NVMLError."""


def answer(gpu: dict[str, Any], key: str) -> Any:
    """What the card tells; one that does not know says Not Supported, as NVML does."""
    if key not in gpu:
        raise FakeError("Not Supported")
    return gpu[key]


@dataclass
class FakeNvml:
    """The library with these cards; a value that is missing is Not Supported, a card that is None is lost."""

    gpus: list[dict[str, Any] | None]
    driver: str | bytes | None = "610.62"
    init_error: str | None = None
    hangs_until: Event | None = None
    calls: list[str] = field(default_factory=list)
    NVMLError: type[Exception] = FakeError

    def nvmlInit(self) -> None:  # noqa: N802
        if self.hangs_until is not None:
            self.hangs_until.wait()
        if self.init_error is not None:
            raise FakeError(self.init_error)
        self.calls.append("init")

    def nvmlShutdown(self) -> None:  # noqa: N802
        self.calls.append("shutdown")

    def nvmlSystemGetDriverVersion(self) -> str | bytes:  # noqa: N802
        if self.driver is None:
            raise FakeError("Unknown Error")
        return self.driver

    def nvmlDeviceGetCount(self) -> int:  # noqa: N802
        return len(self.gpus)

    def nvmlDeviceGetHandleByIndex(self, index: int, /) -> dict[str, Any]:  # noqa: N802
        gpu = self.gpus[index]
        if gpu is None:
            raise FakeError("GPU is lost")
        return gpu

    def nvmlDeviceGetName(self, handle: dict[str, Any], /) -> Any:  # noqa: N802
        return answer(handle, "name")

    def nvmlDeviceGetUUID(self, handle: dict[str, Any], /) -> Any:  # noqa: N802
        return answer(handle, "uuid")

    def nvmlDeviceGetCudaComputeCapability(self, handle: dict[str, Any], /) -> Any:  # noqa: N802
        return answer(handle, "capability")

    def nvmlDeviceGetMemoryInfo(self, handle: dict[str, Any], /) -> SimpleNamespace:  # noqa: N802
        return SimpleNamespace(total=answer(handle, "memory"))

    def nvmlDeviceGetMigMode(self, handle: dict[str, Any], /) -> list[int]:  # noqa: N802
        return [1, 1] if answer(handle, "migs") else [0, 0]

    def nvmlDeviceGetMaxMigDeviceCount(self, handle: dict[str, Any], /) -> int:  # noqa: N802
        return 7

    def nvmlDeviceGetMigDeviceHandleByIndex(self, handle: dict[str, Any], index: int, /) -> dict[str, Any]:  # noqa: N802
        if index >= len(handle["migs"]):
            raise FakeError("Not Found")
        return {"uuid": handle["migs"][index]}


def never() -> CardTable:
    raise AssertionError("the table of cards was loaded")


def ask(library: FakeNvml, table: CardTable | None = None, timeout_s: float = 10) -> Detection:
    load_cards = never if table is None else lambda: table
    return NvmlDetector(load_cards, lambda: library, timeout_s).detect()


def test_several_gpus_are_told_with_all_that_the_driver_knows() -> None:
    detection = ask(FakeNvml([{**RTX_5090, "memory": 32607 * 2**20}, RTX_PRO]))

    first, second = detection.gpus
    assert (str(first), first.index, first.uuid) == ("NVIDIA GeForce RTX 5090 (12.0)", 0, RTX_5090["uuid"])
    assert (first.memory_mib, first.driver, first.reported_by) == (32607, DriverVersion.parse("610.62"), "NVML")
    assert (str(second), second.index) == ("NVIDIA RTX PRO 6000 Blackwell (12.0)", 1)
    assert detection.is_settled
    assert detection.notes == ()


def test_a_divided_gpu_has_its_own_capability_and_names_its_parts() -> None:
    divided, whole = ask(FakeNvml([DIVIDED_A100, WHOLE_A100])).gpus

    assert divided.capability == whole.capability == ComputeCapability(8, 0)
    assert divided.mig_uuids == tuple(DIVIDED_A100["migs"])
    assert divided.note == "divided into 2 MIG devices, each with the GPU's own compute capability"
    assert whole.mig_uuids == ()


def test_a_gpu_with_shared_memory_has_no_memory_figure() -> None:
    [gpu] = ask(FakeNvml([GB10])).gpus

    assert gpu.capability == ComputeCapability(12, 1)
    assert gpu.memory_mib is None


def test_a_lost_gpu_is_a_note_and_does_not_lose_the_others() -> None:
    detection = ask(FakeNvml([None, RTX_PRO]))

    assert [gpu.index for gpu in detection.gpus] == [1]
    assert detection.notes == ("GPU 0: GPU is lost",)
    assert not detection.is_complete


def test_an_implausible_capability_is_a_note() -> None:
    detection = ask(FakeNvml([{**RTX_5090, "capability": (0, 0)}]))

    assert detection.gpus == ()
    assert detection.notes == ("GPU 0: it says compute capability 0.0, which no GPU has",)


def test_a_gpu_without_capability_is_a_guess_by_its_name(table: CardTable) -> None:
    detection = ask(FakeNvml([{"name": GTX_970["name"]}]), table)

    [gpu] = detection.gpus
    assert gpu.capability == ComputeCapability(5, 2)
    assert gpu.is_guess
    assert gpu.note == "looked up by name"
    assert not detection.is_settled


@pytest.mark.parametrize(
    ("gpu", "note"),
    [
        ({}, "neither compute capability nor name"),
        ({"name": "Orin (nvgpu)"}, "no compute capability given, and no single card is called 'Orin (nvgpu)'"),
    ],
)
def test_a_gpu_that_cannot_be_identified_is_a_note(table: CardTable, gpu: dict[str, Any], note: str) -> None:
    detection = ask(FakeNvml([gpu]), table)

    assert detection.gpus == ()
    assert detection.notes == (f"GPU 0: {note}",)


@pytest.mark.parametrize("driver", [None, "", "unknown", b"\xff"])
def test_a_driver_that_does_not_tell_its_version_has_none(driver: str | bytes | None) -> None:
    detection = ask(FakeNvml([GTX_970], driver=driver))

    assert detection.driver is None
    assert len(detection.gpus) == 1


def test_text_in_bytes_is_read_too() -> None:
    [gpu] = ask(FakeNvml([{**GTX_970, "name": b"GeForce GTX 970"}], driver=b"610.62")).gpus

    assert gpu.name == "GeForce GTX 970"
    assert gpu.driver == DriverVersion.parse("610.62")


@pytest.mark.parametrize("library", [FakeNvml([RTX_5090]), FakeNvml([None]), FakeNvml([])])
def test_the_library_is_always_shut_down(library: FakeNvml) -> None:
    ask(library)

    assert library.calls == ["init", "shutdown"]


def test_no_gpu_is_an_answer() -> None:
    detection = ask(FakeNvml([]))

    assert detection.gpus == ()
    assert detection.notes == ("it knows of no GPU",)


def test_a_driver_that_is_not_loaded_is_a_note() -> None:
    detection = ask(FakeNvml([], init_error="Driver Not Loaded"))

    assert detection.notes == ("cannot be used: Driver Not Loaded",)


def test_a_library_that_hangs_is_left_behind() -> None:
    release = Event()
    try:
        detection = ask(FakeNvml([RTX_5090], hangs_until=release), timeout_s=0.05)
    finally:
        release.set()

    assert detection.gpus == ()
    assert detection.notes == ("no answer within 0.05 s",)


def test_an_error_of_our_own_is_not_swallowed() -> None:
    def fail() -> FakeNvml:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        NvmlDetector(never, fail).detect()


def test_a_machine_without_the_binding_is_a_note() -> None:
    def fail() -> FakeNvml:
        raise ModuleNotFoundError("No module named 'pynvml'")

    assert NvmlDetector(never, fail).detect().notes == ("nvidia-ml-py cannot be imported: No module named 'pynvml'",)


def test_the_real_binding_on_a_machine_without_the_library_is_a_note() -> None:
    pynvml: Any = pytest.importorskip("pynvml")
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError_LibraryNotFound:
        detection = NvmlDetector(never, load_pynvml).detect()
    else:
        pynvml.nvmlShutdown()
        pytest.skip("this machine has NVML")

    assert detection.gpus == ()
    assert detection.notes == ("cannot be used: NVML Shared Library Not Found",)
