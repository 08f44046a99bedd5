"""Sphinx: `tox -e docs`, or `sphinx-build -W docs docs/_build`."""

from importlib.metadata import version as _version

project = "barexec"
author = "the barexec team"
version = release = _version("barexec")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3
exclude_patterns = ["_build", "pictures", "fragments"]
html_theme = "furo"
html_title = "barexec"
autodoc_typehints = "signature"
autodoc_member_order = "bysource"
# for these there is another engine to install
autodoc_mock_imports = ["mpi4py", "distributed"]
