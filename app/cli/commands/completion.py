"""``findings completion``: the script that a shell loads."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import click

from app.cli.signature import Argument


class Shell(StrEnum):
    """Shells that there is a script for."""

    bash = "bash"
    zsh = "zsh"
    fish = "fish"


def print_script(
    ctx: click.Context,
    shell: Annotated[Shell, Argument(metavar="SHELL", help="bash (4.4 or newer), zsh or fish.")],
) -> None:
    """Print what makes a shell complete commands, options and values.

    Values of the service, like keys of tickets, are asked for at most once a minute; where it does
    not answer at once, those of last time are offered.

    bash: add eval "$(findings completion bash)" to ~/.bashrc. zsh: the same with zsh in ~/.zshrc,
    behind compinit. fish: write the script to ~/.config/fish/completions/findings.fish.
    """
    from click.shell_completion import FishComplete, ZshComplete

    from app.cli.shells import VARIABLE, BashComplete

    classes = {Shell.bash: BashComplete, Shell.zsh: ZshComplete, Shell.fish: FishComplete}
    click.echo(classes[shell](ctx.find_root().command, {}, "findings", VARIABLE).source())
