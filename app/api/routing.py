"""How routers of the API are made.

Their routes carry the whole path and stand in the application one beside the other: a router that
is included in another would be searched once per level, at each request.
"""

from __future__ import annotations

from fastapi import APIRouter

from app.api.middleware import API
from app.api.openapi import operation_id
from app.api.requests import StrictRoute


def new_router(tag: str, prefix: str = "") -> APIRouter:
    """Return a router for calls below `prefix` of the API."""
    return APIRouter(
        prefix=API + prefix,
        tags=[tag],
        route_class=StrictRoute,
        generate_unique_id_function=operation_id,
    )
