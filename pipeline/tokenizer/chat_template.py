"""What a chat needs of a tokenizer, and the one chat template of ours, as other programs render it.

    <s><|system|>…<|end|><|user|>…<|end|><|assistant|>…<|end|>

The markers are control symbols set by id, so that a user who types `<|end|>` has typed text. White space
around a message is left out: a space at its end would be a token that no word begins with.
"""

from collections.abc import Collection, Sequence
from typing import Protocol

from pipeline.common.errors import UserError
from pipeline.tokenizer.special import ASSISTANT, SYSTEM, USER

ROLES = {"system": SYSTEM, "user": USER, "assistant": ASSISTANT}  # the id of each role's marker

# Between the generation tags stands what is trained. TRL and transformers make their masks by them.
CHAT_TEMPLATE = (
    "{{ bos_token }}"
    "{% for message in messages %}"
    "{% if message['role'] not in ['system', 'user', 'assistant'] %}"
    "{{ raise_exception('unknown role: ' + message['role']) }}"
    "{% endif %}"
    "{{ '<|' + message['role'] + '|>' }}"
    "{% if message['role'] == 'assistant' %}"
    "{% generation %}{{ message['content'] | trim + '<|end|>' }}{% endgeneration %}"
    "{% else %}"
    "{{ message['content'] | trim + '<|end|>' }}"
    "{% endif %}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)

Message = dict[str, str]  # role, content


class RefusedConversation(UserError):
    """A conversation that a model's chat template does not take."""


class ChatTokenizer(Protocol):
    """A tokenizer that writes conversations: `Tokenizer`, or that of a model from elsewhere."""

    stop_ids: Collection[int]  # any of them ends an answer or a text
    forbidden_ids: Sequence[int]  # never generated

    def encode(self, text: str) -> list[int]:
        """Return the token ids of `text`, with no special token added."""

    def encode_conversation(self, messages: Sequence[Message]) -> tuple[list[int], list[range]]:
        """Return a conversation's ids, and where in them each answer stands with the token that ends it."""

    def encode_prompt(self, messages: Sequence[Message]) -> list[int]:
        """Return the ids that an answer continues: the conversation so far and the assistant's marker."""

    def encode_start(self, text: str) -> list[int]:
        """Return the ids of plain text that a model continues."""

    def decode(self, ids: list[int]) -> str:
        """Return the text of `ids`, without special tokens."""

    def show_token(self, token: int) -> str | None:
        """Return how the vocabulary writes a special token, None for a token of text."""
