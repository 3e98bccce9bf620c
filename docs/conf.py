"""How the documentation site is built: ``make docs``, without a network, warnings being errors.

Pages stand in folders by what a reader comes for. What the program knows by itself is written by it: the commands from
the parser, the glossary and the names of columns from their tables, the interface from the docstrings, the notebooks
from ``notebooks/``, executed. None of that is kept in the repository.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent
sys.path[:0] = [str(HERE), str(ROOT)]
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ["COLUMNS"] = "110"

from jupyter_cache import get_cache  # noqa: E402

import k2rel  # noqa: E402
from k2rel.basis import basis_hash  # noqa: E402

project = "k2rel"
author = "The k2rel authors"
copyright = "the k2rel authors, BSD 3-Clause licence"  # noqa: A001 - the name that Sphinx reads
release = version = k2rel.__version__
extensions = ["myst_nb", "numpydoc", "sphinx.ext.autodoc", "sphinx.ext.autosummary", "written"]
exclude_patterns = ["_build", "README.md"]

html_theme = "furo"
html_math_renderer = "mathml"
html_title = f"k2rel {release}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sourcelink = False
html_show_search_summary = False  # would be fetched page by page, which files on a disk do not allow
html_copy_source = False

myst_enable_extensions = ["colon_fence", "deflist", "attrs_inline"]
myst_heading_anchors = 3

# outputs are those of this code and data: after a change of either every page with code runs again
made_with = basis_hash("matplotlib", "numpy", "pandas", "scipy")
nb_execution_mode = "cache"
nb_execution_cache_path = str(ROOT / "build" / "docs-cache" / made_with[:16])
get_cache(nb_execution_cache_path).db  # noqa: B018 - made here, since two readers of pages that find none both make it
nb_execution_timeout = 300
nb_execution_raise_on_error = True
nb_execution_in_temp = True
nb_execution_show_tb = True
nb_merge_streams = True
nb_ipywidgets_js: dict[str, object] = {}  # nothing is fetched from elsewhere

autosummary_generate = True
autodoc_typehints = "none"
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False
