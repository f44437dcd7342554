from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from poetry_gpu_build.documents.dockerfile.parser import read_dockerfile
from poetry_gpu_build.errors import ConfigurationError
from poetry_gpu_build.torch_image import files as module
from poetry_gpu_build.torch_image.files import copied_files

if TYPE_CHECKING:
    from pathlib import Path

EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"  # of nothing, by FIPS 180-4


def found(context: Path, *lines: str) -> dict[str, str]:
    dockerfile = context / "Dockerfile"
    dockerfile.write_text("\n".join(["FROM scratch AS base", *lines, ""]), encoding="utf-8")
    return copied_files(dockerfile, context, read_dockerfile(dockerfile).stages)


@pytest.fixture
def context(tmp_path: Path) -> Path:
    for name in ("patches/one.patch", "patches/deep/two.patch", "other.txt", ".dockerignore"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return tmp_path


def test_a_compile_that_copies_nothing_reads_nothing(tmp_path: Path) -> None:
    assert found(tmp_path, "RUN true", "COPY --from=x /a /b") == {}


def test_a_folder_is_all_that_is_in_it(context: Path) -> None:
    expected = {"patches/one.patch": f"file:{EMPTY}", "patches/deep/two.patch": f"file:{EMPTY}"}
    assert found(context, "COPY patches/ /p/") == expected
    assert found(context, "RUN --mount=type=bind,source=patches,target=/p true") == expected


def test_a_pattern_is_what_it_matches(context: Path) -> None:
    assert set(found(context, "COPY *.txt /p/")) == {"other.txt"}


def test_what_is_ignored_is_not_copied(context: Path) -> None:
    (context / ".dockerignore").write_text("patches/deep\n", encoding="utf-8")
    assert set(found(context, "COPY patches /p")) == {"patches/one.patch"}


def test_of_the_mode_only_that_counts_which_git_keeps(context: Path) -> None:
    path = context / "other.txt"
    path.chmod(0o600)
    private = found(context, "COPY other.txt /")
    path.chmod(0o664)
    assert found(context, "COPY other.txt /") == private
    path.chmod(0o755)
    assert found(context, "COPY other.txt /") == {"other.txt": f"program:{EMPTY}"}


def test_a_link_is_where_it_leads(context: Path) -> None:
    (context / "link").symlink_to("patches")
    first = found(context, "COPY link /")
    (context / "link").unlink()
    (context / "link").symlink_to("other.txt")
    assert first["link"].startswith("link:")
    assert found(context, "COPY link /") != first


def test_too_many_files_are_refused(context: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAXIMUM_FILES", 1)
    with pytest.raises(ConfigurationError, match="more than 1 files"):
        found(context, "COPY patches /p")


def test_a_file_that_is_gone_is_an_error_of_ours(context: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_paths", lambda *_: iter(["patches/gone"]))
    with pytest.raises(ConfigurationError, match="patches/gone cannot be read"):
        found(context, "COPY patches /p")
