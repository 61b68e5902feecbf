"""The queue's own tables, as the pinned version of Procrastinate defines them."""

from __future__ import annotations

from importlib.metadata import version

import sqlalchemy as sa
from alembic import op
from procrastinate.schema import SchemaManager

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

PROCRASTINATE = "3.10.0"
"""The version whose schema this is. It changes together with the lock file: a newer version
comes with a migration of its own that applies the library's upgrade scripts."""


def upgrade() -> None:
    """Create the tables, types, functions and triggers of the queue."""
    installed = version("procrastinate")
    if installed != PROCRASTINATE:
        raise RuntimeError(
            f"Procrastinate {installed} is installed, but this schema is that of "
            f"{PROCRASTINATE}. Install the locked versions: pip install -r requirements.lock"
        )
    # Through the driver's own cursor and without parameters, so that the percent signs and
    # colons of the library's functions stay what they are.
    with op.get_bind().connection.cursor() as cursor:
        cursor.execute(SchemaManager.get_schema())


def downgrade() -> None:
    """Drop everything the queue brought along."""
    bind = op.get_bind()
    for find in (TABLES, FUNCTIONS, TYPES):
        for statement in bind.scalars(sa.text(find)).all():
            bind.exec_driver_sql(statement)


TABLES = r"""
SELECT format('DROP TABLE %I CASCADE', tablename) FROM pg_tables
WHERE schemaname = current_schema() AND tablename LIKE 'procrastinate\_%'
"""

FUNCTIONS = r"""
SELECT format('DROP FUNCTION %s CASCADE', p.oid::regprocedure) FROM pg_proc p
WHERE p.pronamespace = current_schema()::regnamespace AND p.proname LIKE 'procrastinate\_%'
"""

TYPES = r"""
SELECT format('DROP TYPE %I CASCADE', t.typname) FROM pg_type t
WHERE t.typnamespace = current_schema()::regnamespace
  AND t.typname LIKE 'procrastinate\_%' AND t.typtype IN ('e', 'c')
"""
