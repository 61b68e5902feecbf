"""A later version of the service, to upgrade to."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from app.config import PROJECT_ROOT

LATER = "9999"
"""Its newest revision of the schema."""


def newer_version(folder: Path) -> Path:
    """Makes a copy of the code with one migration more in `folder`, and returns it."""
    for name in ("app", "migrations"):
        shutil.copytree(PROJECT_ROOT / name, folder / name)
    for name in ("kasmina", "tests"):
        (folder / name).symlink_to(PROJECT_ROOT / name)
    versions = folder / "migrations" / "versions"
    texts = {path: path.read_text() for path in versions.glob("*.py")}
    (head,) = [
        path
        for path in texts
        if not any(
            path.stem.split("_")[0] in text for other, text in texts.items() if other != path
        )
    ]
    revision = re.search(r"^revision\b[^=]*= ['\"](\w+)", texts[head], re.M)
    assert revision
    (versions / f"{LATER}_later.py").write_text(
        "from alembic import op\n"
        f'revision = "{LATER}"\ndown_revision = "{revision[1]}"\n'
        "branch_labels = depends_on = None\n"
        'def upgrade() -> None:\n    op.execute("CREATE TABLE later (id int)")\n'
        'def downgrade() -> None:\n    op.execute("DROP TABLE later")\n'
    )
    return folder
