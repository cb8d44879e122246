"""Free memory."""

import pytest

from pipeline.device.memory import available_memory, total_memory


def test_available_memory_is_within_a_containers_limit(tmp_path):
    (tmp_path / "memory.max").write_text("3000000000\n")
    (tmp_path / "memory.current").write_text("2900000000\n")
    (tmp_path / "memory.stat").write_text("anon 1\ninactive_file 400000000\n")
    assert available_memory(tmp_path) == pytest.approx(0.5)
    (tmp_path / "memory.max").write_text("max\n")
    assert available_memory(tmp_path) > 0.5


def test_total_memory_counts_swap_and_is_within_a_containers_limit(tmp_path):
    assert total_memory(tmp_path, tmp_path / "none") is None
    meminfo = tmp_path / "meminfo"
    meminfo.write_text("MemTotal:       8000 kB\nMemFree:  10 kB\nSwapTotal:      1000 kB\n")
    assert total_memory(tmp_path, meminfo) == 9000 * 1024
    (tmp_path / "memory.max").write_text("3072000\n")
    assert total_memory(tmp_path, meminfo) == 3072000 + 1000 * 1024
    (tmp_path / "memory.swap.max").write_text("0\n")
    assert total_memory(tmp_path, meminfo) == 3072000
    (tmp_path / "memory.max").write_text("max\n")
    assert total_memory(tmp_path, meminfo) == 8000 * 1024
