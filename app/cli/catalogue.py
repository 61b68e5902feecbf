"""Every command: its name, the function behind it, and examples of its use.

Help, completion and the way from a word to its function read this table; a module of commands is
loaded only when one of its commands is needed.
"""

from __future__ import annotations

from collections.abc import Mapping

from app.cli import groups
from app.cli.groups import Command, Group

__all__ = ["SECTIONS", "Command", "Group"]

SECTIONS: Mapping[str, Mapping[str, Command | Group]] = {
    "Tickets": {
        "ticket": groups.TICKET,
        "review": groups.REVIEW,
        "queue": groups.QUEUE,
        "order": groups.ORDER,
        "note": groups.NOTE,
        "undo": Command(
            "commands.notes:undo",
            ("findings undo B2-DRL-10",),
            "Put back what you removed last from a ticket: a patch, a linked test or a note.",
            answer="RestoredOut",
        ),
        "view": groups.VIEW,
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
                "findings verify B7-DRL-01 --proof --before 4f2a9c1~1 --after 4f2a9c1",
                "findings verify B2-DRL-10 --watch",
            ),
            "Run the tests of a ticket and wait for the result.",
            answer="RunOut",
        ),
        "sweep": Command(
            "commands.sweeps:sweep",
            (
                "findings sweep --wait",
                "findings sweep acme --revision v1.2 --wait",
                "findings sweep --show 0198c1f2 --wait",
            ),
            "Look again at every ticket of a target that tests are linked with.",
        ),
        "strength": Command(
            "commands.strength:measure",
            (
                "findings strength B2-DRL-10",
                "findings strength B2-DRL-10 --budget 300 --scope file",
                "findings strength --all",
            ),
            "Measure which small changes of what a ticket is about its tests notice.",
            answer="RunOut",
        ),
        "mutant": Command(
            "commands.strength:judge_mutant",
            ("findings mutant B2-DRL-10 9f2c41d0a7b3 equivalent --because 'A bound.'",),
            "Say of a survivor that it changes nothing, or that no test is wanted for it.",
            answer="MutantOut",
        ),
        "minimise": Command(
            "commands.minimise:minimise",
            (
                "findings minimise B2-DRL-10 fix",
                "findings minimise B2-DRL-10 fix --budget 300 --out smaller.patch",
            ),
            "Reduce the fix of a ticket to what still makes the same tests pass.",
            answer="RunOut",
        ),
        "bisect": Command(
            "commands.bisections:bisect",
            (
                "findings bisect B7-DRL-01",
                "findings bisect B7-DRL-01 --fixed --from v1.2 --to main",
                "findings bisect --show 0198c1f2",
            ),
            "Find the commit that brought a defect in, or that fixed it.",
            answer="BisectionOut",
        ),
        "source": Command(
            "commands.guide:show_source",
            ("findings source kasmina/blend_ops.py:59-94", "findings source"),
            "Show lines of the package under test or of its suite, or list the files.",
        ),
        "run": groups.RUN,
        "test": groups.TEST,
        "target": groups.TARGET,
        "patch": groups.PATCH,
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
                "findings import junit.xml --source ci/nightly --commit 4f2a9c1",
                "findings import export.jsonl",
            ),
            "Import documents, reports of scanners (SARIF) and of CI (JUnit), or a whole export.",
            answer="ImportItemOut",
        ),
        "export": Command(
            "commands.exchange:export_tickets",
            (
                "findings export --format markdown --out audit.zip",
                "findings export --format csv > tickets.csv",
                "findings export --format sarif --suppressed omit > open.sarif",
            ),
            "Export tickets as documents or in another format, as it comes.",
        ),
        "relocate": Command(
            "commands.relocate:relocate",
            ("findings relocate ../checkout", "findings relocate . --status open --agent drl"),
            "Show where the code of findings is in a checkout that is no target; nothing is "
            "stored.",
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
        "calibration": Command(
            "commands.calibration:show_calibration",
            ("findings calibration", "findings calibration --by model"),
            "Show how often reviewers were right before anything was run.",
            answer="CalibrationRowOut",
        ),
        "load-examples": Command(
            "commands.examples:load_examples",
            ("findings load-examples", "findings load-examples --no-run"),
            "File the example tickets with reviews, tests and patches, and run them all.",
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
        "account": groups.ACCOUNT,
        "specialist": groups.SPECIALIST,
        "token": groups.TOKEN,
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
