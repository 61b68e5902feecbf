"""Modules that the fork server imported ahead of time, out of an arm's sight until it imports them.

Otherwise a package that forgets an import would work here and nowhere else. Deleting them would
break torch, whose modules refer to each other; so each is put back, ready, when it is first asked
for. What stays visible are attributes: ``torch._dynamo`` is there although nobody imported it.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import sys
from collections.abc import Iterable, Sequence
from types import ModuleType
from typing import Any


def put(names: Iterable[str]) -> None:
    """Put modules aside, in the fork server, and have them found at their first import."""
    kept = {name: sys.modules.pop(name) for name in names}
    _all.update(kept)
    sys.meta_path.insert(0, _Shelf(kept))


def find(name: str) -> ModuleType | None:
    """Return a module that is loaded, in sight or aside; it stays where it is."""
    return sys.modules.get(name) or _all.get(name)


def was_put(name: str) -> bool:
    """Tell whether the fork server imported a module and put it aside, whoever has it now."""
    return name in _all


_all: dict[str, ModuleType] = {}


class _Shelf(importlib.abc.Loader):
    """Finds a module that was put aside; a finder and the loader at once."""

    def __init__(self, kept: dict[str, ModuleType]) -> None:
        self._kept = kept

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: Any = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Find a module that is kept here."""
        module = self._kept.get(name)
        if module is None:
            return None
        return importlib.machinery.ModuleSpec(name, self, is_package=hasattr(module, "__path__"))

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        """Hand out the ready module; the import sets its spec, which `exec_module` undoes."""
        module = self._kept.pop(spec.name)
        spec.loader_state = module.__dict__.get("__spec__")
        return module

    def exec_module(self, module: ModuleType) -> None:
        """Leave the module as it was."""
        found = module.__dict__["__spec__"]
        # Not by attribute: modules of torch that hold settings refuse those they do not know.
        if getattr(found, "loader", None) is self:
            module.__dict__["__spec__"] = found.loader_state
