"""The report for machines."""

from __future__ import annotations

import json
from datetime import datetime
from datetime import timezone
from typing import TYPE_CHECKING
from typing import Any

from poetry_gpu_build.lint.formats.characters import well_formed

if TYPE_CHECKING:
    from poetry_gpu_build.report.model import Report
    from poetry_gpu_build.report.model import Step

SCHEMA_VERSION = 1


def as_document(report: Report) -> str:
    """One JSON document (docs/report.md). Times in seconds, sizes in bytes; null where something is not known."""
    began = None if report.began is None else datetime.fromtimestamp(report.began, tz=timezone.utc).isoformat()
    data: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        "title": report.title,
        "outcome": report.outcome,
        "error": report.error or None,
        "began": began,
        "seconds": _rounded(report.seconds),
        "engine": report.engine,
        "steps": [_step(step) for step in report.steps],
        "critical_path": {
            "seconds": _rounded(report.critical_path.seconds),
            "steps": list(report.critical_path.steps),
        },
        "invalidated": [{"step": cause.step, "reasons": list(cause.reasons)} for cause in report.causes],
        "images": [
            {
                "name": image.name,
                "size": image.size,
                "layers": [{"size": layer.size, "made_by": layer.made_by} for layer in image.layers],
            }
            for image in report.images
        ],
        "notes": list(report.notes),
    }
    return well_formed(json.dumps(data, indent=2, ensure_ascii=False)) + "\n"


def _step(step: Step) -> dict[str, Any]:
    return {
        "id": step.id,
        "name": step.name,
        "kind": step.kind,
        "target": step.target or None,
        "stage": step.stage or None,
        "number": step.number or None,
        "state": step.state,
        "start": _rounded(step.start),
        "end": _rounded(step.end),
        "seconds": _rounded(step.seconds),
        "transferred": step.transferred,
        "layer": step.layer,
        "inputs": list(step.inputs),
        "parts": [{"name": part.name, "bytes": part.bytes, "seconds": _rounded(part.seconds)} for part in step.parts],
        "error": step.error or None,
        "log": list(step.log),
    }


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)
