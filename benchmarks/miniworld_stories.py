"""Sample stories of the base model, for a person to read: is each coherent?

    python -m benchmarks.miniworld_stories --model models/base --seed 13 --stories 10

Each begins with the first sentence of a story composed with a seed that no corpus has, as the models of
TinyStories are judged by how they complete a story's beginning (Eldan & Li 2023, arXiv 2305.07759). Prints
each for people, its beginning and what the model adds apart, and one JSON line for machines.
"""

import argparse
import json
import random
import re
from pathlib import Path

from pipeline.cli.infer import infer
from pipeline.miniworld import texts


def first_sentence(seed: int, index: int) -> str:
    """Return the first sentence of a story."""
    rng = random.Random(f"{seed}:stories:{index}")
    story = texts.compose(rng, "stories", *texts.choose_hero(seed, index))
    return re.split(r"(?<=[.!?…]) ", story.paragraphs[0])[0]


def main() -> None:
    """Print the stories."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", type=Path, default=Path("models/base"))
    parser.add_argument("--seed", type=int, default=13)
    parser.add_argument("--stories", type=int, default=10)
    parser.add_argument("--tokens", type=int, default=130, help="new ones in each")
    options = parser.parse_args()
    stories = []
    for index in range(options.stories):
        beginning = first_sentence(options.seed, index)
        pieces = infer(beginning, options.model, raw=True, max_new_tokens=options.tokens, seed=index)
        stories.append({"begins": beginning, "goes_on": "".join(pieces)})
        print(f"{index}. {beginning} |{stories[-1]['goes_on']}\n")
    print(json.dumps(stories, ensure_ascii=False))


if __name__ == "__main__":
    main()
