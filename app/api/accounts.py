"""Accounts, tokens and specialists."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path
from starlette.responses import Response

from app.api.dependencies import Services
from app.api.openapi import answers
from app.api.parameters import TokenId
from app.api.payloads.accounts import (
    AccountIn,
    AccountOut,
    MeOut,
    NewTokenOut,
    SpecialistsOut,
    TokenIn,
    TokensOut,
    account_body,
    new_token_body,
    token_body,
)
from app.api.requests import StrictRoute
from app.api.responses import JsonResponse, created
from app.api.security import Admin, Reader

router = APIRouter(tags=["accounts"], route_class=StrictRoute)

AccountPath = Annotated[str, Path(description="The account's name.", max_length=64)]


@router.get("/me", **answers(MeOut, 200))
async def show_me(actor: Reader) -> JsonResponse:
    """Show whom the token stands for."""
    return JsonResponse(account_body(actor.account) | {"token_id": actor.token_id})


@router.get("/specialists", **answers(SpecialistsOut, 200))
async def list_specialists(_: Reader, services: Services) -> JsonResponse:
    """List the specialists that reviews are written as."""
    return JsonResponse({"items": await services.accounts.specialists(), "next_cursor": None})


@router.post("/accounts", status_code=201, **answers(AccountOut, 201, 409))
async def create_account(actor: Admin, services: Services, body: AccountIn) -> JsonResponse:
    """Make an account."""
    account = await services.accounts.create(
        actor,
        body.name,
        body.role,
        speaks_for=body.speaks_for,
        display_name=body.display_name,
    )
    return created(account_body(account), f"/api/v1/accounts/{account.name}")


@router.get("/accounts/{name}/tokens", **answers(TokensOut, 200, 404))
async def list_tokens(actor: Admin, services: Services, name: AccountPath) -> JsonResponse:
    """List the tokens of an account, without their secrets."""
    found = await services.accounts.tokens(actor, name)
    return JsonResponse({"items": [token_body(token) for token in found], "next_cursor": None})


@router.post("/accounts/{name}/tokens", status_code=201, **answers(NewTokenOut, 201, 404))
async def create_token(
    actor: Admin, services: Services, name: AccountPath, body: TokenIn
) -> JsonResponse:
    """Make a token; its secret is in this answer and nowhere else."""
    new = await services.accounts.create_token(
        actor, name, label=body.label, expires_at=body.expires_at
    )
    return created(new_token_body(new), f"/api/v1/accounts/{name}/tokens")


@router.delete("/accounts/{name}/tokens/{id}", status_code=204, **answers(None, 204, 404))
async def revoke_token(
    actor: Admin, services: Services, name: AccountPath, token_id: TokenId
) -> Response:
    """Revoke a token; from now on nobody gets in with it."""
    await services.accounts.revoke_token(actor, name, token_id)
    return Response(status_code=204)
