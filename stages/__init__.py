"""The stages of the graph, a script each."""

import pipeline  # noqa: F401  before what a stage imports, some of which may be missing: how that ends
