import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.common.errors import UserError
from pipeline.sft.dataset import prepare, read_all, source_files
from pipeline.sft.params import MINIWORLD
from tests.helpers.paths import SHARED

REAL = SHARED / "sft"


def qa(question, answer="evet"):
    return [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]


def opens(rows):
    return {json.dumps(row.messages[:2]) for row in rows}


def test_everything_read_is_counted_and_lands_once(tokenizer, sft):
    long = qa("kısa") + qa("u" * 100)
    data = prepare(
        [*(qa(f"soru {i}") for i in range(200)), long, qa("u" * 100), [qa("cevapsız")[0]]], tokenizer, sft()
    )
    counts = data.counts
    assert (counts["read"], counts["whole"], counts["cut"]) == (203, 200, 1)
    assert (counts["dropped_too_long"], counts["dropped_without_answer"]) == (1, 1)
    assert counts["train"] + counts["val"] == 201
    assert (len(data.train), len(data.val)) == (counts["train"], counts["val"])
    assert counts["trained_tokens"] == 5 * counts["train"]
    assert 20 < counts["val"] < 60  # 0.2 of 201


@settings(max_examples=30)
@given(st.lists(st.integers(0, 60), max_size=50), st.integers(0, 5))
def test_conversations_that_begin_alike_never_sit_on_both_sides(tokenizer, sft, numbers, more):
    conversations = [
        qa(f"soru {n}") + qa("devam") * (i % (more + 1)) for i, n in enumerate([*numbers, *range(40)])
    ]
    data = prepare(conversations, tokenizer, sft(val_fraction=0.4))
    assert not opens(data.train) & opens(data.val)


def test_the_split_does_not_depend_on_order_or_company(tokenizer, sft):
    conversations = [qa(f"soru {i}") for i in range(100)]
    whole = prepare(conversations, tokenizer, sft())
    half = prepare(conversations[::-1][:50], tokenizer, sft())
    assert opens(half.val) <= opens(whole.val)
    assert opens(half.train) <= opens(whole.train)


def test_too_few_conversations_are_named(tokenizer, sft):
    with pytest.raises(UserError, match=r"sft\.conversations_per_step: 512: more than the \d+ training"):
        prepare([qa(f"soru {i}") for i in range(50)], tokenizer, sft(conversations_per_step=512))
    with pytest.raises(UserError, match=r"sft\.val_fraction: 1e-09: none of 50"):
        prepare([qa(f"soru {i}") for i in range(50)], tokenizer, sft(val_fraction=1e-9))
    with pytest.raises(UserError, match=r"of at most sft\.context 5 tokens"):
        prepare([qa(f"soru {i}") for i in range(50)], tokenizer, sft(context=5))


def test_files_of_all_sources_are_read_in_order(tmp_path, sft):
    folder = tmp_path / "data/raw/sft"
    folder.mkdir(parents=True)
    (folder / "b.jsonl").write_text('{"prompt": "b", "response": "c"}\n')
    (tmp_path / MINIWORLD).parent.mkdir(parents=True)
    (tmp_path / MINIWORLD).write_text('{"prompt": "a", "response": "c"}\n')
    params = sft(sources={"w": {"kind": "miniworld"}, "l": {"kind": "local", "path": "data/raw/sft/*.jsonl"}})
    assert [m[0]["content"] for m in read_all(source_files(params, tmp_path))] == ["a", "b"]


def test_a_source_without_conversations_is_refused(tmp_path, sft):
    (tmp_path / MINIWORLD).parent.mkdir(parents=True)
    (tmp_path / MINIWORLD).touch()
    with pytest.raises(
        UserError, match=r"sft\.sources\.miniworld: .*add a miniworld source to corpus\.sources"
    ):
        source_files(sft(), tmp_path)
    (tmp_path / "empty.jsonl").write_text("\n\n")
    with pytest.raises(UserError, match=r"empty\.jsonl: no conversation in it"):
        list(read_all([tmp_path / "empty.jsonl"]))


@pytest.mark.skipif(not REAL.is_dir(), reason="real data is not here")
def test_real_conversations_are_read_whole(tokenizer, sft):
    data = prepare(read_all(sorted(REAL.glob("*.jsonl"))), tokenizer, sft(context=2048))
    assert data.counts["read"] == 1022
    assert data.counts["dropped_without_answer"] == 0
    assert data.counts["whole"] > 950
