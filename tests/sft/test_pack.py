import torch
from hypothesis import given
from hypothesis import strategies as st

from pipeline.sft.pack import collate, pack
from pipeline.tokenizer.chat_template import ASSISTANT, END, conversation_ids
from pipeline.tokenizer.tokenizer import BOS, PAD
from pipeline.training.loss import IGNORED

conversations = st.lists(
    st.fixed_dictionaries(
        {
            "role": st.sampled_from(["system", "user", "assistant"]),
            "content": st.text("aç ", min_size=1, max_size=8),
        }
    ),
    min_size=1,
    max_size=8,
)


def says(role, content):
    return {"role": role, "content": content}


def test_every_answer_and_its_end_is_trained_and_nothing_else(tokenizer):
    messages = [says("user", "a"), says("assistant", "bc"), says("user", "d"), says("assistant", "e")]
    row, fate = pack(tokenizer, messages, 64)
    assert fate == "whole"
    assert row.ids[0] == BOS
    learned = [token for token, on in zip(row.ids, row.trained, strict=True) if on]
    assert learned == [*tokenizer.encode("bc"), END, *tokenizer.encode("e"), END]


def test_what_follows_the_last_answer_is_left_out(tokenizer):
    answered = [says("user", "a"), says("assistant", "b")]
    row, fate = pack(tokenizer, [*answered, says("user", "c"), says("system", "d")], 64)
    assert (row.messages, fate) == (answered, "whole")


def test_without_an_answer_there_is_no_row(tokenizer):
    assert pack(tokenizer, [says("system", "a"), says("user", "b")], 64) == (None, "no_answer")


def test_a_long_conversation_ends_with_the_last_answer_that_fits(tokenizer):
    messages = [says("user", "a"), says("assistant", "b"), says("user", "c" * 9), says("assistant", "d")]
    row, fate = pack(tokenizer, messages, 12)
    assert (row.messages, fate) == (messages[:2], "cut")
    assert pack(tokenizer, messages, 7)[1] == "cut"  # <s> 3 tokens 3 tokens
    assert pack(tokenizer, messages, 6) == (None, "too_long")


@given(conversations, st.integers(2, 60))
def test_a_row_is_the_longest_beginning_that_fits_and_ends_with_an_answer(tokenizer, messages, context):
    beginnings = [
        messages[: end + 1] for end, message in enumerate(messages) if message["role"] == "assistant"
    ]
    fitting = [kept for kept in beginnings if len(conversation_ids(tokenizer, kept)[0]) <= context]
    row, fate = pack(tokenizer, messages, context)
    if not fitting:
        assert (row, fate) == (None, "too_long" if beginnings else "no_answer")
        return
    assert row.messages == fitting[-1]
    assert (row.ids, row.trained) == conversation_ids(tokenizer, fitting[-1])
    assert fate == ("whole" if fitting[-1] == beginnings[-1] else "cut")
    assert row.targets > 0


@given(st.lists(conversations, min_size=1, max_size=5))
def test_a_batch_asks_for_each_trained_token_after_all_before_it(tokenizer, many):
    rows = [row for row, _ in (pack(tokenizer, messages, 60) for messages in many) if row]
    if not rows:
        return
    batch = collate(rows, sum(row.targets for row in rows))
    assert batch.ids_BxT.shape == (len(rows), max(len(row.ids) for row in rows) - 1)
    assert (batch.targets_BxT != IGNORED).sum() == batch.step_targets
    for b, row in enumerate(rows):
        length = len(row.ids) - 1
        assert batch.ids_BxT[b].tolist() == row.ids[:-1] + [PAD] * (batch.ids_BxT.shape[1] - length)
        asked = torch.where(batch.targets_BxT[b] != IGNORED)[0].tolist()
        assert asked == [t for t in range(length) if row.trained[t + 1]]
        assert all(batch.targets_BxT[b, t] == row.ids[t + 1] for t in asked)


def test_the_first_word_of_an_answer_is_asked_after_the_assistants_marker(tokenizer):
    row, _ = pack(tokenizer, [says("user", "a"), says("assistant", "b")], 60)
    batch = collate([row], row.targets)
    first = int((batch.targets_BxT[0] != IGNORED).nonzero()[0])
    assert batch.ids_BxT[0, first] == ASSISTANT
    assert [batch.targets_BxT[0, first].item()] == tokenizer.encode("b")
