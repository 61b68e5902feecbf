"""Settings: read once at start, checked, and explained when wrong."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Annotated, Any, Self
from urllib.parse import quote, urlsplit

from pydantic import (
    AliasChoices,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from app.datadir import ADMIN_TOKEN_FILE, default_data_dir
from app.domain.order_policy import OrderRule
from app.domain.strength import StrengthGate
from app.domain.targets import Target
from app.errors import StartupError
from app.sandbox.interface import SandboxMode

PROJECT_ROOT = Path(__file__).resolve().parent.parent
"""The folder that holds app, kasmina, migrations and tests."""

_POSTGRES = re.compile(r"postgres(?:ql)?(?:\+psycopg)?://")


class Settings(BaseSettings):
    """Everything that can be set, from ``FINDINGS_*`` and ``DATABASE_URL``."""

    model_config = SettingsConfigDict(
        env_prefix="FINDINGS_", extra="ignore", hide_input_in_errors=True
    )

    data_dir: Path = Field(default_factory=default_data_dir)
    """State of this machine: the embedded database, the admin token, the instance lock."""

    host: str = "127.0.0.1"
    """Address to listen on."""

    port: Annotated[int, Field(ge=0, le=65535)] = 8000
    """Port to listen on; 0 takes a free one."""

    public_url: str | None = None
    """How users reach the service, when it stands behind a proxy: ``https://findings.example``."""

    database_url: SecretStr | None = Field(
        default=None, validation_alias=AliasChoices("DATABASE_URL", "database_url")
    )
    """PostgreSQL 15 or newer; unset: the service runs its own embedded server."""

    database_password_file: Path | None = None
    """A file with the password of `database_url`, which is then given without one."""

    workers: Annotated[int, Field(ge=0, le=64)] = 1
    """Runs at once in the worker inside ``serve``; 0 for none."""

    sandbox: SandboxMode | None = None
    """How much isolation test runs demand; unset: ``strict`` where every layer works."""

    test_timeout_s: Annotated[float, Field(gt=0, le=3600)] = 30.0
    """Deadline of a single test, in seconds."""

    run_timeout_s: Annotated[float, Field(gt=0, le=24 * 3600)] = 300.0
    """Deadline of one arm of a run, in seconds."""

    worker_silence_s: Annotated[float, Field(ge=1, le=3600)] = 30.0
    """After how many seconds without a heartbeat a worker counts as lost."""

    database_pool: Annotated[int, Field(ge=1, le=200)] = 10
    """Most database connections that one process opens for requests."""

    max_body_bytes: Annotated[int, Field(ge=1024)] = 2 << 20
    """Largest request body of ordinary calls; imports have a limit of their own."""

    requests_per_minute: Annotated[int, Field(ge=0)] = 60_000
    """What one account may ask of one web process; 0 for no limit."""

    queued_runs_per_account: Annotated[int, Field(ge=1)] = 1000
    """So many runs of one account may wait at once."""

    keep_run_events_days: Annotated[float, Field(gt=0, le=36500)] = 30.0
    """How long what was seen during a run is kept after its end; its results stay."""

    keep_run_output_days: Annotated[float, Field(gt=0, le=36500)] = 180.0
    """How long what tests printed is kept after their run, where no evidence or review names it."""

    keep_arms_days: Annotated[float, Field(gt=0, le=36500)] = 7.0
    """How long a prepared copy of the package is kept that no run asks for."""

    keep_arms_mb: Annotated[int, Field(ge=1)] = 2048
    """How much room all prepared copies may take; those asked for longest ago go first."""

    sweeps: bool = True
    """Look at all tickets with linked tests when the package of their target changes."""

    housekeeping_every_s: Annotated[float, Field(ge=1, le=86400)] = 600.0
    """How often workers remove expired data."""

    clock_tolerance_s: Annotated[float, Field(ge=0)] = 300.0
    """By how much this machine's clock may differ from the database's; 0: nobody looks."""

    log_format: Annotated[str, Field(pattern="^(json|text|auto)$")] = "auto"
    """``json``, ``text``, or ``auto``: text on a terminal, json otherwise."""

    log_level: Annotated[str, Field(pattern="^(debug|info|warning|error)$")] = "info"
    """Least level that is logged."""

    scanner_table: Path | None = None
    """A file with rows of the table of scanners, which come before those that ship."""

    target_root: Path = PROJECT_ROOT
    """Project root of the package under test and its suite."""

    targets: Path | None = None
    """The file that declares targets; unset: ``targets.toml`` in the data directory."""

    strength_gate: StrengthGate = StrengthGate.ADVISORY
    """What the gate of a P0 or P1 makes of survivors in functions that its fix touches:
    ``required``, ``advisory`` or ``off``."""

    order_policy: Annotated[tuple[OrderRule, ...], NoDecode] = ()
    """Rules by which the service places work orders itself, separated by commas; unset: none."""

    allowed_hosts: Annotated[tuple[str, ...], NoDecode] = ()
    """Further values of the Host header that are answered, separated by commas."""

    @field_validator("allowed_hosts", "order_policy", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("data_dir", "target_root", "targets")
    @classmethod
    def _absolute(cls, value: Path | None) -> Path | None:
        return None if value is None else value.expanduser().absolute()

    @field_validator("database_url")
    @classmethod
    def _postgres(cls, value: SecretStr | None) -> SecretStr | None:
        if value is None or not value.get_secret_value():
            return None
        if not _POSTGRES.match(value.get_secret_value()):
            raise ValueError("should look like postgresql://user:password@host:5432/database")
        return value

    @model_validator(mode="after")
    def _with_password(self) -> Self:
        if self.database_password_file is None:
            return self
        if self.database_url is None:
            raise ValueError("FINDINGS_DATABASE_PASSWORD_FILE needs DATABASE_URL beside it")
        url = urlsplit(self.database_url.get_secret_value())
        if url.password is not None:
            raise ValueError("the password stands in DATABASE_URL too; leave it out there")
        try:
            password = self.database_password_file.read_text().rstrip("\r\n")
        except (OSError, UnicodeError) as error:
            raise ValueError(f"FINDINGS_DATABASE_PASSWORD_FILE cannot be read: {error}") from None
        user, _, host = url.netloc.rpartition("@")
        whole = url._replace(netloc=f"{user}:{quote(password, safe='')}@{host}")
        self.database_url = SecretStr(whole.geturl())
        return self

    @field_validator("public_url")
    @classmethod
    def _http(cls, value: str | None) -> str | None:
        if value is None:
            return None
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.netloc or parts.path.strip("/"):
            raise ValueError("should be the scheme and host only, like https://findings.example")
        return value.rstrip("/")

    @property
    def url(self) -> str:
        """The address users open."""
        host = "127.0.0.1" if self.host in ("0.0.0.0", "::") else self.host  # noqa: S104  # compared, not bound
        return self.public_url or f"http://{f'[{host}]' if ':' in host else host}:{self.port}"

    @property
    def target(self) -> Target:
        """What is tested."""
        return Target(name="kasmina", root=self.target_root)

    @property
    def targets_file(self) -> Path:
        """The file that declares targets, whether it is there or not."""
        return self.targets or self.data_dir / "targets.toml"

    @property
    def admin_token_file(self) -> Path:
        """Where the first admin's token lies."""
        return self.data_dir / ADMIN_TOKEN_FILE


def load_settings(**overrides: Any) -> Settings:
    """Read the settings.

    Raises:
        StartupError: a value is wrong, or a ``FINDINGS_*`` variable does not exist; the message
            names each one.
    """
    try:
        settings = Settings(**overrides)
    except ValidationError as error:
        raise StartupError(
            "; ".join(_explain(item) for item in error.errors()) + ".",
            remedy="Correct it in the environment and start again.",
        ) from None
    unknown = sorted(_unknown_variables())
    if unknown:
        raise StartupError(
            f"Unknown settings: {', '.join(unknown)}.",
            remedy=f"Known are {', '.join(sorted(_known_variables()))}.",
        )
    return settings


def _explain(item: Any) -> str:
    name = str(item["loc"][0]) if item["loc"] else "settings"
    variable = name if name.isupper() else f"FINDINGS_{name.upper()}"
    reason = item["msg"].removeprefix("Value error, ")
    return f"{variable}: {reason[0].lower()}{reason[1:]}"


_CLIENT_VARIABLES = {"FINDINGS_URL", "FINDINGS_TOKEN"}


def _known_variables() -> set[str]:
    own = {f"FINDINGS_{name.upper()}" for name in Settings.model_fields if name != "database_url"}
    return own | _CLIENT_VARIABLES


def _unknown_variables() -> set[str]:
    present = {name for name in os.environ if name.startswith("FINDINGS_")}
    return present - _known_variables()
