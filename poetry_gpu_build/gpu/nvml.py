"""Asks NVML, the driver's own library, through nvidia-ml-py."""

# ruff: noqa: D102, N802 - the protocol repeats the names of NVIDIA's library, which documents them
from __future__ import annotations

import importlib
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from threading import Thread
from typing import TYPE_CHECKING
from typing import Any
from typing import Protocol
from typing import TypeVar
from typing import cast

from poetry_gpu_build.errors import InvalidValueError
from poetry_gpu_build.gpu.interface import Detection
from poetry_gpu_build.gpu.interface import Gpu
from poetry_gpu_build.gpu.interface import is_plausible
from poetry_gpu_build.gpu.interface import printable
from poetry_gpu_build.values import ComputeCapability
from poetry_gpu_build.values import DriverVersion

if TYPE_CHECKING:
    from collections.abc import Callable

    from poetry_gpu_build.gpu.interface import LoadCards

_T = TypeVar("_T")

NAME = "NVML"
# A healthy NVML initialises in milliseconds, without the persistence daemon in one or two seconds.
TIMEOUT_S = 10.0
_MIG_ENABLED = 1


class NvmlLibrary(Protocol):
    """The part of ``pynvml`` that is used. Handles are opaque; every function raises ``NVMLError``."""

    @property
    def NVMLError(self) -> type[Exception]:
        """The base of the library's errors."""

    def nvmlInit(self) -> None: ...
    def nvmlShutdown(self) -> None: ...
    def nvmlSystemGetDriverVersion(self) -> str | bytes: ...
    def nvmlDeviceGetCount(self) -> int: ...
    def nvmlDeviceGetHandleByIndex(self, index: int, /) -> Any: ...
    def nvmlDeviceGetName(self, handle: Any, /) -> str | bytes: ...
    def nvmlDeviceGetUUID(self, handle: Any, /) -> str | bytes: ...
    def nvmlDeviceGetCudaComputeCapability(self, handle: Any, /) -> tuple[int, int]: ...
    def nvmlDeviceGetMemoryInfo(self, handle: Any, /) -> Any: ...
    def nvmlDeviceGetMigMode(self, handle: Any, /) -> list[int]: ...
    def nvmlDeviceGetMaxMigDeviceCount(self, handle: Any, /) -> int: ...
    def nvmlDeviceGetMigDeviceHandleByIndex(self, handle: Any, index: int, /) -> Any: ...


def load_pynvml() -> NvmlLibrary:
    """Import nvidia-ml-py (about 40 ms, hence late). Raises ImportError where it is not installed."""
    return cast("NvmlLibrary", importlib.import_module("pynvml"))


@dataclass(frozen=True, slots=True)
class NvmlDetector:
    """The driver's library. It ignores CUDA_VISIBLE_DEVICES and counts in PCI bus order (NVML API reference)."""

    load_cards: LoadCards
    load_library: Callable[[], NvmlLibrary] = load_pynvml
    timeout_s: float = TIMEOUT_S

    @property
    def name(self) -> str:
        """``NVML``."""
        return NAME

    def detect(self) -> Detection:
        """Ask every GPU; one that fails is a note and does not lose the others.

        Raises ConfigurationError only if the table of cards, needed for a GPU without an answer, is not TOML.
        """
        answer: Future[Detection] = Future()
        # A wedged driver never returns from the library. A daemon thread can be left behind; a pool's would be joined
        # when the program ends.
        Thread(target=_settle, args=(answer, self._ask), daemon=True, name="nvml").start()
        try:
            return answer.result(self.timeout_s)
        except FutureTimeoutError:
            return Detection(source=NAME, is_complete=False, notes=(f"no answer within {self.timeout_s:g} s",))

    def _ask(self) -> Detection:
        try:
            library = self.load_library()
        except ImportError as error:
            return Detection(source=NAME, notes=(f"nvidia-ml-py cannot be imported: {printable(str(error))}",))
        try:
            library.nvmlInit()
        except library.NVMLError as error:
            return Detection(source=NAME, notes=(_sentence("cannot be used", error),))
        try:
            return self._enumerate(library)
        except library.NVMLError as error:
            return Detection(source=NAME, is_complete=False, notes=(_sentence("broke off", error),))
        finally:
            # The answer stands; a library that cannot be shut down changes nothing about it.
            with suppress(library.NVMLError):
                library.nvmlShutdown()

    def _enumerate(self, library: NvmlLibrary) -> Detection:
        driver = _driver(library)
        found: list[Gpu] = []
        notes: list[str] = []
        count = library.nvmlDeviceGetCount()
        for index in range(count):
            try:
                found.append(self._gpu(library, index, driver))
            except (library.NVMLError, _UnidentifiedError) as error:
                notes.append(_sentence(f"GPU {index}", error))
        if count == 0:
            notes.append("it knows of no GPU")
        return Detection(
            source=NAME, gpus=tuple(found), notes=tuple(notes), is_complete=len(found) == count, driver=driver
        )

    def _gpu(self, library: NvmlLibrary, index: int, driver: DriverVersion | None) -> Gpu:
        handle = library.nvmlDeviceGetHandleByIndex(index)
        name = _optional(library, lambda: _text(library.nvmlDeviceGetName(handle)))
        reported = _optional(library, lambda: ComputeCapability(*library.nvmlDeviceGetCudaComputeCapability(handle)))
        if reported is not None and not is_plausible(reported):
            raise _UnidentifiedError(f"it says compute capability {reported}, which no GPU has")
        capability, note = (reported, None) if reported is not None else self._by_name(name)
        migs = _mig_uuids(library, handle)
        notes = [note] if note else []
        if migs:
            notes.append(f"divided into {len(migs)} MIG devices, each with the GPU's own compute capability")
        memory = _optional(library, lambda: int(library.nvmlDeviceGetMemoryInfo(handle).total))
        return Gpu(
            capability=capability,
            reported_by=NAME,
            name=name,
            index=index,
            uuid=_optional(library, lambda: _text(library.nvmlDeviceGetUUID(handle))),
            mig_uuids=migs,
            driver=driver,
            memory_mib=memory // 2**20 if memory else None,
            is_guess=reported is None,
            note="; ".join(notes) or None,
        )

    def _by_name(self, name: str | None) -> tuple[ComputeCapability, str]:
        if name is None:
            raise _UnidentifiedError("neither compute capability nor name")
        match = self.load_cards().by_name(name)
        if match.capability is None:
            raise _UnidentifiedError(f"no compute capability given, and no single card is called {name!r}")
        return match.capability, "; ".join(filter(None, ("looked up by name", match.doubt)))


class _UnidentifiedError(Exception):
    """A GPU whose compute capability could not be made out."""


def _settle(answer: Future[Detection], ask: Callable[[], Detection]) -> None:
    try:
        answer.set_result(ask())
    except BaseException as error:  # noqa: BLE001 - handed to the caller's thread, which raises it
        answer.set_exception(error)


def _optional(library: NvmlLibrary, read: Callable[[], _T]) -> _T | None:
    """What ``read`` reads; None where this GPU, driver or library does not tell, or tells no text."""
    try:
        return read()
    except (library.NVMLError, UnicodeDecodeError):
        return None


def _driver(library: NvmlLibrary) -> DriverVersion | None:
    text = _optional(library, lambda: _text(library.nvmlSystemGetDriverVersion()))
    try:
        return DriverVersion.parse(text) if text else None
    except InvalidValueError:
        return None


def _mig_uuids(library: NvmlLibrary, handle: Any) -> tuple[str, ...]:
    """The MIG devices of a GPU; most GPUs answer "Not Supported", and slots of a divided one may be empty."""
    mode = _optional(library, lambda: library.nvmlDeviceGetMigMode(handle)[0])
    if mode != _MIG_ENABLED:
        return ()
    slots = _optional(library, lambda: library.nvmlDeviceGetMaxMigDeviceCount(handle)) or 0

    def uuid_in(slot: int) -> str:
        return _text(library.nvmlDeviceGetUUID(library.nvmlDeviceGetMigDeviceHandleByIndex(handle, slot)))

    uuids = (_optional(library, partial(uuid_in, slot)) for slot in range(slots))
    return tuple(uuid for uuid in uuids if uuid)


def _text(value: str | bytes) -> str:
    """Releases of the library before 12 answer with bytes."""
    return value.decode() if isinstance(value, bytes) else value


def _sentence(subject: str, error: Exception) -> str:
    return f"{subject}: {printable(str(error))}"
