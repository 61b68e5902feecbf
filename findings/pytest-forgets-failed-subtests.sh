#!/usr/bin/env bash
# A unittest test whose subTest failed is not among pytest's last failures:
# once another test that failed is mended, `pytest --last-failed` is green.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -qq --disable-pip-version-check pytest==9.2.0
cd "$dir"

cat > test_sample.py <<'PY'
import pathlib
import unittest


class Loops(unittest.TestCase):
    def test_loop(self):
        for number in range(3):
            with self.subTest(number=number):
                self.assertNotEqual(number, 1)


def test_other():
    assert pathlib.Path("mended").exists()
PY
pytest() { "$dir/venv/bin/python" -m pytest -q --tb=no "$@" || echo "exit status $?"; }

"$dir/venv/bin/python" -m pytest --version
echo "--- all tests"
pytest | tee all.txt
touch mended
echo "--- last failures, after test_other was mended"
pytest --last-failed | tee last.txt
echo "--- all tests again"
pytest | tee again.txt

echo "expected: --last-failed runs test_loop too and fails, as the whole suite does"
if grep -q "^1 passed" last.txt && ! grep -q "exit status" last.txt \
    && grep -q "exit status 1" all.txt && grep -q "exit status 1" again.txt; then
    echo "seen:     --last-failed ran test_other alone and passed; the whole suite fails"
else
    echo "changed:  see the output above" >&2
    exit 1
fi
