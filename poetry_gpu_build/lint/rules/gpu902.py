"""GPU902: a comment that silences nothing."""

from __future__ import annotations

from poetry_gpu_build.lint.rule import EngineRule
from poetry_gpu_build.lint.rule import Example
from poetry_gpu_build.lint.rule import binary

_CONFIG = "RUN poetry config virtualenvs.create false\n"


class UnusedSuppression(EngineRule):
    """A comment that switches a rule off silences a finding.

    A suppression that outlives its finding hides the next one, which nobody has looked at; one that is misspelt hides
    nothing, and its reader believes that it does. Only rules that ran can say so: what `--ignore` or the settings leave
    out is not known, and a file that cannot be read as a whole is left alone.
    """

    code = "GPU902"
    name = "unused-suppression"
    valid = (
        Example(binary(f"FROM a\n# gpu-build: ignore[GPU105] the vendor's image needs it\n{_CONFIG}")),
        Example(binary(f"# gpu-build: ignore-file[GPU105]\nFROM a\n{_CONFIG}")),
        Example(binary("FROM a\n# gpu-build: ignore[GPU105, GPU902] the next release needs it again\nRUN true\n")),
        Example(
            binary(
                f"FROM a\n# gpu-build: ignore[GPU105] the settings leave it out here\n{_CONFIG}",
                **{"pyproject.toml": "[tool.gpu-build.lint.per-file-ignores]\nDockerfile = ['GPU1']\n"},
            )
        ),
    )
    invalid = (
        Example(
            binary("FROM a\n# gpu-build: ignore[GPU105] long gone\nRUN true\n"),
            ("docker/Dockerfile:2:21",),
            {"docker/Dockerfile": "FROM a\nRUN true\n"},
        ),
        Example(
            binary(f"FROM a\n# gpu-build: ignore[GPU101, GPU105] half of it\n{_CONFIG}"),
            ("docker/Dockerfile:2:21",),
            {"docker/Dockerfile": f"FROM a\n# gpu-build: ignore[GPU105] half of it\n{_CONFIG}"},
        ),
        Example(
            binary("FROM a\n", **{".dockerignore": "# gpu-build: ignore-file[GPU306]\npoetry.lock\n.venv\n.poetry\n"}),
            (".dockerignore:1:26",),
            {".dockerignore": "poetry.lock\n.venv\n.poetry\n"},
        ),
        Example(
            {"pyproject.toml": "[tool.poetry]\nname = 'x' # gpu-build: ignore[GPU501]\n"},
            ("pyproject.toml:2:32",),
            {"pyproject.toml": "[tool.poetry]\nname = 'x'\n"},
        ),
        Example(
            binary("FROM a\n# gpu-build: ignore[GPU902]\nRUN true\n"),
            ("docker/Dockerfile:2:21",),
            {"docker/Dockerfile": "FROM a\nRUN true\n"},
        ),
        Example(binary("FROM a\n# gpu-build: ignore[GPU999]\nRUN true\n"), ("docker/Dockerfile:2:21",)),
        Example(binary(f"FROM a\n# gpu-build: ignore GPU105\n{_CONFIG}"), ("docker/Dockerfile:2:1",)),
    )
