"""The command ``findings``: everything put together, and how any command ends."""

from __future__ import annotations

import errno
import os
import re
import sys
from collections.abc import Sequence
from typing import Annotated

import click

from app import __version__
from app.cli.commanding import root
from app.cli.errors import (
    EXIT_PIPE,
    EXIT_STOPPED,
    EXIT_USAGE,
    CliError,
    OutputLost,
    PipeClosed,
    Refused,
)
from app.cli.output import Output, say, written
from app.cli.session import Globals, JsonFlag
from app.cli.signature import Option
from app.cli.text import sentence


def _version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        click.echo(f"findings {__version__}")
        ctx.exit()


def _main(
    ctx: click.Context,
    as_json: JsonFlag = None,
    server: Annotated[
        str | None,
        Option(metavar="NAME", help="A service that you logged in to.", complete="server"),
    ] = None,
    version: Annotated[
        bool, Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Track findings of code audits, cross-review them, and prove them by running tests.

    `findings login` says which service to talk to, and as whom; FINDINGS_URL and FINDINGS_TOKEN
    outweigh it. With none of them it is the service of this machine, with the admin token that its
    start left.

    The exit code is 0 for yes, 1 when the answer is no, 2 for wrong input or what is not found,
    3 when you may not, 4 when the service is away.
    """
    ctx.obj = Globals(as_json=as_json, server=server)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code; errors are said in one line on standard error."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if "_FINDINGS_COMPLETE" in os.environ:
        from app.cli.shells import prepare  # a shell asks for completions

        prepare()
    try:
        result = root(_main).main(args=words, prog_name="findings", standalone_mode=False)
        with written():
            sys.stdout.flush()
    except (PipeClosed, BrokenPipeError):
        _discard_output()
        return EXIT_PIPE
    except CliError as error:
        if isinstance(error, OutputLost):
            _discard_output()
        if isinstance(error, Refused) and error.problem is not None and _wants_json(words):
            Output().problem(error.problem)
        say(f"findings: {error}")
        return error.code
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EIO):
            raise
        _discard_output()  # it was Click that printed
        say(f"findings: the output cannot be written: {error.strerror}.")
        return EXIT_USAGE
    except click.ClickException as error:
        return _usage(error)
    except click.Abort:
        say("findings: stopped.")
        return EXIT_STOPPED
    return result if isinstance(result, int) else 0


def _discard_output() -> None:
    """Drop what is still in the buffer: the interpreter would complain that it has no reader."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _wants_json(words: Sequence[str]) -> bool:
    return any(word.partition("=")[0] in ("--json", "--jq") for word in words)


def _usage(error: click.ClickException) -> int:
    context = getattr(error, "ctx", None)
    text = error.format_message()
    if type(error).__name__ == "NoArgsIsHelpError":
        print(text, file=sys.stderr)
        return EXIT_USAGE
    path = context.command_path if context is not None else "findings"
    text = re.sub(r" \((Did you mean .*)\)$", r" \1", text.rstrip("."))
    say(f"findings: {sentence(text)} See `{path} --help`.")
    return EXIT_USAGE


def run() -> None:
    """Entry point of the installed command."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by whoever called
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115  # till the end
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            # A terminal that cannot show a character gets its number, not a traceback.
            stream.reconfigure(errors="backslashreplace")
    sys.exit(main())


if __name__ == "__main__":
    run()
