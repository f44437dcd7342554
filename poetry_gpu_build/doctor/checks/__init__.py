"""One file for each subject: a small function that looks, and a pure one that judges what was seen."""
