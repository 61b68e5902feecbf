"""What routes depend on is awaited: a plain function would be sent to a thread at each request."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

from fastapi.dependencies.models import Dependant

from app.main import documented_routes


def calls(dependant: Dependant) -> Iterator[Any]:
    yield dependant.call
    for inner in dependant.dependencies:
        yield from calls(inner)


def is_awaited(call: Any) -> bool:
    function = call if inspect.isroutine(call) else type(call).__call__
    return inspect.iscoroutinefunction(function)


def test_no_dependency_runs_in_a_thread() -> None:
    found = {call for route in documented_routes() for call in calls(route.dependant)}

    assert len(found) > 50
    assert [call for call in found if not is_awaited(call)] == []
