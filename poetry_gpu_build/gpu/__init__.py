"""Finds the GPUs that an image must run on: what the user named, else what the machine holds."""

from __future__ import annotations
