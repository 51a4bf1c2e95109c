"""The package as a whole: its public names, its front page, and which folder imports which."""

import ast
import re
import sys
import tomllib
from graphlib import TopologicalSorter
from itertools import chain
from pathlib import Path

import pytest

import skattn

PROJECT = Path(__file__).resolve().parents[1]
README = (PROJECT / "README.md").read_text(encoding="utf-8")
METADATA = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PACKAGE = PROJECT / "skattn"
MODULES = {path.relative_to(PACKAGE).as_posix(): path for path in sorted(PACKAGE.rglob("*.py"))}
DISTRIBUTIONS = {"sklearn": "scikit-learn"}  # import name -> distribution, where they differ

# which folders a folder may import, besides itself
FLOORS = {
    "utils": set(),
    "engine": set(),
    "vectorizer": {"utils"},
    "networks": {"engine"},
    "networks/_onnx": {"networks"},
    "fitting": {"networks", "engine", "utils"},
    "estimators": {"fitting", "networks", "networks/_onnx", "engine", "utils"},
    "recipe": {"estimators", "fitting", "vectorizer", "engine", "utils"},
    "inspection/_render": {"utils"},
    "inspection/_parts": {"vectorizer", "utils"},
    "inspection": {"inspection/_render", "inspection/_parts", "utils"},
    "serving": {"recipe", "estimators", "vectorizer", "utils"},
    "demo": set(),  # public names only
}
MAX_FILES, MAX_LINES = 14, 450


# -- folders and what they import ------------------------------------------------------------------


def imported_modules(node, inside=False):
    """(module, whether inside a function) for each import below the node, "skattn" in full."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            yield from ((alias.name, inside) for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            assert not child.level, "relative imports are not followed here"
            yield child.module, inside
            yield from ((f"{child.module}.{alias.name}", inside) for alias in child.names)
        else:
            function = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            yield from imported_modules(child, inside or function)


TREES = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in MODULES.items()}
IMPORTS = {name: list(imported_modules(tree)) for name, tree in TREES.items()}


def folder_of(name):
    """The folder of a module, "" at the top."""
    return name.rpartition("/")[0]


def own_modules(name):
    """The modules of ours that a module imports, anywhere in it."""
    paths = {
        f"{module.replace('.', '/')}.py".removeprefix("skattn/") for module, _ in IMPORTS[name]
    }
    return paths & set(MODULES)


def outside(name):
    """Top-level packages that a module imports and that are neither ours nor Python's."""
    packages = {module.partition(".")[0] for module, _ in IMPORTS[name]}
    return packages - {"skattn"} - sys.stdlib_module_names


def test_the_reader_of_imports_sees_them_all():
    code = "import a.b\nfrom skattn.utils import _c\ndef g(): import h"
    found = [("a.b", False), ("skattn.utils", False), ("skattn.utils._c", False), ("h", True)]
    assert list(imported_modules(ast.parse(code))) == found


def test_an_import_goes_to_a_lower_folder_only():
    for name in MODULES:
        folder = folder_of(name)
        if folder:
            assert {folder_of(other) for other in own_modules(name)} <= FLOORS[folder] | {folder}, (
                name
            )


def test_no_module_comes_back_to_itself():
    order = TopologicalSorter({name: own_modules(name) for name in MODULES})
    order.prepare()  # raises CycleError


def test_folders_and_modules_stay_small():
    assert {folder_of(name) for name in MODULES} == {"", *FLOORS}
    for folder in ["", *FLOORS]:
        files = [path for path in (PACKAGE / folder).iterdir() if path.is_file()]
        assert len(files) <= MAX_FILES, folder
    for name, path in MODULES.items():
        assert len(path.read_text(encoding="utf-8").splitlines()) <= MAX_LINES, name


def test_only_the_folders_that_compute_import_keras():
    keras = {folder_of(name) for name in MODULES if outside(name) & {"keras", "tensorflow"}}
    assert keras <= {"engine", "networks", "fitting"}


def test_only_one_module_imports_scikeras():
    assert [name for name in MODULES if "scikeras" in outside(name)] == ["fitting/_scikeras.py"]


def test_the_demo_uses_public_names_only():
    for name in MODULES:
        if folder_of(name) == "demo":
            ours = {m.split(".")[1] for m, _ in IMPORTS[name] if m.startswith("skattn.")}
            assert ours <= {"demo", *skattn.__all__}, name


# -- what comes from outside -----------------------------------------------------------------------


def declared(requirements):
    """Distribution names of requirement strings."""
    return {re.match(r"[\w.-]+", requirement)[0].lower() for requirement in requirements}


@pytest.mark.parametrize("name", MODULES)
def test_every_import_is_declared_and_optional_ones_wait(name):
    required = declared(METADATA["dependencies"])
    optional = declared(chain(*METADATA["optional-dependencies"].values()))
    for module, inside in IMPORTS[name]:
        package = module.partition(".")[0]
        if package == "skattn" or package in sys.stdlib_module_names:
            continue
        distribution = DISTRIBUTIONS.get(package, package)
        assert distribution in required | optional, f"{distribution} is not in pyproject.toml"
        assert inside or distribution in required, f"import {package} where it is used: an extra"


def test_version_shims_stand_in_one_module():
    for name in set(MODULES) - {"utils/_sklearn_compat.py"}:
        for node in TREES[name].body:
            assert not isinstance(node, ast.Try), f"{name} tries an import"
        for node in ast.walk(TREES[name]):
            used = getattr(node, "attr", getattr(node, "id", ""))
            assert used not in {"parse_version", "sp_version"}, name
            assert used != "__version__" or folder_of(name) in {"", "demo"}, name


def test_what_modules_share_says_what_it_is():
    for name, tree in TREES.items():
        assert ast.get_docstring(tree), name
        for node in tree.body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
                assert ast.get_docstring(node), f"{name}: {node.name}"


def test_only_the_demo_prints_and_what_verbose_asks_for():
    for name in set(MODULES) - {"engine/_stages.py"}:
        calls = [node.func for node in ast.walk(TREES[name]) if isinstance(node, ast.Call)]
        prints = "print" in [getattr(function, "id", "") for function in calls]
        assert not prints or folder_of(name) == "demo", name


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


@pytest.mark.slow
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
    assert re.findall(r"([a-z]+) \+[0-9.]+[,)]", explanation)[:2] == ["match", "goal"]
    [shown] = re.findall(r"```text\n(.*?)```", README, flags=re.DOTALL)
    assert shown.splitlines()[0] == answer
    told, found = shown.splitlines()[1], explanation
    assert re.sub(r"[0-9.]+", "", told) == re.sub(r"[0-9.]+", "", found)
    told, found = ([float(n) for n in re.findall(r"\d+\.\d", text)] for text in (told, found))
    assert told == pytest.approx(found, abs=1.0)  # other processors round otherwise
    page = (tmp_path / "evidence.html").read_text(encoding="utf-8")
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
