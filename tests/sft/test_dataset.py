import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.common.errors import UserError
from pipeline.sft.conversations import read_files
from pipeline.sft.dataset import build_dataset, check_enough, type_messages
from pipeline.sft.findings import Findings
from pipeline.sft.load import list_source_files
from pipeline.sft.params import MINIWORLD_CONVERSATIONS
from tests.helpers.paths import SHARED

REAL = SHARED / "sft"


def qa(question, answer="evet"):
    return [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]


def first_turns(rows):
    return {json.dumps(row.messages[:2]) for row in rows}


def test_build_dataset_counts_every_conversation_once(tokenizer, make_sft_params):
    long = qa("kısa") + qa("u" * 100)
    data = build_dataset(
        {"mine": [*(qa(f"soru {i}") for i in range(200)), long, qa("u" * 100), [qa("cevapsız")[0]]]},
        tokenizer,
        make_sft_params(),
        42,
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
def test_build_dataset_same_beginnings_fall_on_one_side(tokenizer, make_sft_params, numbers, more):
    conversations = [
        qa(f"soru {n}") + qa("devam") * (i % (more + 1)) for i, n in enumerate([*numbers, *range(40)])
    ]
    data = build_dataset({"mine": conversations}, tokenizer, make_sft_params(val_fraction=0.4), 42)
    assert not first_turns(data.train) & first_turns(data.val)


def test_build_dataset_split_does_not_depend_on_order_or_others(tokenizer, make_sft_params):
    conversations = [qa(f"soru {i}") for i in range(100)]
    whole = build_dataset({"mine": conversations}, tokenizer, make_sft_params(), 42)
    half = build_dataset({"mine": conversations[::-1][:50]}, tokenizer, make_sft_params(), 42)
    assert first_turns(half.val) <= first_turns(whole.val)
    assert first_turns(half.train) <= first_turns(whole.train)


@pytest.mark.parametrize(
    ("train", "val", "changes", "message"),
    [
        (
            511,
            9,
            {"conversations_per_step": 512},
            r"sft\.conversations_per_step: 512: more than the 511",
        ),
        (50, 0, {"val_fraction": 1e-9}, r"sft\.val_fraction: 1e-09: none of 50"),
        (0, 0, {"context": 5}, r"of at most sft\.context 5 tokens"),
    ],
)
def test_check_enough_refuses_too_few_conversations(make_sft_params, train, val, changes, message):
    with pytest.raises(UserError, match=message):
        check_enough(train, val, make_sft_params(**changes))


def test_read_files_of_all_sources_in_order(tmp_path, make_sft_params):
    folder = tmp_path / "data/raw/sft"
    folder.mkdir(parents=True)
    (folder / "b.jsonl").write_text('{"prompt": "b", "response": "c"}\n')
    (tmp_path / MINIWORLD_CONVERSATIONS).parent.mkdir(parents=True)
    (tmp_path / MINIWORLD_CONVERSATIONS).write_text('{"prompt": "a", "response": "c"}\n')
    params = make_sft_params(
        sources={"w": {"kind": "miniworld"}, "l": {"kind": "local", "path": "data/raw/sft/*.jsonl"}}
    )
    files = list_source_files(params, tmp_path)
    assert [m[0]["content"] for m in read_files(files, Findings())] == ["a", "b"]


def test_list_source_files_refuses_an_empty_miniworld(tmp_path, make_sft_params):
    (tmp_path / MINIWORLD_CONVERSATIONS).parent.mkdir(parents=True)
    (tmp_path / MINIWORLD_CONVERSATIONS).touch()
    with pytest.raises(
        UserError, match=r"sft\.sources\.miniworld: .*add a miniworld source to corpus\.sources"
    ):
        list_source_files(make_sft_params(), tmp_path)


@pytest.mark.skipif(not REAL.is_dir(), reason="real data is not here")
def test_build_dataset_of_real_conversations(tokenizer, make_sft_params):
    findings = Findings()
    conversations = read_files(sorted(REAL.glob("*.jsonl")), findings)
    data = build_dataset({"mine": conversations}, tokenizer, make_sft_params(context=2048), 42)
    assert not findings.ignored_keys
    assert data.counts["read"] == 1022
    assert data.counts["dropped_without_answer"] == 0
    assert data.counts["whole"] > 950


def conversation(count=1):
    turns = [{"role": "user", "content": "Ankara'nın plakası kaç?"}, {"role": "assistant", "content": "06"}]
    return [{"role": "system", "content": "Kısa cevap ver."}, *turns * count]


def test_type_messages_changes_the_users_messages_alone():
    typed = type_messages(conversation(3), 1.0, "42:0.5")
    assert [message["role"] for message in typed] == [message["role"] for message in conversation(3)]
    for before, after in zip(conversation(3), typed, strict=True):
        assert (before["content"] != after["content"]) == (before["role"] == "user")


def test_type_messages_takes_about_the_fraction_and_depends_on_the_seed_alone():
    typed = type_messages(conversation(300), 0.3, "42:0.5")
    changed = sum(a != b for a, b in zip(conversation(300), typed, strict=True))
    assert 60 < changed < 120
    assert typed == type_messages(conversation(300), 0.3, "42:0.5")
    assert typed != type_messages(conversation(300), 0.3, "43:0.5")
    assert type_messages(conversation(), 0.0, "42:0.5") == conversation()
