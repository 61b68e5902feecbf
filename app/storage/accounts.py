"""Accounts, specialists and tokens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    LargeBinary,
    Row,
    Select,
    bindparam,
    delete,
    func,
    insert,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.exc import IntegrityError

from app.domain.accounts import Account, Role, Specialist, Token
from app.errors import AlreadyTaken
from app.schema.accounts import (
    account_specialists,
    accounts,
    service_secrets,
    specialists,
    tokens,
)
from app.storage.prepared import Prepared
from app.storage.rows import from_row, new_id
from app.storage.store import Store

_USE_IS_RECORDED_EVERY = timedelta(minutes=1)


def account_columns() -> list[ColumnElement[Any]]:
    """Return what an account is built from."""
    speaks_for = (
        select(func.coalesce(func.array_agg(account_specialists.c.specialist), text("'{}'")))
        .where(account_specialists.c.account_id == accounts.c.id)
        .scalar_subquery()
        .label("speaks_for")
    )
    blind_as = (
        select(func.coalesce(func.array_agg(specialists.c.name), text("'{}'")))
        .select_from(account_specialists)
        .join(specialists, specialists.c.name == account_specialists.c.specialist)
        .where(account_specialists.c.account_id == accounts.c.id, specialists.c.blind)
        .correlate(accounts)
        .scalar_subquery()
        .label("blind_as")
    )
    return [*accounts.c, speaks_for, blind_as]


def _select_accounts() -> Select[Any]:
    return select(*account_columns())


def _accounts_with_tokens() -> Select[Any]:
    return (
        _select_accounts()
        .add_columns(
            tokens.c.id.label("token_id"),
            tokens.c.label,
            tokens.c.created_at.label("token_created_at"),
            tokens.c.expires_at,
            tokens.c.revoked_at,
            tokens.c.last_used_at,
            tokens.c.role.label("token_role"),
        )
        .join(tokens, tokens.c.account_id == accounts.c.id)
    )


_BY_TOKEN = Prepared(
    lambda: _accounts_with_tokens().where(
        tokens.c.digest == bindparam("wanted_digest", type_=LargeBinary)
    )
)
"""Every request begins with it."""


_SPECIALISTS = Prepared(
    lambda: select(specialists).where(~specialists.c.imported).order_by(specialists.c.position)
)


def account_from(row: Row[Any]) -> Account:
    """Build an account from a row of `account_columns`."""
    return Account(
        id=row.id,
        name=row.name,
        role=Role(row.role),
        speaks_for=tuple(sorted(row.speaks_for)),
        display_name=row.display_name,
        created_at=row.created_at,
        disabled_at=row.disabled_at,
        blind=row.blind,
        blind_as=tuple(sorted(row.blind_as)),
    )


class AccountStore(Store):
    """Accounts, specialists and tokens of the service."""

    async def find_by_token(self, digest: bytes) -> tuple[Account, Token] | None:
        """Return the account and token stored under `digest`, whatever state they are in."""
        row = await _BY_TOKEN.row(self._connection, wanted_digest=digest)
        if row is None:
            return None
        token = Token(
            id=row.token_id,
            account=row.name,
            label=row.label,
            created_at=row.token_created_at,
            expires_at=row.expires_at,
            revoked_at=row.revoked_at,
            last_used_at=row.last_used_at,
            role=None if row.token_role is None else Role(row.token_role),
        )
        return account_from(row), token

    async def mark_token_used(self, token: Token, now: datetime) -> None:
        """Record that `token` was used, at most once a minute so that reads stay reads."""
        if token.last_used_at and now - token.last_used_at < _USE_IS_RECORDED_EVERY:
            return
        await self._connection.execute(
            update(tokens).where(tokens.c.id == token.id).values(last_used_at=now)
        )

    async def add(
        self, name: str, role: Role, *, display_name: str | None = None, blind: bool = False
    ) -> Account:
        """Add an account.

        Raises:
            AlreadyTaken: the name is in use.
        """
        values = {
            "id": new_id(),
            "name": name,
            "role": role.value,
            "display_name": display_name,
            "blind": blind,
        }
        try:
            async with self._connection.begin_nested():
                await self._connection.execute(insert(accounts).values(values))
        except IntegrityError:
            raise AlreadyTaken(f"There is already an account named {name}.") from None
        account = await self.find(name)
        assert account is not None
        return account

    async def set_specialists(self, account_id: UUID, names: Sequence[str]) -> None:
        """Replace the specialists that an account speaks for."""
        await self._connection.execute(
            delete(account_specialists).where(account_specialists.c.account_id == account_id)
        )
        if names:
            await self._connection.execute(
                insert(account_specialists),
                [{"account_id": account_id, "specialist": name} for name in names],
            )

    async def find(self, name: str) -> Account | None:
        """Return the account named `name`, or None."""
        row = (
            await self._connection.execute(_select_accounts().where(accounts.c.name == name))
        ).one_or_none()
        return None if row is None else account_from(row)

    async def hold(self, name: str) -> None:
        """Keep the account named `name` from being changed until the transaction ends."""
        await self._connection.execute(
            select(accounts.c.id).where(accounts.c.name == name).with_for_update(read=True)
        )

    async def get(self, account_id: UUID) -> Account | None:
        """Return the account with this id, or None."""
        query = _select_accounts().where(accounts.c.id == account_id)
        row = (await self._connection.execute(query)).one_or_none()
        return None if row is None else account_from(row)

    async def page(self, *, after: str | None, limit: int) -> list[Account]:
        """Return accounts in the order of their names, from the one behind `after`."""
        query = _select_accounts().order_by(accounts.c.name).limit(limit)
        if after is not None:
            query = query.where(accounts.c.name > after)
        return [account_from(row) for row in await self._connection.execute(query)]

    async def lock_admins(self) -> list[str]:
        """Lock the enabled admins until the transaction ends, and return their names.

        Whoever takes an admin away does so first: two who take away one each would otherwise
        both see the other's still there.
        """
        rows = await self._connection.scalars(
            select(accounts.c.name)
            .where(accounts.c.role == Role.ADMIN.value, accounts.c.disabled_at.is_(None))
            .order_by(accounts.c.id)
            .with_for_update(key_share=True)
        )
        return list(rows)

    async def save(self, account_id: UUID, values: Mapping[str, Any]) -> None:
        """Store changed fields of an account."""
        if values:
            await self._connection.execute(
                update(accounts).where(accounts.c.id == account_id).values(dict(values))
            )

    async def count(self) -> int:
        """Return how many accounts there are."""
        return int(await self._connection.scalar(select(func.count()).select_from(accounts)) or 0)

    async def add_token(
        self,
        account: Account,
        digest: bytes,
        label: str,
        expires_at: datetime | None,
        role: Role | None = None,
    ) -> Token:
        """Add a token of `account`; only the digest of its secret is kept."""
        row = (
            await self._connection.execute(
                insert(tokens)
                .values(
                    id=new_id(),
                    account_id=account.id,
                    digest=digest,
                    label=label,
                    expires_at=expires_at,
                    role=role,
                )
                .returning(tokens)
            )
        ).one()
        return _token(row, account.name)

    async def tokens_of(self, account: Account) -> list[Token]:
        """Return the tokens of `account`, newest first."""
        rows = await self._connection.execute(
            select(tokens).where(tokens.c.account_id == account.id).order_by(tokens.c.id.desc())
        )
        return [_token(row, account.name) for row in rows]

    async def mark_token_revoked(self, account: Account, token_id: UUID) -> bool:
        """Revoke a token; False when `account` has no such token."""
        done = await self._connection.execute(
            update(tokens)
            .where(tokens.c.id == token_id, tokens.c.account_id == account.id)
            .values(revoked_at=func.coalesce(tokens.c.revoked_at, func.now()))
        )
        return bool(done.rowcount)

    async def revoke_tokens(self, account_id: UUID) -> None:
        """Revoke all tokens of an account."""
        await self._connection.execute(
            update(tokens)
            .where(tokens.c.account_id == account_id, tokens.c.revoked_at.is_(None))
            .values(revoked_at=func.now())
        )

    async def specialists(self) -> list[Specialist]:
        """Return all specialists in their order; names that only imports know are none."""
        rows = await _SPECIALISTS.rows(self._connection)
        return [Specialist(r.name, r.code, r.label, r.blind) for r in rows]

    async def add_specialist(self, specialist: Specialist) -> None:
        """Add a specialist behind the others.

        Raises:
            AlreadyTaken: the name or the code is in use.
        """
        values = {f: getattr(specialist, f) for f in ("name", "code", "label", "blind")}
        try:
            async with self._connection.begin_nested():
                await self._connection.execute(insert(specialists).values(values))
        except IntegrityError as error:
            what = "code" if "uq_specialists_code" in str(error.orig) else "name"
            raise AlreadyTaken(
                f"There is already a specialist with the {what} {values[what]}.",
                extra={what: values[what]},
            ) from None

    async def save_specialist(self, name: str, values: Mapping[str, Any]) -> None:
        """Store changed fields of a specialist."""
        await self._connection.execute(
            update(specialists).where(specialists.c.name == name).values(dict(values))
        )

    async def secret(self, name: str, fresh: bytes) -> bytes:
        """Return the shared secret `name`, storing `fresh` when there is none yet."""
        await self._connection.execute(
            upsert(service_secrets).values(name=name, value=fresh).on_conflict_do_nothing()
        )
        value = await self._connection.scalar(
            select(service_secrets.c.value).where(service_secrets.c.name == name)
        )
        return bytes(value or b"")

    async def lock_bootstrap(self) -> None:
        """Wait until no other process sets up the first account."""
        await self._connection.execute(text("SELECT pg_advisory_xact_lock(7306373)"))


def _token(row: Row[Any], account: str) -> Token:
    return from_row(Token, row, account=account)
