"""One command builds the right GPU image for the cards in front of you, and refuses to build a wrong one."""

from __future__ import annotations


def __getattr__(name: str) -> str:
    """Answer ``__version__`` from the installed metadata: the version stands in pyproject.toml alone.

    Lazy, because every ``poetry`` command imports this package and few ask for its version.
    """
    if name == "__version__":
        from importlib.metadata import version

        return version("poetry-gpu-build")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
