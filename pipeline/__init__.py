"""The library that the stages and the `tezgah` command call."""

import pipeline.errors  # noqa: F401  first of all: how the program ends where an import fails or is stopped
