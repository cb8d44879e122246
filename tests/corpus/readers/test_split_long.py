from hypothesis import given
from hypothesis import strategies as st

from pipeline.corpus.readers.split_long import split_long_text


@given(st.text(alphabet="aş \n"), st.integers(2, 12))
def test_split_long_text_pieces_join_to_the_text_within_the_limit(text: str, limit: int) -> None:
    pieces = split_long_text(text, limit)
    assert "".join(pieces) == text
    assert all(limit // 2 <= len(piece) <= limit for piece in pieces[:-1])
    assert len(pieces[-1]) <= limit


def test_split_long_text_prefers_line_breaks_to_spaces() -> None:
    assert split_long_text("aa aa\naa aa aaa", 8) == ["aa aa\n", "aa aa ", "aaa"]
    assert split_long_text("aaaaaaaaaa", 4) == ["aaaa", "aaaa", "aa"]
