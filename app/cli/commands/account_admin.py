"""``findings account``: list, show, change and disable accounts, and let people log in."""

from __future__ import annotations

from typing import Annotated, Any

import click

from app.cli.commands.accounts import show_account as show_fields
from app.cli.errors import UsageProblem
from app.cli.moments import moment
from app.cli.session import Everything, JsonFlag, JsonSession, Limit, opened
from app.cli.signature import Argument, Option
from app.cli.tables import Table

Name = Annotated[str, Argument(metavar="NAME", help="The account.", complete="account")]


def list_accounts(session: JsonSession, limit: Limit = 200, everything: Everything = False) -> None:
    """List accounts by name."""
    session.list(
        "accounts",
        params={},
        limit=None if everything else limit,
        table=Table(
            ("name", "role", "speaks for", "display name", "state"),
            (),
            cut="display name",
            may_go=("display name", "speaks for"),
        ),
        row=_row,
    )


def show_account(session: JsonSession, name: Name) -> None:
    """Show an account."""
    account = session.client.get("accounts", name)
    if not session.out.printed_json(account):
        show_fields(session, account)


def edit_account(
    ctx: click.Context,
    name: Name,
    role: Annotated[
        str | None,
        Option(help="reader, reporter, reviewer, maintainer or admin.", metavar="ROLE"),
    ] = None,
    speaks_for: Annotated[
        list[str] | None,
        Option(metavar="SPECIALIST", help="Instead of those it has. Repeatable."),
    ] = None,
    speaks_for_none: Annotated[
        bool, Option("--speaks-for-none", help="It speaks for no specialist any more.")
    ] = False,
    display_name: Annotated[str | None, Option(help="The name people read; '' for none.")] = None,
    blind: Annotated[
        bool, Option("--blind", help="It sees others' verdicts on a ticket once its own is in.")
    ] = False,
    not_blind: Annotated[
        bool, Option("--not-blind", help="It sees all verdicts, as by default.")
    ] = False,
    as_json: JsonFlag = None,
) -> None:
    """Change what an account may do, and as whom it reviews."""
    body: dict[str, Any] = {}
    if role:
        body["role"] = role
    if speaks_for or speaks_for_none:
        body["speaks_for"] = [] if speaks_for_none else speaks_for
    if display_name is not None:
        body["display_name"] = display_name or None
    if blind or not_blind:
        body["blind"] = blind
    if not body:
        raise UsageProblem(
            "there is nothing to change", "Give --role, --speaks-for, --display-name or --blind"
        )
    _change(ctx, name, body, as_json=as_json)


def disable_account(ctx: click.Context, name: Name, as_json: JsonFlag = None) -> None:
    """Let nobody in as this account any more."""
    _change(ctx, name, {"disabled": True}, as_json=as_json)


def enable_account(ctx: click.Context, name: Name, as_json: JsonFlag = None) -> None:
    """Let a disabled account in again."""
    _change(ctx, name, {"disabled": False}, as_json=as_json)


def make_login_link(session: JsonSession, name: Name) -> None:
    """Print a link that logs the account into the pages, once and within 15 minutes."""
    link = session.client.post("accounts", name, "login-link")
    if session.out.printed_json(link):
        return
    session.out.line(link.get("url"))
    session.out.remark(f"For {name} alone, once, until {moment(link.get('expires_at'))}.")


def _change(ctx: click.Context, name: str, body: dict[str, Any], *, as_json: str | None) -> None:
    with opened(ctx, as_json=as_json) as session:
        answer = session.client.send("PATCH", "accounts", name, body=body)
        if not session.out.printed_json(answer):
            show_fields(session, answer)


def _row(account: dict[str, Any]) -> tuple[object, ...]:
    disabled = account.get("disabled_at")
    return (
        account.get("name"),
        account.get("role"),
        ", ".join(account.get("speaks_for") or ()),
        account.get("display_name"),
        f"disabled {moment(disabled)}" if disabled else "",
    )
