import torch
from hypothesis import given
from hypothesis import strategies as st

from pipeline.sft.loss_mask import collate, make_row
from pipeline.tokenizer.special import ASSISTANT, BOS, END_OF_TURN, IGNORE_INDEX, PAD

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


def message(role, content):
    return {"role": role, "content": content}


def test_make_row_loss_mask_is_answers_and_their_ends(tokenizer):
    messages = [
        message("user", "a"),
        message("assistant", "bc"),
        message("user", "d"),
        message("assistant", "e"),
    ]
    row, outcome = make_row(tokenizer, messages, 64)
    assert outcome == "whole"
    assert row.ids[0] == BOS
    learned = [token for token, on in zip(row.ids, row.loss_mask, strict=True) if on]
    assert learned == [*tokenizer.encode("bc"), END_OF_TURN, *tokenizer.encode("e"), END_OF_TURN]


def test_make_row_drops_messages_after_the_last_answer(tokenizer):
    kept = [message("user", "a"), message("assistant", "b")]
    row, outcome = make_row(tokenizer, [*kept, message("user", "c"), message("system", "d")], 64)
    assert (row.messages, outcome) == (kept, "whole")


def test_make_row_without_answer_is_none(tokenizer):
    assert make_row(tokenizer, [message("system", "a"), message("user", "b")], 64) == (None, "no_answer")


def untrained(content):
    return message("assistant", content) | {"weight": "0"}


def test_make_row_trains_no_token_of_an_answer_of_weight_0(tokenizer):
    messages = [
        message("user", "a"),
        untrained("yanlış"),
        message("user", "b"),
        message("assistant", "doğru"),
        message("user", "c"),
        untrained("kötü"),
    ]
    row, outcome = make_row(tokenizer, messages, 99)
    assert (row.messages, outcome) == (messages[:4], "whole")
    assert row.ids == tokenizer.encode_conversation(messages[:4])[0]
    learned = [token for token, on in zip(row.ids, row.loss_mask, strict=True) if on]
    assert learned == [*tokenizer.encode("doğru"), END_OF_TURN]
    assert make_row(tokenizer, messages[:2], 99) == (None, "no_answer")
    assert make_row(tokenizer, messages, len(row.ids) - 1) == (None, "too_long")
    longer = [*messages[:4], *messages[:4]]
    assert make_row(tokenizer, longer, len(row.ids) + 20)[0].messages == messages[:4]


def test_make_row_cuts_after_the_last_answer_that_fits(tokenizer):
    messages = [
        message("user", "a"),
        message("assistant", "b"),
        message("user", "c" * 9),
        message("assistant", "d"),
    ]
    row, outcome = make_row(tokenizer, messages, 12)
    assert (row.messages, outcome) == (messages[:2], "cut")
    assert make_row(tokenizer, messages, 7)[1] == "cut"  # <s> 3 tokens 3 tokens
    assert make_row(tokenizer, messages, 6) == (None, "too_long")


@given(conversations, st.integers(2, 60))
def test_make_row_is_the_longest_prefix_that_ends_with_an_answer(tokenizer, messages, context):
    prefixes = [messages[: end + 1] for end, message in enumerate(messages) if message["role"] == "assistant"]
    fitting = [prefix for prefix in prefixes if len(tokenizer.encode_conversation(prefix)[0]) <= context]
    row, outcome = make_row(tokenizer, messages, context)
    if not fitting:
        assert (row, outcome) == (None, "too_long" if prefixes else "no_answer")
        return
    assert row.messages == fitting[-1]
    ids, answers = tokenizer.encode_conversation(fitting[-1])
    assert row.ids == ids
    assert row.loss_mask == [any(position in answer for answer in answers) for position in range(len(ids))]
    assert outcome == ("whole" if fitting[-1] == prefixes[-1] else "cut")
    assert row.target_count > 0


@given(st.lists(conversations, min_size=1, max_size=5))
def test_collate_targets_are_the_trained_tokens(tokenizer, many):
    rows = [row for row, _ in (make_row(tokenizer, messages, 60) for messages in many) if row]
    if not rows:
        return
    batch = collate(rows, sum(row.target_count for row in rows))
    assert batch.ids_BxT.shape == (len(rows), max(len(row.ids) for row in rows) - 1)
    assert (batch.targets_BxT != IGNORE_INDEX).sum() == batch.step_targets
    for b, row in enumerate(rows):
        length = len(row.ids) - 1
        assert batch.ids_BxT[b].tolist() == row.ids[:-1] + [PAD] * (batch.ids_BxT.shape[1] - length)
        trained = torch.where(batch.targets_BxT[b] != IGNORE_INDEX)[0].tolist()
        assert trained == [t for t in range(length) if row.loss_mask[t + 1]]
        assert all(batch.targets_BxT[b, t] == row.ids[t + 1] for t in trained)


def test_collate_first_target_follows_the_assistant_token(tokenizer):
    row, _ = make_row(tokenizer, [message("user", "a"), message("assistant", "b")], 60)
    batch = collate([row], row.target_count)
    first = int((batch.targets_BxT[0] != IGNORE_INDEX).nonzero()[0])
    assert batch.ids_BxT[0, first] == ASSISTANT
    assert [batch.targets_BxT[0, first].item()] == tokenizer.encode("b")
