"""Dockerfiles by BuildKit's rules, with the place of every part, and with recovery: a mistake hides nothing else."""

from __future__ import annotations

from poetry_gpu_build.documents.dockerfile.environment import Environment
from poetry_gpu_build.documents.dockerfile.expansion import Expansion
from poetry_gpu_build.documents.dockerfile.expansion import Variable
from poetry_gpu_build.documents.dockerfile.model import Assignment
from poetry_gpu_build.documents.dockerfile.model import Comment
from poetry_gpu_build.documents.dockerfile.model import Directive
from poetry_gpu_build.documents.dockerfile.model import Dockerfile
from poetry_gpu_build.documents.dockerfile.model import Flag
from poetry_gpu_build.documents.dockerfile.model import Heredoc
from poetry_gpu_build.documents.dockerfile.model import Instruction
from poetry_gpu_build.documents.dockerfile.model import Mount
from poetry_gpu_build.documents.dockerfile.model import Problem
from poetry_gpu_build.documents.dockerfile.model import Stage
from poetry_gpu_build.documents.dockerfile.parser import parse_dockerfile
from poetry_gpu_build.documents.dockerfile.parser import read_dockerfile
from poetry_gpu_build.documents.mapped import MappedText

__all__ = [
    "Assignment",
    "Comment",
    "Directive",
    "Dockerfile",
    "Environment",
    "Expansion",
    "Flag",
    "Heredoc",
    "Instruction",
    "MappedText",
    "Mount",
    "Problem",
    "Stage",
    "Variable",
    "parse_dockerfile",
    "read_dockerfile",
]
