"""What an error text means: ``cases`` knows the errors, ``find`` looks for them, ``situation`` what is known beside."""

from __future__ import annotations
