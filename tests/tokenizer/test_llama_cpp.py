"""llama.cpp cuts texts into our ids: a vocabulary-only GGUF, read by llama-cpp-python in .venv-llama."""

import json
import subprocess

import pytest
from gguf import GGUFWriter

from pipeline.common.errors import UserError
from pipeline.corpus.readers.files import read_file
from pipeline.corpus.readers.records import Record
from pipeline.export.gguf_vocabulary import add_vocabulary
from pipeline.tokenizer.special import CHAT_MARKERS
from tests.helpers.small import make_tokenizer

ODD = [
    "👩‍👩‍👧 🙂🙂 🇹🇷 1️⃣", "a\n\nb\n c", "\n", " ", "   iki   boşluk ", "\ttab\t", "{x} < y > \\ ^ ~ | `",
    "<s> </s> <unk> <pad> <0x0A>", "Ankara'dan Ankara’dan", "e\u0301 ﬁ 中文 ıİ", "0123456789,5", "",
]  # fmt: skip
READ = """
import json, sys
from llama_cpp import Llama
model = Llama(sys.argv[1], vocab_only=True, verbose=False)
texts, chats = json.load(open(sys.argv[2]))
plain = [model.tokenize(text.encode(), add_bos=False, special=False) for text in texts]
print(json.dumps([plain, [model.tokenize(chat.encode(), add_bos=True, special=True) for chat in chats]]))
"""


def write_vocabulary(path, tokenizer):
    writer = GGUFWriter(path, "llama")
    add_vocabulary(writer, tokenizer)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


@pytest.mark.slow
def test_llama_cpp_has_our_ids(root, tokenizer, texts, shared, tmp_path):
    python = root / ".venv-llama/bin/python"
    if not python.exists():
        pytest.skip("no .venv-llama; `make test-all` makes it")
    write_vocabulary(tmp_path / "vocabulary.gguf", tokenizer)
    sentences = [record.text for record in read_file(shared / "corpus/wiki_sentences.csv")
                 if isinstance(record, Record)][:1000]  # fmt: skip
    plain = [*sentences, *texts, *ODD]
    conversations = [
        [{"role": "user", "content": sentence}, {"role": "assistant", "content": f"Evet, {sentence}"}]
        for sentence in sentences[:50]
    ]
    _, user, assistant, end = CHAT_MARKERS
    chats = [f"{user}{a['content']}{end}{assistant}{b['content']}{end}" for a, b in conversations]
    (tmp_path / "texts.json").write_text(json.dumps([plain, chats]))
    command = [python, "-c", READ, tmp_path / "vocabulary.gguf", tmp_path / "texts.json"]
    plain_ids, chat_ids = json.loads(
        subprocess.run(command, capture_output=True, text=True, check=True).stdout
    )
    assert len(sentences) == 1000
    assert plain_ids == [tokenizer.encode(text) for text in plain]
    assert chat_ids == [tokenizer.encode_conversation(conversation)[0] for conversation in conversations]


def test_add_vocabulary_refuses_a_unigram_tokenizer(texts, tmp_path):
    tokenizer = make_tokenizer(tmp_path, "unigram", texts)
    with pytest.raises(UserError, match=r"a unigram tokenizer; .*\. Train with tokenizer\.kind: bpe"):
        add_vocabulary(GGUFWriter(tmp_path / "x.gguf", "llama"), tokenizer)
