"""``findings mcp``: the tools for agents on standard input and output."""

from __future__ import annotations

import click

from app.cli.session import opened


def serve_tools(ctx: click.Context) -> None:
    """Serve the tools for agents (Model Context Protocol) on standard input and output.

    A client starts it itself; over HTTP the service has the same tools at /mcp.
    """
    from app.cli.remote import Remote  # both are large, and of use here only
    from app.mcp.stdio import serve

    with opened(ctx, as_json=None) as session:
        serve(Remote(session.server))
