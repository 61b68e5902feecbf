"""What the service's own tests share: asyncio for coroutines, and no settings from outside.

Each folder's ``conftest.py`` takes it from here. A ``conftest.py`` above ``tests/verification``
would belong to that suite: every arm would have it, and would import hypothesis and structlog.
"""

from __future__ import annotations

import gc
import os

import pytest
import structlog
from hypothesis import settings

# How long an example takes is the machine's affair, and no property of what is tested.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")

# As the service does: the pretty tracebacks of a terminal take half a minute for one of the web.
structlog.configure(
    processors=[
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.dev.ConsoleRenderer(
            colors=False, exception_formatter=structlog.dev.plain_traceback
        ),
    ]
)

for _name in [name for name in os.environ if name.startswith("FINDINGS_")]:
    del os.environ[_name]
os.environ.pop("DATABASE_URL", None)


def pytest_collectstart() -> None:
    """Look for no garbage while tests are collected: all that is made lasts as long as they do."""
    gc.disable()


def pytest_collection_finish() -> None:
    """Nor afterwards among what was made until now, which is most of what there ever is."""
    gc.enable()
    gc.freeze()


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"
