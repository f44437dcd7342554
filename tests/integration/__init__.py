"""Tests with a really installed Poetry, the oldest and the newest supported, and a package index on loopback."""
