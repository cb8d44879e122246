"""The one chat template, as ids and as the Jinja text that other programs render.

    <s><|system|>…<|end|><|user|>…<|end|><|assistant|>…<|end|>

The markers are control symbols set by id, so that a user who types `<|end|>` has typed text.
"""

from collections.abc import Sequence

from pipeline.tokenizer.tokenizer import BOS, Tokenizer

ROLES = {"system": 4, "user": 5, "assistant": 6}
END = 7
SYSTEM, USER, ASSISTANT = ROLES.values()
MARKERS = ["<|system|>", "<|user|>", "<|assistant|>", "<|end|>"]  # ids 4 to 7

TEMPLATE = (
    "{{ bos_token }}"
    "{% for message in messages %}"
    "{% if message['role'] not in ['system', 'user', 'assistant'] %}"
    "{{ raise_exception('unknown role: ' + message['role']) }}"
    "{% endif %}"
    "{{ '<|' + message['role'] + '|>' + message['content'] + '<|end|>' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)

Message = dict[str, str]  # role, content


def conversation_ids(tokenizer: Tokenizer, messages: Sequence[Message]) -> tuple[list[int], list[bool]]:
    """A conversation's ids, and which of them a chat model learns to say.

    Those are the assistant's words and the `<|end|>` after them; never its marker, which the
    program sets.
    """
    ids, trained = [BOS], [False]
    for message in messages:
        role, words = ROLES[message["role"]], tokenizer.encode(message["content"])
        ids += [role, *words, END]
        trained += [False] + [role == ASSISTANT] * (len(words) + 1)
    return ids, trained


def prompt_ids(tokenizer: Tokenizer, messages: Sequence[Message]) -> list[int]:
    """The conversation so far and the assistant's marker: what an answer continues."""
    return [*conversation_ids(tokenizer, messages)[0], ASSISTANT]
