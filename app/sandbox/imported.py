"""Modules of installed distributions that an arm imports: its fork server may import them ahead.

The guest names them, the zygote imports them outside the cage. So it takes none but those that lie
in its interpreter's own ``site-packages``: nothing of an arm, and no editable install, whose files
are a project's.
"""

from __future__ import annotations

import importlib.util
import itertools
import site
import sys
from contextlib import suppress
from functools import cache

from . import aside

_MOST = 5000


def since(count: int) -> list[str]:
    """Return those imported since so many modules were there, in the order in which they came."""
    new = list(itertools.islice(reversed(sys.modules), max(0, len(sys.modules) - count)))
    return [name for name in reversed(new) if not aside.was_put(name) and _is_installed(name)][
        :_MOST
    ]


@cache
def may_be_preloaded(top: str) -> bool:
    """Tell whether a top-level module, not imported yet, is one of an installed distribution."""
    with suppress(Exception):  # whatever a finder of the environment does
        spec = importlib.util.find_spec(top)
        if spec is not None:
            places = [spec.origin, *(spec.submodule_search_locations or ())]
            return any(_lies_there(place) for place in places)
    return False


def _is_installed(name: str) -> bool:
    with suppress(Exception):  # code of the arm may stand in the place of a module
        return _lies_there(getattr(sys.modules[name].__spec__, "origin", None))
    return False


def _lies_there(place: object) -> bool:
    return isinstance(place, str) and place.startswith(_folders())


@cache
def _folders() -> tuple[str, ...]:
    return tuple(f"{folder}/" for folder in site.getsitepackages())
