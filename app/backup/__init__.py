"""The whole database in one file, and back.

::

    archive      the file: what it says about itself, and whether it is whole
    programs     pg_dump, pg_restore and psql, told where the database is without showing passwords
    progress     how far a dump is
    transfer     backup, restore, and what is kept before an upgrade

Everything the service knows is in its database; what lies beside it in the data directory (the
embedded server's passwords, the admin's token file) belongs to the machine and is made anew.
"""

from app.backup.archive import Manifest
from app.backup.transfer import back_up, back_up_before_upgrade, restore, size_of

__all__ = ["Manifest", "back_up", "back_up_before_upgrade", "restore", "size_of"]
