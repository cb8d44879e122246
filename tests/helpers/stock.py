"""Model folders as others publish them: a stock architecture, a tokenizer and a chat template of its own."""

import json
from pathlib import Path

import torch

from tests.helpers.small import sentences

CHATML = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] +"
    " '<|im_end|>' + '\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)
# Thinks before the last answer alone, or not at all where it is told so, as Qwen3 does.
THINKING = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' }}"
    "{% if message['role'] == 'assistant' and loop.last %}{{ '<think>\\n\\n</think>\\n\\n' }}{% endif %}"
    "{{ message['content'] + '<|im_end|>\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}"
    "{% if enable_thinking is defined and enable_thinking is false %}{{ '<think>\\n\\n</think>\\n\\n' }}"
    "{% endif %}{% endif %}"
)
# Always thinks: asks for an answer by a thought that it leaves out afterwards.
ALWAYS_THINKING = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] +"
    " '<|im_end|>' + '\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n<think>\\n' }}{% endif %}"
)
LLAMA3 = (
    "{{ bos_token }}{% for message in messages %}{{ '<|start_header_id|>' + message['role'] +"
    " '<|end_header_id|>\\n\\n' + message['content'] | trim + '<|eot_id|>' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}{% endif %}"
)
# Takes no system message, and turns in order alone.
MISTRAL = (
    "{{ bos_token }}{% for message in messages %}"
    "{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}{% endif %}"
    "{% if message['role'] == 'user' %}{{ '[INST] ' + message['content'] + ' [/INST]' }}"
    "{% else %}{{ ' ' + message['content'] + eos_token }}{% endif %}{% endfor %}"
)
# Writes the system message only while a message of the user is the last, as later versions of Mistral's do.
MOVING = (
    "{{ bos_token }}{% for message in messages %}{% if message['role'] == 'user' %}{{ '[INST] ' }}"
    "{% if loop.last and messages[0]['role'] == 'system' %}{{ messages[0]['content'] + '\\n' }}{% endif %}"
    "{{ message['content'] + ' [/INST]' }}"
    "{% elif message['role'] == 'assistant' %}{{ ' ' + message['content'] + eos_token }}{% endif %}"
    "{% endfor %}"
)
# Writes the date, as that of Llama 3.2 does.
DATED = LLAMA3.replace("{{ bos_token }}", "{{ bos_token + (date_string or strftime_now('%d %b %Y')) }}")
# In the forms above: the template, <s> and the other special tokens.
TEMPLATES = {
    "chatml": (CHATML, None, ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]),
    "thinking": (THINKING, None, ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]),
    "llama3": (
        LLAMA3,
        "<|begin_of_text|>",
        ["<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"],
    ),
    "dated": (DATED, "<|begin_of_text|>", ["<|end_of_text|>", "<|start_header_id|>", "<|eot_id|>"]),
    "mistral": (MISTRAL, "<s>", ["</s>", "[INST]", "[/INST]"]),
    "moving": (MOVING, "<s>", ["</s>", "[INST]", "[/INST]"]),
}
SHAPE = {
    "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2, "max_position_embeddings": 256,
}  # fmt: skip


def write_stock_tokenizer(folder: Path, form: str = "llama3", vocab_size: int = 600) -> int:
    """Write a byte-level BPE tokenizer with the chat template of `form`; return its vocabulary size."""
    from tokenizers import AddedToken, ByteLevelBPETokenizer
    from transformers import PreTrainedTokenizerFast

    template, bos, others = TEMPLATES[form]
    trained = ByteLevelBPETokenizer()
    special = [token for token in (bos, *others) if token]
    trained.train_from_iterator(
        sentences(200), vocab_size, min_frequency=1, special_tokens=special, show_progress=False
    )
    stock = PreTrainedTokenizerFast(
        tokenizer_object=trained._tokenizer, bos_token=bos, eos_token=others[0], chat_template=template
    )
    stock.add_special_tokens({"additional_special_tokens": others[1:]})
    if "<think>" in template:  # tokens of their own, but not special ones
        stock.add_tokens([AddedToken(text, special=False) for text in ("<think>", "</think>")])
    stock.save_pretrained(folder)
    return len(stock)


def write_stock_model(
    folder: Path,
    arch: str = "llama",
    form: str | None = "llama3",
    dtype: torch.dtype = torch.float32,
    **changes: object,
) -> Path:
    """Write a model of random weights as `transformers` saves it. `form` None: without a chat template."""
    from transformers import AutoConfig, AutoModelForCausalLM

    vocab_size = write_stock_tokenizer(folder, form or "llama3")
    if form is None:
        (folder / "chat_template.jinja").unlink()
    torch.manual_seed(0)
    config = AutoConfig.for_model(arch, vocab_size=vocab_size, **{**SHAPE, **changes})
    model = AutoModelForCausalLM.from_config(config)
    for weight in model.parameters():
        weight.data += torch.randn_like(weight) * 0.02
    model.to(dtype).save_pretrained(folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "dtype": str(dtype).removeprefix("torch.")}))
    return folder
