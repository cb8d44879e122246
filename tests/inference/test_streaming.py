from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.inference.streaming import TextStream, cut_at_stop, decode_characters, mark_cut

small_text = st.text("abç😀\n", max_size=12)
stop_lists = st.lists(st.text("abç😀", min_size=1, max_size=4), max_size=3)


def cut_at_stop_naively(text, stop_strings):
    """Return the text before the first stop string to be completed, read character by character."""
    for end in range(1, len(text) + 1):
        starts = [end - len(stop) for stop in stop_strings if text[:end].endswith(stop)]
        if starts:
            return text[: min(starts)]
    return text


@given(st.text(max_size=30))
def test_decode_characters_yields_whole_characters(text):
    pieces = list(
        decode_characters(text.encode("utf-8", "ignore"), lambda ids: bytes(ids).decode("utf-8", "replace"))
    )
    assert "".join(pieces).rstrip("\ufffd") == text.encode("utf-8", "ignore").decode().rstrip("\ufffd")
    assert all(len(piece) == 1 for piece in pieces if "\ufffd" not in piece)


def test_decode_characters_drops_an_incomplete_last_character():
    cut = "çiğ 😀".encode()[:-1]
    pieces = list(decode_characters(cut, lambda ids: bytes(ids).decode("utf-8", "replace")))
    assert pieces == ["ç", "i", "ğ", " "]


@given(small_text, stop_lists, st.data())
def test_cut_at_stop_recognizes_stop_strings_across_pieces(text, stop_strings, data):
    cuts = sorted(data.draw(st.sets(st.integers(0, len(text)))) | {0, len(text)})
    pieces = [text[a:b] for a, b in pairwise(cuts)]
    assert "".join(cut_at_stop(pieces, stop_strings)) == cut_at_stop_naively(text, stop_strings)


@given(small_text, stop_lists)
def test_cut_at_stop_buffers_only_a_possible_stop_string(text, stop_strings):
    yielded = ""

    def characters():
        for end in range(1, len(text) + 1):
            yield text[end - 1 : end]
            pending = text[len(yielded) : end]  # when the next piece is asked for
            assert not pending or any(stop.startswith(pending) for stop in stop_strings)

    for piece in cut_at_stop(characters(), stop_strings):
        yielded += piece
        assert not any(stop in yielded for stop in stop_strings)


def test_cut_at_stop_reads_no_further_than_the_stop_string():
    def pieces():
        yield from ["Evet", ".<so", "n> "]
        raise AssertionError("read past the stop string")

    assert list(cut_at_stop(pieces(), ["<son>"])) == ["Evet", "."]


def test_cut_at_stop_refuses_an_empty_stop_string():
    with pytest.raises(ValueError, match="empty"):
        list(cut_at_stop(["a"], [""]))


@pytest.mark.parametrize("is_cut", [True, False])
def test_mark_cut_adds_a_mark_to_a_text_that_was_cut_off(is_cut):
    def pieces():
        yield from ["Bir", " gün"]
        text.is_cut = is_cut  # known at the end alone

    text = TextStream(pieces())
    assert list(mark_cut(text)) == ["Bir", " gün", *([" …"] if is_cut else [])]
