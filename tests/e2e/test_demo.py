"""The newcomer's first command on a machine with an engine: `make demo` builds an image."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .harness.engine import Engine

ROOT = Path(__file__).resolve().parents[2]


def test_make_demo_builds_an_image_with_the_labels_of_its_plan(engine: Engine) -> None:
    done = subprocess.run(
        ["make", "demo", f"BIN={Path(sys.executable).parent}", "READY="],
        cwd=ROOT,
        env=engine.env(),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "built gpu-build-demo:binary" in done.stdout
    labels = engine.docker("image", "inspect", "--format", "{{json .Config.Labels}}", "gpu-build-demo:binary").stdout
    assert json.loads(labels)["poetry-gpu-build.targets"] == "12.0"
