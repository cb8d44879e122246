"""Rules that conversations pass before they are tuned on. Each counts what it drops.

empty              no question in it: without messages of the user, with one without words, or a system
                   message alone
silent             an answer without words
out_of_order       messages that do not take turns, beginning with the user
duplicate          the messages of an earlier conversation
near_copies        nearly all word n-grams of a longer one, and of its answers; questions about one passage
                   are no copies, nor are conversations with one system message
contamination      a text of the evaluation sets

Personal data is masked in place. The miniworld passes none of these: its conversations are composed, without
the questions of its evaluation.
"""

from collections.abc import Sequence

import numpy as np

from pipeline.overlap.decontaminate import EvalNgrams
from pipeline.overlap.minhash import NO_SIGNATURE, folded_words, minhash_signatures
from pipeline.overlap.near_duplicates import find_near_duplicates, group_near_duplicates
from pipeline.overlap.text_batch import TextBatch
from pipeline.text.comparison_keys import duplicate_key
from pipeline.text.personal_data import mask_personal_data
from pipeline.tokenizer.chat_template import Message

BATCH_CONVERSATIONS = 2000
MIN_QUESTION_WORDS = 3  # of an evaluation text that is looked for as a whole: fewer are said anywhere
RULES = ("empty", "silent", "out_of_order", "duplicate", "near_copies", "contamination")


def find_fault(messages: Sequence[Message]) -> str | None:
    """Return the rule that a conversation breaks by itself, or None."""
    turns = [message for message in messages if message["role"] != "system"]
    questions = [message for message in turns if message["role"] == "user"]
    if not questions or any(not message["content"].strip() for message in questions):
        return "empty"
    if any(not message["content"].strip() for message in turns):
        return "silent"
    expected = ["user", "assistant"] * len(turns)
    roles = [message["role"] for message in turns]
    has_late_system = any(message["role"] == "system" for message in messages[1:])
    return "out_of_order" if has_late_system or roles != expected[: len(roles)] else None


def drop_greeting(messages: list[Message]) -> list[Message]:
    """Return a conversation without an answer before the first question, such as a bot's greeting."""
    first = 1 if messages and messages[0]["role"] == "system" else 0
    is_greeting = len(messages) > first and messages[first]["role"] == "assistant"
    return messages[:first] + messages[first + 1 :] if is_greeting else messages


def mask_conversation(messages: Sequence[Message]) -> list[Message]:
    """Return a conversation without personal data."""
    return [message | {"content": mask_personal_data(message["content"])} for message in messages]


def find_overlaps(conversations: Sequence[Sequence[Message]], eval_texts: Sequence[str]) -> list[str | None]:
    """Return for each conversation the rule about others that it breaks, or None.

    Of copies the first stays, of near copies the longest. A question of the evaluation sets that is too short
    for n-grams counts where a message of the user is the same.
    """
    if not conversations:
        return []
    texts = ["\n".join(m["content"] for m in messages if m["role"] != "system") for messages in conversations]
    kept = np.ones(len(texts), bool)
    rules: list[str | None] = [None] * len(texts)

    def drop(mask: np.ndarray, rule: str) -> None:
        for i in np.flatnonzero(mask & kept):
            rules[i] = rule
        kept[mask] = False

    exact = [
        tuple((m["role"], " ".join(m["content"].split())) for m in messages) for messages in conversations
    ]
    first_of = {key: i for i, key in reversed(list(enumerate(exact)))}
    drop(np.array([first_of[key] != i for i, key in enumerate(exact)]), "duplicate")
    evaluated = {
        key for text in eval_texts if (key := duplicate_key(text)).count(" ") + 1 >= MIN_QUESTION_WORDS
    }
    asked = [
        any(duplicate_key(m["content"]) in evaluated for m in messages if m["role"] == "user")
        for messages in conversations
    ]
    eval_ngrams = EvalNgrams.from_texts(list(eval_texts))
    group = group_texts(texts, kept)
    is_evaluated = eval_ngrams.contaminated_documents(*match_ngrams(texts, eval_ngrams), group)
    drop(is_evaluated | np.array(asked), "contamination")
    answers = [
        "\n".join(m["content"] for m in messages if m["role"] == "assistant") for messages in conversations
    ]
    _, group = np.unique(
        np.stack([group, group_texts(answers, kept, equal_short=True)]), axis=1, return_inverse=True
    )
    sizes = np.array([len(text) for text in texts])
    drop(find_near_duplicates(group, sizes, kept), "near_copies")
    return rules


def match_ngrams(texts: Sequence[str], eval_ngrams: EvalNgrams) -> tuple[np.ndarray, np.ndarray]:
    """Return pairs of a text and an evaluation n-gram that it has, as two arrays of their numbers."""
    documents, ngrams = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    for start in range(0, len(texts), BATCH_CONVERSATIONS):
        batch = list(texts[start : start + BATCH_CONVERSATIONS])
        matched, offsets = eval_ngrams.match(folded_words(TextBatch(batch)), np.ones(len(batch), bool))
        documents.append(start + np.repeat(np.arange(len(batch)), np.diff(offsets)))
        ngrams.append(matched)
    return np.concatenate(documents), np.concatenate(ngrams)


def group_texts(texts: Sequence[str], kept: np.ndarray, equal_short: bool = False) -> np.ndarray:
    """Return the group of every text [texts], one for near copies.

    Texts of a few words, which have no n-grams, are alone, or with `equal_short` with their equals.
    """
    signatures_HxN = np.concatenate(
        [
            minhash_signatures(folded_words(TextBatch(list(texts[start : start + BATCH_CONVERSATIONS])))).T
            for start in range(0, len(texts), BATCH_CONVERSATIONS)
        ],
        axis=1,
    )
    group = group_near_duplicates([lambda: signatures_HxN], kept, is_strict=True)
    if not equal_short:
        return group
    first_of = {duplicate_key(text): i for i, text in reversed(list(enumerate(texts)))}
    is_short = signatures_HxN[0] == NO_SIGNATURE
    return np.where(is_short, [first_of[duplicate_key(text)] for text in texts], group)
