import pytest

from pipeline.data.splits import choose_split, hash_key


def test_choose_split_follows_fractions() -> None:
    splits = [choose_split(hash_key(f"metin {number}", 42)[1], 0.2, 0.1) for number in range(10_000)]
    assert splits.count("val") / len(splits) == pytest.approx(0.2, abs=0.02)
    assert splits.count("test") / len(splits) == pytest.approx(0.1, abs=0.02)


def test_choose_split_depends_on_seed_and_text_alone() -> None:
    def split(seed: int) -> list[str]:
        return [choose_split(hash_key(f"metin {number}", seed)[1], 0.3, 0.3) for number in range(50)]

    assert split(1) == split(1)
    assert split(1) != split(2)


def test_choose_split_larger_val_fraction_keeps_its_documents() -> None:
    choices = [hash_key(f"metin {number}", 1)[1] for number in range(1000)]
    small = {choice for choice in choices if choose_split(choice, 0.1, 0) == "val"}
    large = {choice for choice in choices if choose_split(choice, 0.2, 0) == "val"}
    assert small < large
