"""What `poetry gpu-build init` makes of a project: texts in, changed texts out; nothing here reads or writes a file."""
