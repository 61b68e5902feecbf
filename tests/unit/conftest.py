"""What unit tests share with the others."""

from tests.support import common

anyio_backend = common.anyio_backend
pytest_collectstart = common.pytest_collectstart
pytest_collection_finish = common.pytest_collection_finish
