"""Accounts, tokens, login links and specialists."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path
from starlette.responses import Response

from app.api.dependencies import Services
from app.api.idempotency import NoIdempotencyKey
from app.api.openapi import answers
from app.api.paging import Page
from app.api.parameters import TokenId
from app.api.payloads.accounts import (
    AccountIn,
    AccountOut,
    AccountPageOut,
    AccountPatch,
    LoginLinkOut,
    MeOut,
    NewTokenOut,
    SpecialistIn,
    SpecialistOut,
    SpecialistPatch,
    SpecialistsOut,
    TokenIn,
    TokensOut,
    account_body,
    new_token_body,
    token_body,
)
from app.api.responses import JsonResponse, created
from app.api.routing import new_router
from app.api.security import Admin, Reader
from app.domain.accounts import Specialist

router = new_router("accounts")

AccountPath = Annotated[str, Path(description="The account's name.", max_length=64)]


@router.get("/me", **answers(MeOut, 200))
async def show_me(actor: Reader, services: Services) -> JsonResponse:
    """Show whom the token stands for, and how much waits for its review."""
    queue = await services.queue.counts(actor)
    return JsonResponse(account_body(actor.account) | {"token_id": actor.token_id, "queue": queue})


@router.get("/specialists", **answers(SpecialistsOut, 200))
async def list_specialists(_: Reader, services: Services) -> JsonResponse:
    """List the specialists that reviews are written as."""
    return JsonResponse({"items": await services.accounts.specialists(), "next_cursor": None})


@router.post("/specialists", status_code=201, **answers(SpecialistOut, 201, 409))
async def add_specialist(actor: Admin, services: Services, body: SpecialistIn) -> JsonResponse:
    """Add a specialist; from now on tickets can be filed and reviewed as it."""
    new = Specialist(body.name, body.code, body.label, body.blind)
    return created(await services.accounts.add_specialist(actor, new), "/api/v1/specialists")


@router.patch("/specialists/{name}", **answers(SpecialistOut, 200, 404))
async def change_specialist(
    actor: Admin,
    services: Services,
    name: Annotated[str, Path(description="The specialist's name.", max_length=40)],
    body: SpecialistPatch,
) -> JsonResponse:
    """Change how a specialist is called, or whether those who speak for it review blind."""
    return JsonResponse(await services.accounts.change_specialist(actor, name, body.changes()))


@router.post("/accounts", status_code=201, **answers(AccountOut, 201, 409))
async def create_account(actor: Admin, services: Services, body: AccountIn) -> JsonResponse:
    """Make an account."""
    account = await services.accounts.create(
        actor,
        body.name,
        body.role,
        speaks_for=body.speaks_for,
        display_name=body.display_name,
        blind=body.blind,
    )
    return created(account_body(account), f"/api/v1/accounts/{account.name}")


@router.get("/accounts", **answers(AccountPageOut, 200))
async def list_accounts(
    _: Admin,
    services: Services,
    page: Page,
) -> JsonResponse:
    """List accounts in the order of their names, disabled ones too."""
    found = await services.accounts.page(after=page.after(None), limit=page.enough)
    return page.answer(found, lambda account: (account.name,), account_body)


@router.get("/accounts/{name}", **answers(AccountOut, 200, 404))
async def show_account(_: Admin, services: Services, name: AccountPath) -> JsonResponse:
    """Show an account."""
    return JsonResponse(account_body(await services.accounts.show(name)))


@router.patch("/accounts/{name}", **answers(AccountOut, 200, 404, 409))
async def change_account(
    actor: Admin, services: Services, name: AccountPath, body: AccountPatch
) -> JsonResponse:
    """Change what an account may do, or disable it.

    Nobody gets in as a disabled account: its leases and sessions end and its tokens are revoked,
    for good. The last admin that is not disabled cannot be disabled or made anything else.
    """
    return JsonResponse(account_body(await services.accounts.change(actor, name, body.changes())))


@router.post(
    "/accounts/{name}/login-link",
    status_code=201,
    dependencies=[NoIdempotencyKey],
    **answers(LoginLinkOut, 201, 404, 409),
)
async def make_login_link(actor: Admin, services: Services, name: AccountPath) -> JsonResponse:
    """Make a link that logs its account into the pages, once and within 15 minutes."""
    link = await services.logins.make_link(actor, name)
    url = f"{services.settings.url}/login?code={link.code}"
    return JsonResponse({"url": url, "expires_at": link.expires_at}, 201)


@router.get("/me/tokens", **answers(TokensOut, 200))
async def list_own_tokens(actor: Reader, services: Services) -> JsonResponse:
    """List your own tokens, without their secrets."""
    found = await services.tokens.of_account(actor.name)
    return JsonResponse({"items": [token_body(token) for token in found], "next_cursor": None})


@router.post(
    "/me/tokens",
    status_code=201,
    dependencies=[NoIdempotencyKey],
    **answers(NewTokenOut, 201, 403, 409),
)
async def create_own_token(actor: Reader, services: Services, body: TokenIn) -> JsonResponse:
    """Make a token of your own account; its secret is in this answer and nowhere else.

    It may do no more, and lives no longer, than the token that you make it with.
    """
    new = await services.tokens.create_own(
        actor, label=body.label, expires_at=body.expires_at, role=body.role
    )
    return created(new_token_body(new), "/api/v1/me/tokens")


@router.delete("/me/tokens/{id}", status_code=204, **answers(None, 204, 404))
async def revoke_own_token(actor: Reader, services: Services, token_id: TokenId) -> Response:
    """Revoke a token of your own; from now on nobody gets in with it."""
    await services.tokens.revoke(actor, actor.name, token_id)
    return Response(status_code=204)


@router.get("/accounts/{name}/tokens", **answers(TokensOut, 200, 404))
async def list_tokens(_: Admin, services: Services, name: AccountPath) -> JsonResponse:
    """List the tokens of an account, without their secrets."""
    found = await services.tokens.of_account(name)
    return JsonResponse({"items": [token_body(token) for token in found], "next_cursor": None})


@router.post(
    "/accounts/{name}/tokens",
    status_code=201,
    dependencies=[NoIdempotencyKey],
    **answers(NewTokenOut, 201, 404, 409),
)
async def create_token(
    actor: Admin, services: Services, name: AccountPath, body: TokenIn
) -> JsonResponse:
    """Make a token; its secret is in this answer and nowhere else."""
    new = await services.tokens.create(
        actor, name, label=body.label, expires_at=body.expires_at, role=body.role
    )
    return created(new_token_body(new), f"/api/v1/accounts/{name}/tokens")


@router.delete("/accounts/{name}/tokens/{id}", status_code=204, **answers(None, 204, 404))
async def revoke_token(
    actor: Admin, services: Services, name: AccountPath, token_id: TokenId
) -> Response:
    """Revoke a token; from now on nobody gets in with it."""
    await services.tokens.revoke(actor, name, token_id)
    return Response(status_code=204)
