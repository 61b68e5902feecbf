"""Every command: its name, the function behind it, and examples of its use.

Help, completion and the way from a word to its function read this table; a module of commands is
loaded only when one of its commands is needed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Command(NamedTuple):
    """A command."""

    function: str
    """``module:name`` below ``app.cli``."""
    examples: tuple[str, ...]
    """Lines as they are typed, without the prompt."""
    words: str = ""
    """The first sentence of the function's own, for the list of all commands, which would load
    every module otherwise."""
    answer: str = ""
    """What its JSON holds, or the items of its list, as a name of ``app.cli.fields``."""


class Group(NamedTuple):
    """Commands about one noun."""

    words: str
    """What they are for, in a sentence."""
    commands: Mapping[str, Command]


TICKET = Group(
    "File, show, change and list tickets.",
    {
        "list": Command(
            "commands.tickets:list_tickets",
            (
                "findings ticket list --severity P0 --severity P1 --status open",
                "findings ticket list --evidence reproduced --sort severity --all",
                "findings ticket list --json key,title --jq '.[].key'",
                "findings ticket list --status open --web",
            ),
            answer="SummaryOut",
        ),
        "show": Command(
            "commands.tickets:show_ticket",
            ("findings ticket show B2-DRL-10", "findings ticket show B2-DRL-10 --web"),
            answer="TicketOut",
        ),
        "file": Command(
            "commands.tickets:file_ticket",
            (
                "findings ticket file",
                "findings ticket file --title 'scale ignores its factor' --severity P2 \\",
                "    --batch 2 --agent drl --summary 'It returns its input.'",
                "findings ticket file finding.toml --dry-run",
            ),
            answer="TicketOut",
        ),
        "edit": Command(
            "commands.ticket_life:edit_ticket",
            (
                "findings ticket edit B2-DRL-10 --severity P1 --assignee ada",
                "findings ticket edit B2-DRL-10 --editor",
                "findings ticket edit B2-DRL-10 change.json",
            ),
            answer="TicketOut",
        ),
        "move": Command(
            "commands.ticket_life:move_ticket",
            (
                "findings ticket move B2-DRL-10 investigating",
                "findings ticket move B2-DRL-10 closed --resolution fixed --commit 1a2b3c4",
                "findings ticket move B2-DRL-10 wont-fix --reason 'Legacy, removed in June.'",
            ),
            answer="TicketOut",
        ),
        "relate": Command(
            "commands.ticket_life:relate_tickets",
            (
                "findings ticket relate B2-DRL-10 blocks:B2-DRL-11",
                "findings ticket relate B2-DRL-10 related:B1-PT-4 --note 'the same cause'",
                "findings ticket relate B2-DRL-10 blocks:B2-DRL-11 --remove",
            ),
            answer="TicketOut",
        ),
        "search": Command(
            "commands.discovery:search_tickets",
            (
                "findings ticket search gradient clipping",
                "findings ticket search 'blend multiply' -- -kasmina",
            ),
            answer="SummaryOut",
        ),
        "next": Command(
            "commands.discovery:next_step",
            ("findings ticket next B2-DRL-10", "findings ticket next B2-DRL-10 --json"),
        ),
        "similar": Command(
            "commands.discovery:similar_tickets", ("findings ticket similar B2-DRL-10",)
        ),
        "history": Command(
            "commands.tickets:history",
            ("findings ticket history B2-DRL-10",),
            answer="AuditEventOut",
        ),
    },
)

REVIEW = Group(
    "Record and list cross-reviews, and end objections.",
    {
        "add": Command(
            "commands.reviews:add_review",
            (
                "findings review add B2-DRL-10 --verdict ENDORSE --rationale 'Seen on CPU.'",
                "findings review add B2-DRL-10 --verdict OBJECT --rationale-file why.md",
                "findings review add B2-DRL-10 --from reviews.toml --specialist pytorch",
            ),
            answer="ReviewOut",
        ),
        "list": Command(
            "commands.reviews:list_reviews",
            ("findings review list B2-DRL-10", "findings review list B2-DRL-10 --all"),
            answer="ReviewOut",
        ),
        "apply": Command(
            "commands.review_life:apply_review",
            ("findings review apply B2-DRL-10 pytorch",),
            answer="TicketOut",
        ),
        "answer": Command(
            "commands.review_life:answer_review",
            ("findings review answer B2-DRL-10 pytorch withdrawn --reason 'I misread it.'",),
            answer="ReviewOut",
        ),
        "confirm": Command(
            "commands.review_life:confirm_review",
            ("findings review confirm B2-DRL-10 pytorch",),
            answer="ReviewOut",
        ),
    },
)

QUEUE = Group(
    "Tickets that want your review.",
    {
        "list": Command(
            "commands.queue:list_queue",
            ("findings queue list --specialist pytorch",),
            answer="QueuedOut",
        ),
        "next": Command("commands.queue:next_ticket", ("findings queue next --minutes 60",)),
        "claim": Command(
            "commands.queue:claim",
            ("findings queue claim --count 5", "findings queue claim B2-DRL-10 B2-DRL-11"),
        ),
        "release": Command(
            "commands.queue:release",
            ("findings queue release", "findings queue release B2-DRL-10"),
        ),
    },
)

TEST = Group(
    "The tests that can be run, and their tickets.",
    {
        "list": Command(
            "commands.tests:list_tests",
            ("findings test list", "findings test list B2-DRL-10"),
            answer="CatalogueTestOut",
        ),
        "link": Command(
            "commands.tests:link_test",
            (
                "findings test link B2-DRL-10 tests/verification/test_ops.py::test_scale",
                "findings test link B2-DRL-10 tests/verification/test_ops.py --purpose guards",
            ),
        ),
        "unlink": Command(
            "commands.tests:unlink_test",
            ("findings test unlink B2-DRL-10 tests/verification/test_ops.py::test_scale",),
        ),
        "sync": Command("commands.tests:sync_tests", ("findings test sync",)),
        "new": Command(
            "commands.submitted:new_test",
            ("findings test new B2-DRL-10", "findings test new B2-DRL-10 --out test_scale.py"),
        ),
        "submit": Command(
            "commands.submitted:submit_test",
            ("findings test submit B2-DRL-10 test_b2_drl_10.py",),
        ),
        "source": Command(
            "commands.submitted:show_source",
            ("findings test source B2-DRL-10 test_scale.py > test_scale.py",),
        ),
        "promote": Command(
            "commands.submitted:promote_test", ("findings test promote B2-DRL-10 | git apply",)
        ),
    },
)

PATCH = Group(
    "The fix of a ticket, and the defects its tests must catch.",
    {
        "put": Command(
            "commands.patches:put_patch",
            (
                "findings patch put B2-DRL-10 defect defect.diff",
                "git diff | findings patch put B2-DRL-10 fix -",
            ),
        ),
        "show": Command(
            "commands.patches:show_patch",
            ("findings patch show B2-DRL-10 fix", "findings patch show B2-DRL-10 fix | git apply"),
        ),
        "remove": Command(
            "commands.patches:remove_patch", ("findings patch remove B2-DRL-10 defect-2",)
        ),
    },
)

RUN = Group(
    "Show, list and cancel runs.",
    {
        "list": Command(
            "commands.runs:list_runs",
            (
                "findings run list --ticket B2-DRL-10",
                "findings run list --status queued --status running",
            ),
            answer="RunSummaryOut",
        ),
        "show": Command(
            "commands.runs:show_run",
            ("findings run show 0198c1f2", "findings run show 0198c1f2 --wait"),
            answer="RunOut",
        ),
        "cancel": Command(
            "commands.runs:cancel_run", ("findings run cancel 0198c1f2",), answer="RunOut"
        ),
    },
)

NOTE = Group(
    "Remarks on a ticket.",
    {
        "add": Command(
            "commands.notes:add_note",
            (
                "findings note add B2-DRL-10",
                "findings note add B2-DRL-10 'Seen again in the nightly run.'",
                "findings note add B2-DRL-10 - < note.md",
            ),
            answer="NoteOut",
        ),
        "list": Command(
            "commands.notes:list_notes", ("findings note list B2-DRL-10",), answer="NoteOut"
        ),
    },
)

ACCOUNT = Group(
    "Who may do what.",
    {
        "list": Command(
            "commands.account_admin:list_accounts", ("findings account list",), answer="AccountOut"
        ),
        "show": Command(
            "commands.account_admin:show_account",
            ("findings account show ada",),
            answer="AccountOut",
        ),
        "create": Command(
            "commands.accounts:create_account",
            (
                "findings account create ada --role maintainer",
                "findings account create pt-bot --role reviewer --speaks-for pytorch",
            ),
            answer="AccountOut",
        ),
        "edit": Command(
            "commands.account_admin:edit_account",
            ("findings account edit ada --role admin --display-name 'Ada L.'",),
            answer="AccountOut",
        ),
        "disable": Command(
            "commands.account_admin:disable_account",
            ("findings account disable ada",),
            answer="AccountOut",
        ),
        "enable": Command(
            "commands.account_admin:enable_account",
            ("findings account enable ada",),
            answer="AccountOut",
        ),
        "login-link": Command(
            "commands.account_admin:make_login_link", ("findings account login-link ada",)
        ),
    },
)

TOKEN = Group(
    "Make, list and revoke tokens.",
    {
        "create": Command(
            "commands.accounts:create_token",
            (
                "findings token create --label laptop --expires 90",
                "export FINDINGS_TOKEN=$(findings token create pt-bot)",
            ),
            answer="TokenOut",
        ),
        "list": Command(
            "commands.accounts:list_tokens", ("findings token list",), answer="TokenOut"
        ),
        "revoke": Command(
            "commands.accounts:revoke_token",
            ("findings token revoke 0198c1f2-5d0e-7c3a-9a51-2f6d1c0b7e44",),
        ),
    },
)

TARGET = Group(
    "The packages whose findings are tracked and run.",
    {
        "add": Command(
            "service_targets:add_target",
            (
                "findings target add ~/src/acme",
                "findings target add ~/src/acme --python ~/envs/acme/bin/python --domain acme",
            ),
        ),
        "list": Command("commands.targets:list_targets", ("findings target list",)),
        "show": Command("commands.targets:show_target", ("findings target show acme",)),
        "doctor": Command("service_targets:doctor_target", ("findings target doctor acme",)),
        "sync": Command("commands.tests:sync_tests", ("findings target sync acme",)),
    },
)

SECTIONS: Mapping[str, Mapping[str, Command | Group]] = {
    "Tickets": {
        "ticket": TICKET,
        "review": REVIEW,
        "queue": QUEUE,
        "note": NOTE,
        "batch": Command(
            "commands.batches:file_batch",
            ("findings batch tickets.jsonl --dry-run", "findings batch - --atomic < tickets.json"),
            "File many tickets, at most 500; relations may name other items by their `ref`.",
        ),
        "history": Command(
            "commands.tickets:history",
            ("findings history B2-DRL-10",),
            "Show what happened to a ticket, oldest first.",
            answer="AuditEventOut",
        ),
        "changes": Command(
            "commands.discovery:changes",
            ("findings changes --mine", "findings changes --follow --json"),
            "Show what happened to all tickets, oldest first; with --follow from now on.",
            answer="AuditEventOut",
        ),
    },
    "Verification": {
        "verify": Command(
            "commands.runs:verify",
            (
                "findings verify B2-DRL-10",
                "findings verify B2-DRL-10 --proof --repeat 3",
                "findings verify B2-DRL-10 --watch",
            ),
            "Run the tests of a ticket and wait for the result.",
            answer="RunOut",
        ),
        "source": Command(
            "commands.guide:show_source",
            ("findings source kasmina/blend_ops.py:59-94", "findings source"),
            "Show lines of the package under test or of its suite, or list the files.",
        ),
        "run": RUN,
        "test": TEST,
        "target": TARGET,
        "patch": PATCH,
        "load-patches": Command(
            "commands.patches:load_patches",
            ("findings load-patches B2-DRL-10", "findings load-patches B2-DRL-10 --from defects/"),
            "Store the suite's own defect patches with a ticket.",
        ),
    },
    "In and out": {
        "import": Command(
            "commands.exchange:import_documents",
            (
                "findings import audit/",
                "findings import audit/ --dry-run --on-conflict update",
                "findings import bandit.sarif --complete",
                "findings import export.jsonl",
            ),
            "Import tickets from Markdown documents, SARIF reports, or a whole export from JSON "
            "Lines.",
            answer="ImportItemOut",
        ),
        "export": Command(
            "commands.exchange:export_tickets",
            (
                "findings export --format markdown --out audit.zip",
                "findings export --format csv > tickets.csv",
                "findings export --format sarif --suppressed omit > open.sarif",
            ),
            "Export tickets as Markdown documents, JSON Lines, SARIF or a table, as it comes.",
        ),
        "report": Command(
            "commands.report:make_report",
            ("findings report --out report.html", "findings report --out - | gzip > report.gz"),
            "Write a report: the charts and lists of the start page as one HTML file.",
        ),
        "stats": Command(
            "commands.stats:show_stats",
            ("findings stats --weeks 4",),
            "Show figures by severity, status, evidence, specialist and week.",
        ),
        "load-examples": Command(
            "commands.examples:load_examples",
            ("findings load-examples", "findings load-examples --no-run"),
            "File the example tickets with reviews and defect patches, and prove them all.",
        ),
    },
    "Access": {
        "login": Command(
            "commands.login:log_in",
            (
                "findings login https://findings.example",
                "findings login https://findings.example --name work < token-file",
            ),
            "Log in to a service with a token, and use it from now on.",
        ),
        "logout": Command(
            "commands.login:log_out",
            ("findings logout work",),
            "Forget a service and its token; the token itself stays good until it is revoked.",
        ),
        "servers": Command(
            "commands.login:list_servers",
            ("findings servers",),
            "List the services that are known, without their tokens.",
        ),
        "whoami": Command(
            "commands.accounts:whoami",
            ("findings whoami",),
            "Show whom your token stands for.",
            answer="AccountOut",
        ),
        "account": ACCOUNT,
        "token": TOKEN,
    },
    "Help": {
        "mcp": Command(
            "commands.mcp:serve_tools",
            ("findings mcp",),
            "Serve the tools for agents (Model Context Protocol) on standard input and output.",
        ),
        "guide": Command(
            "commands.guide:print_guide",
            ("findings guide",),
            "Print the page that leads from filing to proof by the API, as it is at /llms.txt.",
        ),
        "help": Command(
            "commands.help:explain",
            ("findings help proven", "findings help ticket move", "findings help"),
            "Explain a word of this service, or show how a command is used.",
        ),
        "completion": Command(
            "commands.completion:print_script",
            (
                'eval "$(findings completion bash)"',
                "findings completion fish > ~/.config/fish/completions/findings.fish",
            ),
            "Print what makes a shell complete commands, options and values.",
        ),
    },
    "The service itself": {
        "init": Command(
            "service_targets:init",
            ("findings init", "findings init ~/src/acme --suite tests/findings"),
            "Declare the project in this folder as a target, with a first test of its findings.",
        ),
        "serve": Command(
            "service:serve",
            ("findings serve", "findings serve --port 8080 --data-dir ~/audit --workers 2"),
            "Start the service with its worker, and its own database unless DATABASE_URL is set.",
        ),
        "worker": Command(
            "service:worker",
            ("DATABASE_URL=postgresql://… findings worker",),
            "Execute queued runs; as many such processes as wanted, on any machine.",
        ),
        "migrate": Command(
            "service:migrate",
            ("DATABASE_URL=postgresql://… findings migrate",),
            "Bring the schema of the database in DATABASE_URL to this version.",
        ),
        "backup": Command(
            "service:backup",
            ("findings backup findings.backup",),
            "Write everything the service knows into FILE; it may go on running meanwhile.",
        ),
        "restore": Command(
            "service:restore",
            ("findings restore findings.backup", "findings restore findings.backup --force"),
            "Fill the database of DATABASE_URL, or the embedded one, from a backup.",
        ),
        "doctor": Command(
            "service:doctor",
            ("findings doctor", "findings doctor --json"),
            "Say what is in force and what is broken; exit code 1 when something is.",
        ),
    },
}
"""Commands in the order and under the headings in which help shows them."""
