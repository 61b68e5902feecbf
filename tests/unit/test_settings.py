"""Settings that belong together are read together, or refused with the reason."""

from __future__ import annotations

from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict

from app.config import load_settings
from app.errors import StartupError

URL = "postgresql://findings@db.example:5432/findings"


@pytest.mark.parametrize("password", ["abc", "a@b:c/d%20 ü?#"])
def test_the_password_of_the_database_may_be_in_a_file(tmp_path: Path, password: str) -> None:
    file = tmp_path / "password"
    file.write_text(f"{password}\n")

    settings = load_settings(database_url=URL, database_password_file=file)

    assert settings.database_url is not None
    url = settings.database_url.get_secret_value()
    assert url.startswith("postgresql://findings:")
    assert url.endswith("@db.example:5432/findings")
    assert password not in repr(settings)
    assert parsed_password(url) == password


def parsed_password(url: str) -> object:
    return conninfo_to_dict(url)["password"]


def test_a_password_file_that_cannot_serve_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "password"
    for given, reason in [
        ({"database_url": URL}, "cannot be read"),
        ({}, "needs DATABASE_URL"),
        ({"database_url": URL.replace("findings@", "findings:x@")}, "leave it out there"),
    ]:
        with pytest.raises(StartupError, match=reason):
            load_settings(database_password_file=file, **given)
