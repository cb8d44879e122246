"""The tokenizer and the chat template that a model from elsewhere brings, read by `transformers`."""

import logging
from collections.abc import Collection, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from pipeline.common.errors import UserError, one_line
from pipeline.model.hf_folder import read_json
from pipeline.pretrained.params import LORA_EXTRA
from pipeline.tokenizer.chat_template import ChatTokenizer, Message
from pipeline.tokenizer.special import CHAT_MARKERS, SYSTEM
from pipeline.tokenizer.tokenizer import Tokenizer

PROBE: list[Message] = [
    {"role": "user", "content": "Soru?"},
    {"role": "assistant", "content": "Cevap."},
]
TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json", "tokenizer.model", "chat_template.jinja")


class PretrainedTokenizer:
    """A model's own tokenizer, and conversations as its chat template writes them.

    A special token that somebody typed is text here too.
    """

    forbidden_ids: Sequence[int] = ()

    def __init__(self, stock: Any, folder: Path) -> None:
        """`stock`: the tokenizer of `transformers`.

        Raises UserError where it has no chat template, or one that does not tell where an answer ends.
        """
        self.stock, self.folder = stock, folder
        self.vocab_size = len(stock)
        self.anchor: list[int] = stock.encode("a", add_special_tokens=False)[-1:]
        if not stock.chat_template:
            raise UserError(
                f"{folder}: no chat template, as in models that were not tuned; put one beside it as"
                " chat_template.jinja, or choose the version for chats (often named instruct)"
            )
        self.end_of_turn = self._find_end_of_turn()
        self.stop_ids: Collection[int] = frozenset({self.end_of_turn, *self._end_ids()})

    @classmethod
    def load(cls, folder: Path | str) -> "PretrainedTokenizer":
        """Open the tokenizer of a model folder. Raises UserError where it cannot be used."""
        folder = Path(folder)
        try:
            import transformers
        except ImportError:
            raise UserError(
                f"{folder}: a model from elsewhere, which needs transformers; install the extra: {LORA_EXTRA}"
            ) from None
        logging.getLogger("transformers").setLevel(logging.ERROR)
        try:
            stock = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True)
        except Exception as error:  # of many kinds, by the file that is missing or damaged
            raise UserError(
                f"{folder}: its tokenizer cannot be read ({one_line(error)}); fetch its files again"
            ) from None
        return cls(stock, folder)

    def encode_start(self, text: str) -> list[int]:
        """Return the ids of plain text that a model continues."""
        ids: list[int] = self.stock.encode(text, split_special_tokens=True)
        return ids or [self.end_of_turn]

    def encode_conversation(self, messages: Sequence[Message]) -> tuple[list[int], list[range]]:
        """Return a conversation's ids, and where in them each answer of the assistant stands.

        An answer includes the token that ends it. Some templates write an answer otherwise once the
        conversation goes on: its range is empty, as nothing of it can be learned there. Raises UserError for
        a conversation that the template refuses.
        """
        ids = self._render(messages)
        answers = []
        for turn, message in enumerate(messages):
            if message["role"] != "assistant":
                continue
            prompt = self.encode_prompt(messages[:turn])
            start = len(prompt)
            if ids[:start] != prompt or self.end_of_turn not in ids[start:]:
                answers.append(range(0))
            else:
                answers.append(range(start, ids.index(self.end_of_turn, start) + 1))
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
        import jinja2

        if not messages:
            return []
        plain = [{"role": message["role"], "content": message["content"].strip()} for message in messages]
        try:
            encoded = self.stock.apply_chat_template(
                plain, add_generation_prompt=add_generation_prompt, sanitize_control_tokens=True
            )
        except (jinja2.TemplateError, TypeError, ValueError) as error:
            raise UserError(
                f"{self.folder}: its chat template refuses a conversation of"
                f" {', '.join(message['role'] for message in messages)} ({one_line(error)}); leave such"
                " conversations out, or put another template beside it as chat_template.jinja"
            ) from None
        return list(encoded["input_ids"])

    def _find_end_of_turn(self) -> int:
        """Return the token after an answer. Raises UserError where the template writes none."""
        prompt, whole = self.encode_prompt(PROBE[:1]), self._render(PROBE)
        ends = [token for token in whole[len(prompt) :] if token in self._added]
        if whole[: len(prompt)] != prompt or not ends:
            raise UserError(
                f"{self.folder}: its chat template sets no special token after an answer, so a model cannot"
                " learn to end one; put another template beside it as chat_template.jinja"
            )
        return ends[-1]

    def _end_ids(self) -> list[int]:
        """Return the tokens that end a text by the folder's files."""
        ends = [self.stock.eos_token_id]
        if (path := self.folder / "generation_config.json").is_file():
            noted = read_json(path).get("eos_token_id")
            ends += noted if isinstance(noted, list) else [noted]
        return [token for token in ends if isinstance(token, int)]


def load_chat_tokenizer(folder: Path | str) -> ChatTokenizer:
    """Open the tokenizer of a model folder: of this program, or of a model from elsewhere."""
    return Tokenizer.load(folder) if has_own_tokenizer(Path(folder)) else PretrainedTokenizer.load(folder)


def has_own_tokenizer(folder: Path) -> bool:
    """Return whether the tokenizer of a model folder is one of this program."""
    if not (folder / "tokenizer.json").is_file():
        return True
    if not (folder / "tokenizer.model").is_file():
        return False
    pieces = Tokenizer.load(folder).sp
    return pieces.vocab_size() > SYSTEM and pieces.id_to_piece(SYSTEM) == CHAT_MARKERS[0]
