"""Lists, a page at a time: behind a cursor, and with the next one where there is more."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, TypeVar
from uuid import UUID

from fastapi import Depends, Request

from app.api.cursors import Cursors, query_of
from app.api.dependencies import CursorCodec
from app.api.parameters import Cursor, Limit
from app.api.responses import JsonResponse

Item = TypeVar("Item")
Position = tuple[Any, ...]


@dataclass(frozen=True)
class AskedPage:
    """The page that a request asks for."""

    request: Request
    cursors: Cursors
    limit: int
    position: Position | None
    """Where the page before ended; None for the first one."""

    @property
    def enough(self) -> int:
        """How many items to read: one more than are shown tells that there is another page."""
        return self.limit + 1

    def after(self, start: Any) -> Any:
        """Return the one value that the page begins behind; `start` for the first page."""
        return start if self.position is None else self.position[0]

    @property
    def after_id(self) -> UUID | None:
        """The id that the page begins behind."""
        return None if self.position is None else UUID(self.position[0])

    @property
    def after_time(self) -> tuple[datetime, UUID] | None:
        """The time and the id that the page begins behind."""
        if self.position is None:
            return None
        return datetime.fromisoformat(self.position[0]), UUID(self.position[1])

    def answer(
        self,
        found: Sequence[Item],
        position: Callable[[Item], Position],
        shown: Callable[[Item], Any] | None = None,
        **more: Any,
    ) -> JsonResponse:
        """Answer with those of `found` that the page has room for.

        Args:
            found: up to `enough` items.
            position: of an item, behind which another page begins.
            shown: an item as the API shows it.
            more: fields of the answer beside the items.
        """
        items = found[: self.limit]
        body = {"items": items if shown is None else list(map(shown, items)), **more}
        return self.response(body, position(items[-1]) if len(found) > self.limit else None)

    def response(self, body: dict[str, Any], behind: Position | None) -> JsonResponse:
        """Answer with a page; ``Link`` names the next one only when there is more."""
        if behind is None:
            return JsonResponse({**body, "next_cursor": None})
        cursor = self.cursors.make(query_of(self.request), behind)
        following = self.request.url.include_query_params(cursor=cursor)
        link = f'<{following.path}?{following.query}>; rel="next"'
        return JsonResponse({**body, "next_cursor": cursor}, 200, {"Link": link})


async def _asked(
    request: Request, cursors: CursorCodec, limit: Limit = 50, cursor: Cursor = None
) -> AskedPage:
    return AskedPage(request, cursors, limit, cursors.read(query_of(request), cursor))


Page = Annotated[AskedPage, Depends(_asked)]


def at_id(item: Any) -> Position:
    """Return the position of an item in a list that is ordered by ids."""
    return (str(item.id),)


def at_queued(item: Any) -> Position:
    """Return the position of an item in a list that is ordered by when it was asked for."""
    return (item.queued_at.isoformat(), str(item.id))


def total_body(total: int, exact: bool) -> dict[str, Any]:
    """Return how answers word a count."""
    return {"total": total, "total_is": "exact" if exact else "at-least"}
