"""The page that `tezgah export page` writes: its bytes, and its model and its chat in a real Chromium."""

import base64
import json
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.cli.export import export_page
from pipeline.common.errors import UserError
from pipeline.common.paths import SFT_MODEL
from pipeline.corpus.readers.files import read_file
from pipeline.corpus.readers.records import Record
from pipeline.export.page import check_page, quantize_rows, round_weights, write_page
from pipeline.inference.generate import generate
from pipeline.inference.prompts import fit_conversation
from pipeline.inference.sampling import CHAT_SAMPLING, Sampling, find_candidates
from pipeline.model.decoder import Decoder, parameter_count
from pipeline.model.hf_io import load_decoder, save_decoder
from pipeline.text.normalize import normalize_text
from pipeline.tokenizer.special import BOS, PAD, UNK
from pipeline.tokenizer.tokenizer import METASPACE, Tokenizer
from tests.helpers.browser import CHROMIUM
from tests.helpers.random_models import make_random_decoder
from tests.helpers.small import TRICKY_STRINGS, make_tokenizer, sentences

in_chromium = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
ANSWER = ".turn.assistant:last-child"
PROMPTS, NEW = 50, 64
TIE = 1e-3  # two logits nearer than this are in an order that rounding decides
PLACES = ["Van", "Ankara", "Muş", "Iğdır", "İzmir", "Ordu", "Rize", "Sivas", "Bolu", "Kars"]
QUESTIONS = ["{} nerede?", "{} plakası kaç?", "{} büyük mü?", "{} denize kıyısı var mı?", "bana {} anlat"]
ODD = [
    "👩‍👩‍👧 🙂🙂 🇹🇷 1️⃣", "a\n\nb\n c", "\n", " ", "   iki   boşluk ", "\ttab\t", "{x} < y > \\ ^ ~ | `", "",
    "<s> </s> <unk> <pad> <0x0A> <|end|><|assistant|>", "Ankara'dan Ankara’dan", "e\u0301 ﬁ 中文 ıİ", "a▁b ▁",
    "0123456789,5", "xundefined undefined", "\ufeffa", "constructor __proto__", "a" * 300, "ab" * 300,
]  # fmt: skip


@dataclass
class Exported:
    """A model folder and its page."""

    folder: Path
    page: Path

    def rounded_model(self) -> Decoder:
        """What the page computes, in Python."""
        return round_weights(load_decoder(self.folder))

    def tokenizer(self) -> Tokenizer:
        return Tokenizer.load(self.folder)


def export_decoder(folder: Path, model: Decoder, tokenizer: Tokenizer, name: str = "deneme") -> Exported:
    save_decoder(folder / "model", model, tokenizer.folder)
    write_page(folder / "page.html", folder / "model", name)
    return Exported(folder / "model", folder / "page.html")


@pytest.fixture(scope="module")
def small(tokenizer, tmp_path_factory) -> Exported:
    """A model of random weights."""
    model = make_random_decoder(tokenizer.vocab_size, context=256)
    return export_decoder(tmp_path_factory.mktemp("small"), model, tokenizer)


@pytest.fixture(scope="module")
def trained(root, tmp_path_factory) -> Exported:
    """The chat model of the last run."""
    if not (root / SFT_MODEL / "model.safetensors").is_file():
        pytest.skip("no models/sft; `dvc repro` makes it")
    made = tmp_path_factory.mktemp("trained") / "page.html"
    write_page(made, root / SFT_MODEL, "sft")
    return Exported(root / SFT_MODEL, made)


# --- The file ---


def read_script(page: Path, id: str) -> str:
    (content,) = re.findall(rf'<script [^>]*id="{id}">(.*?)</script>', page.read_text(encoding="utf-8"))
    return content


def unpack(page: Path) -> dict[str, np.ndarray]:
    """Return the matrices and vectors that stand in a page."""
    shapes = json.loads(read_script(page, "description"))["tensors"]
    packed = base64.b64decode(read_script(page, "weights"), validate=True)
    rows = sum(shape[0] for shape in shapes.values())
    floats, whole_numbers = np.frombuffer(packed[: 4 * rows], "<f4"), np.frombuffer(packed[4 * rows :], "i1")
    tensors = {}
    for name, shape in shapes.items():
        tensors[name], floats = floats[: shape[0]], floats[shape[0] :]
        if len(shape) == 2:
            size = shape[0] * shape[1]
            tensors[name] = whole_numbers[:size].reshape(shape) * tensors[name][:, None]
            whole_numbers = whole_numbers[size:]
    assert len(floats) == len(whole_numbers) == 0
    return tensors


@pytest.mark.parametrize("changes", [{}, {"tie_embeddings": False}, {"arch": "qwen2", "kv_heads": 2}])
def test_page_holds_the_rounded_weights(changes, tokenizer, tmp_path):
    model = make_random_decoder(tokenizer.vocab_size, **changes)
    made = export_decoder(tmp_path, model, tokenizer)
    expected = round_weights(model).state_dict()
    if model.params.tie_embeddings:
        del expected["lm_head.weight"]
    found = unpack(made.page)
    assert list(found) == list(expected)
    for name, weight in expected.items():
        assert np.array_equal(found[name], weight.numpy()), name


def test_a_rounded_row_is_off_by_half_a_step_and_zeros_stay_zero():
    weight = torch.randn(5, 7)
    weight[2] = 0
    rows, scales = quantize_rows(weight)
    assert rows.dtype == torch.int8
    assert rows.abs().amax(dim=1).tolist() == [127, 127, 0, 127, 127]
    assert ((rows * scales[:, None] - weight).abs() <= scales[:, None] * 0.5001).all()


def test_rounding_leaves_the_model_itself_alone(tokenizer):
    model = make_random_decoder(tokenizer.vocab_size)
    before = model.model.embed_tokens.weight.clone()
    rounded = round_weights(model)
    assert torch.equal(model.model.embed_tokens.weight, before)
    assert rounded.lm_head.weight is rounded.model.embed_tokens.weight


def test_page_has_a_limited_size(small):
    assert small.page.stat().st_size <= 1.6 * parameter_count(load_decoder(small.folder)) + 200_000


def test_nothing_in_a_name_or_vocabulary_breaks_the_page(tokenizer, tmp_path):
    name = '</script><b onclick="x">&{{weights}}'
    made = export_decoder(tmp_path, make_random_decoder(tokenizer.vocab_size), tokenizer, name)
    text = made.page.read_text(encoding="utf-8")
    assert text.count("</script") == text.count("<script") == 4
    assert "<b " not in text
    description = json.loads(read_script(made.page, "description"))
    assert description["name"] == name
    assert description["pieces"] == [tokenizer.id_to_piece(i) for i in range(tokenizer.vocab_size)]


def test_page_names_no_other_file_and_no_address(small):
    text = small.page.read_text(encoding="utf-8")
    assert re.findall(r"(?:src|href|action)\s*=\s*[\"']?(\w+:)", text) == ["data:"]
    assert not re.findall(r"\b(?:fetch|XMLHttpRequest|WebSocket|sendBeacon|importScripts|import)\s*\(", text)
    assert "default-src 'none'" in text


# --- What no page can hold ---


def refusal(folder: Path) -> str:
    with pytest.raises(UserError) as refused:
        export_page(folder, folder.with_name(f"{folder.name}-page"), "x", None)
    message = str(refused.value)
    assert message.startswith(str(folder))
    assert "\n" not in message
    assert not folder.with_name(f"{folder.name}-page").exists()
    return message


@pytest.fixture
def folder(tokenizer, tmp_path) -> Path:
    save_decoder(tmp_path, make_random_decoder(tokenizer.vocab_size), tokenizer.folder)
    check_page(tmp_path)
    return tmp_path


def change_config(folder: Path, **values: object) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def test_a_model_too_large_is_refused_before_its_weights_are_read(folder):
    change_config(folder, num_hidden_layers=4000)
    assert "weights, and a page holds 16,000,000 at most; use `tezgah export gguf`" in refusal(folder)


def test_a_folder_without_weights_is_refused(folder):
    (folder / "model.safetensors").unlink()
    assert "model.safetensors: no such file" in refusal(folder)


def test_a_folder_without_a_model_is_refused(tmp_path):
    assert "config.json: no such file" in refusal(tmp_path)


def test_a_base_model_is_refused(folder):
    base = shutil.copytree(folder, folder / "base")
    assert "a base model does not chat; export models/sft" in refusal(base)


def test_tanai_is_refused(tokenizer, tmp_path):
    model = make_random_decoder(tokenizer.vocab_size, arch="tanai")
    save_decoder(tmp_path, model, tokenizer.folder)
    assert "model.arch: tanai: the page does not know it; train with qwen3 or llama" in refusal(tmp_path)


def test_scaled_angles_are_refused(tokenizer, tmp_path):
    scaling = {"kind": "linear", "factor": 2.0}
    model = make_random_decoder(tokenizer.vocab_size, arch="llama", rope_scaling=scaling)
    save_decoder(tmp_path, model, tokenizer.folder)
    assert "rope_scaling" in refusal(tmp_path)


def test_a_tokenizer_from_elsewhere_is_refused(folder):
    (folder / "tokenizer.model").unlink()
    assert "its tokenizer comes from elsewhere" in refusal(folder)


def test_a_unigram_tokenizer_is_refused(texts, tmp_path):
    tokenizer = make_tokenizer(tmp_path / "tokenizer", "unigram", texts)
    save_decoder(tmp_path / "model", make_random_decoder(tokenizer.vocab_size), tokenizer.folder)
    assert "a unigram tokenizer" in refusal(tmp_path / "model")


def test_another_models_tokenizer_is_refused(folder, texts):
    other = make_tokenizer(folder / "other", "bpe", texts, vocab_size=440)
    shutil.copy(other.folder / "tokenizer.model", folder)
    assert "440 tokens in tokenizer.model, 480 in config.json" in refusal(folder)


def test_a_name_that_is_no_text_is_refused(folder):
    with pytest.raises(UserError, match=r"--name: .* lone surrogate"):
        write_page(folder / "page.html", folder, "a\udcff")


# --- In Chromium ---


@pytest.fixture
def open_page(browser):
    """Return a function that opens a page; afterwards nothing may have gone wrong or been asked for."""
    complaints, contexts, own = [], [], set()

    def is_foreign(request):
        return request.url not in own and not request.url.startswith("data:")

    def open_in(file: Path, **options):
        context = browser.new_context(**({"locale": "tr-TR", "offline": True} | options))
        contexts.append(context)
        own.add(file.as_uri())
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda message: complaints.append(message.text))
        page.on("request", lambda request: complaints.append(request.url) if is_foreign(request) else None)
        page.goto(file.as_uri())
        page.wait_for_selector("#send:enabled")
        return page

    yield open_in
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture
def open_small(open_page, small):
    """Return a function that opens the small model's page, whose answers end with the context alone."""

    def open_endless(**options):
        page = open_page(small.page, **options)
        page.evaluate("() => { tezgah.config.stop_ids = []; }")
        return page

    return open_endless


@pytest.fixture(scope="module")
def small_js(browser, small):
    """The small model's page, to call its functions."""
    page = browser.new_page()
    page.goto(small.page.as_uri())
    page.wait_for_selector("#send:enabled")
    yield page
    page.close()


def slow_down(page, milliseconds):
    """Let that much time pass before each token."""
    page.evaluate(
        "(wait) => { window.nextTask = () => new Promise((done) => setTimeout(done, wait)); }", milliseconds
    )


def ask(page, text, wait=True):
    page.fill("#message", text)
    page.press("#message", "Enter")
    if wait:
        page.wait_for_selector(f"{ANSWER} .tools button")


def set_temperature(page, value):
    page.get_by_label("Sıcaklık").fill(str(value))


def find_ties(page, exported: Exported) -> int:
    """Assert that page and Python rank the same token first at each place; return how many ties were."""
    model, tokenizer = exported.rounded_model(), exported.tokenizer()
    messages = [question.format(place) for place in PLACES for question in QUESTIONS]
    prompts = [tokenizer.encode_prompt([{"role": "user", "content": message}]) for message in messages]
    texts = generate(model, prompts, max_new_tokens=NEW, forbidden_ids=())
    assert len(prompts) == PROMPTS
    assert {len(text) for text in texts} == {NEW}
    ties = 0
    for prompt, text in zip(prompts, texts, strict=True):
        ids = prompt + text
        found = page.evaluate(
            """(ids) => { tezgah.model.forget(0);
                return ids.map((id) => findLikeliest(tezgah.model.score(tezgah.model.read(id)), 1)[0]); }""",
            ids[:-1],
        )[-NEW:]
        with torch.inference_mode():
            logits = model(torch.tensor([ids[:-1]]))[0, -NEW:]
        assert logits.argmax(dim=1).tolist() == text
        gaps = [float(row.max() - row[token]) for row, token in zip(logits, found, strict=True)]
        assert max(gaps) < TIE, (prompt, gaps)
        ties += sum(token != own for token, own in zip(found, text, strict=True))
    return ties


@in_chromium
@pytest.mark.slow
def test_top_tokens_of_the_chat_model_are_those_of_python(open_page, trained):
    page = open_page(trained.page)
    assert find_ties(page, trained) <= 3
    parameters = parameter_count(load_decoder(trained.folder))
    assert trained.page.stat().st_size <= 1.6 * parameters + 200_000
    assert f"{parameters / 1e6:.1f}".replace(".", ",") + " milyon parametre" in page.inner_text("header")


@in_chromium
@pytest.mark.slow
@pytest.mark.parametrize(
    "changes",
    [
        {"arch": "llama", "kv_heads": 2, "tie_embeddings": False},
        {"arch": "qwen3", "kv_heads": 1},
        {"arch": "qwen2", "kv_heads": 2},
        {"arch": "mistral", "head_dim": 24, "ffn": 90},
    ],
)
def test_top_tokens_of_every_architecture_are_those_of_python(changes, open_page, tokenizer, tmp_path):
    model = make_random_decoder(tokenizer.vocab_size, context=160, **changes)
    made = export_decoder(tmp_path, model, tokenizer)
    page = open_page(made.page)
    assert find_ties(page, made) <= 3
    ids = tokenizer.encode_start(sentences(1)[0])
    with torch.inference_mode():
        expected = made.rounded_model()(torch.tensor([ids]))[0, -1].numpy()
    found = np.array(list(page.evaluate("(ids) => [...tezgah.logits(ids)]", ids)))
    assert np.abs(found - expected).max() < TIE


@in_chromium
@pytest.mark.slow
def test_ids_and_texts_are_those_of_python(open_page, trained, shared):
    records = read_file(shared / "corpus/wiki_sentences.csv")
    texts = [record.text for record in records if isinstance(record, Record)][:1000]
    assert len(texts) == 1000
    texts += [*ODD, *TRICKY_STRINGS, "".join(TRICKY_STRINGS)]
    tokenizer = trained.tokenizer()
    page = open_page(trained.page)
    ids = [tokenizer.encode(text) for text in texts]
    script = (
        "(texts) => { const own = new Tokenizer(tezgah.config); return texts.map((t) => own.encode(t)); }"
    )
    assert page.evaluate(script, texts) == ids
    decoded = page.evaluate("(lists) => lists.map((ids) => tezgah.decode(ids))", ids)
    assert decoded == [text.replace(METASPACE, " ") for text in texts]
    assert page.evaluate("(ids) => tezgah.decode(ids)", list(range(8))) == ""
    assert page.evaluate("(texts) => texts.map(normalizeText)", texts) == [normalize_text(t) for t in texts]


@in_chromium
@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(
    st.text(st.characters(exclude_categories=["Cs"])) | st.lists(st.sampled_from(TRICKY_STRINGS)).map("".join)
)
def test_ids_of_any_text_are_those_of_python(small_js, tokenizer, text):
    ids = small_js.evaluate("(text) => tezgah.tokenizer.encode(text)", text)
    assert ids == tokenizer.encode(text)
    assert small_js.evaluate("(ids) => tezgah.decode(ids)", ids) == text.replace(METASPACE, " ")


@in_chromium
@pytest.mark.slow
def test_typed_text_takes_the_form_of_the_corpus(small_js):
    typed = [
        "a\r\nb\rc\u2028d", "bir\xa0iki\u3000üç", "i\u0307stanbul İ\u0307zmir ı\u0307", "c\u0327ig\u0306",
        "\tgirinti", "bir\t\tiki\tüç", "kap\xadı ka\u200bpı a\u200d👍", "a\x00b\x1fc\x7f",
        "\ufeffbaş so\ufeffn", "\ue000 👩‍👩‍👧", "g\x01\u0306", "",
    ]  # fmt: skip
    assert small_js.evaluate("(texts) => texts.map(normalizeText)", typed) == [
        normalize_text(t) for t in typed
    ]
    assert small_js.evaluate("() => normalizeText('a\\ud800b\\udc00')") == "ab"


@in_chromium
@pytest.mark.slow
def test_no_character_is_split_while_it_streams(small_js, tokenizer):
    ids = tokenizer.encode("a🙂中ğ \n👩‍👩‍👧")
    script = "(ids) => { const s = new TextStream(tezgah.tokenizer); return ids.map((id) => s.add(id)); }"
    pieces = small_js.evaluate(script, ids)
    assert "".join(pieces) == "a🙂中ğ \n👩‍👩‍👧"
    assert not [piece for piece in pieces if "\ufffd" in piece]
    assert "🙂" in pieces


@in_chromium
@pytest.mark.slow
@pytest.mark.parametrize("context", [24, 64, 256])
def test_a_conversation_is_cut_as_python_cuts_it(small_js, tokenizer, context):
    messages = []
    for number in range(9):
        messages += [
            {"role": "user", "content": f"{number}. gün ne oldu?" * (1 + number % 3)},
            {"role": "assistant", "content": f" Yağmur yağdı {number}.\n"},
        ]
    script = "([messages, context]) => fitConversation(tezgah.tokenizer, messages, context)"
    for length in range(1, len(messages), 2):
        found = small_js.evaluate(script, [messages[:length], context])
        try:
            assert found["ids"] == fit_conversation(tokenizer, messages[:length], context)
            assert found["ids"] == tokenizer.encode_prompt(messages[found["start"] : length])
        except UserError:
            assert found["ids"] is None
            assert found["tokens"] == len(tokenizer.encode(messages[length - 1]["content"])) > found["most"]


@in_chromium
@pytest.mark.slow
@pytest.mark.parametrize("temperature", [0.1, 0.5, 1.0, 1.5])
@pytest.mark.parametrize(("top_p", "min_p"), [(CHAT_SAMPLING.top_p, CHAT_SAMPLING.min_p), (0.8, 0.0)])
def test_the_tokens_that_may_be_drawn_are_those_of_python(small_js, temperature, top_p, min_p):
    rng = np.random.default_rng(0)
    for spread in (1, 3, 9):
        logits = (rng.standard_normal(480) * spread).round(1).astype(np.float32)  # with equal ones
        ids, weights = find_candidates(logits, Sampling(temperature, top_p=top_p, min_p=min_p))
        sampling = {"temperature": temperature, "top_p": top_p, "min_p": min_p}
        found = small_js.evaluate(
            "([logits, s]) => findCandidates(Float32Array.from(logits), s)", [logits.tolist(), sampling]
        )
        assert found["ids"] == ids.tolist()
        assert np.allclose(found["weights"], weights, rtol=1e-6)


@in_chromium
@pytest.mark.slow
def test_forbidden_tokens_are_never_drawn(small_js):
    script = """async () => {
        const { model } = tezgah, ids = [];
        const score = model.score;
        model.score = () => new Float32Array(480).map((_, id) => (id < 4 ? 50 : id === 7 ? 5 : 0));
        const sampling = { temperature: 1.5, top_p: 1, min_p: 0 };
        for (let i = 0; i < 40; i++) {
            for await (const { id } of generate(model, [1, 4 + i], sampling, { aborted: false })) {
                ids.push(id);
                if (ids.length % 50 === 0) break;
            }
        }
        model.score = score;
        return ids;
    }"""
    drawn = small_js.evaluate(script)
    assert len(drawn) >= 40
    assert not {UNK, BOS, PAD} & set(drawn)


# --- The chat ---


@in_chromium
@pytest.mark.slow
def test_a_chat_as_people_type_it(open_page, trained):
    page = open_page(trained.page)
    assert page.title() == "sft · Tezgâh"
    assert page.locator(".empty button").all_inner_texts() == [
        "Merhaba!",
        "Sen kimsin?",
        "Van'ın plakası kaç?",
    ]
    set_temperature(page, 0)
    model, tokenizer = trained.rounded_model(), trained.tokenizer()
    messages = []
    for text in ("merhaba", "sen kimsin", "vanin plakasi kac"):
        messages.append({"role": "user", "content": text})
        prompt = fit_conversation(tokenizer, messages, model.context)
        (ids,) = generate(model, [prompt], max_new_tokens=200, stop_ids=tokenizer.stop_ids)
        ask(page, f" {text}  ")
        answer = page.locator(f"{ANSWER} .text").text_content()
        assert answer == tokenizer.decode(ids)
        assert re.search(rf"\b{len(ids) + 1} token, \d+ token/sn", page.inner_text(ANSWER))
        messages.append({"role": "assistant", "content": answer})
    assert page.inner_text("#finished") == f"Cevap: {answer}".strip()
    assert page.locator(".turn").count() == 6
    page.get_by_role("button", name="Yeni konuşma").click()
    assert page.locator(".turn").count() == 0


@in_chromium
@pytest.mark.slow
def test_an_answer_is_streamed_and_stopped(open_small):
    page = open_small()
    slow_down(page, 20)
    ask(page, "Uzun uzun anlat", wait=False)
    lengths = []
    for count in (1, 3, 6):
        page.wait_for_selector(f"{ANSWER} .t >> nth={count - 1}")
        lengths.append(len(page.locator(f"{ANSWER} .text").text_content()))
        assert page.inner_text("#send") == "Durdur"
        assert page.inner_text("#status") == "Cevap yazılıyor…"
        assert page.inner_text("#finished") == ""
    assert lengths == sorted(lengths)  # a token may be a byte of a character that is not whole yet
    assert lengths[0] < lengths[-1]
    page.click("#send")
    page.wait_for_selector(f"{ANSWER} .tools button")
    assert "durduruldu" in page.inner_text(ANSWER)
    assert page.inner_text("#send") == "Gönder"
    text = page.locator(f"{ANSWER} .text").text_content()
    page.wait_for_timeout(100)
    assert page.locator(f"{ANSWER} .text").text_content() == text


@in_chromium
@pytest.mark.slow
def test_a_new_conversation_ends_an_answer(open_small):
    page = open_small()
    slow_down(page, 20)
    ask(page, "bir", wait=False)
    page.wait_for_selector(f"{ANSWER} .t")
    page.click("#new")
    page.wait_for_timeout(100)
    assert page.locator(".turn").count() == 0
    ask(page, "iki", wait=False)
    page.wait_for_selector(f"{ANSWER} .t")
    assert page.locator(".turn .text").first.inner_text() == "iki"
    assert page.locator(".turn").count() == 2
    page.keyboard.press("Escape")
    page.wait_for_selector(f"{ANSWER} .tools button")


@in_chromium
@pytest.mark.slow
def test_the_keyboard_is_enough(open_small):
    page = open_small()
    assert page.evaluate("document.activeElement.id") == "message"
    page.keyboard.type("merhaba")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("dünya")
    page.keyboard.press("Enter")
    page.wait_for_selector(f"{ANSWER} .tools button")
    assert page.locator(".turn .text").first.text_content() == "merhaba\ndünya"
    assert page.evaluate("document.activeElement.id") == "message"
    page.keyboard.press("Shift+Tab")
    assert page.evaluate("document.activeElement.textContent") == "Yeniden cevapla"
    page.keyboard.press("Shift+Tab")
    tokens = page.locator(f"{ANSWER} .t")
    assert page.evaluate("document.activeElement.className.split(' ')[0]") == "t"
    first = page.inner_text("#rivals")
    assert "En olası token'lar" in first
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.textContent") == tokens.nth(3).text_content()
    assert page.get_attribute(":focus", "aria-describedby") == "rivals"
    page.keyboard.press("Home")
    assert page.inner_text("#rivals") == first
    page.keyboard.press("Escape")
    assert page.is_hidden("#rivals")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")  # answer anew
    page.wait_for_selector(f"{ANSWER} .tools button")
    assert page.locator(".turn").count() == 2
    assert page.evaluate("document.activeElement.id") == "message"
    page.keyboard.press("Shift+Tab")
    for _ in range(4):
        page.keyboard.press("Shift+Tab")
    assert page.evaluate("document.activeElement.id") == "temperature"
    page.keyboard.press("ArrowRight")
    assert page.inner_text("#shown-temperature") == "0,6"


@in_chromium
@pytest.mark.slow
def test_rivals_are_shown_to_the_mouse_and_to_a_finger(open_small):
    page = open_small(has_touch=True)
    ask(page, "merhaba")
    page.hover(f"{ANSWER} .t >> nth=0")
    assert re.match(r"Seçilenin olasılığı %\d", page.inner_text("#rivals"))
    assert page.locator("#rivals tr").count() in (5, 6)
    assert page.locator("#rivals .chosen").count() == 1
    page.mouse.move(1, 1)
    page.wait_for_selector("#rivals", state="hidden")
    page.tap(f"{ANSWER} .t >> nth=1")
    page.wait_for_selector("#rivals")


@in_chromium
@pytest.mark.slow
def test_what_is_too_long_is_refused_or_forgotten_and_said_so(open_small, tokenizer):
    page = open_small()
    ask(page, "gün " * 400, wait=False)
    page.wait_for_selector("[role=alert]")
    assert re.match(r"Bu ileti [\d.]+ token, model ise en çok \d+ token'lık", page.inner_text("[role=alert]"))
    assert page.input_value("#message") == "gün " * 400
    days = "gün"
    while len(tokenizer.encode(days)) < 150:
        days += " gün"
    ask(page, days)
    assert page.locator(".forgotten").count() == 0
    set_temperature(page, 0)
    ask(page, days)
    assert "yarıda kaldı" in page.inner_text(ANSWER)
    assert page.inner_text(".forgotten") == "Model buradan öncesini artık görmüyor."
    ask(page, "   ", wait=False)
    assert page.locator(".turn").count() == 4


@in_chromium
@pytest.mark.slow
def test_an_example_is_asked_with_a_click_and_markup_stays_text(open_small):
    page = open_small()
    page.get_by_role("button", name="Sen kimsin?").click()
    page.wait_for_selector(f"{ANSWER} .tools button")
    assert page.locator(".turn .text").first.inner_text() == "Sen kimsin?"
    ask(page, "<b>kalın</b> <|end|>")
    assert page.locator(".turn.user .text").last.inner_text() == "<b>kalın</b> <|end|>"


@in_chromium
@pytest.mark.slow
@pytest.mark.parametrize("kept", [0.5, 0.99])
def test_half_a_file_says_so(browser, small, tmp_path, kept):
    whole = small.page.read_bytes()
    (tmp_path / "half.html").write_bytes(whole[: int(len(whole) * kept)])
    page = browser.new_page()
    page.goto((tmp_path / "half.html").as_uri())
    page.wait_for_selector("[role=alert]")
    assert "yarım kalmış ya da bozulmuş" in page.inner_text("[role=alert]")
    assert page.is_disabled("#send")
    page.close()


@in_chromium
@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 768, 1280])
def test_axe_finds_no_serious_fault(browser, small, width, scheme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="run by `make test-all`")
    page = browser.new_page(viewport={"width": width, "height": 740}, color_scheme=scheme, locale="tr-TR")
    page.goto(small.page.as_uri())
    page.wait_for_selector("#send:enabled")
    ask(page, "merhaba")
    ask(page, "ne var ne yok")
    page.click("summary")
    page.hover(f"{ANSWER} .t >> nth=0")
    found = axe.Axe().run(page).response["violations"]
    assert [fault["id"] for fault in found if fault["impact"] in ("serious", "critical")] == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.close()
