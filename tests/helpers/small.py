"""Small things to test with."""

from pathlib import Path

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


def sentences(count: int) -> list[str]:
    """`count` different short Turkish texts."""
    return [f"{SENTENCES[i % 8]} {SENTENCES[(i // 8) % 8]} {i}. gün böyle geçti." for i in range(count)]


def make_tokenizer(folder: Path, kind: str, texts: list[str], morphemes: bool = False, vocab_size: int = 0):
    from pipeline.tokenizer.tokenizer import Tokenizer
    from pipeline.tokenizer_training.hf_export import write_folder
    from pipeline.tokenizer_training.params import TokenizerParams
    from pipeline.tokenizer_training.train import train

    params = TokenizerParams(
        kind=kind,
        vocab_size=vocab_size or (480 if kind == "bpe" else 420),
        sample_bytes=10**6,
        morphemes=morphemes,
        max_piece_chars=16,
    )
    write_folder(folder, train(iter(texts), params))
    return Tokenizer.load(folder)


FIRST_BYTE = 8  # ids below are <unk> <s> </s> <pad> and the role markers


class ByteTokenizer:
    """Every UTF-8 byte is a token: enough to stand in for a trained tokenizer."""

    vocab_size = FIRST_BYTE + 256

    def encode(self, text):
        return [FIRST_BYTE + byte for byte in text.encode("utf-8")]

    def decode(self, ids):
        return bytes(i - FIRST_BYTE for i in ids if i >= FIRST_BYTE).decode("utf-8", errors="replace")


def write_corpus(folder: Path, texts: list[str]) -> None:
    """A split in many small row groups and several files."""
    from pipeline.data.writer import SplitWriter

    writer = SplitWriter(folder, group_bytes=2_000, part_bytes=9_000)
    for number, text in enumerate(texts):
        writer.add(f"d{number}", "mine", text, len(text.encode()))
    writer.close()


def set_params(project: Path, section: str, **values: object) -> None:
    """Set keys of a section of params.yaml."""
    from ruamel.yaml import YAML

    yaml, path = YAML(), project / "params.yaml"
    content = yaml.load(path.read_text(encoding="utf-8"))
    content[section].update(values)
    with path.open("w", encoding="utf-8") as file:
        yaml.dump(content, file)
