"""The build report: what each step took, which ones decided, and why they ran. Reads what BuildKit tells; no Docker."""
