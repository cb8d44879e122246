"""Whether a chat model's greedy answers are those of the validation conversations."""

from collections.abc import Sequence

from pipeline.inference.generate import generate
from pipeline.model.decoder import Decoder
from pipeline.sft.dataset import share
from pipeline.sft.pack import Row
from pipeline.text.normalize import answer_key
from pipeline.tokenizer.chat_template import END, prompt_ids
from pipeline.tokenizer.tokenizer import EOS, Tokenizer

MOST = 200  # conversations asked: their answers take about as long as the validation loss


def exact_match(
    model: Decoder, tokenizer: Tokenizer, rows: Sequence[Row], max_new_tokens: int
) -> dict[str, float]:
    """The share of conversations whose last answer the model gives to the letter, and their number.

    Letters are compared as `answer_key` folds them (Turkish casing, punctuation, spaces). Of more
    than MOST conversations a fixed choice from all sources is asked.
    """
    asked = sorted(rows, key=lambda row: share(row.messages))[:MOST]
    prompts = [prompt_ids(tokenizer, row.messages[:-1]) for row in asked]
    answers = generate(model, prompts, max_new_tokens=max_new_tokens, stop_ids={EOS, END})
    right = sum(
        answer_key(tokenizer.decode(ids)) == answer_key(row.messages[-1]["content"])
        for ids, row in zip(answers, asked, strict=True)
    )
    return {"exact_match": right / len(asked), "exact_match_n": len(asked)}
