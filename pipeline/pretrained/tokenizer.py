"""The tokenizer and the chat template that a model from elsewhere brings, read by `transformers`."""

import logging
from collections.abc import Collection, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from pipeline.common.errors import UserError, one_line
from pipeline.model.hf_folder import read_json
from pipeline.pretrained.params import LORA_EXTRA
from pipeline.tokenizer.chat_template import ChatTokenizer, Message, RefusedConversation
from pipeline.tokenizer.special import CHAT_MARKERS, SYSTEM
from pipeline.tokenizer.tokenizer import Tokenizer

PROBE: list[Message] = [
    {"role": "user", "content": "Soru?"},
    {"role": "assistant", "content": "Cevap."},
]
# What templates ask for besides the messages. Qwen3 answers without thoughts. The date of Llama 3.2 is its
# own: with that of today the same conversations would be other rows tomorrow.
TEMPLATE_SETTINGS = {"enable_thinking": False, "date_string": "26 Jul 2024"}
QUOTED_CHARS = 40  # of a refused conversation


class PretrainedTokenizer:
    """A model's own tokenizer, and conversations as its chat template writes them.

    A special token that somebody typed is text here too.
    """

    forbidden_ids: Sequence[int] = ()

    def __init__(self, stock: Any, folder: Path) -> None:
        """`stock`: the tokenizer of `transformers`.

        Raises UserError where it has no chat template, or one by which no answer can be learned.
        """
        self.stock, self.folder = stock, folder
        self.vocab_size = len(stock)
        self.anchor: list[int] = self.encode("a")[-1:]
        if not stock.chat_template:
            raise UserError(
                "{folder}: no chat template, as in models that were not tuned; put one beside it "
                "as chat_template.jinja, or choose the version for chats (often named instruct)",
                folder=folder,
            )
        self.probe_ids, self.end_of_turn = self._find_end_of_turn()
        self.stop_ids: Collection[int] = frozenset({self.end_of_turn, *self._end_ids()})

    @classmethod
    def load(cls, folder: Path | str) -> "PretrainedTokenizer":
        """Open the tokenizer of a model folder. Raises UserError where it cannot be used."""
        folder = Path(folder)
        try:
            import transformers
        except ImportError:
            raise UserError(
                "{folder}: a model from elsewhere, which needs transformers; install the extra: {command}",
                folder=folder,
                command=LORA_EXTRA,
            ) from None
        logging.getLogger("transformers").setLevel(logging.ERROR)
        try:
            stock = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True)
        except Exception as error:  # of many kinds, by the file that is missing or damaged
            raise UserError(
                "{folder}: its tokenizer cannot be read ({error}); fetch its files again",
                folder=folder,
                error=one_line(error),
            ) from None
        return cls(stock, folder)

    def encode(self, text: str) -> list[int]:
        """Return the token ids of `text`, with no special token added."""
        ids: list[int] = self.stock.encode(text, add_special_tokens=False, split_special_tokens=True)
        return ids

    def encode_start(self, text: str) -> list[int]:
        """Return the ids of plain text that a model continues."""
        ids: list[int] = self.stock.encode(text, split_special_tokens=True)
        return ids or [self.end_of_turn]

    def encode_conversation(self, messages: Sequence[Message]) -> tuple[list[int], list[range]]:
        """Return a conversation's ids, and where in them each answer of the assistant stands.

        An answer includes the token that ends it. What stands before it must be what it is asked by. Some
        templates write that otherwise once the conversation goes on: then the range is empty, and the last
        answer follows its own prompt. Raises RefusedConversation for one that the template refuses.
        """
        ids = self._render(messages)
        turns = [turn for turn, message in enumerate(messages) if message["role"] == "assistant"]
        prompts = [self.encode_prompt(messages[:turn]) for turn in turns]
        if turns and turns[-1] == len(messages) - 1 and ids[: len(prompts[-1])] != prompts[-1]:
            ids = prompts[-1] + self._last_answer(ids, prompts[-1])
        answers = []
        for prompt in prompts:
            start = len(prompt)
            if ids[:start] == prompt and self.end_of_turn in ids[start:]:
                answers.append(range(start, ids.index(self.end_of_turn, start) + 1))
            else:
                answers.append(range(0))
        return ids, answers

    def encode_prompt(self, messages: Sequence[Message]) -> list[int]:
        """Return the ids that an answer continues: the conversation so far and the assistant's header."""
        return self._render(messages, add_generation_prompt=True)

    def decode(self, ids: list[int]) -> str:
        """Return the text of `ids`, without special tokens. A space at its beginning is kept."""
        # Some tokenizers leave out the first space of a text.
        text: str = self.stock.decode([*self.anchor, *ids], skip_special_tokens=True)
        return text.removeprefix("a")

    def show_token(self, token: int) -> str | None:
        """Return how the vocabulary writes a special token, None for a token of text."""
        return self._added.get(token)

    @cached_property
    def _added(self) -> dict[int, str]:
        return {token: str(written.content) for token, written in self.stock.added_tokens_decoder.items()}

    def _render(self, messages: Sequence[Message], add_generation_prompt: bool = False) -> list[int]:
        """Return the ids of messages. Raises RefusedConversation where the template raises anything."""
        try:
            return self._apply_template(messages, add_generation_prompt)
        except Exception as error:
            raise RefusedConversation(
                "{folder}: its chat template refuses a conversation of {roles} that begins "
                "{beginning} ({error}); leave such conversations out, or put another template beside "
                "it as chat_template.jinja",
                folder=self.folder,
                roles=", ".join(message["role"] for message in messages),
                beginning=repr(one_line(messages[0]["content"][:QUOTED_CHARS])),
                error=one_line(error),
            ) from None

    def _apply_template(self, messages: Sequence[Message], add_generation_prompt: bool) -> list[int]:
        if not messages:
            return []
        encoded = self.stock.apply_chat_template(
            [{"role": message["role"], "content": message["content"].strip()} for message in messages],
            add_generation_prompt=add_generation_prompt,
            sanitize_control_tokens=True,
            **TEMPLATE_SETTINGS,
        )
        return list(encoded["input_ids"])

    def _last_answer(self, ids: list[int], prompt: list[int]) -> list[int]:
        """Return the ids of the last answer, which ends `ids`, by the special token that ends `prompt`."""
        if prompt[-1] not in self._added or prompt[-1] not in ids:
            return []
        return ids[len(ids) - ids[::-1].index(prompt[-1]) :]

    def _find_end_of_turn(self) -> tuple[list[int], int]:
        """Return the ids of a short conversation, and the token after its answer.

        Raises UserError where the template cannot write it so that an answer can be learned.
        """
        try:
            prompt, whole = self._apply_template(PROBE[:1], True), self._apply_template(PROBE, False)
        except Exception as error:  # a template may raise anything
            raise UserError(
                "{folder}: its chat template cannot be used ({error}); put another one beside it "
                "as chat_template.jinja",
                folder=self.folder,
                error=one_line(error),
            ) from None
        if whole[: len(prompt)] != prompt:
            raise UserError(
                "{folder}: its chat template begins an answer otherwise than it asks for one, as "
                "those of models that always think do; put another one beside it as "
                "chat_template.jinja",
                folder=self.folder,
            )
        ends = [token for token in whole[len(prompt) :] if token in self._added]
        if not ends:
            raise UserError(
                "{folder}: its chat template sets no special token after an answer, so a model "
                "cannot learn to end one; put another one beside it as chat_template.jinja",
                folder=self.folder,
            )
        return whole, ends[-1]

    def _end_ids(self) -> list[int]:
        """Return the tokens that end a text by the folder's files."""
        ends = [self.stock.eos_token_id]
        if (path := self.folder / "generation_config.json").is_file():
            noted = read_json(path).get("eos_token_id")
            ends += noted if isinstance(noted, list) else [noted]
        return [token for token in ends if isinstance(token, int)]


def load_chat_tokenizer(folder: Path | str) -> ChatTokenizer:
    """Open the tokenizer of a model folder: of this program, or of a model from elsewhere."""
    folder = Path(folder)
    is_own = has_own_tokenizer(folder) or not (folder / "tokenizer.json").is_file()
    return Tokenizer.load(folder) if is_own else PretrainedTokenizer.load(folder)


def has_own_tokenizer(folder: Path) -> bool:
    """Return whether the tokenizer of a model folder is one of this program."""
    if not (folder / "tokenizer.model").is_file():
        return False
    try:
        pieces = Tokenizer.load(folder).sp
    except UserError:  # of another kind
        return False
    return pieces.vocab_size() > SYSTEM and pieces.id_to_piece(SYSTEM) == CHAT_MARKERS[0]
