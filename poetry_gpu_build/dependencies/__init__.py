"""What an image installs from: the manifest without all that `poetry install --no-root` does not read."""
