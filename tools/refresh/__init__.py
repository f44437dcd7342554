"""Reads what the facts claim from the artefacts themselves: wheels of an index, and compilers."""
