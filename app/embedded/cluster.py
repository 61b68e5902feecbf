"""The life of the embedded PostgreSQL server: start, adopt, stop, status."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from app.embedded.access import allow_passage, withdraw_passage
from app.embedded.account import Account, account_of, refuse_foreign_owner, settle_account
from app.embedded.checks import ClusterStatus, inspect
from app.embedded.datadir import (
    ADMIN_ROLE,
    OWN_SERVER,
    PORT,
    SERVICE_DATABASE,
    SERVICE_ROLE,
    DataDir,
    read_or_create_password,
)
from app.embedded.initialise import (
    create_cluster,
    failure,
    refuse_other_version,
)
from app.embedded.lock import DataDirLock
from app.embedded.postmaster import (
    disarm_stale_notes,
    is_server,
    open_log,
    poll,
    read_log,
    running_postmaster,
    signal_server,
)
from app.embedded.programs import program, programs_dir
from app.embedded.recovery import service_user_let_in, set_admin_password
from app.embedded.roles import ensure_service_database
from app.errors import StartupError

START_SECONDS = 300.0
"""A server that was killed replays its log first."""

STOP_SECONDS = 60.0
"""For a fast stop, and once more for a hard one."""

FAST_AND_LOSSY = ("-c", "fsync=off", "-c", "full_page_writes=off", "-c", "synchronous_commit=off")

REMNANT = "shared memory block"
"""In the server's refusal to start beside the last processes of one that was killed."""

REPEAT_SECONDS = 0.1
"""Between attempts while such processes are ending."""


class EmbeddedCluster:
    """A PostgreSQL server of the service's own, in the folder ``pg`` of a data directory.

    The server outlives the process that started it: `start` takes over one that already runs.
    Whoever calls `start` or `stop` holds `lock` meanwhile, so that two services do not meet.
    """

    def __init__(self, data_dir: Path, *, durable: bool = True) -> None:
        """
        Args:
            data_dir: may hold other files; created by `start` if needed.
            durable: ``False`` is faster and loses everything in a power cut; for tests.
        """
        self._dir = DataDir.at(data_dir)
        self._durable = durable
        self._process: subprocess.Popen[bytes] | None = None
        self._log_start = 0

    @property
    def admin_url(self) -> str:
        """The URL of the superuser in the database ``postgres``.

        Raises:
            FileNotFoundError: the cluster has not been created yet.
        """
        password = self._dir.admin_password.read_text().strip()
        return self._dir.url(ADMIN_ROLE, password, "postgres")

    @property
    def service_url(self) -> str:
        """The URL of the service's ordinary role in its database, the one `start` returns.

        Raises:
            FileNotFoundError: the cluster has not been started yet.
        """
        password = self._dir.service_password.read_text().strip()
        return self._dir.url(SERVICE_ROLE, password, SERVICE_DATABASE)

    def lock(self) -> DataDirLock:
        """Returns the lock of the data directory, not yet taken."""
        return DataDirLock(self._dir.root)

    def start(self) -> str:
        """Creates the cluster on first use, starts or adopts its server, returns `service_url`.

        Raises:
            StartupError: the message says why there is no server, and what to do.
        """
        self._dir.prepare()
        try:
            self._start()
        except BaseException as error:
            self._abandon()
            if isinstance(error, OSError):
                reason = f"{error.strerror or error}: {error.filename}"
                raise StartupError(
                    f"The embedded database cannot be started: {reason}.",
                    remedy=f"Mend the cause and start again, or {OWN_SERVER}.",
                ) from error
            raise
        return self.service_url

    def stop(self) -> None:
        """Stops the server, started here or adopted, and waits until it is gone.

        Open transactions are rolled back. Does nothing when no server runs.

        Raises:
            StartupError: the server does not end.
        """
        self._end_server()
        if self._dir.pg.exists() and (account := account_of(self._dir.pg)):
            withdraw_passage(account, self._reached)

    def is_running(self) -> bool:
        """Tells whether there is a server process, started here or by another."""
        return self._server_pid() is not None

    def status(self) -> ClusterStatus:
        """Returns the state of the cluster; changes nothing."""
        return inspect(self._dir)

    @property
    def _reached(self) -> tuple[Path, Path]:
        return (self._dir.pg, programs_dir())

    def _start(self) -> None:
        if self._dir.pg.exists():
            refuse_foreign_owner(self._dir.pg)
        if not (self._dir.pg / "PG_VERSION").exists():
            create_cluster(self._dir, durable=self._durable)
        refuse_other_version(self._dir)
        account = settle_account(self._dir.pg)
        allow_passage(account, self._reached)
        if not self._dir.admin_password.exists():
            self._end_server()
            with service_user_let_in(self._dir, account) as options:
                self._bring_up(account, options)
                set_admin_password(self._dir)
                self._end_server()
        self._serve(account)

    def _serve(self, account: Account) -> None:
        password = read_or_create_password(self._dir.service_password)
        self._bring_up(account)
        try:
            ensure_service_database(self._dir, self.admin_url, password)
        except StartupError:
            if running_postmaster(self._dir.pg) is not None:
                raise
            # Taken over while it was dying, as when service and server were killed together.
            self._bring_up(account)
            ensure_service_database(self._dir, self.admin_url, password)

    def _abandon(self) -> None:
        # A server that was adopted stays: it may be in use by others than this start.
        with contextlib.suppress(StartupError, OSError):
            if self._process is not None or running_postmaster(self._dir.pg) is None:
                self.stop()

    def _bring_up(self, account: Account, options: Sequence[str] = ()) -> None:
        launched = None
        for _ in poll(START_SECONDS):
            found = running_postmaster(self._dir.pg)
            if found is not None and found.state == "ready":
                return
            if found is None and (launched is None or self._must_repeat(launched)):
                launched = self._process = self._launch(account, options)
        raise StartupError(
            f"The embedded database is not ready after {START_SECONDS:.0f} seconds.",
            remedy=f"See the server's log {self._dir.log}; then start again.",
        )

    def _must_repeat(self, launched: subprocess.Popen[bytes]) -> bool:
        if launched.poll() is None:
            return False
        said = read_log(self._dir, self._log_start)
        if REMNANT not in said:
            raise failure("The embedded database did not start", said, self._dir)
        time.sleep(REPEAT_SECONDS)
        return True

    def _launch(self, account: Account, options: Sequence[str]) -> subprocess.Popen[bytes]:
        disarm_stale_notes(self._dir)
        _ensure_socket_dir(self._dir.socket_dir, account)
        quoted = str(self._dir.socket_dir).replace('"', '""')
        command: list[str | Path] = [
            program("postgres"),
            *("-D", self._dir.pg),
            *("-c", "listen_addresses="),
            *("-c", f'unix_socket_directories="{quoted}"'),
            *("-c", "unix_socket_permissions=0700"),
            *("-c", f"port={PORT}"),
            *(() if self._durable else FAST_AND_LOSSY),
            *options,
        ]
        log = open_log(self._dir, account)
        try:
            self._log_start = os.fstat(log).st_size
            return account.launch(command, log)
        finally:
            os.close(log)

    def _end_server(self) -> None:
        pid = self._server_pid()
        if pid is None:
            return
        for hard in (False, True):
            signal_server(pid, hard=hard)
            if any(self._is_gone(pid) for _ in poll(STOP_SECONDS)):
                self._process = None
                return
        raise StartupError(
            f"The embedded database (pid {pid}) does not end.",
            remedy=f"See the server's log {self._dir.log}; end it with: kill -9 {pid}",
        )

    def _server_pid(self) -> int | None:
        if self._process is not None and self._process.poll() is None:
            return self._process.pid
        found = running_postmaster(self._dir.pg)
        return None if found is None else found.pid

    def _is_gone(self, pid: int) -> bool:
        if self._process is not None and self._process.pid == pid:
            return self._process.poll() is not None
        return not is_server(pid, self._dir.pg)


def _ensure_socket_dir(path: Path, account: Account) -> None:
    with contextlib.suppress(FileExistsError):
        path.mkdir(mode=0o700)
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        account.own(handle)
        os.fchmod(handle, 0o700)
    finally:
        os.close(handle)
