"""Which user the database server runs as.

A service of an ordinary user runs the server as that same user. PostgreSQL refuses to run as root,
so a root service gives the cluster a user number of its own. It needs no entry in ``/etc/passwd``:
the folder ``pg`` belongs to it, and that is where the next start reads it from. So it works in
containers without ``useradd``, and two data directories on one machine cannot read each other.
"""

from __future__ import annotations

import contextlib
import errno
import grp
import os
import pwd
import random
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from app.embedded.datadir import OWN_SERVER, user_name
from app.embedded.programs import programs_dir
from app.errors import StartupError

SERVER_IDS = range(60706, 61184)
"""Numbers that neither Debian, ``useradd`` nor systemd give away: https://systemd.io/UIDS-GIDS/"""

ENVIRONMENT: Mapping[str, str] = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}
"""All that the database's programs get to see: the service's own may hold secrets."""


@dataclass(frozen=True)
class Account:
    """A user to run programs as."""

    uid: int | None
    """``None``: the service's own user."""

    gid: int | None

    def run(self, command: Sequence[str | Path], stdin: int) -> subprocess.CompletedProcess[str]:
        """Runs a program to its end and returns what it printed, errors included, as ``stdout``.

        Raises:
            StartupError: the program could not be run as this user.
        """
        try:
            return subprocess.run(
                command,
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                encoding="utf-8",
                errors="replace",
                cwd="/",
                env=ENVIRONMENT,
                umask=0o077,
                user=self.uid,
                group=self.gid,
                extra_groups=self._no_groups,
                check=False,
            )
        except OSError as error:
            raise self._cannot_run(error) from error

    def launch(self, command: Sequence[str | Path], log: int) -> subprocess.Popen[bytes]:
        """Starts a program in a session of its own, so that Ctrl-C does not reach it.

        Raises:
            StartupError: the program could not be run as this user.
        """
        try:
            return subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                env=ENVIRONMENT,
                umask=0o077,
                user=self.uid,
                group=self.gid,
                extra_groups=self._no_groups,
                start_new_session=True,
            )
        except OSError as error:
            raise self._cannot_run(error) from error

    def own(self, path: Path | int) -> None:
        """Gives a file to this user; a symbolic link itself, not what it points to.

        Raises:
            StartupError: this system does not let files be given to the user.
        """
        if self.uid is None or self.gid is None:
            return
        try:
            if isinstance(path, int):
                os.fchown(path, self.uid, self.gid)
            else:
                os.chown(path, self.uid, self.gid, follow_symlinks=False)
        except OSError as error:
            raise self._cannot_run(error) from error

    def own_tree(self, top: Path) -> None:
        """Gives a folder and everything in it to this user."""
        if self.uid is None:
            return
        for folder, _, files in os.walk(top):
            self.own(Path(folder))
            for name in files:
                self.own(Path(folder, name))

    @property
    def _no_groups(self) -> list[int] | None:
        return None if self.uid is None else []

    def _cannot_run(self, error: OSError) -> StartupError:
        if error.errno == errno.EACCES:
            package = programs_dir().parent.parent
            return StartupError(
                f"User number {self.uid} may not run the database's programs in {package}.",
                remedy=f"Let other users read them: chmod -R go+rX {package}",
            )
        return StartupError(
            f"The database cannot be run as user number {self.uid}: {error.strerror}.",
            remedy=f"Start the service as an ordinary user instead of root, or {OWN_SERVER}.",
        )


SAME_USER = Account(None, None)


def account_of(pg: Path) -> Account | None:
    """Returns the account that the cluster ``pg`` belongs to; ``None``: not one to run it as."""
    uid, service = pg.stat().st_uid, os.geteuid()
    if service == uid != 0:
        return SAME_USER
    return Account(uid, uid) if service == 0 and uid in SERVER_IDS else None


def settle_account(pg: Path) -> Account:
    """Returns the account that the cluster ``pg`` belongs to.

    A cluster that root owns, as after copying it back from a backup, is given an account first.

    Raises:
        StartupError: it belongs to a user that this service must not run it as.
    """
    account = account_of(pg)
    if account is None:
        refuse_foreign_owner(pg)
        account = fresh_account()
        account.own_tree(pg)
    return account


def refuse_foreign_owner(pg: Path) -> None:
    """Makes sure that the folder ``pg`` belongs to the service or to the server's user.

    Raises:
        StartupError: it belongs to somebody else.
    """
    uid, service = pg.stat().st_uid, os.geteuid()
    if uid == service or account_of(pg) is not None:
        return
    wanted = "root" if service == 0 else user_name(service)
    raise StartupError(
        f"The database in {pg} belongs to user {user_name(uid)}, "
        f"but the service runs as {user_name(service)}.",
        remedy="Start the service as the user it was first started as, or, while it is stopped, "
        f"give it the database: chown -R {wanted}: {pg}",
    )


def fresh_account() -> Account:
    """Returns the account for a new cluster.

    Raises:
        StartupError: every number set aside for it is taken.
    """
    if os.geteuid() != 0:
        return SAME_USER
    for number in random.sample(SERVER_IDS, len(SERVER_IDS)):
        if not _has_entry(number):
            return Account(number, number)
    raise StartupError(
        f"No user number of {SERVER_IDS.start}-{SERVER_IDS.stop - 1} is free for the database.",
        remedy=f"Start the service as an ordinary user instead of root, or {OWN_SERVER}.",
    )


def creator_of(account: Account) -> Account:
    """Returns the account that has to create a cluster for ``account``.

    ``initdb`` insists on a user with a name. A number has none, so the user *nobody* lends its
    name while the group stays the cluster's own: the other processes of *nobody* are not in that
    group and cannot enter the folder the cluster is made in, nor trace the process.

    Raises:
        StartupError: this machine names no such user.
    """
    lender = os.geteuid() if account.uid is None else 65534
    try:
        entry = pwd.getpwuid(lender)
    except KeyError:
        raise StartupError(
            f"User number {lender} has no entry in /etc/passwd, and PostgreSQL creates no database "
            "without one.",
            remedy="Add a line for it there, as useradd would, start the service as another user, "
            f"or {OWN_SERVER}.",
        ) from None
    return SAME_USER if account.uid is None else Account(entry.pw_uid, account.gid)


@contextlib.contextmanager
def text_pipe(text: str, account: Account) -> Iterator[int]:
    """Gives the reading end of a pipe that holds a short text and belongs to ``account``.

    So a secret reaches a program that opens ``/dev/stdin`` without ever lying in a file.
    """
    reader, writer = os.pipe()
    try:
        account.own(reader)
        with os.fdopen(writer, "w") as file:
            file.write(text)
        yield reader
    finally:
        os.close(reader)


def _has_entry(number: int) -> bool:
    for lookup in (pwd.getpwuid, grp.getgrgid):
        try:
            lookup(number)
        except KeyError:
            continue
        return True
    return False
