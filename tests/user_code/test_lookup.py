"""``package.module:function`` is found beside the study; every way to fail has its message."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sweeper.errors import UserError
from sweeper.user_code.lookup import resolve


@pytest.fixture(autouse=True)
def _clean_imports() -> Iterator[None]:
    """Modules and paths of a test do not outlive it."""
    path = list(sys.path)
    yield
    sys.path[:] = path
    for name in [name for name in sys.modules if name.startswith(("lookup_", "sndhdr"))]:
        del sys.modules[name]


def module(folder: Path, name: str, text: str) -> None:
    """A module in `folder`."""
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.py").write_text(text, encoding="utf-8")


def message(source: str, folder: Path | None) -> str:
    """What is said of a source that cannot be found."""
    with pytest.raises(UserError) as caught:
        resolve(source, folder)
    return str(caught.value)


def test_functions_are_found_beside_the_study(tmp_path: Path) -> None:
    """In modules, in packages and as attributes of classes; in the installed packages too."""
    module(tmp_path, "lookup_own", "class Maker:\n    @staticmethod\n    def make(): return 3\n")
    (tmp_path / "lookup_pkg").mkdir()
    module(tmp_path / "lookup_pkg", "inner", "def f(): return 4")
    assert resolve("lookup_own:Maker.make", tmp_path)() == 3
    assert resolve("lookup_pkg.inner:f", tmp_path)() == 4
    assert resolve("torch.nn:Linear", tmp_path).__name__ == "Linear"


def test_what_a_function_imports_late_is_found_too(tmp_path: Path) -> None:
    """An import inside the function runs when it is called; folders come last then, and shadow nothing."""
    module(tmp_path, "lookup_late", "def f():\n    import lookup_helper\n    return lookup_helper.value")
    module(tmp_path, "lookup_helper", "value = 5")
    before = list(sys.path)
    assert resolve("lookup_late:f", tmp_path)() == 5
    assert sys.path[: len(before)] == before


def test_what_a_module_adds_to_the_path_stays(tmp_path: Path) -> None:
    """A file beside a foreign project adds its folder; what functions import later is found there."""
    module(tmp_path / "project", "lookup_foreign", "value = 7")
    added = f"import sys\nsys.path.insert(0, {str(tmp_path / 'project')!r})\n"
    module(
        tmp_path,
        "lookup_adds",
        f"{added}def f():\n    import lookup_foreign\n    return lookup_foreign.value",
    )
    before = list(sys.path)
    assert resolve("lookup_adds:f", tmp_path)() == 7
    assert sys.path[: len(before)] == before


def test_modules_of_the_same_name_in_two_folders(tmp_path: Path) -> None:
    """Each study gets the module that lies beside it, also in one process."""
    module(tmp_path / "a", "lookup_same", "def f(): return 'a'")
    module(tmp_path / "b", "lookup_same", "def f(): return 'b'")
    assert resolve("lookup_same:f", tmp_path / "a")() == "a"
    assert resolve("lookup_same:f", tmp_path / "b")() == "b"
    assert resolve("lookup_same:f", tmp_path / "a")() == "a"


def test_names_of_python_s_own_modules(tmp_path: Path) -> None:
    """random.py beside the study would be hidden by Python's own, or hide it from all others."""
    module(tmp_path, "random", "def f(): ...")
    assert message("random:f", tmp_path) == (
        "the name 'random' belongs to a module of Python or of a package; rename random.py"
    )


@pytest.mark.parametrize("source", ["no colon", ":f", "m:", "m:f()", "m..n:f"])
def test_what_is_no_source(source: str) -> None:
    """The form is said."""
    assert message(source, None) == "must be package.module:function"


@pytest.mark.parametrize(
    ("source", "rather"),
    [
        ("nets/deep/res:f", ": write nets.deep.res for nets/deep/res"),
        ("./nets/res.py:f", ": write nets.res for ./nets/res.py"),
        ("my-net:f", ", and no module has a name with a hyphen: rename its file, my_net say"),
    ],
)
def test_what_is_nearly_a_module_is_said(source: str, rather: str) -> None:
    """Paths, and files that no import finds."""
    assert message(source, None) == f"must be package.module:function{rather}"


def test_modules_that_cannot_be_found(tmp_path: Path) -> None:
    """A close name beside the study is suggested."""
    module(tmp_path, "lookup_models", "")
    place = f"in {tmp_path} or the Python path"
    assert message("lookup_model:f", tmp_path) == (
        f"no module 'lookup_model' {place}; did you mean 'lookup_models'?"
    )
    assert message("zzz:f", tmp_path) == f"no module 'zzz' {place}"
    assert message("zzz.inner:f", None) == "no module 'zzz.inner' in the Python path"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("import lookup_missing", "it needs 'lookup_missing'"),
        ("def f(:", "SyntaxError: invalid syntax (lookup_bad.py, line 1)"),
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("raise ValueError('one\\ntwo')", "ValueError: one two"),
        (
            "import sys; sys.exit(4)",
            'it ended the program (exit code 4); guard it with if __name__ == "__main__"',
        ),
    ],
)
def test_modules_that_cannot_be_imported(text: str, problem: str, tmp_path: Path) -> None:
    """Whatever the module does at import, the message says it in one line."""
    module(tmp_path, "lookup_bad", text)
    assert message("lookup_bad:f", tmp_path) == f"module 'lookup_bad' cannot be imported: {problem}"


def test_functions_that_are_not_there(tmp_path: Path) -> None:
    """Functions of the module are listed, at most 20, the closest suggested; what is no function is said."""
    module(tmp_path, "lookup_few", "def model(): ...\ndef data(): ...\nvalue = 3\n_hidden = print")
    assert message("lookup_few:modle", tmp_path) == (
        "module 'lookup_few' has no 'modle'; did you mean 'model'? it has model, data"
    )
    assert message("lookup_few:value", tmp_path) == "is no function but int"
    module(tmp_path, "lookup_none", "value = 3")
    assert message("lookup_none:f", tmp_path) == "module 'lookup_none' has no 'f'; it has no functions"
    module(tmp_path, "lookup_many", "\n".join(f"def f{k}(): ..." for k in range(30)))
    assert message("lookup_many:zz", tmp_path).endswith("f18, f19 …")


@pytest.mark.parametrize(
    "source",
    [
        "subprocess:getoutput",
        "os:system",
        "os.path:join",
        "builtins:exec",
        "posix:system",
        "antigravity:fly",
        "test.support:run_with_locale",
        "lookup_climbs:getoutput",
        "lookup_climbs:print",
        "lookup_climbs:Path",
        "lookup_climbs:join",
    ],
)
def test_python_s_own_functions_are_refused(source: str, tmp_path: Path) -> None:
    """Nothing of the standard library is a model, data or a loss, also where a module imported it by name."""
    text = (
        "from subprocess import getoutput\nfrom pathlib import Path\nfrom os.path import join\nprint = print"
    )
    module(tmp_path, "lookup_climbs", text)
    assert message(source, tmp_path) == (
        "is a part of Python itself, which has neither models nor data nor losses; name a function of a "
        "module of your own or of an installed package"
    )
    assert "antigravity" not in sys.modules


@pytest.mark.parametrize(
    ("source", "name"),
    [("lookup_uses:os.system", "os"), ("torch:os.system", "os"), ("torch:nn.functional.math.pow", "math")],
)
def test_other_modules_are_not_reached_through_one(source: str, name: str, tmp_path: Path) -> None:
    """What a module imports is not its own: a dotted name stays in the module and in its package."""
    module(tmp_path, "lookup_uses", "import os")
    home = source.partition(":")[0]
    said = message(source, tmp_path)
    assert said.startswith(f"{name!r} is a module that {home!r} imports; name a function of a module of your")


@pytest.mark.parametrize("source", ["m:f.__globals__.get", "m:__builtins__.exec", "class:f", "m:lambda"])
def test_names_that_lead_out_of_a_module(source: str) -> None:
    """Python's hidden attributes and its keywords are no names of functions."""
    assert message(source, None) == "must be package.module:function"


def test_what_stays_allowed(tmp_path: Path) -> None:
    """Installed packages with their parts, wrapped and partial functions, and a class method of one's own."""
    text = (
        "import functools\n"
        "def make(depth): return depth\n"
        "model = functools.partial(make, 3)\n"
        "@functools.cache\n"
        "def data(): return 4\n"
        "class Maker(dict):\n"
        "    @classmethod\n"
        "    def made(cls): return 5\n"
    )
    module(tmp_path, "lookup_wraps", text)
    found = [resolve(f"lookup_wraps:{name}", tmp_path)() for name in ("model", "data", "Maker.made")]
    assert found == [3, 4, 5]
    for source in ("torch.nn:functional.mse_loss", "torch:tanh", "torch.nn:HuberLoss", "numpy.linalg:norm"):
        assert callable(resolve(source, tmp_path))


def test_a_module_beside_the_study_may_have_a_rare_name_of_python_s(tmp_path: Path) -> None:
    """Where nothing has loaded Python's module of that name, the file that lies there is meant."""
    module(tmp_path, "sndhdr", "def f(): return 6")
    assert resolve("sndhdr:f", tmp_path)() == 6


def test_the_study_s_folder_stays_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also for the second function: another module of that name elsewhere on the path is another one."""
    for folder, value in (("study", 1), ("elsewhere", 2)):
        for name in ("lookup_first", "lookup_second"):
            module(tmp_path / folder, name, f"def f(): return {value}")
    (tmp_path / "elsewhere" / "lookup_first.py").unlink()
    monkeypatch.syspath_prepend(tmp_path / "elsewhere")
    assert resolve("lookup_first:f", tmp_path / "study")() == 1
    assert resolve("lookup_second:f", tmp_path / "study")() == 1
