"""`tezgah teacher`: a file of a model's vectors."""

from pathlib import Path

import numpy as np
import pytest

from pipeline.cli.teacher import run_teacher
from pipeline.common.errors import UserError
from pipeline.encoder.embed import TextEncoder
from pipeline.encoder.hf_io import save_encoder
from pipeline.encoder.table import TableConfig, VectorTable, initialize_table
from pipeline.encoder.teacher import read_teacher
from pipeline.encoder.vocabulary import train_prefix_vocabulary
from tests.helpers.small import write_corpus


@pytest.fixture
def encoder_folder(texts, tmp_path):
    """A sentence-transformers folder."""
    tokenizer = train_prefix_vocabulary(texts, 300)
    table = VectorTable(TableConfig(vocab_size=tokenizer.get_vocab_size(), width=8))
    initialize_table(table, np.ones(tokenizer.get_vocab_size()), 0)
    folder = tmp_path / "encoder"
    folder.mkdir()
    save_encoder(folder, TextEncoder(table, tokenizer))
    return folder


def test_run_teacher_writes_the_vectors_of_words_and_spans(project, texts, encoder_folder, capsys):
    write_corpus(project / "data/corpus/train", texts[:40])
    out = project / "data/raw/model/teacher.parquet"
    run_teacher(encoder_folder, out, words=15, spans=10, prompt="")
    asked, vectors = read_teacher(out)
    assert 15 < len(asked) <= 25
    assert len(vectors) == len(asked)
    printed = capsys.readouterr().out
    assert printed.startswith(f"data/raw/model/teacher.parquet: {len(asked)} texts and their vectors")


def test_run_teacher_refuses_a_folder_without_a_model(project, texts, tmp_path):
    write_corpus(project / "data/corpus/train", texts[:40])
    out = project / "data/raw/model/teacher.parquet"
    with pytest.raises(UserError, match="no sentence-transformers model"):
        run_teacher(tmp_path, out, words=15, spans=10, prompt="")
    with pytest.raises(UserError, match="--words 0 --spans 0: the corpus has nothing to ask for"):
        run_teacher(tmp_path, out, words=0, spans=0, prompt="")
    with pytest.raises(UserError, match=r"elsewhere.parquet: not under data/raw/model/"):
        run_teacher(tmp_path, tmp_path / "elsewhere.parquet", words=1, spans=0, prompt="")
    for outside in ("data/raw/model", "data/raw/model/../x.parquet"):
        with pytest.raises(UserError, match=r"not under data/raw/model/"):
            run_teacher(tmp_path, Path(outside), words=1, spans=0, prompt="")
    (project / "data/raw/model/folder").mkdir(parents=True)
    with pytest.raises(UserError, match=r"--out data/raw/model/folder: is a folder; name a file"):
        run_teacher(tmp_path, Path("data/raw/model/folder"), words=1, spans=0, prompt="")
    assert not out.exists()
