"""Entry point: `python -m pipeline.cli` is `tezgah`."""

from pipeline.cli.main import main

main()
