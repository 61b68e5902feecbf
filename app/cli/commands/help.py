"""``findings help``: what a word means, and how a command is used."""

from __future__ import annotations

import shutil
from typing import Annotated

import click

from app.cli import glossary
from app.cli.errors import UsageProblem
from app.cli.signature import Argument
from app.cli.text import visible
from app.cli.wrapping import wrapped, wrapped_parts


def explain(
    ctx: click.Context,
    words: Annotated[
        list[str] | None,
        Argument(
            metavar="[WORD]...", help="A word of this service, or a command.", complete="word"
        ),
    ] = None,
) -> None:
    """Explain a word of this service, or show how a command is used.

    Without a word, all of those that the glossary explains are listed.
    """
    known = glossary.entries()
    if not words:
        click.echo("Words that `findings help WORD` explains:\n")
        click.echo(_columns(sorted({name for entry in known for name in entry.names})))
        click.echo("\nCommands: `findings --help`, and `findings help COMMAND` for one of them.")
        return
    wanted = " ".join(words).lower()
    entry = next((entry for entry in known if wanted in entry.names), None)
    command = _command(ctx, words)
    if entry is not None:
        click.echo(_drawn(entry))
        if command is not None:
            click.echo(f"\nThe command: `findings {wanted} --help`")
    elif command is not None:
        click.echo(command)
    else:
        from difflib import get_close_matches  # rare

        near = get_close_matches(wanted, [name for one in known for name in one.names], 3)
        hint = f"Did you mean {', '.join(near)}?" if near else "See `findings help`"
        raise UsageProblem(f"there is no word or command {visible(wanted)!r}", hint)


def _command(ctx: click.Context, words: list[str]) -> str | None:
    """Return the help of the command that `words` name, if any."""
    context = ctx.find_root()
    for word in words:
        group = context.command
        found = group.get_command(context, word) if isinstance(group, click.Group) else None
        if found is None:
            return None
        context = found.context_class(found, info_name=word, parent=context)
    return context.get_help()


def _drawn(entry: glossary.Entry) -> str:
    """Return an entry for a terminal: its words, then each paragraph as wide as there is room."""
    title = ", ".join(entry.names)
    return "\n".join([title, "", *wrapped(entry.text, _width(), indent=2)])


def _columns(names: list[str]) -> str:
    parts = [f"{name}," for name in names[:-1]] + names[-1:]
    return "\n".join(f"  {line}" for line in wrapped_parts(parts, _width() - 2, indent=0, gap=1))


def _width() -> int:
    return min(shutil.get_terminal_size().columns, 80)
