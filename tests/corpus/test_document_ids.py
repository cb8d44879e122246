from hypothesis import given
from hypothesis import strategies as st

from pipeline.corpus.document_ids import DocumentIds, clean_record_id

SOURCES = ("a", "a-1", "a-1-2")


@given(
    st.lists(
        st.tuples(st.sampled_from(SOURCES), st.none() | st.sampled_from(["0", "1", "01", "1-2", "2-3", "x"]))
    )
)
def test_document_ids_are_unique(documents: list[tuple[str, str | None]]) -> None:
    ids = DocumentIds()
    numbers = dict.fromkeys(SOURCES, 0)
    issued = []
    for source, own in sorted(documents, key=lambda document: document[0]):
        number = numbers[source]
        numbers[source] += 1
        issued.append(
            ids.from_number(source, number) if own is None else ids.from_record(f"{source}-{own}", number)
        )
    assert len(set(issued)) == len(issued)


def test_document_ids_keep_distinct_record_ids() -> None:
    ids = DocumentIds()
    assert [ids.from_record(f"wiki-{own}", number) for number, own in enumerate(["12", "3", "12"])] == [
        "wiki-12",
        "wiki-3",
        "wiki-12-2",
    ]


def test_clean_record_id_refuses_unusable_ids() -> None:
    assert clean_record_id(" r\u0131-1 ") == "rı-1"
    for id in (None, "", "\0", "a\nb", "a" * 1000):
        assert clean_record_id(id) is None
