"""Python scripts as processes of their own, as another user where wanted."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import app

NOBODY = 65534
ROOT_FOLDER = Path(app.__file__).parents[1]


PRELUDE = f"""
import os, sys
sys.path.insert(0, {str(ROOT_FOLDER)!r})
import psycopg
import app.embedded
def become(user):
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)
"""


def start_child(
    script: str, *arguments: str | Path, user: int | None = None
) -> subprocess.Popen[str]:
    """Starts a script that can import the service; pipes for input and output, own session.

    It turns into another user only after the imports, as that user may not be able to read this
    Python.
    """
    turn = "" if user is None else f"become({user})\n"
    return subprocess.Popen(
        [sys.executable, "-c", PRELUDE + turn + script, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd="/",
        env={**os.environ, "HOME": "/nonexistent"},
        start_new_session=True,
    )


def run_child(script: str, *arguments: str | Path, user: int | None = None) -> str:
    """Runs a script to its end and returns what it printed.

    Raises:
        subprocess.CalledProcessError: it failed.
    """
    with start_child(script, *arguments, user=user) as child:
        printed, _ = child.communicate(timeout=60)
    if child.returncode != 0:
        raise subprocess.CalledProcessError(child.returncode, script, printed)
    return printed


def no_other_user(*programs: Path) -> str | None:
    """Returns why scripts cannot run here as user *nobody*; ``None`` if they can.

    Args:
        programs: which that user must be able to run.
    """
    if os.geteuid() != 0:
        return "only root can act as another user"
    check = "print([path for path in sys.argv[1:] if not os.access(path, os.X_OK)])"
    try:
        closed = run_child(check, *programs, user=NOBODY).strip()
    except subprocess.CalledProcessError as error:
        return f"cannot act as user nobody: {error}"
    return None if closed == "[]" else f"user nobody cannot run {closed}"
