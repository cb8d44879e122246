import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.common.errors import UserError
from pipeline.encoder import pairs
from pipeline.encoder.pairs import PairSampler, read_sentences
from pipeline.encoder.vocabulary import train_prefix_vocabulary


def lines(count, prefix):
    """A document of `count` sentences of five words that no other sentence has."""
    letters = "abcdefghijklmnoprstuvyz"
    return "\n".join(
        " ".join(f"{prefix}{letters[i]}{letters[j]}" for j in range(5)) + "." for i in range(count)
    )


@pytest.fixture(scope="module")
def sentences():
    texts = [lines(9, "a"), lines(2, "b"), "tek bir cümle var burada.", lines(6, "c")]
    tokenizer = train_prefix_vocabulary(texts, 5000)
    return read_sentences(texts, tokenizer)


def sampler(sentences, batch_size=6, seed=1, kept=0.0, dropout=0.0, **weights):
    all_weights = dict.fromkeys(pairs.KINDS, 0.0) | (weights or {"surroundings": 1.0})
    return PairSampler(sentences, all_weights, kept, dropout, batch_size, seed)


def test_read_sentences_keeps_documents_of_two_sentences_or_more(sentences):
    assert sentences.document_count == 3
    assert len(sentences.first_S) == 17
    assert sentences.first_S.tolist() == [0] * 9 + [9] * 2 + [11] * 6
    assert sentences.end_S.tolist() == [9] * 9 + [11] * 2 + [17] * 6
    assert len(sentences.tokens(0, 9)) == 45
    assert len(np.unique(sentences.ids_N)) == 85


def test_passages_hold_six_sentences_of_one_document(sentences):
    for sentence in range(17):
        for before in range(6):
            first, end = sentences.passage(sentence, before)
            assert first <= sentence < end
            assert sentences.first_S[sentence] <= first
            assert end <= sentences.end_S[sentence]
            assert end - first == min(6, sentences.end_S[sentence] - sentences.first_S[sentence])


def test_surroundings_have_the_sentence_or_not(sentences):
    for kept, shared in ((0.0, set()), (1.0, None)):
        batch = sampler(sentences, kept=kept).sample(0)
        for query, passage in zip(batch.queries, batch.passages, strict=True):
            both = set(query) & set(passage)
            assert both == (set(query) if shared is None else shared)
            assert len(query) == 5


def test_crops_are_parts_of_one_passage(sentences):
    batch = sampler(sentences, crops=1.0).sample(0)
    for query, passage, (first, end) in zip(batch.queries, batch.passages, batch.range_Bx2, strict=True):
        whole = sentences.tokens(first, end).tolist()
        for part in (query.tolist(), passage.tolist()):
            start = whole.index(part[0])
            assert whole[start : start + len(part)] == part
            assert 0.2 <= len(part) / len(whole) <= 0.7


def test_halves_are_neighbors_without_a_common_sentence(sentences):
    batch = sampler(sentences, halves=1.0).sample(0)
    for query, passage, (first, end) in zip(batch.queries, batch.passages, batch.range_Bx2, strict=True):
        whole = sentences.tokens(first, end).tolist()
        assert sorted([*query, *passage]) == sorted(whole)
        assert whole in ([*query, *passage], [*passage, *query])
        assert 0 < len(query) <= 30
        assert 0 < len(passage) <= 30


def test_headings_and_questions_ask_for_what_follows():
    text = "Bir başlık\nİlk cümle burada biter. Van nerede mi acaba? Doğuda bir yerde. Son cümle de burada."
    tokenizer = train_prefix_vocabulary([text], 5000)
    read = read_sentences([text], tokenizer)
    assert read.is_heading_S.tolist() == [True, False, False, False, False]
    assert read.is_question_S.tolist() == [False, False, True, False, False]
    heading = sampler(read, 1, headings=1.0).sample(0)
    assert heading.queries[0].tolist() == read.tokens(0, 1).tolist()
    assert heading.passages[0].tolist() == read.tokens(1, 5).tolist()
    question = sampler(read, 1, questions=1.0).sample(0)
    assert question.passages[0].tolist() == read.tokens(3, 5).tolist()


def test_kinds_share_a_batch_by_their_weights(sentences):
    both = sampler(sentences, 12, surroundings=2.0, crops=1.0)
    assert both.rows == {"surroundings": 8, "crops": 4}
    assert sampler(sentences, 12, surroundings=1.0, questions=0.01).rows == {"surroundings": 12}


def test_pair_sampler_refuses_a_kind_with_too_few_sentences(sentences):
    with pytest.raises(UserError, match=r"encoder.pairs.questions: 5.0: a step takes 10 .* for 0;"):
        sampler(sentences, 12, surroundings=1.0, questions=5.0)


def test_word_dropout_leaves_words_out_but_never_all(sentences):
    part = sampler(sentences, dropout=0.6).sample(0)
    lengths = [len(row) for row in part.queries]
    assert min(lengths) > 0
    assert sum(lengths) < 5 * len(lengths)  # every sentence has five words
    assert all(len(key) == 5 * 4 for key in part.keys[0])  # their ids of four bytes, before the dropout


@given(st.integers(1, 20), st.integers(0, 2**32))
def test_choose_positions_reads_each_sentence_once_an_epoch(rows, seed):
    sentences = read_sentences([lines(20, "a")], train_prefix_vocabulary([lines(20, "a")], 5000))
    each = sampler(sentences, rows, seed)
    read = np.concatenate([each.choose_positions("surroundings", step, rows) for step in range(20)])
    assert (np.bincount(read, minlength=20) == rows).all()


def test_sample_needs_no_order_of_steps(sentences):
    first, second = sampler(sentences), sampler(sentences)
    batches = [first.sample(step) for step in range(4)]
    again = second.sample(3)
    assert [row.tolist() for row in again.queries] == [row.tolist() for row in batches[3].queries]
    assert [row.tolist() for row in again.passages] == [row.tolist() for row in batches[3].passages]
    other = sampler(sentences, seed=8).sample(3)
    assert [row.tolist() for row in other.passages] != [row.tolist() for row in again.passages]


def test_inverse_document_frequencies_count_passages():
    text = "ve bir ev. ve iki ev. ve üç kuş var. ve dört at. ve beş at. ve altı at. ve yedi at."
    tokenizer = train_prefix_vocabulary([text], 5000)
    read = read_sentences([text.replace(". ", ".\n")], tokenizer)
    frequency, passages = pairs.passage_frequencies(read, tokenizer.get_vocab_size())
    assert passages == 2  # of six sentences, and of one
    assert frequency[tokenizer.token_to_id("ve")] == 2
    assert frequency[tokenizer.token_to_id("ev")] == 1
    weights = pairs.inverse_document_frequencies(read, tokenizer.get_vocab_size())
    assert weights[tokenizer.token_to_id("ve")] == 0
    assert weights[tokenizer.token_to_id("ev")] == pytest.approx(np.log(3 / 2))
    assert (weights >= 0).all()


def test_sample_documents_keeps_all_that_fit_in_order():
    texts = [f"belge {i}" for i in range(50)]
    assert pairs.sample_documents(texts, 1) == (texts, 50)


def test_sample_documents_samples_uniformly_within_its_memory():
    texts = [f"{i:04d} bir iki üç" for i in range(2000)]
    size = sum(len(text.encode()) for text in texts)
    sample = pairs.sample_documents(iter(texts), 3, max_bytes=size // 10)
    kept = sum(len(text.encode()) for text in sample.texts)
    assert size // 20 < kept <= size // 10
    assert sample.document_count == 2000
    assert sample.texts == sorted(set(sample.texts))
    assert 800 < np.mean([int(text[:4]) for text in sample.texts]) < 1200


def test_sample_held_out_repeats_no_string_and_asks_for_the_five_around():
    same = "Hep aynı dört kelime. Hep aynı beş kelime var."
    texts = [same] * 5 + [lines(6, letter) for letter in "abcdef"]
    around, remembered = pairs.sample_held_out(texts, 100, 5)
    for pool in (around, remembered):
        strings = [*pool.queries, *pool.passages]
        assert len(strings) == len(set(strings)) == 14
    for query, passage, document in zip(*around, strict=True):
        if document > 4:
            sentences = [query, *passage.replace(". ", ".\n").split("\n")]
            assert sorted(sentences) == sorted(texts[document].split("\n"))
    for query, passage, document in zip(*remembered, strict=True):
        assert {*query.split()} < {*passage.split()}
        assert document < 5 or (passage == texts[document].replace("\n", " ") and len(query.split()) == 3)


def test_sample_held_out_takes_one_passage_of_each_document_first():
    texts = [lines(18, "a"), lines(6, "b"), lines(6, "c")]
    assert sorted(pairs.sample_held_out(texts, 3, 1)[0].documents) == [0, 1, 2]
    assert sorted(pairs.sample_held_out(texts, 100, 1)[0].documents) == [0, 0, 0, 1, 2]


def test_sample_halves_cuts_documents_in_two():
    texts = [lines(4, "a"), lines(20, "b"), "Tek cümle var burada."]
    pool = pairs.sample_halves(texts, 10, 1)
    assert sorted(pool.documents) == [0, 1]
    for query, passage, document in zip(*pool, strict=True):
        both = [side.replace(". ", ".\n").split("\n") for side in (query, passage)]
        assert not {*both[0]} & {*both[1]}
        assert {*both[0], *both[1]} <= {*texts[document].split("\n")}
        assert [len(side) for side in both] == ([2, 2] if document == 0 else [6, 6])
