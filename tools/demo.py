"""`make demo`: plans for this machine, a GTX 970 and an RTX 5090, and a small build where there is an engine."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
POETRY = Path(sys.executable).with_name("poetry")
NO_ENGINE = 4

PLANS: tuple[list[str], ...] = ([], ["--gpu", "GTX 970"], ["--gpu", "RTX 5090"])


def main() -> int:
    """Run the demo; returns 0 unless a command failed that should not have."""
    for arguments in PLANS:
        if gpu_build("minimal", "--dry-run", *arguments) != 0:
            return 1
    # Three lines of a Dockerfile: there is no torch in it to prove.
    status = gpu_build("demo", "--gpu", "RTX 5090", "--no-verify")
    if status == NO_ENGINE:
        print("\nNo engine here, so nothing was built; the plans above need none.")
        return 0
    return status


def gpu_build(example: str, *arguments: str) -> int:
    """Show the command, run it in one of the examples, and return its exit code."""
    shown = " ".join(f'"{argument}"' if " " in argument else argument for argument in arguments)
    print(f"\n$ cd examples/{example} && poetry gpu-build {shown}", flush=True)
    return subprocess.run([POETRY, "gpu-build", *arguments], cwd=ROOT / "examples" / example, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
