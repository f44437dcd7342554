"""What serves given cards: which published wheels, which toolkits, which drivers. Pure; decides no mode.

The one place that says which wheels are offered: to `advise`, to an error's ways out, to the linter.
"""

from __future__ import annotations
