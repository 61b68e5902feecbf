"""At most one review of a specialist is current, whoever reviews at the same time."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy.exc import IntegrityError

from app.domain.accounts import Actor
from app.domain.reviews import ReviewDraft, ReviewVerdict
from app.factory import Factory
from tests.factories.tickets import a_draft

pytestmark = pytest.mark.anyio


async def test_one_review_of_ten_at_once_is_current(factory: Factory, ada: Actor) -> None:
    key = (await factory.tickets.file(ada, a_draft())).key
    drafts = [ReviewDraft(ReviewVerdict.NEUTRAL, str(n), "drl") for n in range(10)]

    await asyncio.gather(*(factory.reviews.record(ada, key, draft) for draft in drafts))

    current = (await factory.tickets.show(key)).reviews
    every = await factory.reviews.page(key, every=True, after=None, limit=50)
    assert len(current) == 1
    assert len(every) == 10
    assert [review.id for review in every if review.superseded_by is None] == [current[0].id]


async def test_the_database_refuses_a_second_current_review(factory: Factory, ada: Actor) -> None:
    ticket = await factory.tickets.file(ada, a_draft())
    first = await factory.reviews.record(
        ada, ticket.key, ReviewDraft(ReviewVerdict.NEUTRAL, "", "drl")
    )
    second = await factory.reviews.record(
        ada, ticket.key, ReviewDraft(ReviewVerdict.ENDORSE, "", "drl")
    )

    with pytest.raises(IntegrityError, match="uq_reviews_current"):
        async with factory.engine.begin() as connection:
            await connection.exec_driver_sql(
                "UPDATE reviews SET superseded_by = NULL WHERE id = %s", (first.id,)
            )
    assert second.superseded_by is None


async def test_reviews_of_several_specialists_stand_side_by_side(
    factory: Factory, ada: Actor
) -> None:
    key = (await factory.tickets.file(ada, a_draft())).key
    names = ("drl", "pytorch", "codereview", "human")

    await asyncio.gather(
        *(
            factory.reviews.record(ada, key, ReviewDraft(ReviewVerdict.ENDORSE, "", name))
            for name in names
        )
    )

    ticket = await factory.tickets.show(key)
    assert {review.specialist for review in ticket.reviews} == set(names)
    assert (ticket.consensus.ENDORSE, ticket.consensus.missing) == (4, ())
