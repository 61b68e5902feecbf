"""What lies where in the data directory.

::

    <data dir>/
      service.lock          held by the running service
      pg-admin-password     of the superuser `postgres`, mode 0600
      pg-service-password   of the role `findings`, mode 0600
      pg.tmp-*              a cluster being created; left over only after an interruption
      pg/                   the cluster; mode 0700, of the server's user
        socket/             the only way in; mode 0700
        postgres.log        turned over to postgres.log.1 at a start when large

The rest of the directory may hold other files. The passwords lie outside `pg`, so that the server's
user cannot read them.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import secrets
import stat
import sys
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from app.errors import StartupError

ADMIN_ROLE = "postgres"
SERVICE_ROLE = "findings"
SERVICE_DATABASE = "findings"
PORT = 5432
"""Only part of the socket's name: nothing listens on a network port."""

SOCKET_PATH_MAX = 103 if sys.platform == "darwin" else 107
"""Bytes that fit into ``sockaddr_un.sun_path`` beside the closing NUL, see unix(7)."""

OWN_SERVER = "set DATABASE_URL to a PostgreSQL server of your own"


@dataclass(frozen=True)
class DataDir:
    """The paths in one data directory."""

    root: Path
    """The data directory itself, absolute, symbolic links resolved."""

    @classmethod
    def at(cls, path: Path) -> DataDir:
        """Returns the layout for a data directory that need not exist yet."""
        return cls(path.resolve())

    @property
    def pg(self) -> Path:
        """The cluster."""
        return self.root / "pg"

    @property
    def socket_dir(self) -> Path:
        """Where the server's socket lies."""
        return self.pg / "socket"

    @property
    def log(self) -> Path:
        """What the server writes."""
        return self.pg / "postgres.log"

    @property
    def lock(self) -> Path:
        """Held by the one service that uses this directory."""
        return self.root / "service.lock"

    @property
    def admin_password(self) -> Path:
        """The superuser's password."""
        return self.root / "pg-admin-password"

    @property
    def service_password(self) -> Path:
        """The password of the service's own role."""
        return self.root / "pg-service-password"

    def url(self, role: str, password: str, database: str) -> str:
        """Returns a URL for the socket, every part quoted."""
        return (
            f"postgresql://{quote(role, safe='')}:{quote(password, safe='')}"
            f"@/{quote(database, safe='')}?host={quote(str(self.socket_dir), safe='')}&port={PORT}"
        )

    def prepare(self) -> None:
        """Creates the data directory where needed and makes sure that it can be used.

        Raises:
            StartupError: the path does not do for a socket, or the directory cannot be created,
                belongs to another user, can be changed by everybody, or cannot be written to.
        """
        self._refuse_unusable_path()
        try:
            self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
            found = self.root.stat()
        except OSError as error:
            raise self._unusable(f"cannot be created: {error.strerror}") from error
        if found.st_uid != os.geteuid():
            raise self._unusable(
                f"belongs to user {user_name(found.st_uid)}, "
                f"but the service runs as {user_name(os.geteuid())}"
            )
        if found.st_mode & stat.S_IWOTH:
            raise StartupError(
                f"Every user of this machine can change the data directory {self.root}.",
                remedy=f"Close it with: chmod o-w {self.root}",
            )
        # Permission bits say nothing about a disk mounted read-only; trying does.
        try:
            probe = self.root / f".writable-{secrets.token_hex(4)}"
            probe.touch(mode=0o600)
            probe.unlink()
        except OSError as error:
            raise self._unusable(f"cannot be written to: {error.strerror}") from error

    def _refuse_unusable_path(self) -> None:
        # A comma parts the hosts of a PostgreSQL URL, even one that is quoted.
        if "," in str(self.root) or not str(self.root).isprintable():
            raise StartupError(
                f"The path of the data directory {str(self.root)!r} has a comma or an unprintable "
                "character in it, which PostgreSQL cannot take.",
                remedy="Choose another FINDINGS_DATA_DIR.",
            )
        length = len(os.fsencode(self.socket_dir / f".s.PGSQL.{PORT}"))
        if length > SOCKET_PATH_MAX:
            raise StartupError(
                f"The path of the data directory {self.root} is {length - SOCKET_PATH_MAX} bytes "
                "too long: the database's socket lies in it, and the operating system takes no "
                f"socket path over {SOCKET_PATH_MAX} bytes.",
                remedy="Choose a shorter FINDINGS_DATA_DIR.",
            )

    def _unusable(self, why: str) -> StartupError:
        return StartupError(
            f"The data directory {self.root} {why}.",
            remedy="Choose a FINDINGS_DATA_DIR that the service may write to, give this one to the "
            f"service's user with chown, or {OWN_SERVER}.",
        )


def read_or_create_password(path: Path) -> str:
    """Returns the password in a file; creates the file if there is none.

    Raises:
        OSError: the file cannot be read or written.
    """
    with contextlib.suppress(FileNotFoundError):
        path.chmod(0o600)
        if password := path.read_text().strip():
            return password
    password = new_password()
    write_password(path, password)
    return password


def new_password() -> str:
    """Returns 256 random bits, in characters that need no quoting anywhere."""
    return secrets.token_urlsafe(32)


def write_password(path: Path, password: str) -> None:
    """Writes a file of mode 0600 that appears whole or not at all and survives a power cut.

    Raises:
        OSError: the file cannot be written.
    """
    draft = path.with_name(f"{path.name}.new")
    draft.unlink(missing_ok=True)
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(password + "\n")
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    sync_directory(path.parent)


def sync_directory(path: Path) -> None:
    """Makes renames in a directory survive a power cut."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def user_name(uid: int) -> str:
    """Returns the name of a user, or the number where it has none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
