"""Run the migrations on the connection or URL that the caller put into the configuration."""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection, create_engine, pool

from app.schema import metadata


def include_object(_object: object, name: str | None, kind: str, *_: object) -> bool:
    """Leave the queue's own tables out of comparisons: their schema comes from the library."""
    return not (kind == "table" and name is not None and name.startswith("procrastinate_"))


def run_on(connection: Connection) -> None:
    """Run the migrations in one transaction."""
    context.configure(
        connection=connection,
        target_metadata=metadata,
        include_object=include_object,
        compare_server_default=True,
        transaction_per_migration=False,
    )
    with context.begin_transaction():
        context.run_migrations()


given: Connection | None = context.config.attributes.get("connection")
if given is not None:
    run_on(given)
else:
    url = context.config.attributes["url"]
    engine = create_engine(url, poolclass=pool.NullPool)
    with engine.connect() as connection:
        run_on(connection)
        connection.commit()
    engine.dispose()
