"""Bisection: the search through a history, what looks at revisions say, and its course."""
