"""The commands that write and check the file of targets; they work without the service."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import click

from app.cli.service import settings_in_force, show_diagnoses
from app.cli.session import JsonFlag
from app.cli.signature import Argument, Option

if TYPE_CHECKING:
    from app.config import Settings
    from app.targets.adding import Entry

Name = Annotated[str | None, Option(metavar="NAME", help="Else the project's name, as a slug.")]
Packages = Annotated[
    list[str] | None,
    Option("--package", metavar="FOLDER", help="With the code, relative to PATH; repeatable."),
]
Suites = Annotated[
    list[str] | None,
    Option(
        "--suite",
        metavar="FOLDER",
        help="With the tests, relative to PATH; repeatable; else the one that is there.",
    ),
]
Python = Annotated[
    str | None,
    Option(metavar="FILE", help="Its interpreter; else that of its .venv, else the service's."),
]
Revision = Annotated[
    str | None,
    Option(
        metavar="REV",
        help="Of a git repository: the branch, tag or commit that is run; else its files.",
    ),
]
Domains = Annotated[
    list[str] | None,
    Option("--domain", metavar="DOMAIN", help="Of the tickets it covers; repeatable; else NAME."),
]


def add_target(
    ctx: click.Context,
    path: Annotated[Path, Argument(help="The project's folder, or a git repository.")],
    name: Name = None,
    revision: Revision = None,
    packages: Packages = None,
    suites: Suites = None,
    python: Python = None,
    domains: Domains = None,
    as_json: JsonFlag = None,
) -> None:
    """Declare a project as a target, and say whether it can be run.

    Looks at the folder (pyproject.toml, src layout, .venv, tests), or at what a bare repository
    or --revision holds, writes an entry into the file that FINDINGS_TARGETS names, and checks it.
    A service that runs takes it up by itself.
    """
    _declare(ctx, as_json, path, name, packages, suites, python, domains, revision=revision)


def init(
    ctx: click.Context,
    path: Annotated[
        Path | None, Argument(metavar="[PATH]", help="The project's folder; else this one.")
    ] = None,
    name: Name = None,
    packages: Packages = None,
    suites: Suites = None,
    python: Python = None,
    domains: Domains = None,
    as_json: JsonFlag = None,
) -> None:
    """Declare the project in this folder as a target, with a first test of its findings."""
    where = path or Path()
    _declare(ctx, as_json, where, name, packages, suites, python, domains, test=True)


def add_copy(repository: Path) -> None:
    """Declare a copy of a bare repository, kept beside the file of targets."""
    with settings_in_force() as settings:
        from app.targets import adding

        adding.add_copy(repository, settings.targets_file)


def doctor_target(
    ctx: click.Context,
    name: Annotated[str, Argument(metavar="NAME", help="The target.", complete="target")],
    as_json: JsonFlag = None,
) -> None:
    """Say whether a target can be run, and what is missing; exit code 1 when something is."""
    with settings_in_force() as settings:
        _examine(ctx, settings, name, as_json)


def _declare(
    ctx: click.Context,
    as_json: str | None,
    path: Path,
    name: str | None,
    packages: list[str] | None,
    suites: list[str] | None,
    python: str | None,
    domains: list[str] | None,
    *,
    revision: str | None = None,
    test: bool = False,
) -> None:
    with settings_in_force() as settings:
        from app.targets import adding

        entry = adding.look_at(
            path,
            name=name,
            revision=revision,
            packages=packages or (),
            suites=suites or (),
            python=Path(python) if python else None,
            domains=domains or (),
        )
        # What a revision holds is committed, and never written.
        made = None if entry.revision is not None else _make_suite(entry, test=test)
        adding.write(settings.targets_file, entry)
        if as_json is None:
            _tell(entry, settings.targets_file, made)
        _examine(ctx, settings, entry.name, as_json)


def _make_suite(entry: Entry, *, test: bool) -> Path | None:
    """Make the suite's folder where it is missing, and a first test where one is wanted."""
    from app.targets import adding

    place, text = adding.first_test(entry)
    empty = not any(any((entry.root / suite).rglob("test*.py")) for suite in entry.suites)
    place.parent.mkdir(parents=True, exist_ok=True)
    if (test or empty) and not place.exists():
        place.write_text(text)
        return place
    return None


def _tell(entry: Entry, file: Path, made: Path | None) -> None:
    print(f"Wrote the target {entry.name} into {file}:", file=sys.stderr)
    print(entry.text(), file=sys.stderr)
    for note in (*entry.notes, *([f"a first test is in {made}"] if made else [])):
        print(f"  {note}", file=sys.stderr)


def _examine(ctx: click.Context, settings: Settings, name: str, as_json: str | None) -> None:
    from app import target_doctor

    show_diagnoses(ctx, target_doctor.examine(settings, name), as_json)
