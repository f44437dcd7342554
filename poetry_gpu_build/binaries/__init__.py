"""Reads which GPU architectures are inside libraries, archives, fatbins, wheels, folders and images."""
