"""Targets that an operator declares: the file that names them, and the interpreters they bring."""
