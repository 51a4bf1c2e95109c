"""The package as a whole: its public names, its front page, and which room may know which."""

import ast
import re
import sys
import tomllib
from itertools import chain
from pathlib import Path

import pytest

import skattn

PROJECT = Path(__file__).resolve().parents[1]
README = (PROJECT / "README.md").read_text(encoding="utf-8")
METADATA = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
ROOMS = {path.stem: path for path in sorted((PROJECT / "skattn").glob("*.py"))}

KERAS_ROOMS = {
    "_attention",
    "_callbacks",
    "_encoders",
    "_layers",
    "_networks",
    "_optimizer_configs",
    "_optimizers",
    "_outline",
    "_recurrence",
    "_rescue",
    "_resident",
    "_schedule",
    "_threads",
    "_training",
}
ESTIMATORS = {"_base", "_fit", "_text", "_gated", "_recipe", "_vote"}
DISPLAYS = {"_displays", "_html", *(r for r in ROOMS if r.startswith(("_display_", "_draw")))}
EXPLANATIONS = {"_explain", "_attention_parts", "_faithfulness"}
DEMO = {room for room in ROOMS if room == "__main__" or room.startswith("_demo")}
DISTRIBUTIONS = {"sklearn": "scikit-learn"}  # import name -> distribution, where they differ


# -- what a room imports ---------------------------------------------------------------------------


def imported_modules(node, inside=False):
    """(module, whether inside a function) for each import below the node, "skattn" in full."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            yield from ((alias.name, inside) for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            module = ".".join(filter(None, ["skattn" if child.level else "", child.module]))
            names = [f"skattn.{alias.name}" for alias in child.names]
            yield from ((name, inside) for name in (names if module == "skattn" else [module]))
        else:
            function = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            yield from imported_modules(child, inside or function)


TREES = {room: ast.parse(path.read_text(encoding="utf-8")) for room, path in ROOMS.items()}
IMPORTS = {room: list(imported_modules(tree)) for room, tree in TREES.items()}


def arrows(room):
    """The rooms that a room imports, anywhere in it; a public name counts as its room."""
    names = {module.split(".")[1] for module, _ in IMPORTS[room] if module.startswith("skattn.")}
    return {skattn._HOMES.get(name, name) for name in names} - {"__version__"}


def reachable(room):
    """The rooms that come along with a room."""
    found, waiting = set(), [room]
    while waiting:
        new = arrows(waiting.pop()) - found
        found |= new
        waiting += new
    return found


def outside(room):
    """Top-level packages that a room imports and that are neither ours nor Python's."""
    packages = {module.partition(".")[0] for module, _ in IMPORTS[room]}
    return packages - {"skattn"} - sys.stdlib_module_names


def test_the_reader_of_imports_sees_them_all():
    code = (
        "import a.b\nfrom . import _c\nfrom ._d import e\nfrom skattn import _f\ndef g(): import h"
    )
    found = [("a.b", False), ("skattn._c", False), ("skattn._d", False), ("skattn._f", False)]
    assert list(imported_modules(ast.parse(code))) == [*found, ("h", True)]


@pytest.mark.parametrize("room", ROOMS)
def test_arrows_point_down_the_line(room):
    assert room not in reachable(room), "this room comes back to itself"
    assert arrows(room) <= set(ROOMS), "this room imports one that is not there"


@pytest.mark.parametrize("room", sorted(DISPLAYS | EXPLANATIONS))
def test_pictures_and_explanations_know_no_estimator_and_no_keras(room):
    assert not reachable(room) & (ESTIMATORS | KERAS_ROOMS)


@pytest.mark.parametrize("room", sorted(ESTIMATORS))
def test_estimators_know_no_display(room):
    assert not reachable(room) & (DISPLAYS | EXPLANATIONS | DEMO)


@pytest.mark.parametrize("room", ["_sequences", "_validation", "_compat"])
def test_texts_and_checks_know_nothing_of_networks(room):
    assert not ({room} | reachable(room)) & (KERAS_ROOMS | ESTIMATORS | DISPLAYS | EXPLANATIONS)


def test_batches_know_numpy_only():
    assert outside("_batches") == {"numpy"}
    assert not arrows("_batches")


def test_only_keras_rooms_import_keras():
    """A further room that needs Keras is added above, knowingly."""
    assert {room for room in ROOMS if outside(room) & {"keras", "tensorflow"}} <= KERAS_ROOMS
    assert set(ROOMS) >= KERAS_ROOMS


def test_only_one_room_imports_scikeras():
    assert [room for room in ROOMS if "scikeras" in outside(room)] == ["_scikeras"]


def test_the_demo_uses_public_names_only():
    for room in DEMO:
        names = {module.split(".")[1] for module, _ in IMPORTS[room] if module[:7] == "skattn."}
        assert names <= set(skattn.__all__) | DEMO
    assert not [room for room in ROOMS if arrows(room) & DEMO and room not in DEMO]


def test_the_drawing_of_the_rooms_shows_each_of_them_once():
    page = PROJECT / "docs" / "architecture.rst"
    if not page.exists():
        pytest.skip("the source distribution has no documentation")
    drawing = page.read_text(encoding="utf-8").split(".. code-block:: text")[1].split("\n\nNo ")[0]
    drawn = re.findall(r"(?<!\S)_\w+", drawing)
    assert sorted(drawn) == sorted(room for room in ROOMS if not room.startswith("__"))


# -- what comes from outside -----------------------------------------------------------------------


def declared(requirements):
    """Distribution names of requirement strings."""
    return {re.match(r"[\w.-]+", requirement)[0].lower() for requirement in requirements}


@pytest.mark.parametrize("room", ROOMS)
def test_every_import_is_declared_and_optional_ones_wait(room):
    required = declared(METADATA["dependencies"])
    optional = declared(chain(*METADATA["optional-dependencies"].values()))
    for module, inside in IMPORTS[room]:
        package = module.partition(".")[0]
        if package == "skattn" or package in sys.stdlib_module_names:
            continue
        distribution = DISTRIBUTIONS.get(package, package)
        assert distribution in required | optional, f"{distribution} is not in pyproject.toml"
        assert inside or distribution in required, f"import {package} where it is used: an extra"


def test_version_shims_stand_in_one_room():
    for room in set(ROOMS) - {"_compat"}:
        for node in TREES[room].body:
            assert not isinstance(node, ast.Try), f"{room} tries an import: that is for _compat"
        for node in ast.walk(TREES[room]):
            name = getattr(node, "attr", getattr(node, "id", ""))
            assert name not in {"parse_version", "sp_version"}, room
            assert name != "__version__" or room in {"__init__", *DEMO}, room


def test_what_rooms_share_says_what_it_is():
    for room, tree in TREES.items():
        assert ast.get_docstring(tree), room
        for node in tree.body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
                assert ast.get_docstring(node), f"{room}.{node.name}"


def test_only_the_demo_prints():
    for room in set(ROOMS) - DEMO:
        calls = [node.func for node in ast.walk(TREES[room]) if isinstance(node, ast.Call)]
        assert "print" not in [getattr(function, "id", "") for function in calls], room


# -- the public face -------------------------------------------------------------------------------


def test_public_names_are_there():
    assert set(skattn.__all__) == {*skattn._HOMES, "__version__"}
    assert set(skattn.__all__) <= set(dir(skattn))
    for name in skattn.__all__:
        assert getattr(skattn, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'AttentionClassifier'"):
        skattn.AttentionClassifier  # noqa: B018


def test_every_public_name_has_a_docstring_with_an_example():
    for name in skattn._HOMES:
        assert ">>>" in (getattr(skattn, name).__doc__ or ""), name


def test_import_of_the_package_is_light(run_python):
    heavy = ["tensorflow", "keras", "sklearn", "numpy", "matplotlib", "rich"]
    code = f"import sys, skattn; print([name for name in {heavy} if name in sys.modules])"
    assert run_python(code).stdout == "[]\n"


def test_vectorizer_and_explanations_come_without_tensorflow(run_python):
    names = "SequenceVectorizer, TextExplanation, explain_texts, AttentionDisplay"
    code = f"import sys; from skattn import {names}; print('tensorflow' in sys.modules)"
    assert run_python(code).stdout == "False\n"


# -- the front page --------------------------------------------------------------------------------


@pytest.mark.slow
def test_readme_example_runs(run_python, tmp_path):
    [example] = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    assert len([line for line in example.splitlines() if line.strip()]) <= 10
    answer, explanation = run_python(example).stdout.splitlines()
    assert answer == "['sport' 'business']"
    assert explanation.startswith("TextExplanation(sport ")
    page = (tmp_path / "attention.html").read_text(encoding="utf-8")
    assert "penalty" in page


def test_readme_has_the_two_commands():
    demo, tests = re.findall(r"```bash\n(.*)\n```", README)
    install = 'python -m venv .venv && .venv/bin/python -m pip install -e ".[{}]" && '
    assert demo == install.format("demo") + ".venv/bin/python -m skattn"
    assert tests.startswith(install.format("test") + ".venv/bin/python -m pytest")


def test_readme_links_lead_somewhere():
    links = re.findall(r"\]\(([^)#]+)\)", README)
    assert links
    assert [link for link in links if not (PROJECT / link).exists()] == []
