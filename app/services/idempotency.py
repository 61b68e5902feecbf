"""Requests that may come twice and take effect once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from app.domain.accounts import Actor
from app.domain.idempotency import Answer, KeyedRequest
from app.errors import FieldError, KeyReused, RequestInProgress
from app.services.service import Service


class IdempotencyService(Service):
    """Answers kept under idempotency keys."""

    async def once(
        self, actor: Actor, request: KeyedRequest, answer: Callable[[], Awaitable[Answer]]
    ) -> tuple[Answer, bool]:
        """Answer a request, or give the answer again that the same request got before.

        Everything that `answer` does to the database happens in one transaction with the keeping
        of what it answers: they come true together or not at all.

        Args:
            actor: on whose behalf; keys of one account mean nothing to another.
            request: the request with its key.
            answer: does the work; called at most once.

        Returns:
            The answer, and whether it is an old one.

        Raises:
            RequestInProgress: a request with this key is being answered at this moment.
            KeyReused: the key stands for another request.
        """
        scope = request.scope(str(actor.account.id))
        async with self._unit.around() as stores:
            if not await stores.idempotency.try_lock(scope):
                raise RequestInProgress(
                    "A request with this Idempotency-Key is being answered. Send it again in a "
                    "moment to get the same answer.",
                    headers={"Retry-After": "1"},
                )
            kept = await stores.idempotency.find(scope)
            if kept is not None:
                return _same(kept, request), True
            given = await answer()
            if given.is_success:
                await stores.idempotency.keep(scope, request.content, actor.account.id, given)
                await stores.idempotency.sweep()
            return given, False


def _same(kept: tuple[bytes, Answer], request: KeyedRequest) -> Answer:
    content, answer = kept
    if content != request.content:
        raise KeyReused(
            FieldError(
                "/Idempotency-Key",
                "this key was used in the last 24 hours for a request with another body or query; "
                "take a new key for a new request",
                location="header",
            )
        )
    return answer
