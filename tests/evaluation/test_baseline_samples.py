import numpy as np
import pytest
import torch
from rich.console import Console

from pipeline.eval_sets.readers import Question
from pipeline.evaluation.baseline_samples import make_baseline_samples, make_ngram_continuer
from pipeline.evaluation.measure import Models
from pipeline.evaluation.summary import baseline_samples_table
from pipeline.inference.sampling import GREEDY
from pipeline.model.decoder import Decoder, initialize
from pipeline.ngrams.counting import train_ngram_model
from pipeline.tokenizer.special import BOS, EOS
from tests.helpers.factories import eval_params, tiny_model_params

TEXTS = ["Ankara İç Anadolu'dadır.", "Van Gölü Van'dadır.", "Bir gün kedi geldi."] * 4
SETTINGS = eval_params(max_new_tokens=8, sample_tokens=12)


@pytest.fixture(scope="module")
def ngram_model(tokenizer):
    ids = [[BOS, *tokenizer.encode(text), EOS] for text in TEXTS]
    return train_ngram_model(np.concatenate(ids).astype(np.uint16), tokenizer.vocab_size, 5)


def test_ngram_continuer_repeats_its_training_text(ngram_model, tokenizer):
    continue_prompt = make_ngram_continuer(ngram_model, tokenizer, seed=0)
    assert continue_prompt("Van Gölü", 20, GREEDY) == " Van'dadır."
    assert len(tokenizer.encode(continue_prompt("Bir gün", 3, GREEDY))) <= 3


def test_make_baseline_samples_has_trained_untrained_and_ngram_texts(ngram_model, tokenizer):
    model = Decoder(tiny_model_params(context=48), tokenizer.vocab_size).eval()
    initialize(model, 3)
    with torch.no_grad():  # away from the untrained model, which says its last token again and again
        for weight in model.parameters():
            weight += torch.randn(weight.shape, generator=torch.Generator().manual_seed(1)) * 0.2
    models = Models(tokenizer, model, model, tokenizer, encoder=None, mixture=None)
    questions = [Question(f"Soru {n}?", ("Cevap",), family, "k") for n, family in enumerate("abcab")]
    samples = make_baseline_samples(models, ngram_model, SETTINGS, questions, seed=0)
    assert [each["question"] for each in samples["questions"]] == ["Soru 0?", "Soru 1?", "Soru 2?"]
    assert set(samples["story"]) == {"begins", "trained", "untrained", "ngram"}
    assert samples["story"]["trained"] != samples["story"]["untrained"]
    assert samples == make_baseline_samples(models, ngram_model, SETTINGS, questions, seed=0)
    console = Console(width=120)
    with console.capture() as printed:
        console.print(baseline_samples_table(samples))
    assert "Soru 2?" in printed.get()
    assert "(Cevap)" in printed.get()
    assert make_baseline_samples(models, ngram_model, SETTINGS, [], seed=0)[
        "questions"
    ]  # none of the miniworld's
