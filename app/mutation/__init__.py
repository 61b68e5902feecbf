"""Mutants of Python files: made from positions of the syntax tree, spliced into the text.

Loaded by the service and, by its path and under a private name, by a target's own interpreter: only
that one knows its syntax. So these files import the standard library only, and each other
by relative imports.
"""
