"""How shells ask for completions. Those of zsh and fish are Click's; bash has one of its own.

Click's for bash takes the words as Readline splits them, which are pieces where a word holds a
colon, as every node id does, or an equals sign.
"""

from __future__ import annotations

import os

from click.shell_completion import CompletionItem, FishComplete, add_completion_class

VARIABLE = "_FINDINGS_COMPLETE"
"""Set by the shell when it asks."""

_BASH = """\
%(complete_func)s() {
    local line current kept type value
    line="${COMP_LINE:0:$COMP_POINT}"
    current="${line##*[[:space:]]}"
    # Readline replaces only what stands behind the last of its word breaks.
    kept="${current%%"${current##*[:=]}"}"
    COMPREPLY=()
    while IFS=, read -r type value; do
        case "$type" in
            plain) COMPREPLY+=("${value#"$kept"}") ;;
            dir) compopt -o dirnames ;;
            file) compopt -o default ;;
        esac
    done < <(COMP_WORDS="$line" COMP_CWORD="$current" %(complete_var)s=bash_complete "$1")
    # What ends so goes on: a kind of relation, before its key.
    if [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *: ]]; then compopt -o nospace; fi
}

complete -o nosort -F %(complete_func)s %(prog_name)s
"""


class BashComplete(FishComplete):
    """Bash, which hands over the line as fish does."""

    name = "bash"
    source_template = _BASH

    def format_completion(self, item: CompletionItem[str]) -> str:
        """Return a line of the answer; bash shows no words beside a value."""
        return f"{item.type},{item.value}"


def prepare() -> None:
    """Let Click know of our bash, when it is a shell that calls."""
    if VARIABLE in os.environ:
        add_completion_class(BashComplete)
