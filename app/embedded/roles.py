"""The role and the database of the service."""

from __future__ import annotations

import psycopg
from psycopg import sql

from app.embedded.datadir import ADMIN_ROLE, SERVICE_DATABASE, SERVICE_ROLE, DataDir
from app.errors import StartupError

RIGHTS = "LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS"


def ensure_service_database(data_dir: DataDir, admin_url: str, password: str) -> None:
    """Makes the service's role, its password, its rights and its database what they must be.

    Runs at every start, so it also completes a first start that was interrupted.

    Raises:
        StartupError: the server did not let the service in, or refused.
    """
    try:
        with psycopg.connect(admin_url, autocommit=True, connect_timeout=10) as connection:
            _ensure_role(connection, password)
            _ensure_database(connection)
    except psycopg.Error as error:
        if "password authentication failed" in str(error):
            raise StartupError(
                f"The password in {data_dir.admin_password} is not the one of this database's "
                f"superuser {ADMIN_ROLE}.",
                remedy="Put back the file that belongs to it, or delete the file and start again: "
                "a new password is set.",
            ) from error
        raise StartupError(
            f"The embedded database refuses its service: {str(error).strip()}.",
            remedy=f"The server's log is {data_dir.log}.",
        ) from error


def password_verifier(connection: psycopg.Connection, role: str, password: str) -> str:
    """Returns what the server stores of a password, so that it never sees the password itself."""
    verifier = connection.pgconn.encrypt_password(
        password.encode(), role.encode(), b"scram-sha-256"
    )
    return verifier.decode()


def _ensure_role(connection: psycopg.Connection, password: str) -> None:
    found = connection.execute("SELECT FROM pg_roles WHERE rolname = %s", [SERVICE_ROLE])
    connection.execute(
        sql.SQL("{verb} ROLE {role} {rights} PASSWORD {verifier}").format(
            verb=sql.SQL("ALTER" if found.rowcount else "CREATE"),
            role=sql.Identifier(SERVICE_ROLE),
            rights=sql.SQL(RIGHTS),
            verifier=sql.Literal(password_verifier(connection, SERVICE_ROLE, password)),
        )
    )


def _ensure_database(connection: psycopg.Connection) -> None:
    found = connection.execute("SELECT FROM pg_database WHERE datname = %s", [SERVICE_DATABASE])
    if not found.rowcount:
        connection.execute(
            sql.SQL("CREATE DATABASE {database} OWNER {role}").format(
                database=sql.Identifier(SERVICE_DATABASE), role=sql.Identifier(SERVICE_ROLE)
            )
        )
