"""As which specialist an account speaks."""

from __future__ import annotations

from app.domain.accounts import Actor, Role
from app.errors import FieldError, Forbidden, InvalidInput
from app.services.access import describe
from app.storage.unit import Stores


async def specialist_meant(
    stores: Stores, actor: Actor, wanted: str | None, *, location: str = "body"
) -> str:
    """Return the specialist that is named, or the only one that the account speaks for.

    Raises:
        InvalidInput: there is no such specialist, or none is named and none can be told.
    """
    known = tuple(specialist.name for specialist in await stores.accounts.specialists())
    own = actor.account.speaks_for
    if wanted is None:
        if len(own) == 1:
            return own[0]
        raise InvalidInput(
            FieldError(
                "/specialist",
                "say which specialist speaks: your account "
                + (f"speaks for {', '.join(own)}" if own else "speaks for none by itself"),
                allowed=own or known,
                location=location,
            )
        )
    if wanted not in known:
        raise InvalidInput(
            FieldError(
                "/specialist", f"{wanted!r} is not a specialist", allowed=known, location=location
            )
        )
    return wanted


async def specialist_spoken_for(stores: Stores, actor: Actor, wanted: str | None) -> str:
    """Return the specialist as `specialist_meant` does, after checking that the account may speak.

    Raises:
        InvalidInput: there is no such specialist, or none is named and none can be told.
        Forbidden: the account does not speak for it.
    """
    specialist = await specialist_meant(stores, actor, wanted)
    if not actor.account.may_speak_for(specialist):
        raise Forbidden(
            f"{actor.name} does not speak for {specialist}. An admin can let it, or a maintainer "
            "may do this.",
            needs=f"speaks_for {specialist}, or {Role.MAINTAINER.value}",
            you=describe(actor),
        )
    return specialist
