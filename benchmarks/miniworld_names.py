"""How well a model carries on what a miniworld text has named: its people, surnames, places and things.

    python -m benchmarks.miniworld_names --model models/base --documents 100 --seed 7

Texts of each genre are composed with a seed of their own. Where a first name (surname, province, thing,
relative) that the text has already named comes again, the figure is the share that falls on those already
named, of the probability that the model gives to any of the kind; mean over such places. Chance is one in 60
(48, 81, 26, 10). Prints a table for people and one JSON line for machines.
"""

import argparse
import json
import random
from collections import defaultdict
from pathlib import Path

import torch

from pipeline.cli.infer import open_model
from pipeline.miniworld import people, texts, world
from pipeline.tokenizer.tokenizer import BOS, Tokenizer

KINDS = {
    "names": people.FIRST_NAMES,
    "surnames": people.SURNAMES,
    "places": tuple(province.name for province in world.PROVINCES),
    "things": people.THINGS,
    "kin": people.KIN,
}


def members(tokenizer: Tokenizer, words: tuple[str, ...]) -> dict[int, str]:
    """Which of `words` a piece is the beginning of, for pieces that only one of them can begin with.

    The last letter of a word may change before a suffix (kitap, kitabı) and need not agree.
    """
    stems = {word: word[:-1] if len(word) > 4 else word for word in words}
    found = {}
    for token in range(tokenizer.vocab_size):
        piece = tokenizer.piece(token)
        if not piece.startswith("▁"):
            continue
        text = piece[1:]
        fits = [
            word
            for word, stem in stems.items()
            if text.startswith(stem) or (len(text) > 2 and stem.startswith(text))
        ]
        if len(fits) == 1:
            found[token] = fits[0]
    return found


@torch.inference_mode()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", type=Path, default=Path("models/base"))
    parser.add_argument("--documents", type=int, default=100, help="of each genre")
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    model, tokenizer = open_model(options.model)
    begins = {kind: members(tokenizer, words) for kind, words in KINDS.items()}
    figures: dict[str, dict[str, float]] = {}
    for genre in texts.SHARES:
        shares: dict[str, list[float]] = defaultdict(list)
        for index in range(options.documents):
            first, surname, province = texts.hero(options.seed, index)
            rng = random.Random(f"{options.seed}:{genre}:{index}")
            text = "\n".join(texts.compose(rng, genre, first, surname, province).paragraphs)
            ids = [BOS, *tokenizer.encode(text)][: model.config.context]
            chances = model(torch.tensor([ids]))[0].float().softmax(-1)
            for kind, named_by in begins.items():
                any_of_kind = list(named_by)
                named: set[str] = set()
                for position, token in enumerate(ids[1:]):
                    word = named_by.get(token)
                    if word in named:
                        of_named = [other for other in any_of_kind if named_by[other] in named]
                        row = chances[position]
                        shares[kind].append(float(row[of_named].sum() / row[any_of_kind].sum()))
                    if word:
                        named.add(word)
        figures[genre] = {kind: round(sum(found) / len(found), 3) for kind, found in shares.items() if found}
    print(f"{'genre':12}" + "".join(f"{kind:>10}" for kind in KINDS))
    for genre, row in figures.items():
        print(f"{genre:12}" + "".join(f"{row.get(kind, ''):>10}" for kind in KINDS))
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
