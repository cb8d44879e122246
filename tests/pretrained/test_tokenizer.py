"""Tokenizers and chat templates of models from elsewhere."""

import pytest
from transformers import AutoTokenizer

from pipeline.common.errors import UserError
from pipeline.inference.streaming import TextDecoder
from pipeline.pretrained.tokenizer import PretrainedTokenizer, has_own_tokenizer, load_chat_tokenizer
from pipeline.sft.loss_mask import make_row
from pipeline.tokenizer.chat_template import RefusedConversation
from pipeline.tokenizer.tokenizer import Tokenizer
from tests.helpers.stock import ALWAYS_THINKING, write_stock_tokenizer

CHAT = [
    {"role": "user", "content": "Başkent neresi?\n İki satır."},
    {"role": "assistant", "content": "Ankara."},
    {"role": "user", "content": "Sağ ol!"},
    {"role": "assistant", "content": "Rica ederim 🙂"},
]
SYSTEM = {"role": "system", "content": "Kısa yanıt ver."}


@pytest.fixture(scope="module")
def folder_of(tmp_path_factory):
    """A function that returns the folder of a tokenizer with the chat template of a form."""
    folders = {}

    def write(form):
        if form not in folders:
            folders[form] = tmp_path_factory.mktemp(form)
            write_stock_tokenizer(folders[form], form)
        return folders[form]

    return write


def show(tokenizer, ids):
    """Return the ids as text, special tokens included."""
    return tokenizer.stock.decode(ids)


@pytest.mark.parametrize(
    ("form", "end"), [("chatml", "<|im_end|>"), ("llama3", "<|eot_id|>"), ("mistral", "</s>")]
)
def test_encode_conversation_is_that_of_transformers(folder_of, form, end):
    tokenizer, stock = (
        PretrainedTokenizer.load(folder_of(form)),
        AutoTokenizer.from_pretrained(folder_of(form)),
    )
    ids, answers = tokenizer.encode_conversation(CHAT)
    assert ids == stock.apply_chat_template(CHAT, return_dict=False)
    assert tokenizer.encode_prompt(CHAT[:3]) == stock.apply_chat_template(
        CHAT[:3], add_generation_prompt=True, return_dict=False
    )
    space = " " if form == "mistral" else ""
    words = [show(tokenizer, ids[answer.start : answer.stop]) for answer in answers]
    assert words == [f"{space}Ankara.{end}", f"{space}Rica ederim 🙂{end}"]
    assert tokenizer.show_token(tokenizer.end_of_turn) == end
    assert {tokenizer.end_of_turn, stock.eos_token_id} == set(tokenizer.stop_ids)


def test_a_model_that_may_think_answers_without_thoughts(folder_of):
    tokenizer = PretrainedTokenizer.load(folder_of("thinking"))
    thought = "<|im_start|>assistant\n<think>\n\n</think>\n\n"
    assert show(tokenizer, tokenizer.encode_prompt(CHAT[:1])).endswith(thought)
    ids, answers = tokenizer.encode_conversation(CHAT)
    # The template leaves out the thought of the first answer, so that it does not follow its own prompt.
    words = [show(tokenizer, ids[answer.start : answer.stop]) for answer in answers]
    assert words == ["", "Rica ederim 🙂<|im_end|>"]
    assert show(tokenizer, ids[: answers[1].start]).endswith(thought)
    assert tokenizer.decode(ids[answers[1].start : answers[1].stop]) == "Rica ederim 🙂"


def test_the_last_answer_follows_its_prompt_where_the_template_moves_the_system_message(folder_of):
    tokenizer = PretrainedTokenizer.load(folder_of("moving"))
    row, outcome = make_row(tokenizer, [SYSTEM, *CHAT], 200)
    trained = [token for token, on in zip(row.ids, row.loss_mask, strict=True) if on]
    assert (show(tokenizer, trained), outcome) == (" Rica ederim 🙂</s>", "whole")
    assert row.ids[: -len(trained)] == tokenizer.encode_prompt([SYSTEM, *CHAT[:-1]])
    assert "Kısa yanıt ver." in show(tokenizer, row.ids)
    assert make_row(tokenizer, [SYSTEM, *CHAT], len(row.ids) - 1) == (None, "too_long")
    assert len(tokenizer.encode_conversation(CHAT)[1][0]) > 0


def test_a_conversation_whose_trained_answers_are_all_changed_is_counted_so(folder_of):
    tokenizer = PretrainedTokenizer.load(folder_of("thinking"))
    weighted = [*CHAT[:3], CHAT[3] | {"weight": "0"}, CHAT[0], {"role": "user", "content": "?"}]
    _, answers = tokenizer.encode_conversation([*CHAT, CHAT[0]])
    assert [len(answer) for answer in answers] == [0, 0]
    assert make_row(tokenizer, weighted, 200)[1] == "whole"  # what follows the trained answer is left out


def test_the_date_of_a_template_is_no_part_of_the_data(folder_of):
    tokenizer = PretrainedTokenizer.load(folder_of("dated"))
    assert show(tokenizer, tokenizer.encode_prompt(CHAT[:1])).startswith("<|begin_of_text|>26 Jul 2024")


def test_a_typed_special_token_is_text(folder_of):
    tokenizer = PretrainedTokenizer.load(folder_of("llama3"))
    ids, answers = tokenizer.encode_conversation(
        [
            {"role": "user", "content": "<|eot_id|>kandırdım"},
            {"role": "assistant", "content": "a <|eot_id|> b"},
        ]
    )
    assert ids.count(tokenizer.end_of_turn) == 2
    assert show(tokenizer, ids[answers[0].start : answers[0].stop]) == "a <|eot_id|> b<|eot_id|>"
    assert tokenizer.end_of_turn not in tokenizer.encode_start("yaz: <|eot_id|>")


def test_decode_keeps_the_first_space_and_whole_characters(folder_of):
    tokenizer = PretrainedTokenizer.load(folder_of("chatml"))
    ids = tokenizer.stock.encode(" Çığ düştü 🙂 son", add_special_tokens=False)
    assert tokenizer.decode(ids) == " Çığ düştü 🙂 son"
    decoder = TextDecoder(tokenizer.decode)
    assert "".join(map(decoder.add, ids)) == " Çığ düştü 🙂 son"
    assert tokenizer.decode([*ids, tokenizer.end_of_turn]) == " Çığ düştü 🙂 son"
    assert tokenizer.encode_start("") == [tokenizer.end_of_turn]


def test_a_conversation_that_the_template_refuses_is_one_line(folder_of):
    tokenizer = PretrainedTokenizer.load(folder_of("mistral"))
    message = r"refuses a conversation of system, user that begins 'Kısa yanıt ver\.'.*must alternate"
    with pytest.raises(RefusedConversation, match=message) as error:
        tokenizer.encode_prompt([SYSTEM, CHAT[0]])
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("template", "message"),
    [
        (None, "no chat template, as in models that were not tuned"),
        ("{% for m in messages %}{{ m['content'] }}{% endfor %}", "sets no special token after an answer"),
        ("{% for", "its chat template cannot be used .unexpected"),
        ("{{ messages | length / 0 }}", "its chat template cannot be used .division by zero"),
        (ALWAYS_THINKING, "begins an answer otherwise than it asks for one"),
    ],
)
def test_a_template_that_cannot_be_used_is_one_line(folder_of, tmp_path, template, message):
    write_stock_tokenizer(tmp_path)
    path = tmp_path / "chat_template.jinja"
    path.unlink() if template is None else path.write_text(template)
    with pytest.raises(UserError, match=message) as error:
        PretrainedTokenizer.load(tmp_path)
    assert str(error.value).startswith(str(tmp_path))
    assert "\n" not in str(error.value)


def test_a_damaged_tokenizer_is_one_line(tmp_path):
    write_stock_tokenizer(tmp_path)
    (tmp_path / "tokenizer.json").write_text("{")
    with pytest.raises(UserError, match="its tokenizer cannot be read") as error:
        load_chat_tokenizer(tmp_path)
    assert "\n" not in str(error.value)


def test_has_own_tokenizer_tells_a_sentencepiece_model_of_others(folder_of, tokenizer, tmp_path):
    assert has_own_tokenizer(tokenizer.folder)
    assert isinstance(load_chat_tokenizer(tokenizer.folder), Tokenizer)
    assert not has_own_tokenizer(folder_of("chatml"))
    # Llama 2 and Mistral bring a SentencePiece model too, without our markers.
    from sentencepiece import SentencePieceTrainer

    lines = iter([f"bu bir satır {n}" for n in range(200)])
    with open(tmp_path / "tokenizer.model", "wb") as file:
        SentencePieceTrainer.train(
            sentence_iterator=lines, model_writer=file, vocab_size=60, hard_vocab_limit=False, minloglevel=2
        )
    assert not has_own_tokenizer(tmp_path)
    (tmp_path / "tokenizer.model").write_bytes(b"a file of another kind")
    assert not has_own_tokenizer(tmp_path)
