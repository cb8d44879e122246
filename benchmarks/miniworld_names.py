"""Measure how well a model repeats the names of a miniworld text: its people, surnames, places and things.

    python -m benchmarks.miniworld_names --model models/base --documents 100 --seed 7

Texts of each genre are composed with a seed that no corpus has. Where a first name (surname, province, thing,
relative) that the text has already named comes again, the model gives some probability to all words of that
kind. The figure is the share of it that falls on those already named, mean over positions. Chance is one in
60 (48, 81, 26, 10). Prints a table for people and one JSON line for machines.
"""

import argparse
import json
import random
from collections import defaultdict
from pathlib import Path

import torch

from pipeline.cli.infer import open_model
from pipeline.miniworld import people, texts, world
from pipeline.tokenizer.special import BOS
from pipeline.tokenizer.tokenizer import Tokenizer

KINDS = {
    "names": people.FIRST_NAMES,
    "surnames": people.SURNAMES,
    "places": tuple(province.name for province in world.list_provinces()),
    "things": people.THINGS,
    "kin": people.KIN,
}


def map_pieces_to_words(tokenizer: Tokenizer, words: tuple[str, ...]) -> dict[int, str]:
    """Map token ids to the one of `words` that the piece begins. Pieces that begin several are left out.

    The last letter of a word may change before a suffix (kitap, kitabı) and need not agree.
    """
    stems = {word: word[:-1] if len(word) > 4 else word for word in words}
    word_by_token = {}
    for token in range(tokenizer.vocab_size):
        piece = tokenizer.id_to_piece(token)
        if not piece.startswith("▁"):
            continue
        text = piece[1:]
        matching = [
            word
            for word, stem in stems.items()
            if text.startswith(stem) or (len(text) > 2 and stem.startswith(text))
        ]
        if len(matching) == 1:
            word_by_token[token] = matching[0]
    return word_by_token


@torch.inference_mode()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", type=Path, default=Path("models/base"))
    parser.add_argument("--documents", type=int, default=100, help="of each genre")
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    model, tokenizer = open_model(options.model)
    word_by_token = {kind: map_pieces_to_words(tokenizer, words) for kind, words in KINDS.items()}
    figures: dict[str, dict[str, float]] = {}
    for genre in texts.GENRE_SHARES:
        shares: dict[str, list[float]] = defaultdict(list)
        for index in range(options.documents):
            first, surname, province = texts.choose_hero(options.seed, index)
            rng = random.Random(f"{options.seed}:{genre}:{index}")
            text = "\n".join(texts.compose(rng, genre, first, surname, province).paragraphs)
            ids = [BOS, *tokenizer.encode(text)][: model.params.context]
            probabilities = model(torch.tensor([ids]))[0].float().softmax(-1)
            for kind, word_of in word_by_token.items():
                kind_tokens = list(word_of)
                named: set[str] = set()
                for position, token in enumerate(ids[1:]):
                    word = word_of.get(token)
                    if word in named:
                        named_tokens = [other for other in kind_tokens if word_of[other] in named]
                        row = probabilities[position]
                        shares[kind].append(float(row[named_tokens].sum() / row[kind_tokens].sum()))
                    if word:
                        named.add(word)
        figures[genre] = {
            kind: round(sum(values) / len(values), 3) for kind, values in shares.items() if values
        }
    print(f"{'genre':12}" + "".join(f"{kind:>10}" for kind in KINDS))
    for genre, row in figures.items():
        print(f"{genre:12}" + "".join(f"{row.get(kind, ''):>10}" for kind in KINDS))
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
