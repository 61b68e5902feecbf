"""Options and arguments of a command, read from the signature of its function.

::

    def show(ctx: click.Context, key: Annotated[str, Argument(metavar="KEY")],
             limit: Annotated[int, Option(min=1, help="At most so many.")] = 50) -> None: ...

A parameter without a default is required. ``list[...]`` may be given several times, ``bool`` is a
flag, ``Path`` a file or folder, an enumeration one of its values. What is not given and has no
other default is None. `Options` stand for the options that they declare, none of them required,
and are filled with all of them.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from enum import Enum
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, get_args, get_origin, get_type_hints

import click

from app.cli.words import KINDS

Offers = Callable[[str], Callable[..., "list[CompletionItem[str]]"]]

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


class Option:
    """A parameter given by its name; without one it is ``--`` and the parameter's own."""

    def __init__(
        self,
        *names: str,
        help: str = "",
        metavar: str | None = None,
        min: int | None = None,
        max: int | None = None,
        callback: Callable[..., Any] | None = None,
        is_eager: bool = False,
        complete: str = "",
        choices: Sequence[str] = (),
    ) -> None:
        """Declare an option.

        `complete` is the kind of its values, see `app.cli.words`; `choices` are all that it takes.
        """
        self.choices = choices
        self.names = names
        self.help = help
        self.metavar = metavar
        self.range = (min, max)
        self.rest: dict[str, Any] = {"callback": callback, "is_eager": is_eager}
        self.complete = complete


class Argument:
    """A parameter given by its place."""

    def __init__(self, *, metavar: str | None = None, help: str = "", complete: str = "") -> None:
        """Declare an argument; `complete` as in `Option`."""
        self.metavar = metavar
        self.help = help
        self.complete = complete


class Opened:
    """A parameter that is opened for the length of the command, such as its session."""

    def __init__(self, open: Callable[..., AbstractContextManager[Any]], **options: Any) -> None:
        """Declare it.

        `open` takes the command's context, and by their names `options`, each annotated as a
        parameter would be; the command has them behind its own.
        """
        self.open = open
        self.options = options


class Options(dict[str, Any]):
    """Options that several commands share, given to each as one parameter."""

    declared: ClassVar[Mapping[str, Any]] = {}
    """By name, each as a parameter would be annotated."""


def parameters_of(function: Callable[..., None], offers: Offers) -> list[click.Parameter]:
    """Return the parameters that the signature of `function` declares.

    Args:
        function: of the command.
        offers: makes what Click calls for completions, of the kind of a parameter's values.
    """
    found, behind = [], []
    for name, given in inspect.signature(function).parameters.items():
        hint = _hints(function)[name]
        if opened := _opened(hint):
            behind += [_parameter(n, option, None, offers) for n, option in opened.options.items()]
        elif _are_options(hint):
            found += [_parameter(n, option, None, offers) for n, option in hint.declared.items()]
        elif hint is not click.Context:
            found.append(_parameter(name, hint, given.default, offers))
    return found + behind


def called_by_click(function: Callable[..., None]) -> Callable[..., None]:
    """Return what Click may call: several values as a list, none of them as None."""
    signature = inspect.signature(function).parameters
    wants_context = "ctx" in signature
    hints = _hints(function)
    groups = {name: hint for name, hint in hints.items() if _are_options(hint)}
    opened = {name: found for name, hint in hints.items() if (found := _opened(hint))}

    def call(**values: Any) -> None:
        default = {name: parameter.default for name, parameter in signature.items()}
        given = {
            name: (list(value) or default.get(name)) if isinstance(value, tuple) else value
            for name, value in values.items()
        }
        for name, group in groups.items():
            given[name] = {option: given.pop(option) for option in group.declared}
        if wants_context:
            given["ctx"] = click.get_current_context()
        with ExitStack() as stack:
            for name, one in opened.items():
                asked = {option: given.pop(option) for option in one.options}
                context = one.open(click.get_current_context(), **asked)
                given[name] = stack.enter_context(context)
            function(**given)

    return call


def _opened(hint: Any) -> Opened | None:
    found = get_args(hint)[1:] if get_origin(hint) is Annotated else ()
    return next((one for one in found if isinstance(one, Opened)), None)


def _are_options(hint: Any) -> bool:
    return isinstance(hint, type) and issubclass(hint, Options)


@cache
def _hints(declared: Any) -> dict[str, Any]:
    return get_type_hints(declared, include_extras=True)


def _parameter(name: str, hint: Any, default: Any, offers: Offers) -> click.Parameter:
    declared: Option | Argument = Option()
    if get_origin(hint) is Annotated:
        hint, declared, *_ = get_args(hint)
    kind, many = _kind(hint)
    required = default is inspect.Parameter.empty
    given: dict[str, Any] = {
        "type": _type(kind, declared),
        "metavar": declared.metavar,
        "required": required,
    }
    if kind is str and (values := declared.complete or KINDS.get(name)):
        given["shell_complete"] = offers(values)
    if not (required or many):
        given["default"] = default
    if isinstance(declared, Argument):
        return click.Argument([name], nargs=-1 if many else 1, help=declared.help, **given)
    if kind is bool:
        given |= {"is_flag": True, "type": None}
    return click.Option(
        [name, *(declared.names or [f"--{name.replace('_', '-')}"])],
        help=declared.help,
        multiple=many,
        show_default=given.get("default") not in (None, False),
        **given,
        **declared.rest,
    )


def _kind(hint: Any) -> tuple[Any, bool]:
    """Return the type of one value, and whether there may be several."""
    members = [member for member in get_args(hint) if member is not type(None)]
    if get_origin(hint) is list:
        return members[0], True
    if members:  # X | None
        return _kind(members[0])
    return hint, False


def _type(kind: Any, declared: Option | Argument) -> click.ParamType[Any]:
    if kind is int and isinstance(declared, Option) and declared.range != (None, None):
        return click.IntRange(*declared.range)
    if isinstance(declared, Option) and declared.choices:
        return click.Choice(declared.choices)
    if kind is Path:
        return click.Path(path_type=Path)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return click.Choice(kind)
    return click.INT if kind is int else click.STRING
