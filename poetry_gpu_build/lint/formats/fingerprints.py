"""What makes a finding the same finding in the next run, on whatever line it stands then."""

from __future__ import annotations

from collections import Counter
from hashlib import sha256
from typing import TYPE_CHECKING

from poetry_gpu_build.lint.formats.places import from_root

if TYPE_CHECKING:
    from poetry_gpu_build.lint.formats.interface import Report

# Longer lines are told apart by their beginning: a file of one line of megabytes must not be hashed for each finding.
_COMPARED = 4096


def fingerprints(report: Report) -> list[str]:
    """One for each finding, in order, all different: SHA-256 of rule, path, the line's text and its how-manieth it is.

    Neither line numbers nor spaces count, so code may move, and be indented anew, and keep its fingerprint.
    """
    seen: Counter[str] = Counter()
    made = []
    for finding in report.findings:
        path = from_root(finding.where.path, report.root).as_posix()
        key = "\0".join((finding.code, path, " ".join(finding.excerpt[:_COMPARED].split())))
        made.append(sha256(f"{key}\0{seen[key]}".encode("utf-8", "surrogatepass")).hexdigest())
        seen[key] += 1
    return made
