"""What each operator makes of a line, and what is left alone: tables of text before and after."""

from __future__ import annotations

import textwrap

import pytest

from app.mutation.edit import Operator
from app.mutation.making import mutants
from app.mutation.source import NoSource, Source
from app.mutation.walk import candidates


def all_of(text: str) -> list[tuple[str, str]]:
    """Every candidate of a text: operator, and the line that it makes."""
    data = text.encode()
    found = []
    for one in candidates(Source(data)):
        changed = one.edit.apply(data).decode()
        before, after = text.split("\n"), changed.split("\n")
        made = [line for line in after if line not in before] or [""]
        found.append((one.edit.operator.value, made[0].strip()))
    return found


def chosen(text: str) -> list[tuple[int, str, str]]:
    """The mutants of a text: line, operator, and the text put in."""
    text = textwrap.dedent(text)
    found = mutants("m.py", text.encode(), [(1, 10_000)], None)
    return [(one.line, one.operator, one.text) for one in found]


@pytest.mark.parametrize(
    ("line", "operator", "mutated"),
    [
        ("y = a < b", "comparison", "y = a <= b"),
        ("y = a <= b", "comparison", "y = a < b"),
        ("y = a > b", "comparison", "y = a >= b"),
        ("y = a >= b", "comparison", "y = a > b"),
        ("y = a == b", "comparison", "y = a != b"),
        ("y = a != b", "comparison", "y = a == b"),
        ("y = a is b", "comparison", "y = a is not b"),
        ("y = a is not b", "comparison", "y = a is b"),
        ("y = a is  not b", "comparison", "y = a is b"),
        ("y = a in b", "comparison", "y = a not in b"),
        ("y = a not in b", "comparison", "y = a in b"),
        ("y = (a) < (b)", "comparison", "y = (a) <= (b)"),
        ("y = a < b < c", "comparison", "y = a < b <= c"),
        ("y = a + b", "arithmetic", "y = a - b"),
        ("y = a - b", "arithmetic", "y = a + b"),
        ("y = a * b", "arithmetic", "y = a / b"),
        ("y = a / b", "arithmetic", "y = a * b"),
        ("y = a // b", "arithmetic", "y = a / b"),
        ("y = a % b", "arithmetic", "y = a * b"),
        ("y = a ** b", "arithmetic", "y = a * b"),
        ("y = a @ b", "arithmetic", "y = a * b"),
        ("y = a & b", "arithmetic", "y = a | b"),
        ("y = a << b", "arithmetic", "y = a >> b"),
        ("y += b", "arithmetic", "y -= b"),
        ("y *= b", "arithmetic", "y /= b"),
        ("y = (a + b) * c", "arithmetic", "y = (a + b) / c"),
        ("y = a and b", "boolean", "y = a or b"),
        ("y = a or b", "boolean", "y = a and b"),
        ("y = not a", "negation", "y = a"),
        ("y = not (a)", "negation", "y = (a)"),
        ("y = -a", "negation", "y = a"),
        ("y = 1 if a else 2", "negation", "y = 1 if not a else 2"),
        ("assert a", "negation", "assert not a"),
        ("y = True", "constant", "y = False"),
        ("y = 3", "constant", "y = 4"),
        ("y = 0.5", "constant", "y = 1.5"),
        ("y = 1e300", "constant", "y = 2e+300"),
        ('y = "ab"', "constant", 'y = "XXab"'),
        ("y = r'ab'", "constant", "y = r'XXab'"),
        ("f(a)", "statement", "pass"),
        ("o.x = a", "statement", "pass"),
        ("del a", "statement", "pass"),
        ("raise ValueError(f'{a} is 1 < 2')", "statement", "pass"),
        ("assert a, 'message'", "statement", "pass"),
        ("y = f(a, b)", "swap", "y = f(b, a)"),
        ("y = f(a, k=b)", "argument", "y = f(a)"),
        ("y = f(k=a, l=b)", "argument", "y = f(l=b)"),
        ("y = f(k=(a))", "argument", "y = f()"),
        ("y = f(a, (b))", "argument", "y = f(a)"),
        ("y = x.detach()", "detach", "y = x"),
        ("y = (a - b).detach()", "detach", "y = (a - b)"),
        ("y = torch.no_grad()", "detach", "y = torch.enable_grad()"),
        ("y = torch.clamp(x, 0.0, 1.0)", "clamp", "y = torch.clamp(x, None, 1.0)"),
        ("y = torch.clamp(x, 0.0, 1.0)", "clamp", "y = torch.clamp(x, 0.0, None)"),
        ("y = x.clamp(0.0, 1.0)", "clamp", "y = x.clamp(None, 1.0)"),
        ("y = x.clamp(min=0.0, max=1.0)", "clamp", "y = x.clamp(max=1.0)"),
        ("y = min(1.0, max(0.0, x))", "clamp", "y = max(0.0, x)"),
        ("y = min(1.0, max(0.0, x))", "clamp", "y = min(1.0, x)"),
        ("y = x.mean(dim=1)", "dim", "y = x.mean(dim=0)"),
        ("y = x.mean(dim=(2, 3))", "dim", "y = x.mean(dim=(1, 3))"),
        ("y = x.sum(-1)", "dim", "y = x.sum(-2)"),
        ("y = torch.cat(a, 0)", "dim", "y = torch.cat(a, 1)"),
        ("y = x.sum(0, keepdim=True)", "keepdim", "y = x.sum(0, keepdim=False)"),
        ("y = x.to(h.dtype)", "dtype", "y = x"),
        ("y = x.to(torch.float32)", "dtype", "y = x"),
        ("y = x.float()", "dtype", "y = x"),
        ("y = torch.zeros(a, dtype=t)", "dtype", "y = torch.zeros(a)"),
    ],
)
def test_an_operator_changes_a_line(line: str, operator: str, mutated: str) -> None:
    assert (operator, mutated) in all_of(line + "\n")


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        ("bool", "False"),
        ("int", "0"),
        ("float", "0.0"),
        ("str", '""'),
        ("list[int]", "[]"),
        ("dict[str, int]", "{}"),
        ("Tensor", "x"),
        ("torch.Tensor", "x"),
        ("Thing", "None"),
    ],
)
def test_a_neutral_value_is_returned(annotation: str, value: str) -> None:
    text = f"def f(n, x: Tensor) -> {annotation}:\n    return g[n]\n"

    assert (2, "return", value) in chosen(text)


@pytest.mark.parametrize(
    "text",
    [
        '"""A docstring."""\n',
        "def f():\n    '''A docstring.'''\n",
        "import os\n",
        "x: int\n",
        "def f(a: Literal[1] = b) -> Literal[2]: ...\n",
        "def __repr__(self):\n    return f'{self.a + 1}'\n",
        "if TYPE_CHECKING:\n    x = 1\n",
        "if typing.TYPE_CHECKING:\n    x = 1\n",
        "if __name__ == '__main__':\n    main()\n",
        "log.info('a', 1)\n",
        "self._logger.warning('a %s', b + 1)\n",
        "__all__ = ['a']\n",
        "T = TypeVar('T', bound=int)\n",
        "y = f'{a + 1}'\n",
        "@overload\ndef f(a=1): ...\n",
        "def f(self):\n    raise NotImplementedError\n",
        "y = isinstance(a, int | float)\n",
        "y = x.to(device)\n",
        "y = torch.zeros(a, device='cpu')\n",
        "y = [a] + b\n",
        "match a:\n    case 1:\n        pass\n",
    ],
)
def test_what_no_test_should_have_to_see_is_left_alone(text: str) -> None:
    assert all_of(text) == []


def test_texts_are_not_put_together_otherwise() -> None:
    assert {operator for operator, _ in all_of("y = 'a' + b\nz = 'a%s' % b\n")} == {"constant"}


def test_a_line_has_one_mutant_that_of_the_first_operator() -> None:
    order = [operator.value for operator in Operator]
    text = "def f(x):\n    return x.detach() + g(1, 2) if x < 3 else None\n"

    assert chosen(text) == [(2, "detach", "")]
    assert order.index("detach") < order.index("comparison") < order.index("constant")


def test_what_is_no_python_or_does_nothing_else_is_no_mutant() -> None:
    # Without its only line the function is what it was.
    assert chosen("def f():\n    return None\n") == []
    # The constant is folded: 2 * 3 for 2 / 3 differs, `pass` for a text does not.
    assert [one[1] for one in chosen("x = 2 * 3\n")] == ["arithmetic"]


def test_an_assignment_goes_only_where_the_name_has_a_value_before() -> None:
    text = """\
    def f(a):
        a = g(a)
        b = g(a)
        b = g(b)
        return b
    """

    dropped = [line for line, operator, _ in chosen(text) if operator == "statement"]
    assert dropped == [2, 4]


def test_a_break_goes_only_where_the_loop_ends_all_the_same() -> None:
    text = """\
    for x in y:
        break
    while x:
        break
    """

    assert [(line, operator) for line, operator, _ in chosen(text)] == [
        (2, "statement"),
        (3, "negation"),
    ]


def test_decorators_are_removed_with_their_lines() -> None:
    data = b"@one\n@two(\n    a\n)\n@wraps(g)\ndef f():\n    return a\n"
    made = [
        one.edit.apply(data)
        for one in candidates(Source(data))
        if one.edit.operator is Operator.DECORATOR
    ]

    assert made == [
        b"@two(\n    a\n)\n@wraps(g)\ndef f():\n    return a\n",
        b"@one\n@wraps(g)\ndef f():\n    return a\n",
    ]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_positions_hold_whatever_the_text_is_written_with(end: bytes) -> None:
    lines = ["\ufeff# ü", "def f(ä):", "    '''é\x0c'''", "    x = 'ß'; y = ä < 1", "    return y"]
    data = end.join(line.encode() for line in lines) + end

    (made,) = [one for one in mutants("m.py", data, [(1, 9)], None) if one.line == 4]

    assert made.text == "<="
    after = data[: made.start] + made.text.encode() + data[made.end :]
    assert after == data.replace("ä < 1".encode(), "ä <= 1".encode())


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"def f(:\n", "no Python"),
        (b"# coding: latin-1\nx = '\xe4'\n", "latin-1"),
        (b"x = '\xff'\n", "UTF-8"),
        (b"x = '\0'\n", "no Python"),
        (b"(" * 5000, "no Python"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(data: bytes, why: str) -> None:
    with pytest.raises(NoSource, match=why):
        Source(data)


def test_functions_are_named_as_python_qualifies_them() -> None:
    text = """\
    class A:
        B = 1

        @property
        def p(self):
            return 1

        async def q(self):
            def inner():
                return 2
            return await inner()
    """
    data = textwrap.dedent(text).encode()

    names = {one.line: one.function for one in mutants("m.py", data, [(1, 99)], None)}

    assert names == {
        2: "A",
        4: "A.p",
        6: "A.p",
        10: "A.q.<locals>.inner",
        11: "A.q",
    }


def test_a_mutant_keeps_its_digest_where_only_other_functions_change() -> None:
    one = b"def f(a):\n    return a < 1\n"
    other = b"import os\n\n\ndef g():\n    return 3\n\n\n" + one

    (first,) = mutants("m.py", one, [(1, 9)], None)
    second = [found for found in mutants("m.py", other, [(1, 99)], None) if found.function == "f"]
    (changed,) = mutants("m.py", one.replace(b"1", b"2"), [(1, 9)], None)

    assert [found.digest for found in second] == [first.digest]
    assert changed.digest != first.digest


def test_only_lines_that_tests_execute_have_mutants_statements_counted_whole() -> None:
    data = b"def f(a):\n    x = g(\n        a + 1,\n        a - 1,\n    )\n    return -x\n"

    made = list(mutants("m.py", data, [(1, 9)], {2}))

    assert [one.line for one in made] == [3, 4]


def test_classes_are_changed_however_their_bodies_are_written() -> None:
    text = """\
    class A: x = 1
    class B(
        A
    ): y = 2
    class C(A, m=3):
        '''Text.'''
        z = 4; w = 5
        class D:
                @a
                @b(6)
                def f(self):
                    return __class__ < 7
    """

    assert chosen(text) == [
        (1, "constant", "2"),
        (4, "constant", "3"),
        (5, "constant", "4"),
        (7, "constant", "6"),
        (9, "decorator", ""),
        (10, "constant", "7"),
        (12, "comparison", "<="),
    ]
