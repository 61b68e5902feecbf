"""What routes ask for."""

from __future__ import annotations

from typing import Annotated, cast

from fastapi import Depends, Request

from app.api.cursors import Cursors
from app.factory import Factory


async def _factory(request: Request) -> Factory:
    return cast("Factory", request.app.state.factory)


async def _cursors(request: Request) -> Cursors:
    return cast("Cursors", request.app.state.cursors)


Services = Annotated[Factory, Depends(_factory)]
CursorCodec = Annotated[Cursors, Depends(_cursors)]
