"""The list of slow cases that `make test` leaves out."""

import ast
from pathlib import Path
from types import SimpleNamespace

from slow_cases import CENTRAL, LISTED, durations, function_of, listed, part_of, slow, turn_of, without_slow

TESTS = Path(__file__).parents[1]


def functions(file: Path) -> set[str]:
    """``test_b`` and ``TestC::test_d`` of a file."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    found = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            found |= {f"{node.name}::{each.name}" for each in node.body if isinstance(each, ast.FunctionDef)}
    return found


def test_every_slow_case_is_one_of_a_test() -> None:
    """A test that was renamed or deleted leaves no line behind; lines are in order, each once."""
    lines = LISTED.read_text(encoding="utf-8").splitlines()
    assert lines == sorted(set(lines))
    files: dict[str, set[str]] = {}
    for name in lines:
        file, _, test = function_of(name).partition("::")
        if file not in files:
            files[file] = functions(TESTS.parent / file)
        assert test in files[file], name


def test_the_slowest_cases_go_and_most_tests_stay() -> None:
    """The fastest case of a test counts half, the equality of the engines a third."""
    seconds = {
        "tests/a.py::b[1]": 1.0,
        "tests/a.py::b[2]": 1.1,
        "tests/a.py::c": 1.5,
        f"{CENTRAL[0]}d.py::e": 4.0,
    }
    assert slow(seconds, 1.0) == []
    assert slow(seconds, 0.9) == ["tests/a.py::b[2]"]
    assert slow(seconds, 0.8) == ["tests/a.py::b[2]", "tests/a.py::c"]
    assert len(slow(seconds, 0.0)) == 4


def test_times_are_read_from_what_pytest_prints() -> None:
    """Set-up, call and clean-up together; names of cases may hold spaces and brackets."""
    printed = (
        "0.50s setup    tests/a.py::b[x y]\n1.25s call     tests/a.py::b[x y]\n== 3 passed in 2.00s ==\n"
    )
    assert durations(printed) == {"tests/a.py::b[x y]": 1.75}


def test_a_quick_run_leaves_them_out_and_no_others() -> None:
    """What is new is run until it is found to be slow."""
    items = [SimpleNamespace(nodeid=name) for name in (min(listed()), "tests/new.py::test_new")]
    kept, left_out = without_slow(items)  # type: ignore[arg-type]
    assert (kept, left_out) == (items[1:], items[:1])


def test_every_slow_case_has_its_turn() -> None:
    """Each in one part alone, whole files together, and none of the parts is most of them."""
    items = [SimpleNamespace(nodeid=name) for name in sorted(listed())]
    parts = [without_slow(items, 6, turn)[0] for turn in range(6)]  # type: ignore[arg-type]
    assert sorted(item.nodeid for part in parts for item in part) == sorted(listed())
    assert max(map(len, parts)) < len(items) / 3
    assert len({part_of(f"tests/a.py::b[{case}]", 6) for case in range(20)}) == 1


def test_another_change_has_another_turn(tmp_path: Path) -> None:
    """The same code has the same turn everywhere, in any clone and any process."""
    for folder, code in (("one", "a = 1"), ("same", "a = 1"), ("other", "a = 2")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "module.py").write_text(code)
    one, same, other = (turn_of(tmp_path / folder) for folder in ("one", "same", "other"))
    assert one == same != other
