import numpy as np
import pytest
import torch
from rich.console import Console

from pipeline.eval_sets.params import EvalParams
from pipeline.eval_sets.readers import Question
from pipeline.evaluation.baseline_samples import beside, of_ngrams
from pipeline.evaluation.ngrams import train
from pipeline.evaluation.summary import beside_table
from pipeline.inference.sampling import GREEDY
from pipeline.model.config import ModelParams
from pipeline.model.decoder import Decoder, initialise
from pipeline.tokenizer.tokenizer import BOS, EOS

TEXTS = ["Ankara İç Anadolu'dadır.", "Van Gölü Van'dadır.", "Bir gün kedi geldi."] * 4
SETTINGS = EvalParams(
    max_bytes=10_000, tasks={}, ngram_tokens=1_000_000, max_questions=5, max_new_tokens=8, sample_tokens=12,
    temperature=0.7, top_p=0.95, prompts=["Ankara"],
)  # fmt: skip


@pytest.fixture(scope="module")
def counted(tokenizer):
    ids = [[BOS, *tokenizer.encode(text), EOS] for text in TEXTS]
    return train(np.concatenate(ids).astype(np.uint16), tokenizer.vocab_size, 5)


def test_counts_go_on_with_what_they_have_seen(counted, tokenizer):
    go_on = of_ngrams(counted, tokenizer, seed=0)
    assert go_on("Van Gölü", 20, GREEDY) == " Van'dadır."
    assert len(tokenizer.encode(go_on("Bir gün", 3, GREEDY))) <= 3


def test_every_answer_stands_beside_the_untrained_and_the_counted_one(counted, tokenizer):
    shape = ModelParams(
        arch="qwen3", width=32, layers=2, heads=2, kv_heads=2, head_dim=16, ffn=48, context=48,
        rope_theta=1e4, norm_eps=1e-6, tie_embeddings=True,
    )  # fmt: skip
    model = Decoder(shape, tokenizer.vocab_size).eval()
    initialise(model, 3)
    with torch.no_grad():  # away from the untrained model, which says its last token again and again
        for weight in model.parameters():
            weight += torch.randn(weight.shape, generator=torch.Generator().manual_seed(1)) * 0.2
    asked = [Question(f"Soru {n}?", ("Cevap",), family, "k") for n, family in enumerate("abcab")]
    shown = beside(model, model, counted, tokenizer, SETTINGS, asked, seed=0)
    assert [each["question"] for each in shown["questions"]] == ["Soru 0?", "Soru 1?", "Soru 2?"]
    assert set(shown["story"]) == {"begins", "trained", "untrained", "ngram"}
    assert shown["story"]["trained"] != shown["story"]["untrained"]
    assert shown == beside(model, model, counted, tokenizer, SETTINGS, asked, seed=0)
    console = Console(width=120)
    with console.capture() as printed:
        console.print(beside_table(shown))
    assert "Soru 2?" in printed.get()
    assert "(Cevap)" in printed.get()
    assert beside(model, model, counted, tokenizer, SETTINGS, [], seed=0)[
        "questions"
    ]  # none of the miniworld's
