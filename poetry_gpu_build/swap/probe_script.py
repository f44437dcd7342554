"""What a fresh interpreter knows of its torch, printed as JSON. Runs in the image: standard library, Python 3.8 on.

Printed twice, before and after torch is imported, each line behind a mark: an import that kills the interpreter leaves
the first line, and what the import itself prints is told apart.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import json
import os
import platform
import site
import sys
import sysconfig

MARK = "gpu-build-probe "


def normalised(name: str | None) -> str:
    """The name as PEP 503 compares it."""
    return "-".join(part for part in (name or "").lower().replace("_", "-").replace(".", "-").split("-") if part)


def real(path: str | None) -> str | None:
    """Where a path leads to."""
    return os.path.realpath(path) if path else None


def main() -> None:
    """Gather, print, import, print."""
    torches = []
    installed: dict[str, str] = {}
    seen = set()
    for distribution in importlib.metadata.distributions():
        metadata = distribution.metadata
        name = normalised(metadata["Name"]) if metadata is not None else ""
        version = (metadata["Version"] or "") if name else ""
        # The first on the path is the one that counts.
        if name:
            installed.setdefault(name, version)
        if name != "torch":
            continue
        location = str(real(str(distribution.locate_file(""))))
        folder = str(real(str(getattr(distribution, "_path", location))))
        # The same folder twice on the path (lib64 is often a link to lib) is one distribution.
        if folder not in seen:
            seen.add(folder)
            required = [str(requirement) for requirement in distribution.requires or ()]
            torches.append({"version": version, "location": location, "requires": required})
    try:
        spec = importlib.util.find_spec("torch")
        origin = spec.origin if spec is not None else None
    except (ImportError, ValueError, AttributeError):
        origin = None
    site_folders = [sysconfig.get_path("purelib"), sysconfig.get_path("platlib"), *site.getsitepackages()]
    implementation = sys.implementation.version
    facts = {
        "python": sys.executable,
        "isolated": bool(sys.flags.isolated),
        "site": sorted({str(real(folder)) for folder in site_folders}),
        "torches": torches,
        "installed": installed,
        "environment": {
            "implementation_name": sys.implementation.name,
            "implementation_version": ".".join(str(number) for number in implementation[:3]),
            "os_name": os.name,
            "platform_machine": platform.machine(),
            "platform_python_implementation": platform.python_implementation(),
            "platform_release": platform.release(),
            "platform_system": platform.system(),
            "platform_version": platform.version(),
            "python_full_version": platform.python_version(),
            "python_version": ".".join(platform.python_version_tuple()[:2]),
            "sys_platform": sys.platform,
        },
        "origin": real(origin),
        "imported": None,
    }
    say(facts)
    facts.update(imported_torch())
    if "--cuda" in sys.argv[1:] and facts["imported"]:
        facts.update(used_cuda())
    say(facts)


def say(facts: dict[str, object]) -> None:
    """One line, all ASCII, whatever the locale."""
    sys.stdout.write("\n" + MARK + json.dumps(facts) + "\n")
    sys.stdout.flush()


def imported_torch() -> dict[str, object]:
    """Import it; whatever it raises is a fact."""
    try:
        torch = importlib.import_module("torch")
    except BaseException as error:  # noqa: BLE001 - an import may raise anything, SystemExit too
        return {"imported": False, "error": fault(error)}
    file = real(getattr(torch, "__file__", None))
    library = os.path.join(os.path.dirname(file), "lib", "libtorch_cuda.so") if file else ""  # noqa: PTH118, PTH120
    version = getattr(torch, "__version__", None)
    return {
        "imported": True,
        "file": file,
        "version": None if version is None else str(version),
        "library": real(library) if os.path.isfile(library) else None,  # noqa: PTH113
    }


def used_cuda() -> dict[str, object]:
    """Put a number on the GPU; whatever that raises is a fact."""
    try:
        torch = importlib.import_module("torch")
        number = torch.zeros(1).cuda() + 1
        return {"cuda": float(number[0]) == 1.0, "device": str(torch.cuda.get_device_name(number.device))}
    except BaseException as error:  # noqa: BLE001 - likewise
        return {"cuda": False, "device": fault(error)}


def fault(error: BaseException) -> str:
    """What was raised, in a line."""
    said = str(error).strip().splitlines()
    return type(error).__name__ + (": " + said[0][:500] if said else "")


if __name__ == "__main__":
    main()
