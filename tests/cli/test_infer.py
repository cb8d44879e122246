from inspect import signature

import pytest

from pipeline.cli import main as cli
from pipeline.cli.infer import infer, sampling
from pipeline.common.errors import UserError
from pipeline.inference.generate import generate
from pipeline.inference.sampling import LIVELY, Sampling
from pipeline.model.hf_io import load_decoder
from pipeline.tokenizer.chat_template import END, prompt_ids
from pipeline.tokenizer.tokenizer import BOS, EOS, Tokenizer

MAKE = {"max_new_tokens": 12, "seed": 3, "device": "cpu"}


def expected(folder, ids):
    """What the ids are continued with, as text."""
    new = generate(
        load_decoder(folder),
        [ids],
        max_new_tokens=12,
        how=LIVELY,
        seed=3,
        stop_ids={EOS, END},
    )[0]
    return Tokenizer.load(folder).decode(new).rstrip("\ufffd")


def test_a_base_model_continues_the_text(model_folders):
    tokenizer = Tokenizer.load(model_folders / "base")
    text = "".join(infer("Van Gölü", model_folders / "base", **MAKE))
    assert text == expected(model_folders / "base", [BOS, *tokenizer.encode("Van Gölü")])
    assert text


def test_a_chat_model_answers_unless_asked_for_raw_text(model_folders):
    tokenizer = Tokenizer.load(model_folders / "sft")
    asked = [{"role": "system", "content": "Kısa."}, {"role": "user", "content": "Van"}]
    answer = "".join(infer("Van", model_folders / "sft", system="Kısa.", **MAKE))
    assert answer == expected(model_folders / "sft", prompt_ids(tokenizer, asked))
    raw = "".join(infer("Van", model_folders / "sft", raw=True, **MAKE))
    assert raw == "".join(infer("Van", model_folders / "base", **MAKE))
    assert answer != raw


def test_a_prompt_is_read_in_the_form_of_the_corpus(model_folders):
    assert "".join(infer("Go\u0308l", model_folders / "base", **MAKE)) == "".join(
        infer("Göl", model_folders / "base", **MAKE)
    )


def test_a_long_text_is_continued_from_its_end(model_folders):
    long = "Van Gölü büyük bir göldür. " * 5
    assert "".join(infer(long, model_folders / "base", **MAKE)) == "".join(
        infer("Ankara. " + long, model_folders / "base", **MAKE)
    )


@pytest.mark.parametrize(
    ("prompt", "changed", "says"),
    [
        ("Van " * 50, {}, r"prompt: \d+ tokens leave no room .* reads 24; shorten it"),
        (" ", {}, "prompt: ' ': nothing to answer"),
        ("Van", {"max_new_tokens": 0}, "--max-new-tokens: 0"),
        ("Van", {"seed": -1}, "--seed: -1"),
        ("Van", {"stop": [""]}, "--stop: ''"),
        ("Van", {"raw": True, "system": "Kısa."}, "--system: 'Kısa.'"),
        ("Van\ud800", {}, "surrogate"),
    ],
)
def test_a_mistake_is_named_before_anything_is_generated(model_folders, prompt, changed, says):
    with pytest.raises(UserError, match=says):
        infer(prompt, model_folders / "sft", **(MAKE | changed))


def test_a_folder_without_a_model_is_named(model_folders):
    with pytest.raises(UserError, match=r"nothing: no model there; run `make repro`"):
        infer("Van", model_folders / "nothing", **MAKE)


def test_settings_out_of_range_are_named_as_the_command_line_does():
    assert sampling(0.5, 0, 0.95, 0.1, 1.0) == LIVELY == Sampling(0.5, top_p=0.95, min_p=0.1)
    shown = {name: parameter.default for name, parameter in signature(cli.infer).parameters.items()}
    assert {name: shown[name] for name in vars(LIVELY)} == vars(LIVELY)
    for settings, says in [
        ((-1.0, 0, 1.0, 0.0, 1.0), r"--temperature -1\.0"),
        ((0.0, -1, 1.0, 0.0, 1.0), "--top-k -1"),
        ((0.0, 0, 1.5, 0.0, 1.0), r"--top-p 1\.5"),
        ((0.0, 0, 1.0, 2.0, 1.0), r"--min-p 2\.0"),
        ((0.0, 0, 1.0, 0.0, 0.0), r"--repetition-penalty 0\.0"),
    ]:
        with pytest.raises(UserError, match=says):
            sampling(*settings)
