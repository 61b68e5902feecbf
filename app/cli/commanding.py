"""Commands that are loaded when they are needed, and how their help looks.

A function of ``app.cli.catalogue`` becomes a command of Click, with the parameters of its
signature. Beside the words of the function, help shows the catalogue's examples; summaries are the
first sentence, whole.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

import click

from app.cli.catalogue import SECTIONS, Command, Group
from app.cli.fields import FIELDS
from app.cli.formatter import HelpFormatter
from app.cli.selection import EVERYTHING, JQ
from app.cli.session import SERVER
from app.cli.signature import called_by_click, parameters_of
from app.cli.words import KINDS
from app.cli.wrapping import continued

_NAMES = re.compile(r"[a-z][a-z0-9_]*(,[a-z][a-z0-9_]*)+,?")
if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

Sections = Mapping[str, Mapping[str, Command | Group]]


def root(function: Callable[..., None]) -> click.Group:
    """Return all commands as one; `function` takes the options before them."""
    return LazyGroup(
        SECTIONS,
        name="findings",
        params=parameters_of(function, _offers),
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


class _Context(click.Context):
    """What a command is called with; its help fits the terminal."""

    formatter_class = HelpFormatter


class LeafCommand(click.Command):
    """A command that is no group; its help explains arguments and ends with examples."""

    context_class = _Context

    def __init__(self, entry: Command, **rest: Any) -> None:
        super().__init__(**rest)
        self.entry = entry
        if any(param.name == "as_json" for param in self.params):
            self.params.append(_everywhere(JQ, "jq", "FILTER", _JQ_HELP))
        if not entry.function.startswith(("service:", "commands.login:")):
            self.params.append(_everywhere(SERVER, "server", "NAME", _SERVER_HELP))

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the words behind the command; those behind ``--json`` may be names of fields."""
        known = FIELDS.get(self.entry.answer, ())
        takes_words = any(isinstance(param, click.Argument) for param in self.params)
        return super().parse_args(ctx, _with_fields(args, known, takes_words=takes_words))

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples as they are typed."""
        _write_examples(formatter, self.entry.examples)


def _write_examples(formatter: click.HelpFormatter, lines: Sequence[str]) -> None:
    formatter.write("\nExamples:\n")
    for line in lines:
        for part in continued(line, formatter.width - 2):
            formatter.write(f"  {part}\n")


def _first(examples: Sequence[str]) -> Sequence[str]:
    """The first example of some, which may take several lines."""
    lines = next((n for n, line in enumerate(examples, 1) if not line.endswith("\\")), 0)
    return examples[:lines]


def _offers(values: str) -> Callable[..., list[CompletionItem[str]]]:
    def complete(ctx: click.Context, _: click.Parameter, typed: str) -> list[CompletionItem[str]]:
        from app.cli.completion import offered  # only a shell asks for it

        return offered(values, ctx, typed)

    return complete


def _with_fields(args: Sequence[str], known: Sequence[str], *, takes_words: bool) -> list[str]:
    """Return the words with a value for every ``--json``: the names behind it, or everything.

    ``--json`` stood alone before it took names, and may still stand before an argument. So, where
    the command takes any, only the name of a field that the answer has, or several words with
    commas, are taken for them.
    """
    words = list(args)
    found: list[str] = []
    while words:
        word = words.pop(0)
        if word == "--":
            return [*found, word, *words]
        if word == "--json":
            following = words[0] if words else ""
            are_names = (
                following in known
                or _NAMES.fullmatch(following)
                or (following[:1].isalpha() and not takes_words)
            )
            given = words.pop(0) if are_names else EVERYTHING
            word = f"--json={given}"
        found.append(word)
    return found


def _own_words(args: Sequence[str]) -> int:
    """Return how many words stand before the command."""
    number = 0
    while number < len(args) and args[number].startswith("-"):
        number += 2 if args[number] == "--server" else 1
    return min(number, len(args))


def _everywhere(key: str, name: str, metavar: str, words: str) -> click.Option:
    """Return an option that many commands have; its value is kept in the context, under `key`."""

    def keep(ctx: click.Context, _: click.Parameter, value: str | None) -> None:
        if value is not None:
            ctx.meta[key] = value

    return click.Option(
        [f"--{name}"],
        metavar=metavar,
        help=words,
        expose_value=False,
        callback=keep,
        shell_complete=_offers(name) if name in KINDS else None,
    )


_JQ_HELP = "Print what a jq filter makes of the JSON."
_SERVER_HELP = "A service that you logged in to."


class LazyGroup(click.Group):
    """Commands under a word; each is made when it is asked for."""

    context_class = _Context

    def __init__(self, sections: Sections, **rest: Any) -> None:
        super().__init__(commands=_Made(sections), no_args_is_help=True, **rest)
        self.sections = sections

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the words; ``--json`` before a command is for all of the answer."""
        own = _own_words(args)
        given = [f"--json={EVERYTHING}" if word == "--json" else word for word in args[:own]]
        return super().parse_args(ctx, given + args[own:])

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in their order, loading nothing."""
        return list(self.commands)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the first example of each command of a group."""
        if ctx.parent is not None:
            entries = [one for part in self.sections.values() for one in part.values()]
            firsts = [_first(one.examples) for one in entries if isinstance(one, Command)]
            _write_examples(formatter, [line for example in firsts for line in example])

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
            self._made[name] = made(self._entries[name], name)
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


def made(entry: Command | Group, name: str) -> click.Command:
    """Return the command or group that goes by `name`."""
    if isinstance(entry, Group):
        return LazyGroup({"Commands": entry.commands}, name=name, help=entry.words)
    function = function_of(entry)
    return LeafCommand(
        entry,
        name=name,
        callback=called_by_click(function),
        params=parameters_of(function, _offers),
        help=function.__doc__,
    )
