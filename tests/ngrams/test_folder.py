import json

import numpy as np
import pytest

from pipeline.common.errors import UserError
from pipeline.ngrams.counting import count_ngrams, train_ngram_model
from pipeline.ngrams.folder import open_ngram_folder, write_ngram_folder
from pipeline.ngrams.storage import Storage

STREAM = np.array([1, 4, 5, 6, 2, 1, 4, 4, 5, 2, 1, 6, 5, 4, 2], np.uint16)
HELD_OUT = np.array([1, 4, 5, 5, 6, 2])


@pytest.fixture
def tokenizer(tmp_path):
    path = tmp_path / "tokenizer.model"
    path.write_bytes(b"pieces")
    return path


def write(folder, tokenizer, order=3):
    return write_ngram_folder(folder, count_ngrams(STREAM, 8, order, Storage()), tokenizer)


@pytest.mark.parametrize("order", [1, 2, 5])
def test_a_folder_opens_as_the_model_that_was_counted(tmp_path, tokenizer, order):
    write(tmp_path / "ngram", tokenizer, order)
    opened = open_ngram_folder(tmp_path / "ngram", tokenizer)
    expected = train_ngram_model(STREAM, 8, order)
    assert opened.probabilities(HELD_OUT).tolist() == expected.probabilities(HELD_OUT).tolist()
    assert opened.predict_next([1, 4]).p.sum() == pytest.approx(1)


def test_the_same_text_gives_the_same_bytes(tmp_path, tokenizer):
    for name in ("a", "b"):
        write(tmp_path / name, tokenizer)
    files = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert "manifest.json" in files
    assert [(tmp_path / "a" / name).read_bytes() for name in files] == [
        (tmp_path / "b" / name).read_bytes() for name in files
    ]


def test_counts_of_a_text_of_one_document_and_of_the_largest_vocabulary(tmp_path, tokenizer):
    stream = np.array([1, 65_535, 4, 65_535, 2], np.uint16)
    counts = count_ngrams(stream, 65_536, 4, Storage())
    write_ngram_folder(tmp_path / "ngram", counts, tokenizer)
    p = open_ngram_folder(tmp_path / "ngram", tokenizer).predict_next([1, 65_535]).p
    assert p.sum() == pytest.approx(1)
    assert p.argmax() == 4


def damage_array(folder):
    content = bytearray((folder / "tokens.2").read_bytes())
    content[0] ^= 1
    (folder / "tokens.2").write_bytes(content)


def remove_array(folder):
    (folder / "backoff.3").unlink()


def empty_manifest(folder):
    (folder / "manifest.json").write_text("{")


def forget_an_array(folder):
    manifest = json.loads((folder / "manifest.json").read_text())
    del manifest["arrays"]["starts.2"]
    (folder / "manifest.json").write_text(json.dumps(manifest))


def change_manifest(**values):
    def change(folder):
        manifest = json.loads((folder / "manifest.json").read_text())
        (folder / "manifest.json").write_text(json.dumps(manifest | values))

    return change


def cut_array(folder):
    content = (folder / "tokens.3").read_bytes()
    (folder / "tokens.3").write_bytes(content[:-2])


def lengthen_an_array(folder):
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["arrays"]["starts.3"]["length"] = -1
    (folder / "manifest.json").write_text(json.dumps(manifest))


DAMAGES = [
    damage_array, remove_array, empty_manifest, forget_an_array, cut_array, lengthen_an_array,
    change_manifest(order=0), change_manifest(vocab_size="8"), change_manifest(vocab_size=9),
    change_manifest(arrays=None),
]  # fmt: skip


def test_a_damaged_byte_is_found_by_a_check_alone(tmp_path, tokenizer):
    write(tmp_path / "ngram", tokenizer)
    damage_array(tmp_path / "ngram")
    open_ngram_folder(tmp_path / "ngram", tokenizer)  # reads no more than it needs


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_folder_is_one_line(tmp_path, tokenizer, damage):
    folder = tmp_path / "ngram"
    write(folder, tokenizer)
    damage(folder)
    with pytest.raises(UserError, match=r"ngram: damaged: .*dvc repro --force train_base") as error:
        open_ngram_folder(folder, tokenizer, check=True)
    assert "\n" not in str(error.value)


def test_counts_of_another_tokenizer_or_format_are_refused(tmp_path, tokenizer):
    folder = tmp_path / "ngram"
    write(folder, tokenizer)
    other = tmp_path / "other.model"
    other.write_bytes(b"other pieces")
    with pytest.raises(
        UserError, match=r"^\S+ngram: counted with another tokenizer; run `dvc repro train_base`$"
    ):
        open_ngram_folder(folder, other)
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps(manifest | {"format": 9}))
    with pytest.raises(UserError, match=r"manifest.json: format 9: this program reads 1; update it$"):
        open_ngram_folder(folder, tokenizer)
