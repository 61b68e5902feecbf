"""The first admin's token: made at the first start, kept in a file of the data directory."""

from __future__ import annotations

import os
from pathlib import Path

from app.errors import FindingsError, StartupError
from app.factory import Factory
from app.services.accounts import FIRST_ADMIN


async def ensure_first_admin(factory: Factory) -> None:
    """See to it that the embedded installation's admin token lies in its file.

    With a given database the file is written only when there is no account yet: whoever starts a
    second web host gets no token by that.

    Raises:
        StartupError: it cannot be written.
    """
    path = factory.settings.admin_token_file
    embedded = factory.settings.database_url is None
    await factory.accounts.bootstrap(
        lambda secret: keep_token(path, secret), renew=embedded and not path.exists()
    )


def keep_token(path: Path, secret: str) -> None:
    """Write the first admin's token where only its owner can read it.

    Raises:
        StartupError: it cannot be written.
    """
    fresh = path.with_suffix(".new")
    try:
        fresh.unlink(missing_ok=True)
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secret + "\n")
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    except OSError as error:
        raise StartupError(
            f"The admin token cannot be written to {path}: {error.strerror}.",
            remedy="Make the data directory writable, or set FINDINGS_DATA_DIR.",
        ) from None


async def first_login_link(factory: Factory) -> str | None:
    """Return a one-time link that logs the first admin in, or None when there is no such account.

    It is for whoever starts the service to see; it works once, for fifteen minutes.
    """
    try:
        link = await factory.logins.make_link(None, FIRST_ADMIN)
    except FindingsError:
        return None
    return f"{factory.settings.url}/login?code={link.code}"
