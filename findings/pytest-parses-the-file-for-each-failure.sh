#!/usr/bin/env bash
# To show the lines of a failed assertion, pytest parses the whole test file, once more for each test that fails.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -qq --disable-pip-version-check "pytest==9.2.0"
cd "$dir"

cat > conftest.py <<'PY'
import ast

plain, parsed = ast.parse, []


def counted(text, *arguments, **named):
    if "def test_fails" in text and "def helper_1999" in text:
        parsed.append(len(text))
    return plain(text, *arguments, **named)


def pytest_collection_finish():
    ast.parse = counted


def pytest_terminal_summary(terminalreporter):
    terminalreporter.write_line(f"whole file parsed {len(parsed)} times")
PY
"$dir/venv/bin/python" - <<'PY'
helpers = "".join(f"def helper_{n}(x):\n    return x + {n}\n\n" for n in range(2000))
test = "import pytest\n\n@pytest.mark.parametrize('n', range(40))\ndef test_fails(n):\n    assert n < 0\n\n"
open("test_long.py", "w").write(test + helpers)
PY
"$dir/venv/bin/pip" list --format=freeze | grep "^pytest=="
for style in long short native; do
    seen=$("$dir/venv/bin/python" -m pytest -q --tb=$style test_long.py | grep -o "parsed [0-9]* times" || true)
    echo "--tb=$style: 40 failures in one file of 6000 lines; expected: parsed 1 times; seen: $seen"
    echo "$seen" >> seen
done
printf 'parsed 40 times\nparsed 40 times\nparsed 0 times\n' | diff - seen
