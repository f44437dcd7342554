"""`python -m hello_gpu`."""

from __future__ import annotations

import sys

from hello_gpu import report

sys.stdout.write(report() + "\n")
