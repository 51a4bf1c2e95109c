"""Sphinx builds the site with this; `docs/README.md` has the command."""

import os
import re
import sys
import zlib
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("MPLBACKEND", "agg")
sys.path.insert(0, str(Path(__file__).parents[1]))

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml
from sklearn.utils.discovery import all_displays, all_estimators, all_functions

import skattn

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
sys.path.append(str(BENCHMARKS))

project = "skattn"
author = "The skattn developers"
copyright = author
release = version = skattn.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.intersphinx",
    "sphinx.ext.viewcode",
    "numpydoc",
    "myst_parser",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
    "sphinxext.opengraph",
]
exclude_patterns = [
    "_build",
    "_templates",
    "examples",
    "README.md",
    "CHANGELOG.md",
    "performance_table.rst",
    "accuracy_table.rst",
    "explanations_table.rst",
    "generated/speed.rst",
]
templates_path = ["_templates"]
default_role = "py:obj"
smartquotes_action = "De"  # quotes stay straight: readers copy values such as "lstm"
toc_object_entries_show_parents = "hide"

# -- API reference -----------------------------------------------------------------------------

autosummary_generate = True
autodoc_typehints = "none"  # the text of each parameter says its type
autodoc_member_order = "bysource"
numpydoc_show_class_members = False  # autodoc lists them, with their own headings
numpydoc_xref_param_type = False


def _tidy(app, what, name, obj, options, lines):
    """References into other projects' guides become words; ``name_`` in a shape is no link."""
    for place, line in enumerate(lines):
        line = re.sub(r":(?:ref|term):`([^`<]+?)\s*(?:<[^>]*>)?`", r"\1", line)
        if "of shape (" in line and "`" not in line:
            line = re.sub(r"_(?=[,)])", r"\\_", line)
        lines[place] = line


def _skip_keras(app, what, name, obj, skip, options):
    """The hundred members of every Keras layer belong into Keras's own reference."""
    return True if str(getattr(obj, "__module__", "")).startswith("keras.") else None


def _leave_out_missing(app, docname, source):
    """The page on versions may not be written yet."""
    if not Path(app.srcdir, "versions.rst").exists():
        source[0] = source[0].replace("   versions\n", "")


def _formula(writer, node):
    """A formula as MathML: browsers draw it by themselves, without a script from the network."""
    as_block = isinstance(node, nodes.math_block)
    formula = tex2mathml(node.astext(), as_block=as_block)
    writer.body.append(f'<div class="math">{formula}</div>' if as_block else formula)
    raise nodes.SkipNode


def _draw_results(app):
    """The pictures of the pages on performance and accuracy, from what the benchmarks wrote."""
    from draw import write_pictures
    from draw_accuracy import write_picture
    from report import shown

    folder = Path(app.srcdir, "generated")
    write_picture(folder)
    write_pictures(shown(), folder)


# -- links to other projects -------------------------------------------------------------------


def _write_inventory(path):
    """The names of the installed scikit-learn and where its site explains them.

    Its own inventory would have to be fetched, and a build without a network must not fail.
    """
    found = [*all_estimators(), *all_functions(), *all_displays()]
    lines = set()
    for name, value in found:
        module = re.sub(r"\._.*", "", value.__module__)
        role = "class" if isinstance(value, type) else "function"
        target = f"modules/generated/{module}.{name}.html"
        lines.add(f"{module}.{name} py:{role} 1 {target} -")
    path.parent.mkdir(exist_ok=True)
    head = "# Sphinx inventory version 2\n# Project: scikit-learn\n# Version:\n"
    head += "# The remainder of this file is compressed using zlib.\n"
    path.write_bytes(head.encode() + zlib.compress("\n".join(sorted(lines)).encode() + b"\n"))
    return path


_inventory = _write_inventory(Path(__file__).parent / "generated" / "scikit-learn.inv")
intersphinx_mapping = {"sklearn": ("https://scikit-learn.org/stable/", str(_inventory))}


def setup(app):
    app.add_html_math_renderer("mathml", (_formula, None), (_formula, None))
    app.connect("builder-inited", _draw_results)
    app.connect("source-read", _leave_out_missing)
    app.connect("autodoc-process-docstring", _tidy, priority=900)
    app.connect("autodoc-skip-member", _skip_keras)


# -- gallery -----------------------------------------------------------------------------------

sphinx_gallery_conf = {
    "examples_dirs": "examples",
    "gallery_dirs": "gallery",
    "filename_pattern": r"plot_.*\.py$",
    "doc_module": "skattn",
    "reference_url": {"skattn": None},
    "backreferences_dir": "generated/backreferences",
    "image_srcset": ["2x"],
    "download_all_examples": False,
    "show_memory": False,
    "remove_config_comments": True,
    "within_subsection_order": "FileNameSortKey",
    "thumbnail_size": (480, 336),
    "min_reported_time": 3600,  # times tell about the machine, not the library
    "write_computation_times": False,
    "abort_on_example_error": False,
}

# -- pages -------------------------------------------------------------------------------------

html_math_renderer = "mathml"
html_theme = "pydata_sphinx_theme"
html_title = "skattn"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_favicon = "_static/logo.svg"
html_show_sourcelink = False
ogp_site_url = html_baseurl = os.environ.get("READTHEDOCS_CANONICAL_URL", "")
ogp_enable_meta_description = True
ogp_image = "_static/readme.png"
ogp_image_alt = "Messages to a shop; the words that decided about each are shaded."
ogp_social_cards = {"enable": False}
html_context = {"default_mode": "auto"}  # the theme calls an empty one an error in the console
alone = ["index", "install", "classify_texts", "which_estimator", "faq", "explanations"]
alone += [
    "coming_from",
    "from_stack_overflow",
    "performance",
    "accuracy",
    "architecture",
    "security",
    "versions",
    "contributing",
    "changelog",
    "gallery/index",
]
html_sidebars = {page: [] for page in [*alone, "search", "genindex"]}
html_theme_options = {
    "logo": {"text": "skattn", "image_light": "_static/logo.svg", "image_dark": "_static/logo.svg"},
    "header_links_before_dropdown": 6,
    "navbar_align": "left",
    "navbar_end": ["theme-switcher"],
    "show_prev_next": True,
    "secondary_sidebar_items": ["page-toc", "sg_download_links"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
copybutton_prompt_text = r">>> |\.\.\.(?: |$)|\$ "
copybutton_prompt_is_regexp = True
