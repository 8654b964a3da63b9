"""What names stand for in a Python file, told from its text."""

from __future__ import annotations

import ast

import pytest

from tfrecord_lite.format.python_names import Names


def names(text: str, imported: tuple[str, ...] = ()) -> Names:
    return Names(ast.parse(text), imported)


def constants(text: str) -> dict[str, str]:
    return {name: ast.unparse(value) for name, value in names(text).constants.items()}


def entries(text: str) -> dict[str, list[str]]:
    """{dict, as it stands there: [key = value, ...]}."""
    found = names(text).entries
    return {
        ast.unparse(each): [f"{ast.unparse(entry.key)} = {ast.unparse(entry.value)}" for entry in of]
        for each, of in found.items()
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SIZE = 320", {"SIZE": "320"}),
        ("SIZE: int = 320", {"SIZE": "320"}),
        ("SIZE: int", {}),
        ("A = B = 1", {"A": "1", "B": "1"}),
        ("HEIGHT, WIDTH = 32, 64", {"HEIGHT": "32", "WIDTH": "64"}),
        ("[A, (B, C)] = 1, (2, 3)", {"A": "1", "B": "2", "C": "3"}),
        ("A, B = 1, 2, 3", {}),
        ("A, *B = 1, 2", {}),
        ("A, B = *pair, 2", {}),
        ("A, B = pair", {}),
        ("config.SIZE = 3", {}),
    ],
)
def test_what_is_assigned_at_the_top_is_a_constant(text: str, expected: dict[str, str]) -> None:
    assert constants(text) == expected


@pytest.mark.parametrize(
    "again",
    [
        "SIZE = 2",
        "SIZE += 1",
        "for SIZE in range(3): pass",
        "with open('f') as SIZE: pass",
        "def f(SIZE): return SIZE",
        "lambda SIZE: 1",
        "[SIZE for SIZE in x]",
        "(SIZE := 3)",
        "del SIZE",
        "def f():\n    SIZE = 2",
    ],
)
def test_what_is_bound_twice_is_no_constant(again: str) -> None:
    assert constants(f"SIZE = 1\nOTHER = 2\n{again}") == {"OTHER": "2"}


def test_what_is_assigned_in_a_function_is_no_constant_but_its_dicts_are_known() -> None:
    found = names("def f():\n    size = 1\n    features = {'a': size}")
    assert found.constants == {}
    assert {name: ast.unparse(value) for name, value in found.dicts.items()} == {"features": "{'a': size}"}


@pytest.mark.parametrize("value", ["{}", "{'a': 1}", "dict(a=1)", "{k: 1 for k in x}", "base | {'a': 1}"])
def test_dicts_are_known_by_their_names(value: str) -> None:
    found = names(f"features = {value}")
    (each,) = found.dicts.values()
    assert found.of(each) == "features"
    assert ast.unparse(each) == value


@pytest.mark.parametrize("value", ["[]", "load()", "module.dict()", "a + b", "None"])
def test_what_may_be_something_else_is_no_dict(value: str) -> None:
    assert names(f"features = {value}\nfeatures['a'] = 1").dicts == {}
    assert entries(f"features = {value}\nfeatures['a'] = 1") == {}


def test_what_is_put_into_a_dict_further_down_in_its_block_is_found() -> None:
    assert entries("f = {}\nf['a'] = 1\nf[b] = x") == {"{}": ["'a' = 1", "b = x"]}
    assert entries("try:\n    pass\nfinally:\n    f = {}\n    f['a'] = 1") == {"{}": ["'a' = 1"]}
    assert entries("if x:\n    pass\nelse:\n    f = {}\n    f['a'] = 1") == {"{}": ["'a' = 1"]}


@pytest.mark.parametrize(
    "text",
    [
        "f['a'] = 1\nf = {}",
        "f = {}\nif x:\n    f['a'] = 1",
        "f = {}\nf.update(a=1)",
        "f = {}\nf['a'] += 1",
        "f = {}\nf['a'] = g = 1",
        "f = {}\ng.f['a'] = 1",
        "f = {}\nf.a = 1",
    ],
    ids=["before", "under a condition", "a call", "changed", "two targets", "of another", "an attribute"],
)
def test_nothing_is_followed_elsewhere(text: str) -> None:
    assert entries(text) == {}


def test_an_entry_is_that_of_the_last_dict_of_its_name() -> None:
    found = entries("f = {'x': 0}\nf['a'] = 1\nf = {'y': 0}\nf['b'] = 2")
    assert found == {"{'x': 0}": ["'a' = 1"], "{'y': 0}": ["'b' = 2"]}


def test_assignments_that_were_followed_are_told_from_others() -> None:
    tree = ast.parse("f = {}\nf['a'] = 1\ng['b'] = 2")
    assert Names(tree, ()).followed == {tree.body[1]}


def test_what_is_imported_under_another_name_is_called_by_its_own() -> None:
    tree = ast.parse("from t import Fixed as F, Var as V\nx = F(1)\ny = V(2)")
    Names(tree, ("Fixed",))
    assert [ast.unparse(statement) for statement in tree.body[1:]] == ["x = Fixed(1)", "y = V(2)"]


def test_a_name_that_is_bound_again_is_not_the_imported_one() -> None:
    tree = ast.parse("from t import Fixed as F\nF = 3\nx = F(1)")
    Names(tree, ("Fixed",))
    assert ast.unparse(tree.body[2]) == "x = F(1)"


def test_a_value_without_a_name_has_none() -> None:
    tree = ast.parse("print(1)")
    (statement,) = tree.body
    assert isinstance(statement, ast.Expr)
    assert Names(tree, ()).of(statement.value) is None
