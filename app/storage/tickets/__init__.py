"""Tickets: filed, edited, listed, searched and shown."""
