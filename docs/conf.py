"""Sphinx settings; ``python docs/build.py`` builds the site."""

import sys
from importlib.util import find_spec
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent
sys.path[:0] = [str(HERE / "_ext"), str(ROOT)]

from gallery import stored
from matplotlib.sphinxext.plot_directive import TEMPLATE

import skflow.plots

project = "skflow"
author = "The skflow developers"
copyright = author
version = release = skflow.__version__

extensions = [
    "docstrings",
    "mathml",
    "matplotlib.sphinxext.plot_directive",
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.doctest",
    "snippets",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build", "sg_execution_times.rst"]
templates_path = ["_templates"]
nitpicky = True
smartquotes = False
html_math_renderer = "mathml"

# The API reference: what __all__ names, with the text of the docstrings
autosummary_ignore_module_all = False
autosummary_imported_members = True
REPORTS = ["TableReport", "compare_densities", "compare_regressors", "diagnose"]
# names of a module whose pages stand under another one: displays are imported from skflow.plots
autosummary_context = {"elsewhere": {"skflow.diagnostics": [*skflow.plots.__all__, *REPORTS]}}
autodoc_typehints = "none"
autodoc_member_order = "groupwise"
toc_object_entries_show_parents = "hide"
python_maximum_signature_line_length = 79
numpydoc_show_class_members = False
numpydoc_xref_param_type = False
# bases of public classes that live in other packages or are private
nitpick_ignore_regex = [(r"py:.*", r"(sklearn|skpro|torch|numpy|matplotlib|pandas|functools)\..*")]

# what the constraints do not allow to be installed; its code blocks are skipped, too
autodoc_mock_imports = [] if find_spec("skpro") else ["skpro"]

# Code blocks of the pages; examples in docstrings run with the tests of the package
doctest_test_doctest_blocks = ""
doctest_global_setup = """
import warnings
from importlib.util import find_spec
warnings.simplefilter("error")
"""

# Pictures of the pages
plot_formats = [("png", 120)]
plot_html_show_formats = False
plot_html_show_source_link = False
plot_include_source = False
plot_rcparams = {"figure.constrained_layout.use": True, "font.size": 9}
plot_apply_rcparams = True
plot_template = TEMPLATE.replace("{{ source_code }}", "")  # pictures speak for themselves

STORED = "|".join(stored())
sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "auto_examples",
    "filename_pattern": rf"/(?!(?:{STORED})\.py$)[^/]+\.py$",
    "ignore_pattern": r"(^|/)_",
    "reset_argv": "gallery.arguments",
    "only_warn_on_example_error": False,
    "abort_on_example_error": False,
    "download_all_examples": False,
    "remove_config_comments": True,
    "within_subsection_order": "gallery.Order",
    "min_reported_time": 5,
    "show_memory": False,
    "write_computation_times": False,
}

html_theme = "pydata_sphinx_theme"
html_static_path = ["_static"]
html_css_files = ["skflow.css"]
html_title = "skflow"
html_show_sourcelink = False
html_copy_source = False
# pages without pages below them
html_sidebars = {
    page: []
    for page in ("benchmarks", "changelog", "choosing", "flows", "getting_started", "glossary")
}
html_theme_options = {
    "navbar_align": "left",
    "navbar_end": ["theme-switcher"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "show_toc_level": 1,
    "secondary_sidebar_items": ["page-toc"],
    "logo": {"text": "skflow"},
}
