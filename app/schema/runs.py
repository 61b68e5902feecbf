"""Runs, their results and their events."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Integer, Table, Text, func, text
from sqlalchemy.dialects.postgresql import ARRAY, BIGINT, BOOLEAN, JSONB, UUID

from app.schema.base import Timestamp, metadata

runs = Table(
    "runs",
    metadata,
    Column("id", UUID, primary_key=True),
    Column("ticket_id", ForeignKey("tickets.id", ondelete="CASCADE"), nullable=False),
    Column("target", ForeignKey("targets.name"), nullable=False),
    Column("kind", Text, nullable=False),
    Column("status", Text, nullable=False, server_default="queued"),
    Column("outcome", Text),
    Column("reason", Text),
    Column("requested_by", ForeignKey("accounts.id"), nullable=False),
    Column("request_id", Text),
    Column("attempt", Integer, nullable=False, server_default="0"),
    Column("worker", Text),
    Column("repeats", Integer, nullable=False, server_default="1"),
    Column("force", BOOLEAN, nullable=False, server_default=text("false")),
    Column("reused_from", UUID),
    # Everything the run depends on, frozen at trigger.
    Column("plan", JSONB, nullable=False),
    Column("package_digest", Text, nullable=False),
    # Digest of kind and plan: runs with the same one ask the same question.
    Column("plan_key", Text, nullable=False),
    # The evidence state that this run decided, if it decided any.
    Column("decided", Text),
    Column("also_broken", JSONB, nullable=False, server_default=text("'[]'")),
    # What else the results amount to: how many other tests passed on the arm after, which passed
    # on neither side, and whether no assertion failed.
    Column("compared", Integer),
    Column("not_comparable", JSONB, nullable=False, server_default=text("'[]'")),
    Column("without_assertion", BOOLEAN, nullable=False, server_default=text("false")),
    # {patch, tests, same}: accounts that wrote the patches and the tests, as it was triggered.
    Column("authors", JSONB(none_as_null=True)),
    # What a run that reduces a patch has left of it.
    Column("minimised", JSONB(none_as_null=True)),
    Column("environment", JSONB, nullable=False, server_default=text("'{}'")),
    Column("queued_at", Timestamp, nullable=False, server_default=func.now()),
    Column("started_at", Timestamp),
    Column("finished_at", Timestamp),
    CheckConstraint("kind IN ('check','proof','strength','bisection','minimise')", name="kind"),
    CheckConstraint("status IN ('queued','running','finished','cancelled')", name="status"),
    CheckConstraint("(status = 'finished') = (outcome IS NOT NULL)", name="outcome"),
    Index("ix_runs_ticket_id", "ticket_id", text("queued_at DESC")),
    Index("ix_runs_queued_at", text("queued_at DESC"), text("id DESC")),
    Index("ix_runs_plan_key", "plan_key", text("finished_at DESC")),
    Index("ix_runs_status", "status", text("queued_at DESC")),
)

run_arms = Table(
    "run_arms",
    metadata,
    Column("run_id", ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("name", Text, nullable=False),
    Column("patch", JSONB),
    Column("package_digest", Text, nullable=False),
    # Result bodies stand apart from the run so that lists stay light.
    Column("results", JSONB, nullable=False),
    Column("hints", JSONB, nullable=False, server_default=text("'[]'")),
    # Files of the suite that the linked tests imported.
    Column("uses", JSONB, nullable=False, server_default=text("'[]'")),
    # The commit whose package it held.
    Column("revision", Text),
    # What its tests printed is still there.
    Column("printed", BOOLEAN, nullable=False, server_default=text("true")),
    Index("ix_run_arms_printed", "run_id", postgresql_where=text("printed")),
)

test_tallies = Table(
    "test_tallies",
    metadata,
    # How a test has ended so far on one package, unchanged and in one environment: see
    # app.domain.flakes.
    Column("node_id", Text, primary_key=True),
    Column("package_digest", Text, primary_key=True),
    Column("test_digest", Text, primary_key=True),
    Column("environment", Text, primary_key=True),
    Column("target", ForeignKey("targets.name", ondelete="CASCADE"), nullable=False),
    Column("passes", Integer, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("flips", Integer, nullable=False),
    # Repeats since the last flip, and the run that saw it.
    Column("since_flip", Integer, nullable=False),
    Column("flipped_in", UUID),
    # The package shipped at some time, without a patch.
    Column("bundled", BOOLEAN, nullable=False),
    # How it ended last in each company, {company: passed}.
    Column("last", JSONB, nullable=False),
    Column("updated_at", Timestamp, nullable=False, server_default=func.now()),
    Index("ix_test_tallies_updated_at", "updated_at"),
    Index("ix_test_tallies_flips", "node_id", postgresql_where=text("flips > 0")),
)

suite_results = Table(
    "suite_results",
    metadata,
    # Test files of which every test passed on the bundled package, under all that it depends on.
    Column("target", ForeignKey("targets.name", ondelete="CASCADE"), primary_key=True),
    Column("package_digest", Text, primary_key=True),
    Column("suite_digest", Text, primary_key=True),
    Column("environment", Text, primary_key=True),
    Column("path", Text, primary_key=True),
    Column("node_ids", ARRAY(Text), nullable=False),
    Column("updated_at", Timestamp, nullable=False, server_default=func.now()),
    Index("ix_suite_results_updated_at", "updated_at"),
)

run_events = Table(
    "run_events",
    metadata,
    Column("run_id", ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
    Column("attempt", Integer, primary_key=True),
    Column("seq", BIGINT, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("data", JSONB, nullable=False),
    Column("at", Timestamp, nullable=False, server_default=func.now()),
)

workers = Table(
    "workers",
    metadata,
    Column("name", Text, primary_key=True),
    Column("started_at", Timestamp, nullable=False, server_default=func.now()),
    Column("heartbeat_at", Timestamp, nullable=False, server_default=func.now()),
    Column("concurrency", Integer, nullable=False),
    Column("running", Integer, nullable=False, server_default="0"),
    Column("package_digest", Text),
    Column("suite_digest", Text),
    # python, torch, platform, sandbox and its layers.
    Column("environment", JSONB, nullable=False, server_default=text("'{}'")),
)
