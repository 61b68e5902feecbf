"""How shells ask for completions. Those of zsh and fish are Click's; bash has one of its own.

Click's for bash takes the words as Readline splits them, which are pieces where a word holds a
colon, as every node id does, or an equals sign. Values with spaces, like names of views, are quoted
as the word under the cursor is; fish and zsh do that by themselves.
"""

from __future__ import annotations

import os

from click.shell_completion import (
    CompletionItem,
    ShellComplete,
    add_completion_class,
    split_arg_string,
)

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
    done < <(COMP_WORDS="$line" %(complete_var)s=bash_complete "$1")
    # What ends so goes on: a kind of relation, before its key.
    if [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *: ]]; then compopt -o nospace; fi
}

complete -o nosort -F %(complete_func)s %(prog_name)s
"""


class BashComplete(ShellComplete):
    """Bash, which hands over the line up to the cursor."""

    name = "bash"
    source_template = _BASH

    def get_completion_args(self) -> tuple[list[str], str]:
        """Return the words before the one under the cursor, and that one."""
        line = os.environ["COMP_WORDS"]
        words = split_arg_string(line)[1:]
        if self._quote() or not line[-1:].isspace() or line[-2:-1] == "\\":
            return words[:-1], words[-1] if words else ""
        return words, ""

    def format_completion(self, item: CompletionItem[str]) -> str:
        """Return a line of the answer; bash shows no words beside a value."""
        value = item.value if self._quote() else item.value.replace(" ", "\\ ")
        return f"{item.type},{value}"

    def _quote(self) -> str:
        """Return the quote that the word under the cursor is in, or nothing."""
        quote, is_escaped = "", False
        for sign in os.environ["COMP_WORDS"]:
            if is_escaped:
                is_escaped = False
            elif sign == "\\" and quote != "'":
                is_escaped = True
            elif quote:
                quote = "" if sign == quote else quote
            elif sign in "'\"":
                quote = sign
        return quote


def prepare() -> None:
    """Let Click know of our bash, when it is a shell that calls."""
    if VARIABLE in os.environ:
        add_completion_class(BashComplete)
