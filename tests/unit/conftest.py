"""What unit tests share with the others."""

from tests.support import common

anyio_backend = common.anyio_backend
