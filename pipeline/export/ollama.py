"""A Modelfile, with which Ollama runs a GGUF file as `tezgah chat` does.

The template is written for Go's text/template. It writes what `encode_prompt` encodes, but for white space
around a message, which Go cannot take away.
"""

from pipeline.common.errors import UserError
from pipeline.inference.sampling import CHAT_SAMPLING
from pipeline.tokenizer.special import CHAT_MARKERS, EOS_TOKEN

TEMPLATE = "{{ range .Messages }}<|{{ .Role }}|>{{ .Content }}<|end|>{{ end }}<|assistant|>"
QUOTES = '"""'


def render_modelfile(gguf: str, context: int, system: str | None = None) -> str:
    """Return the Modelfile of the GGUF file `gguf`, which lies beside it.

    Ollama's own defaults would cut to 40 tokens and lower what was said already, so these are turned off.
    Raises UserError for a system message that a Modelfile cannot hold.
    """
    if system and QUOTES in system:
        raise UserError(
            "--system: {system}: a Modelfile cannot hold {quotes}; leave it out",
            system=repr(system[:40]),
            quotes=QUOTES,
        )
    parameters = {
        "num_ctx": context,
        "temperature": CHAT_SAMPLING.temperature,
        "top_p": CHAT_SAMPLING.top_p,
        "min_p": CHAT_SAMPLING.min_p,
        "top_k": CHAT_SAMPLING.top_k,
        "repeat_penalty": CHAT_SAMPLING.repetition_penalty,
    }
    stops = [CHAT_MARKERS[-1], EOS_TOKEN]
    lines = [
        f"FROM ./{gguf}",
        f"TEMPLATE {QUOTES}{TEMPLATE}{QUOTES}",
        *(f'PARAMETER stop "{stop}"' for stop in stops),
        *(f"PARAMETER {name} {value}" for name, value in parameters.items()),
        *([f"SYSTEM {QUOTES}{system}{QUOTES}"] if system else []),
    ]
    return "\n".join(lines) + "\n"
