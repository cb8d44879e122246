"""Free memory."""

import pytest

from pipeline.device.memory import available_memory


def test_available_memory_is_within_a_containers_limit(tmp_path):
    (tmp_path / "memory.max").write_text("3000000000\n")
    (tmp_path / "memory.current").write_text("2900000000\n")
    (tmp_path / "memory.stat").write_text("anon 1\ninactive_file 400000000\n")
    assert available_memory(tmp_path) == pytest.approx(0.5)
    (tmp_path / "memory.max").write_text("max\n")
    assert available_memory(tmp_path) > 0.5
