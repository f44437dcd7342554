"""The shell: every simple command of a script, and what it runs in the end.

``scan`` finds the commands (POSIX XCU chapter 2 and bash's manual); ``resolve`` follows wrappers, nested shells,
variables and functions to the programs that run, and says what it cannot decide. Neither knows a rule.
"""

from __future__ import annotations
