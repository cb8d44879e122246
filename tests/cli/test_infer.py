"""`tezgah infer`: prompts, arguments and errors."""

from inspect import signature

import pytest

from pipeline.cli import infer as infer_module
from pipeline.cli import main as cli
from pipeline.cli.infer import infer, make_sampling
from pipeline.common.errors import UserError
from pipeline.common.i18n import translate
from pipeline.inference import engine
from pipeline.inference.generate import generate
from pipeline.inference.sampling import CHAT_SAMPLING, Sampling
from pipeline.inference.streaming import TextStream
from pipeline.model.decoder import Decoder
from pipeline.model.hf_io import load_decoder
from pipeline.tokenizer.special import BOS, END_OF_TURN, EOS
from pipeline.tokenizer.tokenizer import Tokenizer
from tests.helpers.factories import tiny_model_params
from tests.helpers.small import ByteTokenizer

OPTIONS = {"max_new_tokens": 12, "seed": 3, "device": "cpu"}


def expected(folder, ids):
    """Return the text that continues the ids, with a mark where it is cut off."""
    new_ids = generate(
        load_decoder(folder),
        [ids],
        max_new_tokens=12,
        sampling=CHAT_SAMPLING,
        seed=3,
        stop_ids={EOS, END_OF_TURN},
    )[0]
    mark = " …" if len(new_ids) == min(12, 24 - len(ids)) else ""
    return Tokenizer.load(folder).decode(new_ids).rstrip("\ufffd") + mark


def test_infer_continues_text_with_a_base_model(model_folders):
    tokenizer = Tokenizer.load(model_folders / "base")
    text = "".join(infer("Van Gölü", model_folders / "base", **OPTIONS))
    assert text == expected(model_folders / "base", [BOS, *tokenizer.encode("Van Gölü")])
    assert text


def test_infer_answers_with_a_chat_model_unless_raw(model_folders):
    tokenizer = Tokenizer.load(model_folders / "sft")
    messages = [{"role": "system", "content": "Kısa."}, {"role": "user", "content": "Van"}]
    answer = "".join(infer("Van", model_folders / "sft", system="Kısa.", **OPTIONS))
    assert answer == expected(model_folders / "sft", tokenizer.encode_prompt(messages))
    raw = "".join(infer("Van", model_folders / "sft", raw=True, **OPTIONS))
    assert raw == "".join(infer("Van", model_folders / "base", **OPTIONS))
    assert answer != raw


@pytest.mark.parametrize("folder", ["base", "sft"])
def test_infer_reads_every_version_of_a_prompt_alike(model_folders, folder):
    plain = "".join(infer("Bir göl", model_folders / folder, **OPTIONS))
    for version in (
        "Bir go\u0308l",
        "Bir\u00a0göl",
        "Bir\u2009göl",
        "Bir\tgöl",
        "\ufeffBir g\0öl",
        "Bir gÃ¶l",
    ):
        assert "".join(infer(version, model_folders / folder, **OPTIONS)) == plain


def test_infer_leaves_out_a_space_at_the_end_and_says_so(model_folders, capsys):
    base, sft = (model_folders / name for name in ("base", "sft"))
    assert "".join(infer("Bir gün \u00a0", base, **OPTIONS)) == "".join(infer("Bir gün", base, **OPTIONS))
    (note,) = capsys.readouterr().err.splitlines()
    assert note == "prompt: left out the space at its end, which is part of the next word"
    line = "".join(infer("Bir gün\n", base, **OPTIONS))  # a new paragraph is no mistake
    assert line == expected(base, [BOS, *Tokenizer.load(base).encode("Bir gün\n")])
    assert "".join(infer(" Van\n", sft, **OPTIONS)) == "".join(infer("Van", sft, **OPTIONS))
    assert not capsys.readouterr().err


def test_infer_stops_at_a_decomposed_stop_string(model_folders, monkeypatch):
    given = []

    def no_text(_engine, _tokenizer, _generation, stop_strings):
        given.extend(stop_strings)
        return TextStream(iter(()))

    monkeypatch.setattr(infer_module, "stream", no_text)
    list(infer("Van", model_folders / "sft", stop=["Go\u0308l", "\r\n"], **OPTIONS))
    assert given == ["Göl", "\n"]


@pytest.mark.parametrize("raw", [True, False])
def test_infer_takes_the_room_of_the_context_and_marks_a_text_that_is_cut_off(monkeypatch, raw):
    opened = Decoder(tiny_model_params(context=256), ByteTokenizer.vocab_size), ByteTokenizer()
    monkeypatch.setattr(infer_module, "open_model", lambda *_: opened)

    def infer_what_is_said(text, **options):
        ids = iter([*ByteTokenizer().encode(text), EOS if raw else END_OF_TURN])
        monkeypatch.setattr(engine, "sample_token", lambda *_: next(ids))
        return "".join(infer("Van", raw=raw, device="cpu", **options))

    story = "Bir varmış. " * 14
    assert len(story.encode()) > 128
    assert infer_what_is_said(story) == story
    assert infer_what_is_said(story, max_new_tokens=20) == "Bir varmış. Bir va …"
    assert infer_what_is_said(story, max_new_tokens=10) == "Bir varmı …"  # ş is two bytes
    room = 256 - (4 if raw else 7)
    assert infer_what_is_said("a" * 300) == "a" * room + " …"
    assert infer_what_is_said("a" * (room - 1)) == "a" * (room - 1)
    assert infer_what_is_said(story, stop=["varmış"]) == "Bir "


def test_infer_continues_a_long_text_from_its_end(model_folders):
    long = "Van Gölü büyük bir göldür. " * 5
    assert "".join(infer(long, model_folders / "base", **OPTIONS)) == "".join(
        infer("Ankara. " + long, model_folders / "base", **OPTIONS)
    )


@pytest.mark.parametrize(
    ("prompt", "options", "message"),
    [
        ("Van " * 50, {}, r"prompt: \d+ tokens leave no room .* reads 24; shorten it"),
        (" ", {}, "prompt: ' ': nothing to answer"),
        ("Van", {"max_new_tokens": 0}, "--max-new-tokens: 0"),
        ("Van", {"seed": -1}, "--seed: -1"),
        ("Van", {"stop": [""]}, "--stop: ''"),
        ("Van", {"raw": True, "system": "Kısa."}, "--system: 'Kısa.'"),
        ("Van", {"stop": ["\ufeff"]}, "--stop: ''"),
        ("Van\ud800", {}, r"prompt: '\\ud800' at character 3: a lone surrogate"),
        ("Van", {"stop": ["\udcfe"]}, r"--stop: '\\udcfe' at character 0: a lone surrogate"),
        ("Van", {"system": "\udcfe"}, r"--system: '\\udcfe' at character 0: a lone surrogate"),
    ],
)
def test_infer_names_a_mistake_before_it_generates(model_folders, prompt, options, message):
    with pytest.raises(UserError, match=message):
        infer(prompt, model_folders / "sft", **(OPTIONS | options))


def test_infer_names_a_folder_without_a_model(model_folders):
    with pytest.raises(UserError, match=r"nothing: no model there; run `make repro`"):
        infer("Van", model_folders / "nothing", **OPTIONS)


def test_make_sampling_has_the_defaults_of_chat_sampling():
    assert make_sampling(0.5, 0, 0.95, 0.1, 1.0) == CHAT_SAMPLING == Sampling(0.5, top_p=0.95, min_p=0.1)
    defaults = {name: parameter.default for name, parameter in signature(cli.infer).parameters.items()}
    assert {name: defaults[name] for name in vars(CHAT_SAMPLING)} == vars(CHAT_SAMPLING)


def test_make_sampling_names_the_option_that_is_out_of_range():
    for values, message in [
        ((-1.0, 0, 1.0, 0.0, 1.0), r"--temperature -1\.0"),
        ((0.0, -1, 1.0, 0.0, 1.0), "--top-k -1"),
        ((0.0, 0, 1.5, 0.0, 1.0), r"--top-p 1\.5"),
        ((0.0, 0, 1.0, 2.0, 1.0), r"--min-p 2\.0"),
        ((0.0, 0, 1.0, 0.0, 0.0), r"--repetition-penalty 0\.0"),
    ]:
        with pytest.raises(UserError, match=message):
            make_sampling(*values)


def test_option_out_of_range_is_told_in_turkish(monkeypatch):
    monkeypatch.setenv("TEZGAH_LANG", "tr")
    with pytest.raises(UserError) as raised:
        make_sampling(0.5, -1, 0.95, 0.1, 1.0)
    assert translate(raised.value.message) == "--top-k -1 eksi; 0 bütün token'ları tutar"
