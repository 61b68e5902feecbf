"""Lets the database's own user pass through folders that are closed to it.

A root service often lives below a folder that only root may enter, such as ``/root``. The server
re-opens its files by absolute path, so its user must get through. Rather than open the folder to
everybody, the cluster's group - which has no other member - is let through by one entry in the
folder's access control list: it may pass, not list or read. The entry is taken back when the server
stops. ``getfacl`` shows it.

The list is written as the kernel stores it: https://man7.org/linux/man-pages/man5/acl.5.html and
``include/uapi/linux/posix_acl_xattr.h``.
"""

from __future__ import annotations

import contextlib
import os
import stat
import struct
from collections.abc import Iterable, Iterator
from pathlib import Path

from app.embedded.account import Account
from app.embedded.datadir import OWN_SERVER
from app.errors import StartupError

ATTRIBUTE = "system.posix_acl_access"
HEADER = struct.pack("<I", 2)
ENTRY = struct.Struct("<HHI")
OWNER, GROUP_OBJECT, GROUP, MASK, OTHER = 0x01, 0x04, 0x08, 0x10, 0x20
NAMED = (0x02, GROUP)
NO_ID = 0xFFFFFFFF
PASS = 0o1

Entry = tuple[int, int, int]
"""Tag, permissions, user or group number."""


def allow_passage(account: Account, paths: Iterable[Path]) -> None:
    """Lets an account reach each of ``paths``; does nothing where it already can.

    Raises:
        StartupError: a folder on the way is closed and the file system keeps no such lists.
    """
    for folder in _closed_folders(account, paths):
        try:
            entries = _read(folder)
            if not any(_is_for(account, entry) for entry in entries):
                _write(folder, [*entries, (GROUP, PASS, account.gid or 0)])
        except OSError as error:
            raise StartupError(
                f"The database runs as user number {account.uid}, as PostgreSQL refuses to run as "
                f"root, and that user may not pass through {folder}.",
                remedy=f"Let users pass through it (chmod o+x {folder}), choose another "
                f"FINDINGS_DATA_DIR, start the service as an ordinary user, or {OWN_SERVER}.",
            ) from error


def withdraw_passage(account: Account, paths: Iterable[Path]) -> None:
    """Takes back what `allow_passage` gave; a folder that cannot be changed is left as it is."""
    for folder in _closed_folders(account, paths):
        with contextlib.suppress(OSError):
            entries = _read(folder)
            kept = [entry for entry in entries if not _is_for(account, entry)]
            if kept != entries:
                _write(folder, kept)


def _closed_folders(account: Account, paths: Iterable[Path]) -> Iterator[Path]:
    if account.uid is None:
        return
    for folder in sorted({parent for path in paths for parent in path.resolve().parents}):
        found = folder.stat()
        if found.st_uid != account.uid and not found.st_mode & stat.S_IXOTH:
            yield folder


def _is_for(account: Account, entry: Entry) -> bool:
    return entry[0] == GROUP and entry[2] == account.gid


def _read(folder: Path) -> list[Entry]:
    try:
        raw = os.getxattr(folder, ATTRIBUTE)
    except OSError:
        # No list: the permission bits are the whole truth.
        mode = folder.stat().st_mode
        return [
            (OWNER, mode >> 6 & 7, NO_ID),
            (GROUP_OBJECT, mode >> 3 & 7, NO_ID),
            (OTHER, mode & 7, NO_ID),
        ]
    return [(tag, bits, number) for tag, bits, number in ENTRY.iter_unpack(raw[len(HEADER) :])]


def _write(folder: Path, entries: list[Entry]) -> None:
    # The mask bounds the group and every named entry, and must be there exactly when one is.
    bounds = {tag: bits for tag, bits, _ in entries if tag in (GROUP_OBJECT, MASK)}
    entries = [entry for entry in entries if entry[0] != MASK]
    if any(tag in NAMED for tag, _, _ in entries):
        entries.append((MASK, bounds.get(MASK, bounds[GROUP_OBJECT]) | PASS, NO_ID))
    entries.sort(key=lambda entry: (entry[0], entry[2]))
    os.setxattr(folder, ATTRIBUTE, HEADER + b"".join(ENTRY.pack(*entry) for entry in entries))
