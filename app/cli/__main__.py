"""``python -m app.cli`` does what ``findings`` does."""

from app.cli.main import run

run()
