"""``findings test``: the suite's tests, and which of them a ticket is linked with."""

from __future__ import annotations

from typing import Annotated, Any

from app.cli.errors import UsageProblem
from app.cli.ids import whole_id
from app.cli.session import Everything, JsonSession, Key, Limit, Session
from app.cli.signature import Argument, Option
from app.cli.tables import Table
from app.cli.views import tickets as view
from app.cli.views.words import short

NodeId = Annotated[
    str,
    Argument(
        metavar="NODE_ID",
        help="A file, class, test or parameter: tests/verification/test_x.py::test_y[p].",
    ),
]


def list_tests(
    session: JsonSession,
    key: Annotated[
        str | None, Argument(metavar="[KEY]", help="Only the tests of this ticket.", complete="key")
    ] = None,
    limit: Limit = 200,
    everything: Everything = False,
) -> None:
    """List the tests that can be run, or those linked with a ticket.

    In a pipe: test, findings and last outcome; of a ticket test, purpose, origin, last outcome.
    """
    if key is None:
        session.list(
            "tests",
            params={},
            limit=None if everything else limit,
            table=Table(
                ("test", "findings", "last outcome"),
                (),
                empty="The suite has no tests.",
                may_go=("last outcome", "findings"),
            ),
            row=_catalogue_row,
        )
        return
    links = session.client.get("tickets", key, "tests")
    if not session.out.printed_json(links):
        view.show_links(session.out, links.get("items", []), kind="")


def _catalogue_row(test: dict[str, Any]) -> tuple[object, ...]:
    findings = ", ".join(map(str, test.get("findings") or ()))
    return (test.get("node_id"), findings, test.get("last_outcome"))


def link_test(
    session: JsonSession,
    key: Key,
    node_id: NodeId,
    purpose: Annotated[
        str | None,
        Option(
            help="demonstrates (default): fails while the defect is there; guards: always passes."
        ),
    ] = None,
    checklist_item: Annotated[
        str | None,
        Option(metavar="ITEM", help="The checklist item it stands behind: number or id."),
    ] = None,
) -> None:
    """Link a test with a ticket.

    The test asserts the sound behaviour, so that it fails while the defect is there.
    """
    body: dict[str, Any] = {"node_id": node_id}
    if purpose:
        body["purpose"] = purpose
    if checklist_item:
        body["checklist_item"] = _item_id(session, key, checklist_item)
    link = session.client.post("tickets", key, "tests", body=body)
    if not session.out.printed_json(link):
        view.show_links(session.out, [link], kind="")


def unlink_test(
    session: JsonSession,
    key: Key,
    link: Annotated[
        str, Argument(metavar="NODE_ID|LINK_ID", help="The test, or the id of its link.")
    ],
) -> None:
    """Take a test off a ticket; a link that a marker made stays with its marker."""
    found = _link(session, key, link)
    session.client.call("DELETE", "tickets", key, "tests", str(found.get("id")))
    session.out.remark(f"{found.get('node_id')} is no longer linked with {key}.")


def report_result(
    session: JsonSession,
    key: Key,
    node_id: NodeId,
    outcome: Annotated[
        str, Argument(metavar="OUTCOME", help="passed, failed, error, skipped or flaky.")
    ],
    source: Annotated[str, Option(metavar="NAME", help="Who saw it, like ci/nightly.")],
    commit: Annotated[str | None, Option(metavar="HASH", help="At which the test ran.")] = None,
    message: Annotated[str | None, Option(metavar="TEXT", help="What it said.")] = None,
    url: Annotated[str | None, Option("--url", metavar="URL", help="Where more is shown.")] = None,
) -> None:
    """Report how a test ended elsewhere; it is shown beside the evidence and is none."""
    result = {"node_id": node_id, "outcome": outcome, "message": message}
    body = {"source": source, "commit": commit, "url": url, "results": [result]}
    found = session.client.post("tickets", key, "external-results", body=body)
    if not session.out.printed_json(found):
        view.show_reported(session.out, found.get("items") or ())


def sync_tests(
    session: JsonSession,
    name: Annotated[
        str | None,
        Argument(
            metavar="[TARGET]",
            help="Of which target; left out, the bundled one.",
            complete="target",
        ),
    ] = None,
) -> None:
    """Collect the suite of a target anew: new tests come in, and markers link by themselves."""
    where = ("tests", "sync") if name is None else ("targets", name, "sync")
    report = session.client.post(*where)
    if session.out.printed_json(report):
        return
    session.out.fields(
        [
            ("target", report.get("target")),
            ("tests", report.get("tests")),
            ("package digest", short(report.get("package_digest"))),
            ("suite digest", short(report.get("suite_digest"))),
        ]
    )
    for error in report.get("errors") or ():
        session.out.passage("error", "Not collected", str(error))
    for warning in report.get("warnings") or ():
        session.out.passage("warning", "Warning", str(warning))


def _item_id(session: Session, key: str, wanted: str) -> str:
    """Return the id of a checklist item, given by its number from 1 or by its id."""
    if not (wanted.isascii() and wanted.isdigit()):
        return wanted
    items = session.client.get("tickets", key).get("checklist") or []
    number = int(wanted)
    if not 1 <= number <= len(items):
        raise UsageProblem(f"{key} has {len(items)} checklist items, so there is no {number}")
    return str(items[number - 1].get("id"))


def _link(session: Session, key: str, wanted: str) -> dict[str, Any]:
    """Return the link of a ticket that `wanted` names; one made by hand before one by marker."""
    links = session.client.get("tickets", key, "tests").get("items", [])
    ids = [str(link.get("id")) for link in links]
    wanted = whole_id(ids, wanted, "link", f"findings test list {key}")
    fitting = [link for link in links if wanted in (link.get("id"), link.get("node_id"))]
    if not fitting:
        raise UsageProblem(
            f"{wanted} is not linked with {key}", f"`findings test list {key}` shows what is"
        )
    found: dict[str, Any] = min(fitting, key=lambda link: link.get("origin") == "marker")
    return found
