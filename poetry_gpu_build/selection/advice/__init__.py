"""What a plan says beyond its decision: it is built all the same. One pure function for each kind of advice."""

from __future__ import annotations
