"""``findings target``: the packages whose findings are tracked and run."""

from __future__ import annotations

from typing import Annotated, Any

from app.cli.moments import moment
from app.cli.session import Everything, JsonSession, Limit
from app.cli.signature import Argument, Option
from app.cli.tables import Id, Table
from app.cli.views.words import short

TargetName = Annotated[str, Argument(metavar="NAME", help="The target.", complete="target")]


def list_targets(session: JsonSession) -> None:
    """List the targets, and the domains of tickets that none of them covers.

    In a pipe: name, state, tests, tickets, domains.
    """
    found = session.client.get("targets")
    if session.out.printed_json(found):
        return
    rows = [_row(target) for target in found.get("items", [])]
    columns = ("name", "state", "tests", "tickets", "domains")
    session.out.table(
        Table(
            columns,
            rows,
            empty="No target is declared.",
            cut="domains",
            may_go=("tests", "tickets"),
        )
    )
    for target in found.get("items", []):
        if target.get("reason"):
            session.out.remark(f"{target.get('name') or 'An entry'}: {target['reason']}")
    not_covered = found.get("not_covered", [])
    if not_covered:
        told = ", ".join(
            f"{domain.get('name') or '(no domain)'} {domain.get('tickets')}"
            for domain in not_covered[:20]
        )
        session.out.remark(f"Tickets that no target covers, by domain: {told}")


def show_target(session: JsonSession, name: TargetName) -> None:
    """Show a target: what it covers, its digests, and whether it can be run."""
    target = session.client.get("targets", name)
    if session.out.printed_json(target):
        return
    session.out.fields(
        [
            ("name", target.get("name")),
            ("state", target.get("state")),
            ("reason", target.get("reason")),
            ("domains", ", ".join(target.get("domains") or ())),
            ("packages", ", ".join(target.get("packages") or ())),
            ("suite", ", ".join(target.get("suite") or ())),
            ("kind", target.get("kind")),
            ("in force", target.get("revision")),
            ("follows", target.get("follows")),
            ("tests", target.get("tests")),
            ("tickets", target.get("tickets")),
            ("package digest", short(target.get("package_digest"))),
            ("suite digest", short(target.get("suite_digest"))),
            ("environment", short(target.get("environment"))),
        ]
    )
    for error in target.get("errors") or ():
        session.out.passage("error", "Not collected", str(error))


def list_revisions(
    session: JsonSession,
    name: TargetName,
    start: Annotated[
        str | None,
        Option("--from", metavar="REV", help="Begin here; else with what is in force."),
    ] = None,
    limit: Limit = 20,
    everything: Everything = False,
) -> None:
    """List the revisions of a target, newest first; * is in force, = leaves the package alone.

    In a pipe: revision, mark, date, author and subject, separated by tabs.
    """
    session.list(
        "targets",
        name,
        "revisions",
        params={"from": start},
        limit=None if everything else limit,
        table=Table(("revision", "", "at", "author", "subject"), (), cut="subject"),
        row=_revision_row,
    )


def _revision_row(revision: dict[str, Any]) -> tuple[object, ...]:
    mark = "*" if revision.get("in_force") else "" if revision.get("touches") else "="
    return (
        Id(revision.get("id") or ""),
        mark,
        moment(revision.get("at")),
        revision.get("author"),
        revision.get("subject"),
    )


def _row(target: dict[str, Any]) -> tuple[object, ...]:
    domains = ", ".join(map(str, target.get("domains") or ()))
    return (
        target.get("name"),
        target.get("state"),
        target.get("tests"),
        target.get("tickets"),
        domains,
    )
