"""Accounts, tokens and one-time links; and the visitor's own page."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from app.api.dependencies import Services
from app.api.parameters import TokenId
from app.api.payloads.accounts import AccountIn, AccountPatch, TokenIn
from app.domain.accounts import Role
from app.errors import FindingsError, Unauthenticated
from app.factory import Factory
from app.web.forms import Refused, Sent, parse, sent
from app.web.render import page
from app.web.routing import new_router, see_other
from app.web.sorting import sorted_rows
from app.web.visitors import Admin, Reader, Visitor

router = new_router()

_MOST = 500


@router.get("/accounts")
async def list_accounts(request: Request, _: Admin, services: Services) -> Response:
    """List all accounts."""
    return await _accounts(request, services)


async def _accounts(
    request: Request, services: Factory, refused: Refused | None = None
) -> Response:
    accounts, heads = sorted_rows(
        request,
        await services.accounts.page(after=None, limit=_MOST),
        {
            "name": lambda one: one.name,
            "role": lambda one: tuple(Role).index(one.role),
            "speaks": lambda one: ", ".join(one.speaks_for) or None,
            "made": lambda one: one.created_at,
            "state": lambda one: one.disabled_at is None,
        },
    )
    context = {
        "accounts": accounts,
        "heads": heads,
        "specialists": await services.accounts.specialists(),
        "roles": [role.value for role in Role],
        "refused": refused,
        "values": {} if refused is None else refused.values,
    }
    status = 200 if refused is None else refused.problem.status
    return page(request, "admin/accounts.html", context, status)


@router.post("/accounts")
async def create_account(request: Request, visitor: Admin, services: Services) -> Response:
    """Make an account."""
    given = await sent(request)
    try:
        fields: dict[str, Any] = given.given("name", "role", "display_name")
        fields["speaks_for"] = given.lists.get("speaks_for", [])
        fields["blind"] = given.text("blind") == "true"
        body = parse(AccountIn, fields)
        account = await services.accounts.create(
            visitor.actor,
            body.name,
            body.role,
            speaks_for=body.speaks_for,
            display_name=body.display_name,
            blind=body.blind,
        )
    except Unauthenticated:
        raise
    except FindingsError as error:
        return await _accounts(request, services, Refused("account", given.values, error))
    return see_other(f"/accounts/{account.name}", flash="account")


@router.get("/accounts/{name}")
async def show_account(request: Request, visitor: Admin, services: Services, name: str) -> Response:
    """Show an account with its tokens."""
    return await _account(request, visitor, services, name)


@router.get("/me")
async def show_me(request: Request, visitor: Reader, services: Services) -> Response:
    """Show the visitor's own account and tokens."""
    return await _account(request, visitor, services, visitor.actor.name)


async def _account(
    request: Request,
    visitor: Visitor,
    services: Factory,
    name: str,
    *,
    refused: Refused | None = None,
    secret: str | None = None,
    link: str | None = None,
) -> Response:
    context = {
        "account": await services.accounts.show(name),
        "tokens": await services.tokens.of_account(name),
        "specialists": await services.accounts.specialists(),
        "roles": [role.value for role in Role],
        "now": datetime.now(UTC),
        "own": name == visitor.actor.name,
        "secret": secret,
        "link": link,
        "refused": refused,
        "values": {} if refused is None else refused.values,
    }
    status = 200 if refused is None else refused.problem.status
    return page(request, "admin/account.html", context, status)


@router.post("/accounts/{name}")
async def change_account(
    request: Request, visitor: Admin, services: Services, name: str
) -> Response:
    """Change an account."""
    given = await sent(request)
    try:
        fields: dict[str, Any] = {
            **given.given("role"),
            "display_name": given.text("display_name") or None,
            "speaks_for": given.lists.get("speaks_for", []),
            "blind": given.text("blind") == "true",
            "disabled": given.text("disabled") == "true",
        }
        changes = parse(AccountPatch, fields).changes()
        await services.accounts.change(visitor.actor, name, changes)
    except Unauthenticated:
        raise
    except FindingsError as error:
        refused = Refused("account", given.values, error)
        return await _account(request, visitor, services, name, refused=refused)
    return see_other(f"/accounts/{name}", flash="account-saved")


@router.post("/accounts/{name}/login-link")
async def make_link(request: Request, visitor: Admin, services: Services, name: str) -> Response:
    """Make a one-time link; it is shown once."""
    made = await services.logins.make_link(visitor.actor, name)
    link = f"{services.settings.url}/login?code={made.code}"
    return await _account(request, visitor, services, name, link=link)


@router.post("/me/tokens")
async def create_own_token(request: Request, visitor: Reader, services: Services) -> Response:
    """Make a token of the visitor's own account; it is shown once."""
    given = await sent(request)
    name = visitor.actor.name
    try:
        body = _token(given)
        made = await services.tokens.create_own(
            visitor.actor, label=body.label, expires_at=body.expires_at, role=body.role
        )
    except FindingsError as error:
        refused = Refused("token", given.values, error)
        return await _account(request, visitor, services, name, refused=refused)
    return await _account(request, visitor, services, name, secret=made.secret)


@router.post("/accounts/{name}/tokens")
async def create_token(request: Request, visitor: Admin, services: Services, name: str) -> Response:
    """Make a token of any account; it is shown once."""
    given = await sent(request)
    try:
        body = _token(given)
        made = await services.tokens.create(
            visitor.actor, name, label=body.label, expires_at=body.expires_at, role=body.role
        )
    except FindingsError as error:
        refused = Refused("token", given.values, error)
        return await _account(request, visitor, services, name, refused=refused)
    return await _account(request, visitor, services, name, secret=made.secret)


def _token(given: Sent) -> TokenIn:
    fields: dict[str, Any] = given.given("label", "role")
    days = given.number("days")
    if days is not None:
        fields["expires_at"] = datetime.now(UTC) + timedelta(days=min(days, 36_500))
    return parse(TokenIn, fields)


@router.post("/me/tokens/{id}/revoke")
async def revoke_own_token(visitor: Reader, services: Services, token_id: TokenId) -> Response:
    """Revoke one of the visitor's own tokens."""
    await services.tokens.revoke(visitor.actor, visitor.actor.name, token_id)
    return see_other("/me", flash="revoked")


@router.post("/accounts/{name}/tokens/{id}/revoke")
async def revoke_token(
    visitor: Admin, services: Services, name: str, token_id: TokenId
) -> Response:
    """Revoke a token."""
    await services.tokens.revoke(visitor.actor, name, token_id)
    return see_other(f"/accounts/{name}", flash="revoked")
