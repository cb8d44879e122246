"""Small things to test with."""

from pathlib import Path

from pipeline.tokenizer.special import FIRST_TEXT_TOKEN
from pipeline.tokenizer.tokenizer import Tokenizer

SENTENCES = [
    "Ankara, Türkiye'nin başkentidir ve İç Anadolu'da yer alır.",
    "Çocuklar sabah erkenden okula gitti; öğretmen kapıda bekliyordu.",
    "Iğdır'ın ışığı, İzmir'in ılık rüzgârı…",
    "1923'te 29 Ekim günü cumhuriyet ilan edildi.",
    "Kedi, ağacın altında uyudu, köpek ise bahçede koştu.",
    "Yağmur yağınca şemsiyesini açtı ve eve doğru yürüdü.",
    "Pazardan iki kilo elma, üç kilo da üzüm aldık.",
    "Gölün kıyısında balıkçılar ağlarını onarıyordu.",
]


TRICKY_STRINGS = [  # to build texts of that a tokenizer may get wrong
    *"abcçdeğıİşüÖIi 0123.,;!?'’…<>|/\\{}^~",
    " ",
    "  ",
    "\n",
    "\t",
    "\x00",
    "\u2581",
    "🙂",
    "👩‍👩‍👧",
    "e\u0301",
    "中",
    "<s>",
    "</s>",
    "<unk>",
    "<pad>",
    "<|user|>",
    "<|end|>",
    "<0x41>",
    "<0x0A>",
    "...",
    "gidiyoruz",
    "Ankara'da",
]


def sentences(count: int) -> list[str]:
    """`count` different short Turkish texts."""
    return [f"{SENTENCES[i % 8]} {SENTENCES[(i // 8) % 8]} {i}. gün böyle geçti." for i in range(count)]


def make_tokenizer(folder: Path, kind: str, texts: list[str], morphemes: bool = False, vocab_size: int = 0):
    from pipeline.tokenizer.tokenizer import Tokenizer
    from pipeline.tokenizer_training.hf_export import write_tokenizer_folder
    from pipeline.tokenizer_training.train import train_sentencepiece
    from tests.helpers.factories import tokenizer_params

    params = tokenizer_params(
        kind=kind,
        vocab_size=vocab_size or (480 if kind == "bpe" else 420),
        morphemes=morphemes,
        max_piece_chars=16,
    )
    write_tokenizer_folder(folder, train_sentencepiece(iter(texts), params))
    return Tokenizer.load(folder)


class ByteTokenizer(Tokenizer):
    """Every UTF-8 byte is a token: enough to stand in for a trained tokenizer."""

    vocab_size = FIRST_TEXT_TOKEN + 256

    def __init__(self):
        pass

    def encode(self, text):
        return [FIRST_TEXT_TOKEN + byte for byte in text.encode("utf-8")]

    def decode(self, ids):
        return bytes(i - FIRST_TEXT_TOKEN for i in ids if i >= FIRST_TEXT_TOKEN).decode(
            "utf-8", errors="replace"
        )

    def id_to_piece(self, token):
        return "\u2581" if token == FIRST_TEXT_TOKEN + ord(" ") else f"<{token}>"

    def is_special(self, token):
        return token < FIRST_TEXT_TOKEN

    def is_byte(self, token):
        return False


def write_corpus(folder: Path, texts: list[str]) -> None:
    """A split in many small row groups and several files."""
    from pipeline.data.writer import SplitWriter

    writer = SplitWriter(folder, group_bytes=2_000, part_bytes=9_000)
    for number, text in enumerate(texts):
        writer.add(f"d{number}", "mine", text, len(text.encode()))
    writer.close()


def pack_splits(folder: Path, tokenizer, texts: list[str], shard_tokens: int = 300, workers: int = 1) -> None:
    """Write `folder/{train,val}` and their manifest: all texts, and the first nine of them."""
    from pipeline.packing.writer import write_manifest, write_split

    splits = {}
    for split, documents in (("train", texts), ("val", texts[:9])):
        corpus = folder / "corpus" / split
        if not corpus.exists():
            write_corpus(corpus, documents)
        splits[split] = write_split(folder / split, corpus, tokenizer.folder, shard_tokens, workers)
    write_manifest(folder, tokenizer, splits)


def write_task(root: Path, stem: str, kind: str = "text", **changes: object) -> None:
    """Write `tasks/STEM.yaml` of a task in `data/raw/eval/STEM.jsonl`. A key with ... is left out."""
    from ruamel.yaml import YAML

    from pipeline.eval_sets.tasks import METRICS

    values = {
        "name": stem, "version": 1, "kind": kind, "metric": METRICS.get(kind, "accuracy"), "chance": None,
        "path": f"data/raw/eval/{stem}.jsonl", "source": "a test", "license": "CC0", **changes,
    }  # fmt: skip
    (root / "tasks").mkdir(exist_ok=True)
    with (root / "tasks" / f"{stem}.yaml").open("w", encoding="utf-8") as file:
        YAML().dump({key: value for key, value in values.items() if value is not ...}, file)


def set_params(project: Path, section: str, **values: object) -> None:
    """Set keys of a section of params.yaml."""
    from ruamel.yaml import YAML

    yaml, path = YAML(), project / "params.yaml"
    content = yaml.load(path.read_text(encoding="utf-8"))
    content[section].update(values)
    with path.open("w", encoding="utf-8") as file:
        yaml.dump(content, file)
