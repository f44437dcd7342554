"""Tests that build real images with a real BuildKit, on any Debian bookworm machine with root."""
