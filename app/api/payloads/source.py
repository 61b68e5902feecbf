"""Source out."""

from __future__ import annotations

from pydantic import Field

from app.api.payloads.fields import Output


class SourceOut(Output):
    """Lines of a file of a target, as it is now."""

    target: str = Field(examples=["kasmina"])
    path: str = Field(
        description="Relative to the target's root.", examples=["kasmina/blend_ops.py"]
    )
    revision: str | None = Field(description="Null for a folder, which has none.")
    digest: str = Field(description="SHA-256 of the whole file.")
    total_lines: int = Field(description="Of the whole file.")
    start: int = Field(description="Number of the first line shown, counted from 1.")
    lines: list[str] = Field(description="Without their ends.")
    next_line: int | None = Field(
        description="The first line asked for that had no room; null where all are here."
    )


class SourceFilesOut(Output):
    """The files of a target that can be read."""

    target: str
    items: list[str] = Field(description="Paths relative to the target's root, sorted.")
    next_cursor: str | None = None


class PlaceSourceOut(Output):
    """The lines that a location names with five around them, or why they cannot be shown."""

    location: str | None = Field(description="Its id.")
    excerpt: SourceOut | None
    reason: str | None = Field(description="Why there is no excerpt.")
    filed: list[str] | None = Field(
        None, description="The lines as they were when the finding was filed."
    )
