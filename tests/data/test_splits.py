import pytest

from pipeline.data.splits import digest, split_of


def test_shares_are_the_fractions() -> None:
    splits = [split_of(digest(f"metin {number}", 42)[1], 0.2, 0.1) for number in range(10_000)]
    assert splits.count("val") / len(splits) == pytest.approx(0.2, abs=0.02)
    assert splits.count("test") / len(splits) == pytest.approx(0.1, abs=0.02)


def test_the_seed_chooses_and_the_text_alone_with_it() -> None:
    def split(seed: int) -> list[str]:
        return [split_of(digest(f"metin {number}", seed)[1], 0.3, 0.3) for number in range(50)]

    assert split(1) == split(1)
    assert split(1) != split(2)


def test_a_larger_validation_share_keeps_what_was_in_it() -> None:
    choices = [digest(f"metin {number}", 1)[1] for number in range(1000)]
    small = {choice for choice in choices if split_of(choice, 0.1, 0) == "val"}
    large = {choice for choice in choices if split_of(choice, 0.2, 0) == "val"}
    assert small < large
