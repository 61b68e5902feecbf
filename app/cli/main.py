"""The command ``findings``: everything put together, and how any command ends."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Annotated

import typer
from typer.main import get_command

from app.cli import service
from app.cli.commands import (
    account_admin,
    accounts,
    batches,
    discovery,
    examples,
    exchange,
    notes,
    patches,
    queue,
    report,
    review_life,
    reviews,
    runs,
    stats,
    submitted,
    tests,
    ticket_life,
    tickets,
)
from app.cli.errors import (
    EXIT_PIPE,
    EXIT_STOPPED,
    EXIT_USAGE,
    CliError,
    PipeClosed,
    Refused,
)
from app.cli.output import Output, say
from app.cli.session import Globals
from app.cli.text import sentence

app = typer.Typer(
    name="findings",
    no_args_is_help=True,
    # Help without frames reads the same on a terminal, in a pipe and in the manual.
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import PackageNotFoundError, version  # rare

        try:
            typer.echo(f"findings {version('findings')}")
        except PackageNotFoundError:
            typer.echo("findings (not installed)")
        raise typer.Exit


@app.callback()
def _main(
    ctx: typer.Context,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the service's JSON instead.")
    ] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Track findings of code audits, cross-review them, and prove them by running tests.

    FINDINGS_URL and FINDINGS_TOKEN say which service to talk to, and as whom. With FINDINGS_URL
    unset it is the service of this machine, with the admin token that its start left.

    The exit code is 0 for yes, 1 when the answer is no, 2 for wrong input or what is not found,
    3 when you may not, 4 when the service is away.
    """
    ctx.obj = Globals(as_json=as_json)


def _register() -> None:
    for name, group, words in (
        ("ticket", tickets.app, "File, show, change and list tickets."),
        ("review", reviews.app, "Record and list cross-reviews, and end objections."),
        ("queue", queue.app, "Tickets that want your review."),
        ("test", tests.app, "The tests that can be run, and their tickets."),
        ("patch", patches.app, "The fix of a ticket, and the defects its tests must catch."),
        ("run", runs.app, "Show, list and cancel runs."),
        ("note", notes.app, "Remarks on a ticket."),
        ("account", accounts.account_app, "Who may do what."),
        ("token", accounts.token_app, "Make, list and revoke tokens."),
    ):
        app.add_typer(group, name=name, help=words)
    reviews.app.command("apply")(review_life.apply_review)
    reviews.app.command("answer")(review_life.answer_review)
    reviews.app.command("confirm")(review_life.confirm_review)
    accounts.account_app.command("list")(account_admin.list_accounts)
    accounts.account_app.command("show")(account_admin.show_account)
    accounts.account_app.command("edit")(account_admin.edit_account)
    accounts.account_app.command("disable")(account_admin.disable_account)
    accounts.account_app.command("enable")(account_admin.enable_account)
    accounts.account_app.command("login-link")(account_admin.make_login_link)
    app.command("stats")(stats.show_stats)
    tickets.app.command("edit")(ticket_life.edit_ticket)
    tickets.app.command("move")(ticket_life.move_ticket)
    tickets.app.command("relate")(ticket_life.relate_tickets)
    tickets.app.command("history")(tickets.history)
    app.command("report")(report.make_report)
    tickets.app.command("search")(discovery.search_tickets)
    tickets.app.command("similar")(discovery.similar_tickets)
    app.command("batch")(batches.file_batch)
    app.command("changes")(discovery.changes)
    tests.app.command("new")(submitted.new_test)
    tests.app.command("submit")(submitted.submit_test)
    tests.app.command("promote")(submitted.promote_test)
    app.command("verify")(runs.verify)
    app.command("load-patches")(patches.load_patches)
    app.command("import")(exchange.import_documents)
    app.command("export")(exchange.export_tickets)
    app.command("load-examples")(examples.load_examples)
    app.command("history")(tickets.history)
    app.command("whoami")(accounts.whoami)
    app.add_typer(service.app)


_register()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code; errors are said in one line on standard error."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    command = get_command(app)
    try:
        result = command.main(args=words, prog_name="findings", standalone_mode=False)
        sys.stdout.flush()
    except (PipeClosed, BrokenPipeError):
        # What is still in the buffer has no reader; without this the interpreter would complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_PIPE
    except CliError as error:
        if isinstance(error, Refused) and error.problem is not None and "--json" in words:
            Output(as_json=True).json(error.problem)
        say(f"findings: {error}")
        return error.code
    except typer.TyperException as error:
        return _usage(error)
    except typer.Abort:
        say("findings: stopped.")
        return EXIT_STOPPED
    return result if isinstance(result, int) else 0


def _usage(error: typer.TyperException) -> int:
    context = getattr(error, "ctx", None)
    text = error.format_message()
    if type(error).__name__ == "NoArgsIsHelpError":
        print(text, file=sys.stderr)
        return EXIT_USAGE
    path = context.command_path if context is not None else "findings"
    say(f"findings: {sentence(text.rstrip('.'))} See `{path} --help`.")
    return EXIT_USAGE


def run() -> None:
    """Entry point of the installed command."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            # A terminal that cannot show a character gets its number, not a traceback.
            stream.reconfigure(errors="backslashreplace")
    sys.exit(main())


if __name__ == "__main__":
    run()
