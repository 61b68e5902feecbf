"""Nothing that a terminal would obey gets through."""

import json

import pytest

from app.cli.text import flat, json_text, sentence, visible, visible_block

HOSTILE = [
    ("\x1b[31mred", r"\x1b[31mred"),
    ("\x1b]8;;http://evil\x1b\\here", r"\x1b]8;;http://evil\x1b\here"),
    ("\x9b31m", r"\x9b31m"),
    ("back\x08\x08", r"back\x08\x08"),
    ("bell\x07 nul\x00 del\x7f", r"bell\x07 nul\x00 del\x7f"),
    ("\u202eevil", r"\u202eevil"),
    ("\u2066isolate\u2069", r"\u2066isolate\u2069"),
    ("line\u2028end", r"line\u2028end"),
    ("\ufeffmark", r"\ufeffmark"),
    ("\U000e0041tag", r"\U000e0041tag"),
    ("\udcffhalf", r"\udcffhalf"),
]


@pytest.mark.parametrize(("text", "shown"), HOSTILE)
def test_control_characters_are_written_out(text: str, shown: str) -> None:
    assert visible(text) == shown
    assert visible_block(text) == shown


@pytest.mark.parametrize("text", [text for text, _ in HOSTILE])
@pytest.mark.parametrize("pretty", [True, False])
def test_json_stays_equal_and_holds_none_of_them(text: str, pretty: bool) -> None:
    written = json_text({text: [text]}, pretty=pretty)
    assert json.loads(written) == {text: [text]}
    assert visible(written.replace("\n", "")) == written.replace("\n", "")


def test_ordinary_text_stays_as_it_is() -> None:
    text = "naïve façade: 日本 ✔ 1 − a·t ≤ [bold]x[/bold]"
    assert visible(text) == visible_block(text) == flat(text) == text
    assert text in json_text([text], pretty=False)


def test_breaks_are_written_out_in_a_line_and_kept_in_a_block() -> None:
    assert visible("a\n\tb\r\n") == r"a\n\tb\r\n"
    assert visible_block("a\r\n\tb\n") == "a\n\tb\n"
    assert flat("  a\r\n\t b ") == "a b"


def test_values_that_are_no_text() -> None:
    assert [visible(value) for value in (None, True, False, 3)] == ["", "yes", "no", "3"]


def test_a_sentence_ends_once() -> None:
    assert [sentence(text) for text in ("a", "a.", "a?", "")] == ["a.", "a.", "a?", ""]
