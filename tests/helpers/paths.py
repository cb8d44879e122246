"""Where the repository is, and real Turkish data beside it."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
SHARED = ROOT.parent / "shared" / "data"  # absent on most machines: tests of it are skipped there
