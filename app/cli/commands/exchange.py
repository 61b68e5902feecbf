"""``findings import`` and ``findings export``: documents and files, in and out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import click

from app.cli import documents
from app.cli.errors import EXIT_NO, UsageProblem
from app.cli.files import save
from app.cli.filters import TicketFilters
from app.cli.output import say
from app.cli.progress import Bar, resumable
from app.cli.session import JsonFlag, PlainSession, Session, opened
from app.cli.signature import Argument, Option
from app.cli.tables import Table
from app.cli.text import flat, visible
from app.domain.exports import EXPORTS, MEANINGS

WAIT_S = 600.0
"""How long the service may take over one parcel."""

_WORST = ("rejected", "conflict", "updated", "created", "unchanged")


class OnConflict(StrEnum):
    """What to do with a document that contradicts the ticket."""

    fail = "fail"
    skip = "skip"
    update = "update"
    suffix = "suffix"


class Disposition(StrEnum):
    """Whose word the status is."""

    document = "document"
    folder = "folder"


def import_documents(
    ctx: click.Context,
    sources: Annotated[
        list[str],
        Argument(
            metavar="PATH...",
            help="Documents, folders of them, patterns, a .zip, a .jsonl, .sarif or JUnit .xml "
            "reports, or - for standard input.",
        ),
    ],
    dry_run: Annotated[
        bool, Option("--dry-run", help="Show what would change, store nothing.")
    ] = False,
    on_conflict: Annotated[
        OnConflict,
        Option(
            help="Where document and ticket contradict: report it, skip it, take the document's "
            "word, or keep another document of the same id beside it."
        ),
    ] = OnConflict.fail,
    disposition: Annotated[
        Disposition, Option(help="Whose word the status is, where the folder disagrees.")
    ] = Disposition.document,
    source_path: Annotated[
        str | None, Option(metavar="PATH", help="What standard input is to be known as.")
    ] = None,
    layout: Annotated[
        str | None,
        Option(
            metavar="FILE|NAME",
            help="How documents of another project keep their facts: a .toml, bold-bullets, "
            "front-matter, numbered-sections, title-table, or guess to be shown one.",
        ),
    ] = None,
    complete: Annotated[
        bool,
        Option(
            "--complete",
            help="A SARIF report is of all the code: what it lacks is not reported any more.",
        ),
    ] = False,
    root: Annotated[
        str | None,
        Option(metavar="DIR", help="Where the code of a SARIF report lay; else this folder."),
    ] = None,
    batch: Annotated[
        int | None, Option("--batch", metavar="N", help="Of new tickets of a SARIF report.")
    ] = None,
    origin: Annotated[
        str | None,
        Option("--source", metavar="NAME", help="Who made a JUnit report, like ci/nightly."),
    ] = None,
    commit: Annotated[
        str | None, Option(metavar="HASH", help="At which the tests of a JUnit report ran.")
    ] = None,
    url: Annotated[
        str | None, Option("--url", metavar="URL", help="Where more of a JUnit report is shown.")
    ] = None,
    as_json: JsonFlag = None,
) -> None:
    """Import documents, reports of scanners (SARIF) and of CI (JUnit), or a whole export.

    Documents of a folder are known by their paths below it; fixed/, triaged/, wontfix/ and
    not-a-bug/ say something of the tickets in them. A report is taken whole or not at all. One of
    scanners closes nothing; one of CI is shown beside the evidence and is none. In a pipe: result,
    key, path, line and what is to be said, separated by tabs. The exit code is 1 when a document
    was not taken.
    """
    params = {
        "dry_run": "true" if dry_run else None,
        "on_conflict": on_conflict.value,
        "disposition": disposition.value,
        "layout": None if layout is None else documents.layout_text(layout),
    }
    lines = [source for source in sources if source.endswith(".jsonl")]
    if lines and len(sources) > 1:
        raise UsageProblem("a .jsonl is a whole export", "Import it alone")
    kinds = {source: kind for source in sources if (kind := documents.report_kind(source))}
    if kinds and (len(kinds) < len(set(sources)) or len(set(kinds.values())) > 1):
        raise UsageProblem(
            "documents, .sarif and .xml are taken in different ways", "Import each kind apart"
        )
    formats = {form for form, _ in kinds.values()}
    if layout is not None and (kinds or lines):
        raise UsageProblem("--layout is of Markdown documents")
    if "sarif" not in formats and (complete or root or batch is not None):
        raise UsageProblem("--complete, --root and --batch are of .sarif reports")
    if "junit" not in formats and (origin or commit or url):
        raise UsageProblem("--source, --commit and --url are of JUnit .xml reports")
    of_report = {"dry_run": params["dry_run"]} | (
        {
            "complete": "true" if complete else None,
            "root": str(Path(root or ".").resolve()),
            "batch": batch,
        }
        if "sarif" in formats
        else {"source": origin, "commit": commit, "url": url}
    )
    proposal = None
    with opened(ctx, as_json=as_json) as session:
        if lines:
            items = _restore(session, lines[0], dry_run=dry_run)
        elif kinds:
            items = [
                item
                for source, kind in kinds.items()
                for item in _send_report(session, source, kind, of_report)
            ]
        else:
            items, proposal = _send_all(session, sources, params, source_path)
        _report(session, items, proposal, dry_run=dry_run or proposal is not None)
    if any(item["result"] in ("rejected", "conflict") for item in items):
        raise click.exceptions.Exit(EXIT_NO)


def _send_all(
    session: Session, sources: list[str], params: dict[str, Any], source_path: str | None
) -> tuple[list[dict[str, Any]], str | None]:
    """Send documents; return what became of them, and the layout that is proposed if any."""
    plain = [s for s in sources if s != "-" and not s.endswith(".zip")]
    found = documents.find(plain)
    if not found and len(plain) == len(sources):
        raise UsageProblem("there is no document (.md) in what you name")
    items: list[dict[str, Any]] = []
    proposal: str | None = None
    dry_run = params["dry_run"] is not None or params["layout"] == documents.GUESS
    total = len(found) + len(sources) - len(plain)

    def done() -> str:
        return (
            f"stopped: of {total} documents {bar.done} are {'checked' if dry_run else 'imported'}"
        )

    bar = Bar("Importing", total)
    way_on = "Go on with the same command: what is in already is left as it is"
    with resumable(done, way_on), bar:
        for parcel in _parcels(sources, found, source_path):
            answer = _send(session, parcel, params)
            items += answer["items"]
            bar.advance(parcel.count)
            if proposal := answer.get("layout"):
                # One is proposed, by the first documents; they show what it reads.
                if not session.out.as_json:
                    session.out.passage("layout", "The layout that reads most of it", proposal)
                break
    return items, proposal


def _parcels(
    sources: list[str], found: list[documents.Found], source_path: str | None
) -> Iterator[documents.Parcel]:
    yield from documents.parcels(found)
    for source in sources:
        if source == "-":
            yield documents.from_stdin(source_path)
        elif source.endswith(".zip"):
            yield documents.archive_at(source)


def _send(session: Session, parcel: documents.Parcel, params: dict[str, Any]) -> dict[str, Any]:
    headers = {"Content-Type": parcel.media_type}
    if parcel.source_path is not None:
        headers["X-Source-Path"] = documents.quoted(parcel.source_path)
    answer = session.client.call(
        "POST", "imports", params=params, content=parcel.content, headers=headers, wait_s=WAIT_S
    )
    return dict(answer.json())


def _send_report(
    session: Session, source: str, kind: tuple[str, str], params: dict[str, Any]
) -> list[dict[str, Any]]:
    form, media_type = kind
    answer = session.client.call(
        "POST",
        "imports",
        params={"format": form, **params},
        content=documents.pieces(source),
        headers={
            "Content-Type": media_type,
            "X-Source-Path": documents.quoted(Path(source).name),
        },
        wait_s=WAIT_S,
    )
    return list(answer.json()["items"])


def _restore(session: Session, source: str, *, dry_run: bool) -> list[dict[str, Any]]:
    bar = Bar("Sending", documents.size_of(source), in_bytes=True)
    way_on = "Run the same command again: what is in already is left as it is"
    with resumable(lambda: f"stopped after {bar.done} bytes were sent", way_on), bar:
        answer = session.client.call(
            "POST",
            "imports",
            params={"format": "jsonl", "dry_run": "true" if dry_run else None},
            content=bar.counted(documents.pieces(source)),
            headers={"Content-Type": "application/x-ndjson"},
            wait_s=WAIT_S,
        )
    return list(answer.json()["items"])


def _report(
    session: Session, items: list[dict[str, Any]], proposal: str | None, *, dry_run: bool
) -> None:
    out = session.out
    if out.printed_json({"items": items, **({"layout": proposal} if proposal else {})}):
        return
    shown = items
    if out.terminal:
        shown = [item for item in items if item["reason"] or item["warnings"] or item["changes"]]
    shown = sorted(shown, key=lambda item: _WORST.index(item["result"]))
    out.table(
        Table(
            ("result", "key", "document", "line", "what there is to say"),
            [
                (i["result"], i["key"], i["source_path"], i["line"], "; ".join(_words(i)))
                for i in shown
            ],
        )
    )
    counts = Counter(item["result"] for item in items)
    told = ", ".join(f"{counts[result]} {result}" for result in reversed(_WORST) if counts[result])
    say(f"{'Would be: ' if dry_run else ''}{told or 'nothing to import'}.")


def _words(item: dict[str, Any]) -> Iterator[str]:
    if item["reason"]:
        yield item["reason"]
    yield from item["warnings"]
    changes = dict(item["changes"] or {})
    if changes.pop("document", None) and not changes:
        yield "only words that stand in no field"  # the digests tell nobody anything
    for field, change in changes.items():
        yield f"{field}: {_short(change[0])} → {_short(change[1])}"


def _short(value: Any) -> str:
    text = flat(value) or "nothing"
    return text if len(text) <= 60 else f"{text[:59]}…"


def export_tickets(
    session: PlainSession,
    form: Annotated[
        str, Option("--format", choices=tuple(EXPORTS), help=f"{MEANINGS}.")
    ] = "markdown",
    out: Annotated[
        str, Option("--out", metavar="FILE", help="Where to; - for standard output.")
    ] = "-",
    suppressed: Annotated[
        str | None, Option(metavar="WORD", help="omit: SARIF without what is closed or suppressed.")
    ] = None,
    *,
    filters: TicketFilters,
) -> None:
    """Export tickets as documents or in another format, as it comes.

    JSON Lines can be imported elsewhere when they are complete: without filters, and for admins.
    """
    params = {"format": form, "suppressed": suppressed, **filters}
    if out == "-" and form == "markdown" and session.out.terminal:
        raise UsageProblem("an archive is nothing for a terminal", "Name a file with --out")
    with session.client.download("exports", params=params) as content:
        if out == "-":
            for piece in content:
                session.out.raw(piece)
            return
        with (
            resumable(
                lambda: f"stopped: {visible(out)} was not written", "Run it again for the whole"
            ),
            Bar("Exporting", None, in_bytes=True) as bar,
        ):
            size = save(bar.counted(content), Path(out))
        say(f"{size} bytes in {visible(out)}.")
