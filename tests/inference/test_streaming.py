from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.inference.streaming import TextDecoder, TextStream, mark_cut

small_text = st.text("abç😀\n", max_size=12)
stop_lists = st.lists(st.text("abç😀", min_size=1, max_size=4), max_size=3)


def cut_at_stop_naively(text, stop_strings):
    """Return the text before the first stop string to be completed, read character by character."""
    for end in range(1, len(text) + 1):
        starts = [end - len(stop) for stop in stop_strings if text[:end].endswith(stop)]
        if starts:
            return text[: min(starts)]
    return text


def decode_bytes(ids):
    return bytes(ids).decode("utf-8", "replace")


def decode_pieces(pieces, stop_strings=()):
    """Return what a decoder yields of pieces of text, each of which is a token."""
    pieces = list(pieces)
    decoder = TextDecoder(lambda ids: "".join(pieces[i] for i in ids), stop_strings)
    return [*(decoder.add(token) for token in range(len(pieces))), decoder.finish()]


@given(st.text(max_size=30))
def test_text_decoder_yields_whole_characters(text):
    decoder = TextDecoder(decode_bytes)
    pieces = [*map(decoder.add, text.encode("utf-8", "ignore")), decoder.finish()]
    assert "".join(pieces).rstrip("\ufffd") == text.encode("utf-8", "ignore").decode().rstrip("\ufffd")
    assert all(len(piece) <= 1 for piece in pieces if "\ufffd" not in piece)


def test_text_decoder_drops_an_incomplete_last_character():
    decoder = TextDecoder(decode_bytes)
    pieces = [*map(decoder.add, "çiğ 😀".encode()[:-1]), decoder.finish()]
    assert [piece for piece in pieces if piece] == ["ç", "i", "ğ", " "]


@given(small_text, stop_lists, st.data())
def test_text_decoder_recognizes_stop_strings_across_pieces(text, stop_strings, data):
    cuts = sorted(data.draw(st.sets(st.integers(0, len(text)))) | {0, len(text)})
    pieces = [text[a:b] for a, b in pairwise(cuts) if a < b]
    assert "".join(decode_pieces(pieces, stop_strings)) == cut_at_stop_naively(text, stop_strings)


@given(small_text, stop_lists)
def test_text_decoder_holds_back_only_a_possible_stop_string(text, stop_strings):
    decoder, shown = TextDecoder(lambda ids: "".join(map(chr, ids)), stop_strings), ""
    for end, character in enumerate(text, 1):
        shown += decoder.add(ord(character))
        assert not any(stop in shown for stop in stop_strings)
        if decoder.is_stopped:
            break
        held_back = text[len(shown) : end]
        assert not held_back or any(stop.startswith(held_back) for stop in stop_strings)


def test_text_decoder_ends_at_the_stop_string():
    assert decode_pieces(["Evet", ".<so", "n> ", "sonra"], ["<son>"]) == ["Evet", ".", "", "", ""]


def test_text_decoder_refuses_an_empty_stop_string():
    with pytest.raises(ValueError, match="empty"):
        TextDecoder(decode_bytes, [""])


@pytest.mark.parametrize("is_cut", [True, False])
def test_mark_cut_adds_a_mark_to_a_text_that_was_cut_off(is_cut):
    def pieces():
        yield from ["Bir", " gün"]
        text.is_cut = is_cut  # known at the end alone

    text = TextStream(pieces())
    assert list(mark_cut(text)) == ["Bir", " gün", *([" …"] if is_cut else [])]
