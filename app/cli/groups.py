"""Commands about one noun, each group under its name."""

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
            "commands.filing:file_ticket",
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

ORDER = Group(
    "Work that is wanted on tickets, and judged by a run.",
    {
        "list": Command(
            "commands.orders:list_orders",
            ("findings order list --status open", "findings order list --ticket B2-DRL-10"),
            answer="WorkOrderOut",
        ),
        "show": Command(
            "commands.orders:show_order", ("findings order show 01a2",), answer="WorkOrderOut"
        ),
        "place": Command(
            "commands.orders:place_order",
            (
                "findings order place reproduce B2-DRL-10 --note 'On CPU.'",
                "findings order place assess B2-DRL-10 --specialist pytorch",
            ),
            answer="WorkOrderOut",
        ),
        "claim": Command(
            "commands.orders:claim_order",
            ("findings order claim", "findings order claim reproduce fix --minutes 60"),
        ),
        "submit": Command(
            "commands.orders:submit_order",
            (
                "findings order submit 01a2 --test test_scale.py --wait",
                "findings order submit 01a2 --patch fix.diff --wait",
                "findings order submit 01a2 --verdict ENDORSE --rationale 'Seen.'",
            ),
            answer="WorkOrderOut",
        ),
        "release": Command(
            "commands.orders:release_order",
            ("findings order release 01a2",),
            answer="WorkOrderOut",
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
        "report": Command(
            "commands.tests:report_result",
            (
                "findings test report B2-DRL-10 tests/test_ops.py::test_scale failed \\",
                "    --source ci/nightly --commit 4f2a9c1",
            ),
            answer="ExternalResultOut",
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
            (
                "findings run show 0198c1f2",
                "findings run show 0198c1f2 --wait",
                "findings run show 0198c1f2 --by-hand > repeat.txt",
            ),
            answer="RunOut",
        ),
        "results": Command(
            "commands.runs:list_results",
            (
                "findings run results 0198c1f2 --outcome failed",
                "findings run results 0198c1f2 --arm after --all --json",
            ),
            answer="PlacedResultOut",
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
        "delete": Command(
            "commands.notes:delete_note", ("findings note delete B2-DRL-10 0199c2b4-7c1e",)
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

SPECIALIST = Group(
    "The points of view that reviews are written from.",
    {
        "list": Command(
            "commands.specialists:list_specialists",
            ("findings specialist list",),
            answer="SpecialistOut",
        ),
        "add": Command(
            "commands.specialists:add_specialist",
            ("findings specialist add security --code SEC --label 'Security Specialist'",),
            answer="SpecialistOut",
        ),
        "edit": Command(
            "commands.specialists:edit_specialist",
            (
                "findings specialist edit security --blind",
                "findings specialist edit security --label 'Security' --not-blind",
            ),
            answer="SpecialistOut",
        ),
    },
)

VIEW = Group(
    "Filters and orders of the list of tickets, saved under names.",
    {
        "list": Command("commands.views:list_views", ("findings view list",), answer="ViewOut"),
        "save": Command(
            "commands.views:save_view",
            (
                "findings view save grave --severity P0 --severity P1 --status open",
                "findings view save closable --closable --sort severity --shared",
            ),
            answer="ViewOut",
        ),
        "delete": Command("commands.views:delete_view", ("findings view delete grave",)),
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
        "revisions": Command(
            "commands.targets:list_revisions", ("findings target revisions acme --from v1.2",)
        ),
        "doctor": Command("service_targets:doctor_target", ("findings target doctor acme",)),
        "sync": Command("commands.tests:sync_tests", ("findings target sync acme",)),
    },
)
