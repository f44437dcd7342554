"""The swap: a compiled torch under /opt made importable by a `.pth` file, provided to Poetry, guarded and proved."""
