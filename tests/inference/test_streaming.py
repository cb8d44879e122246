from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.inference.streaming import until, whole_characters

small_text = st.text("abç😀\n", max_size=12)
stop_lists = st.lists(st.text("abç😀", min_size=1, max_size=4), max_size=3)


def reference(text, stops):
    """The text before the first stop string to be completed, read character by character."""
    for end in range(1, len(text) + 1):
        starts = [end - len(stop) for stop in stops if text[:end].endswith(stop)]
        if starts:
            return text[: min(starts)]
    return text


@given(st.text(max_size=30))
def test_bytes_become_whole_characters_one_by_one(text):
    pieces = list(
        whole_characters(text.encode("utf-8", "ignore"), lambda ids: bytes(ids).decode("utf-8", "replace"))
    )
    assert "".join(pieces).rstrip("\ufffd") == text.encode("utf-8", "ignore").decode().rstrip("\ufffd")
    assert all(len(piece) == 1 for piece in pieces if "\ufffd" not in piece)


def test_a_character_cut_off_at_the_end_is_left_out():
    cut = "çiğ 😀".encode()[:-1]
    pieces = list(whole_characters(cut, lambda ids: bytes(ids).decode("utf-8", "replace")))
    assert pieces == ["ç", "i", "ğ", " "]


@given(small_text, stop_lists, st.data())
def test_stop_strings_are_found_however_the_text_is_cut(text, stops, data):
    cuts = sorted(data.draw(st.sets(st.integers(0, len(text)))) | {0, len(text)})
    pieces = [text[a:b] for a, b in pairwise(cuts)]
    assert "".join(until(pieces, stops)) == reference(text, stops)


@given(small_text, stop_lists)
def test_text_is_held_only_while_a_stop_string_may_begin(text, stops):
    shown = ""

    def feed():
        for end in range(1, len(text) + 1):
            yield text[end - 1 : end]
            held = text[len(shown) : end]  # when the next piece is asked for
            assert not held or any(stop.startswith(held) for stop in stops)

    for piece in until(feed(), stops):
        shown += piece
        assert not any(stop in shown for stop in stops)


def test_reading_ends_with_the_stop_string():
    def pieces():
        yield from ["Evet", ".<so", "n> "]
        raise AssertionError("read past the stop string")

    assert list(until(pieces(), ["<son>"])) == ["Evet", "."]


def test_an_empty_stop_string_is_refused():
    with pytest.raises(ValueError, match="empty"):
        list(until(["a"], [""]))
