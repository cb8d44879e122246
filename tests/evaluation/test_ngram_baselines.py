import numpy as np

from pipeline.evaluation.ngram_baselines import read_training_stream, trim_to_documents


class FakeShards:
    def __init__(self, tokens):
        self.stream, self.tokens = tokens, len(tokens)

    def read(self, start, stop):
        assert stop <= self.tokens
        return self.stream[start:stop]


def test_read_training_stream_of_long_shards_has_whole_documents(monkeypatch):
    monkeypatch.setattr("pipeline.evaluation.ngram_baselines.CHUNK_TOKENS", 20)
    shards = FakeShards(np.tile(np.array([1, 4, 5, 6, 2]), 100))
    assert len(read_training_stream(shards, 500)) == 500
    stream = read_training_stream(shards, 60)
    assert 0 < len(stream) <= 60
    assert (stream.reshape(-1, 5) == [1, 4, 5, 6, 2]).all()


def test_trim_to_documents_without_a_whole_document_is_empty():
    assert trim_to_documents(np.array([4, 5, 6])).tolist() == []
    assert trim_to_documents(np.array([4, 2, 1, 5])).tolist() == []
    assert trim_to_documents(np.array([4, 2, 1, 5, 2, 1])).tolist() == [1, 5, 2]
