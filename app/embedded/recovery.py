"""Sets a new superuser password where the file with the old one is lost.

That happens to a data directory of which only ``pg`` came back from a backup. The server is started
with rules that let in the operating system's user of the service, and nobody else, by asking the
kernel who is at the other end of the socket. There is no moment at which no proof is needed.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

import psycopg
from psycopg import sql

from app.embedded.account import Account
from app.embedded.datadir import ADMIN_ROLE, DataDir, new_password, user_name, write_password
from app.embedded.roles import password_verifier
from app.errors import StartupError

RULES = f"local postgres {ADMIN_ROLE} peer map=service\n"


@contextlib.contextmanager
def service_user_let_in(data_dir: DataDir, account: Account) -> Iterator[list[str]]:
    """Gives the options for a server that lets in the service's user as superuser.

    Raises:
        OSError: the rules could not be written.
    """
    user = user_name(os.geteuid()).replace('"', '""')
    texts = {"hba": RULES, "ident": f'service "{user}" {ADMIN_ROLE}\n'}
    files = {kind: data_dir.pg / f"recovery_{kind}.conf" for kind in texts}
    try:
        for kind, path in files.items():
            path.unlink(missing_ok=True)
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "w") as file:
                file.write(texts[kind])
                account.own(handle)
        yield [f"--{kind}_file={path}" for kind, path in files.items()]
    finally:
        for path in files.values():
            path.unlink(missing_ok=True)


def set_admin_password(data_dir: DataDir) -> None:
    """Sets a new password, and writes its file when it is in force.

    Raises:
        StartupError: the server did not let the service's user in.
        OSError: the file could not be written.
    """
    password = new_password()
    try:
        with psycopg.connect(data_dir.url(ADMIN_ROLE, "", "postgres")) as connection:
            connection.execute(
                sql.SQL("ALTER ROLE {} PASSWORD {}").format(
                    sql.Identifier(ADMIN_ROLE),
                    sql.Literal(password_verifier(connection, ADMIN_ROLE, password)),
                )
            )
    except psycopg.Error as error:
        raise StartupError(
            f"The password file {data_dir.admin_password} is missing, and no new password could be "
            f"set: {str(error).strip()}.",
            remedy="Put the file back from the backup that the data directory came from.",
        ) from error
    write_password(data_dir.admin_password, password)
