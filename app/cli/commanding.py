"""Commands that are loaded when they are needed, and how their help looks.

A function of ``app.cli.catalogue`` becomes a command of Click, with the parameters of its
signature. Beside the words of the function, help shows the catalogue's examples; summaries are the
first sentence, whole.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from importlib import import_module
from typing import Any

import click

from app.cli.catalogue import SECTIONS, Command, Group
from app.cli.signature import called_by_click, parameters_of

Sections = Mapping[str, Mapping[str, Command | Group]]


def root(function: Callable[..., None]) -> click.Group:
    """Return all commands as one; `function` takes the options before them."""
    return LazyGroup(
        SECTIONS,
        name="findings",
        params=parameters_of(function),
        callback=called_by_click(function),
        help=function.__doc__,
    )


def function_of(entry: Command) -> Callable[..., None]:
    """Return the function behind a command, loading its module."""
    module, _, name = entry.function.partition(":")
    function: Callable[..., None] = getattr(import_module(f"app.cli.{module}"), name)
    return function


def summary_of(entry: Command | Group) -> str:
    """Return what a command or a group is for: the first sentence of its words."""
    words = entry.words or (isinstance(entry, Command) and function_of(entry).__doc__) or ""
    return re.split(r"(?<=[.])\s", " ".join(words.split()), maxsplit=1)[0]


class LeafCommand(click.Command):
    """A command that is no group; its help explains arguments and ends with examples."""

    def __init__(self, *, examples: tuple[str, ...], **rest: Any) -> None:
        super().__init__(**rest)
        self.examples = examples

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write arguments, then options."""
        params = self.get_params(ctx)
        for heading, wanted in (("Arguments", click.Argument), ("Options", click.Option)):
            records = [p.get_help_record(ctx) for p in params if isinstance(p, wanted)]
            if shown := [record for record in records if record is not None]:
                with formatter.section(heading):
                    formatter.write_dl(shown)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples as they are typed: a line that wraps could not be copied."""
        if self.examples:
            formatter.write("\nExamples:\n")
            for line in self.examples:
                formatter.write(f"  {line}\n")


class LazyGroup(click.Group):
    """Commands under a word; each is made when it is asked for."""

    def __init__(self, sections: Sections, **rest: Any) -> None:
        super().__init__(commands=_Made(sections), no_args_is_help=True, **rest)
        self.sections = sections

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in their order, loading nothing."""
        return list(self.commands)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the names under their headings, with whole summaries."""
        width = max(len(name) for name in self.commands)
        for heading, entries in self.sections.items():
            with formatter.section(heading):
                formatter.write_dl(
                    [(name.ljust(width), summary_of(entry)) for name, entry in entries.items()]
                )


class _Made(MutableMapping[str, click.Command]):
    """The commands of a group by name; making one is left until it is looked up."""

    def __init__(self, sections: Sections) -> None:
        self._entries = {name: entry for part in sections.values() for name, entry in part.items()}
        self._made: dict[str, click.Command] = {}

    def __getitem__(self, name: str) -> click.Command:
        if name not in self._made:
            self._made[name] = _make(name, self._entries[name])
        return self._made[name]

    def __setitem__(self, name: str, command: click.Command) -> None:
        self._made[name] = command

    def __delitem__(self, name: str) -> None:
        del self._entries[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, name: object) -> bool:
        return name in self._entries


def _make(name: str, entry: Command | Group) -> click.Command:
    if isinstance(entry, Group):
        return LazyGroup({"Commands": entry.commands}, name=name, help=entry.words)
    function = function_of(entry)
    return LeafCommand(
        name=name,
        callback=called_by_click(function),
        params=parameters_of(function),
        help=function.__doc__,
        examples=entry.examples,
    )
