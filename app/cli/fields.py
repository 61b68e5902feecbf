"""The fields that answers of the service have, for ``--json`` and its completion.

The service is asked for them nowhere: a test holds this table against the OpenAPI document.
"""

from __future__ import annotations

from collections.abc import Mapping

from app.domain.document import DOCUMENT, LISTED

_SUMMARY = (
    f"key {' '.join(LISTED)} severity_raw status resolution target evidence strength consensus "
    "version created_at updated_at created_by"
)
_TICKET = (
    f"key {' '.join(DOCUMENT)} severity_raw status resolution target relocated unknown_commits "
    "reviews consensus verdicts_hidden evidence known signals tests patches strength "
    "external_results testability closure gate version created_at updated_at created_by"
)
_RUN = (
    "id ticket target kind status outcome reason requested_by attempt queued_at started_at "
    "finished_at repeats reused_from"
)

FIELDS: Mapping[str, tuple[str, ...]] = {
    name: tuple(words.split())
    for name, words in {
        "SummaryOut": _SUMMARY,
        "QueuedOut": f"{_SUMMARY} lease",
        "TicketOut": _TICKET,
        "ReviewOut": "id specialist verdict rationale author on_behalf created_at ticket_version "
        "outdated claim fix proposed_severity amendment evidence provenance superseded_by answer "
        "applied",
        "RunSummaryOut": _RUN,
        "RunOut": f"{_RUN} arms also_broken strength minimised revisions compared not_comparable "
        "authors environment hints hint by_hand",
        "PlacedResultOut": "arm node_id outcome phase duration_s message traceback stdout repeat "
        "mode cause file line signature skipped_subtests log warnings properties",
        "MutantOut": "digest path line operator function diff outcome killed_by how "
        "suite_killed_by by_fix took_s reused verdict verdict_reason verdict_by",
        "BisectionOut": "id ticket target direction status outcome reason first last intervals "
        "confidence from to first_parent stale requested_by queued_at started_at finished_at runs "
        "steps revisions",
        "CalibrationRowOut": "who n right wrong abstained low high",
        "CatalogueTestOut": "node_id path doc findings digest purpose last_outcome flakes "
        "last_flake_at warnings",
        "AccountOut": "id name role speaks_for display_name blind blind_as created_at disabled "
        "disabled_at",
        "SpecialistOut": "name code label blind",
        "TokenOut": "id account label created_at expires_at revoked_at last_used_at role",
        "WorkOrderOut": "id kind ticket status specialist mutant note created_by created_at "
        "claimed_by lease_expires_at run reason",
        "NoteOut": "id author body created_at",
        "RestoredOut": "restored",
        "AuditEventOut": "id ticket at actor action changes request_id",
        "ExternalResultOut": "id node_id outcome source commit url message passes failures "
        "duration_s ran_at reported_at reported_by",
        "ViewOut": "id name owner filters sort shared query created_at updated_at",
        "ImportItemOut": "source_path key result line reason warnings changes",
    }.items()
}
"""By the name of the schema in the OpenAPI document; of a list, that of its items."""
