"""The PostgreSQL server that the service starts for itself when it is given none.

::

    cluster      the life of the server: start, adopt, stop, status
    datadir      what lies where in the data directory; passwords
    lock         one service per data directory
    programs     where the PostgreSQL programs are
    account      which user the server runs as
    access       lets that user pass through folders that are closed to it
    initialise   creates a cluster, whole or not at all
    postmaster   finds, watches and ends the server process
    recovery     a new password for a lost one
    roles        the service's role and database
    checks       what `findings doctor` looks at

The server listens on no network port. Its socket lies in a folder that only its own user and the
service can enter, every connection needs a password, and the service is no superuser in it.
"""

from app.embedded.checks import ClusterStatus
from app.embedded.cluster import EmbeddedCluster
from app.embedded.lock import DataDirLock
from app.embedded.programs import program

__all__ = ["ClusterStatus", "DataDirLock", "EmbeddedCluster", "program"]
