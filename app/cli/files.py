"""Files that the command writes: there whole, or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from app.cli.errors import UsageProblem
from app.cli.text import visible


def save(content: Iterator[bytes], target: Path, *, force: bool = True) -> int:
    """Write a file and return its size; `force` lets it take the place of one that is there.

    Raises:
        UsageProblem: it cannot be written, or is there already.
    """
    unfinished = target.with_name(f"{target.name}.part")
    size = 0
    try:
        with unfinished.open("wb") as file:
            for piece in content:
                size += file.write(piece)
        if force:
            unfinished.replace(target)
        else:
            os.link(unfinished, target)  # which fails where somebody else was quicker
    except FileExistsError:
        raise UsageProblem(
            f"{visible(target)} is there already", "Write over it with --force"
        ) from None
    except OSError as error:
        raise UsageProblem(f"{visible(target)} cannot be written: {error.strerror}") from None
    finally:
        with suppress(OSError):
            unfinished.unlink()
    return size
