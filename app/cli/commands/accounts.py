"""``findings whoami``, ``findings account`` and ``findings token``: who may do what."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from app.cli.ids import is_beginning, whole_id
from app.cli.moments import moment
from app.cli.output import say
from app.cli.session import JsonSession, Session
from app.cli.signature import Argument, Option
from app.cli.tables import Id, Table

OwnOr = Annotated[
    str | None,
    Argument(metavar="[NAME]", help="The account; left out, your own.", complete="account"),
]


def whoami(session: JsonSession) -> None:
    """Show whom your token stands for."""
    me = session.client.get("me")
    if session.out.printed_json(me):
        return
    show_account(session, me)


def create_account(
    session: JsonSession,
    name: Annotated[str, Argument(metavar="NAME")],
    role: Annotated[
        str, Option(help="reader, reporter, reviewer, maintainer or admin.", metavar="ROLE")
    ],
    speaks_for: Annotated[
        list[str] | None,
        Option(metavar="SPECIALIST", help="Whose reviews it records. Repeatable."),
    ] = None,
    display_name: Annotated[str | None, Option(help="The name people read.")] = None,
    blind: Annotated[
        bool, Option(help="It sees others' verdicts on a ticket once its own is in.")
    ] = False,
) -> None:
    """Make an account."""
    body: dict[str, Any] = {"name": name, "role": role}
    if speaks_for:
        body["speaks_for"] = speaks_for
    if display_name:
        body["display_name"] = display_name
    if blind:
        body["blind"] = True
    account = session.client.post("accounts", body=body)
    if session.out.printed_json(account):
        return
    show_account(session, account)
    session.out.remark(f"Next: findings token create {account.get('name')}")


def show_account(session: Session, account: dict[str, Any]) -> None:
    """Print an account."""
    session.out.fields(
        [
            ("name", account.get("name")),
            ("role", account.get("role")),
            ("speaks for", ", ".join(account.get("speaks_for") or ())),
            ("display name", account.get("display_name")),
            ("reviews blind", _blind_words(account)),
            ("disabled", moment(account.get("disabled_at"))),
            *((f"queue of {name}", n) for name, n in (account.get("queue") or {}).items()),
        ]
    )


def _blind_words(account: dict[str, Any]) -> str | None:
    if account.get("blind"):
        return "always"
    return f"as {', '.join(account['blind_as'])}" if account.get("blind_as") else None


def create_token(
    session: JsonSession,
    name: OwnOr = None,
    label: Annotated[str | None, Option(help="What it is for, to tell it from others.")] = None,
    expires: Annotated[
        int | None,
        Option(metavar="DAYS", min=1, max=36500, help="Left out, it does not expire."),
    ] = None,
) -> None:
    """Make a token and print its secret, this once and alone on a line."""
    body: dict[str, Any] = {}
    if label:
        body["label"] = label
    if expires:
        until = datetime.now(UTC).replace(microsecond=0) + timedelta(days=expires)
        body["expires_at"] = until.isoformat()
    new = session.client.post(*_tokens_of(session, name), body=body)
    if session.out.printed_json(new):
        return
    if session.out.terminal:
        until_words = f", until {moment(new['expires_at'])}" if new.get("expires_at") else ""
        say(f"A token of {new.get('account')}{until_words}. It is shown this once:")
    session.out.line(new.get("token"))


def list_tokens(session: JsonSession, name: OwnOr = None) -> None:
    """List the tokens of an account, without their secrets."""
    found = session.client.get("accounts", name or _me(session)["name"], "tokens")
    if session.out.printed_json(found):
        return
    session.out.table(
        Table(
            ("token", "label", "created", "last used", "state"),
            [_token_row(token) for token in found.get("items", [])],
            empty="No tokens.",
            cut="label",
            may_go=("created", "last used"),
        )
    )


def revoke_token(
    session: JsonSession,
    token_id: Annotated[
        str, Argument(metavar="TOKEN", help="Its id, or the beginning of it; see token list.")
    ],
    name: Annotated[
        str | None,
        Option("--account", metavar="NAME", help="Left out, your own.", complete="account"),
    ] = None,
) -> None:
    """Revoke a token: from now on nobody gets in with it."""
    owner = name or _me(session)["name"]
    if is_beginning(token_id):
        tokens = session.client.get("accounts", owner, "tokens").get("items", [])
        ids = [str(token["id"]) for token in tokens]
        token_id = whole_id(ids, token_id, "token", f"findings token list {owner}")
    session.client.call("DELETE", "accounts", owner, "tokens", token_id)
    session.out.remark(f"The token {token_id} of {owner} is revoked.")


def _me(session: Session) -> dict[str, Any]:
    me: dict[str, Any] = session.client.get("me")
    return me


def _tokens_of(session: Session, name: str | None) -> tuple[str, ...]:
    """Return the path of an account's tokens; those who are no admin have a way to their own."""
    if name is not None:
        return ("accounts", name, "tokens")
    me = _me(session)
    return ("accounts", me["name"], "tokens") if me.get("role") == "admin" else ("me", "tokens")


def _token_row(token: dict[str, Any]) -> tuple[object, ...]:
    if token.get("revoked_at"):
        state = f"revoked {moment(token['revoked_at'])}"
    elif token.get("expires_at"):
        state = f"until {moment(token['expires_at'])}"
    else:
        state = "does not expire"
    return (
        Id(token.get("id") or ""),
        token.get("label"),
        moment(token.get("created_at")),
        moment(token.get("last_used_at")),
        state,
    )
