from hypothesis import given
from hypothesis import strategies as st

from pipeline.corpus.document_ids import Ids, usable

SOURCES = ("a", "a-1", "a-1-2")


@given(
    st.lists(
        st.tuples(st.sampled_from(SOURCES), st.none() | st.sampled_from(["0", "1", "01", "1-2", "2-3", "x"]))
    )
)
def test_no_two_documents_share_an_id(documents: list[tuple[str, str | None]]) -> None:
    ids = Ids()
    numbers = dict.fromkeys(SOURCES, 0)
    given_out = []
    for source, own in sorted(documents, key=lambda document: document[0]):
        number = numbers[source]
        numbers[source] += 1
        given_out.append(ids.numbered(source, number) if own is None else ids.own(f"{source}-{own}", number))
    assert len(set(given_out)) == len(given_out)


def test_own_ids_stay_as_they_are_where_they_differ() -> None:
    ids = Ids()
    assert [ids.own(f"wiki-{own}", number) for number, own in enumerate(["12", "3", "12"])] == [
        "wiki-12",
        "wiki-3",
        "wiki-12-2",
    ]


def test_what_is_fit_to_be_an_id() -> None:
    assert usable(" r\u0131-1 ") == "rı-1"
    for id in (None, "", "\0", "a\nb", "a" * 1000):
        assert usable(id) is None
