from hypothesis import given
from hypothesis import strategies as st

from pipeline.corpus.readers.split_long import cut


@given(st.text(alphabet="aş \n"), st.integers(2, 12))
def test_pieces_are_short_lose_nothing_and_are_no_crumbs(text: str, limit: int) -> None:
    pieces = cut(text, limit)
    assert "".join(pieces) == text
    assert all(limit // 2 <= len(piece) <= limit for piece in pieces[:-1])
    assert len(pieces[-1]) <= limit


def test_line_breaks_before_spaces_before_anything() -> None:
    assert cut("aa aa\naa aa aaa", 8) == ["aa aa\n", "aa aa ", "aaa"]
    assert cut("aaaaaaaaaa", 4) == ["aaaa", "aaaa", "aa"]
