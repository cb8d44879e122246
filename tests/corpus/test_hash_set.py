from hypothesis import given
from hypothesis import strategies as st

from pipeline.corpus.hash_set import HashSet

VALUES = st.integers(1, 2**64 - 1) | st.integers(1, 50) | st.integers(1, 50).map(lambda n: n * 64 * 24)


@given(st.lists(VALUES, max_size=300))
def test_hash_set_add_agrees_with_python_set(values: list[int]) -> None:
    hashes, known = HashSet(), set()
    for value in values:
        assert hashes.add(value) == (value not in known)
        known.add(value)
    assert len(hashes) == len(known)


def test_hash_set_resizes_without_loss() -> None:
    hashes = HashSet()
    values = [number * 0x9E3779B97F4A7C15 % 2**64 for number in range(1, 20_000)]
    assert all(hashes.add(value) for value in values)
    assert not any(hashes.add(value) for value in values)
