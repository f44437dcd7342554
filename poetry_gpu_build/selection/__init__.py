"""Which mode is built, and why: flag, targets, policy, facts, in this order. Pure."""

from __future__ import annotations
