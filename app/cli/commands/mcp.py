"""``findings mcp``: the tools for agents on standard input and output."""

from __future__ import annotations

from app.cli.session import PlainSession


def serve_tools(session: PlainSession) -> None:
    """Serve the tools for agents (Model Context Protocol) on standard input and output.

    A client starts it itself; over HTTP the service has the same tools at /mcp.
    """
    from app.cli.remote import Remote  # both are large, and of use here only
    from app.mcp.stdio import serve

    serve(Remote(session.server))
