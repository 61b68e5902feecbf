"""Entry of each process that the sandbox starts: ``python -P -s entry.py MODULE ARGUMENT...``.

The interpreter may be a target's own, which has nothing of the service. So this folder is loaded by
its path, as a package of a private name: a target may be called ``app`` or ``tests``. What is
loaded so imports the standard library and pytest only, and each other by relative imports.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path

NAME = "_findings_sandbox"


def load() -> None:
    """Make the modules of this folder importable below `NAME`."""
    folder = Path(__file__).resolve().parent
    spec = importlib.util.spec_from_file_location(
        NAME, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    assert spec is not None and spec.loader is not None
    package = importlib.util.module_from_spec(spec)
    sys.modules[NAME] = package
    spec.loader.exec_module(package)


if __name__ == "__main__":
    load()
    importlib.import_module(f"{NAME}.{sys.argv[1]}").main(sys.argv[2:])
