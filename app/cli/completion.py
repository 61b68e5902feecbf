"""What a shell may offer for an option or an argument.

Words with a fixed meaning are in ``app.cli.words``. What only the service knows is kept in a file
for a minute; then it is asked for again, and whoever presses Tab waits a tenth of a second for it
at most: until the answer is there, and where there is no service, the values of last time do.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping

import click
from click.shell_completion import CompletionItem

from app.cli.session import SERVER, Globals
from app.cli.words import WORDS

Values = Mapping[str, str]
"""What may be offered, each with a word on it."""

_PLAIN = re.compile(r"[A-Za-z0-9_./:@%+=,~\[\]-]+|[\w./@%+-]+(?: [\w./@%+-]+)+")
"""Values that a shell takes for a word and nothing else, or for words with a space between them,
which is quoted. What is offered comes from strangers, and ends up in a command line."""


def offered(kind: str, ctx: click.Context, typed: str) -> list[CompletionItem[str]]:
    """Return the values of a kind that begin as typed, in upper or lower case."""
    if kind == "file":
        return [CompletionItem(typed, type="file")]
    return [CompletionItem(value, help=help or None) for value, help in _fitting(kind, ctx, typed)]


def _fitting(kind: str, ctx: click.Context, typed: str) -> Iterable[tuple[str, str]]:
    before = ""
    if kind == "related":
        first, found, rest = typed.partition(":")
        before, typed = (f"{first}:", rest) if found else ("", typed)
    elif kind == "fields":
        first, found, rest = typed.rpartition(",")
        before, typed = first + found, rest
    for value, help in _values(kind, ctx, before).items():
        if value.lower().startswith(typed.lower()) and _PLAIN.fullmatch(value):
            yield before + value, help


def _values(kind: str, ctx: click.Context, before: str) -> Values:
    match kind:
        case "related":
            return _of_service("key", ctx) | ({} if before else dict(WORDS["relation"]))
        case "fields":
            from app.cli.fields import FIELDS

            names = FIELDS.get(getattr(ctx.command, "entry").answer, ())  # noqa: B009  # no Click's
            return dict.fromkeys((name for name in names if name not in before.split(",")), "")
        case "server":
            from app.cli import servers
            from app.cli.errors import CliError

            try:
                return {name: one.url for name, one in servers.read(os.environ).known.items()}
            except CliError:
                return {}
        case "word":
            from app.cli import glossary
            from app.cli.catalogue import SECTIONS

            words = [
                name for entry in glossary.entries() for name in entry.names if " " not in name
            ]
            return dict.fromkeys(
                [*words, *(name for part in SECTIONS.values() for name in part)], ""
            )
        case _:
            return WORDS[kind] if kind in WORDS else _of_service(kind, ctx)


def _of_service(kind: str, ctx: click.Context) -> dict[str, str]:
    from app.cli.errors import CliError
    from app.cli.known import values
    from app.cli.server import read_server

    options = ctx.find_object(Globals) or Globals()
    try:
        server = read_server(os.environ, ctx.meta.get(SERVER, options.server))
    except CliError:
        return {}
    return values(kind, server, os.environ)
