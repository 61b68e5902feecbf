"""What arms have imported of an environment, so that its fork server imports it ahead."""

from __future__ import annotations

from collections.abc import Iterable

_MOST = 5000


def tops_of(names: Iterable[str]) -> frozenset[str]:
    """Return the top-level modules among names of modules."""
    return frozenset(name.partition(".")[0] for name in names)


class Learned:
    """What arms of an interpreter have imported of its installed distributions."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self._barred: set[str] = set()

    def add(self, names: Iterable[str]) -> int:
        """Add modules; return how many are new."""
        known = set(self.names)
        new = [
            name
            for name in dict.fromkeys(names)
            if name not in known and name.partition(".")[0] not in self._barred
        ][: _MOST - len(known)]
        self.names += new
        return len(new)

    def bar(self, modules: Iterable[str]) -> None:
        """Leave out from now on what an arm itself holds: an installed copy would be in its way."""
        self._barred.update(modules)
        self.names[:] = [one for one in self.names if one.partition(".")[0] not in self._barred]
