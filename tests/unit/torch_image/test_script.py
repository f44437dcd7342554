from __future__ import annotations

import pytest

from poetry_gpu_build.torch_image.script import without_comments


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("", ""),
        ("# only\n", ""),
        ("make\n\n\nmake install", "make\nmake install"),
        ("#!/bin/bash\n# why\nmake\n", "#!/bin/bash\nmake\n"),
        ("make\n#!/not/a/shebang\n", "make\n"),
        ("if x; then\n  # it's so\n  y\nfi\n", "if x; then\n  y\nfi\n"),
        ("make # why\n", "make # why\n"),
        # An empty line ends a continued command, and a comment behind a backslash is a part of it.
        ("make \\\n\ninstall\n", "make \\\n\ninstall\n"),
        ("make \\\n# x\ninstall\n", "make \\\n# x\ninstall\n"),
        # Data.
        ('a="one\n# two\n\nthree"\n', 'a="one\n# two\n\nthree"\n'),
        ("echo 'one\n# two'\n# three\n", "echo 'one\n# two'\n"),
        ('echo "$(cat "a\n# b\n")"\n', 'echo "$(cat "a\n# b\n")"\n'),
        ("cat <<EOF\n# x\n\nEOF\n# y\n", "cat <<EOF\n# x\n\nEOF\n"),
        ("cat <<-EOF\n\t# x\n\tEOF\n", "cat <<-EOF\n\t# x\n\tEOF\n"),
        ("f() {\n  cat <<EOF\n# x\nEOF\n} > y\n", "f() {\n  cat <<EOF\n# x\nEOF\n} > y\n"),
        ("for x in 'a\n# b'; do c; done\n", "for x in 'a\n# b'; do c; done\n"),
        ("x=(a\n# b\nc)\n", "x=(a\n# b\nc)\n"),
        # What cannot be read is left alone.
        ("echo 'open\n# x\n", "echo 'open\n# x\n"),
        ("if x\n# y\n", "if x\n# y\n"),
    ],
)
def test_only_what_a_shell_would_not_see_is_left_out(script: str, expected: str) -> None:
    assert without_comments(script) == expected
