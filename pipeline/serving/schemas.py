"""The bodies of requests: OpenAI's fields that make sense here, and a few of vLLM's."""

import re
import secrets
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

from pipeline.inference.prompts import normalize_argument
from pipeline.inference.sampling import CHAT_SAMPLING, Sampling

MAX_STOPS, MAX_STOP_CHARS, MAX_INPUTS = 16, 1000, 256
MAX_WORD = 1000  # characters; a longer word is no text, and a tokenizer remembers the words that it meets
NOT_SUPPORTED = ("tools", "functions", "logit_bias", "suffix", "best_of", "echo", "audio", "modalities")
WITHOUT_EFFECT = {"best_of": 1, "modalities": ["text"]}  # besides null, false and what is empty


def check_words(text: str) -> str:
    """Return a text without words that are no words."""
    if re.search(rf"\S{{{MAX_WORD + 1}}}", text):
        raise ValueError(f"more than {MAX_WORD:,} characters without a space; this is no text")
    return text


Text = Annotated[str, Field(max_length=1_000_000), AfterValidator(check_words)]


class Body(BaseModel):
    """A request's body. What it does not name is ignored, as clients send much."""

    model_config = ConfigDict(extra="ignore", protected_namespaces=())

    @field_validator("*", mode="before")
    @classmethod
    def read_null_as_default(cls, value: Any, info: Any) -> Any:
        """Clients send null for what they leave out."""
        field = cls.model_fields[info.field_name]
        if value is None and not field.is_required():
            return field.get_default(call_default_factory=True)
        return value


class TextPart(Body):
    """A part of a message, as newer clients send them."""

    type: Literal["text"]
    text: Text


class ChatMessage(Body):
    """A message of a conversation."""

    role: Literal["system", "developer", "user", "assistant"]
    content: Text | list[TextPart]

    def to_message(self) -> dict[str, str]:
        """Return the message as a chat template takes it."""
        content = self.content
        text = content if isinstance(content, str) else "\n".join(part.text for part in content)
        return {"role": "system" if self.role == "developer" else self.role, "content": text}


class JsonSchema(Body):
    """A named JSON schema."""

    name: str = "answer"
    schema_: dict[str, Any] = Field(alias="schema")


class ResponseFormat(Body):
    """What an answer has to be: any text, any JSON object, JSON by a schema, or what matches a regex."""

    type: Literal["text", "json_object", "json_schema", "regex"]
    json_schema: JsonSchema | None = None
    pattern: str | None = Field(None, max_length=10_000)

    @model_validator(mode="after")
    def check_parts(self) -> "ResponseFormat":
        """Refuse a kind without what it needs."""
        if self.type == "json_schema" and self.json_schema is None:
            raise ValueError("json_schema is missing")
        if self.type == "regex" and self.pattern is None:
            raise ValueError("pattern is missing")
        return self


class StreamOptions(Body):
    """What a stream tells at its end."""

    include_usage: bool = False


class GenerationBody(Body):
    """What requests for a text have in common."""

    model: str = ""
    max_tokens: int | None = Field(None, ge=1)
    temperature: float = Field(CHAT_SAMPLING.temperature, ge=0, le=10)
    top_p: float = Field(CHAT_SAMPLING.top_p, gt=0, le=1)
    top_k: int = Field(0, ge=0)
    min_p: float = Field(CHAT_SAMPLING.min_p, ge=0, le=1)
    repetition_penalty: float = Field(1.0, ge=0.01, le=100)
    seed: int = Field(default_factory=lambda: secrets.randbelow(2**31), ge=0, lt=2**63)
    stop: Text | list[Text] = Field(default_factory=list)
    stream: bool = False
    stream_options: StreamOptions = Field(default_factory=StreamOptions)
    response_format: ResponseFormat | None = None
    n: Literal[1] = 1
    presence_penalty: float = 0
    frequency_penalty: float = 0

    @model_validator(mode="before")
    @classmethod
    def refuse_what_is_not_built(cls, values: Any) -> Any:
        """Refuse fields that would change the answer and are not supported."""
        if isinstance(values, dict):
            for name in NOT_SUPPORTED:
                value = values.get(name)
                if value and value != WITHOUT_EFFECT.get(name):
                    raise ValueError(f"{name}: not supported; leave it out")
        return values

    @field_validator("stop")
    @classmethod
    def check_stop(cls, stop: str | list[str]) -> list[str]:
        """Refuse empty stop strings, and too many."""
        stops = [stop] if isinstance(stop, str) else stop
        stops = [normalize_argument("stop", stop) for stop in stops]
        if len(stops) > MAX_STOPS or not all(0 < len(stop) <= MAX_STOP_CHARS for stop in stops):
            raise ValueError(f"give up to {MAX_STOPS} strings of 1 to {MAX_STOP_CHARS:,} characters")
        return stops

    @field_validator("presence_penalty", "frequency_penalty")
    @classmethod
    def check_penalty(cls, penalty: float) -> float:
        """Refuse penalties that are not built."""
        if penalty:
            raise ValueError("not supported; use repetition_penalty")
        return penalty

    @property
    def limit(self) -> int | None:
        """The most tokens that are asked for."""
        return self.max_tokens

    def to_sampling(self) -> Sampling:
        """Return the sampling parameters."""
        return Sampling(self.temperature, self.top_k, self.top_p, self.min_p, self.repetition_penalty)


class ChatBody(GenerationBody):
    """POST /v1/chat/completions."""

    messages: list[ChatMessage] = Field(min_length=1, max_length=1000)
    max_completion_tokens: int | None = Field(None, ge=1)
    logprobs: bool = False
    top_logprobs: int = Field(0, ge=0, le=20)
    continue_final_message: bool = False  # of the assistant, which was cut off
    truncation: Literal["disabled", "auto"] = (
        "disabled"  # auto: leave out the oldest messages that do not fit
    )

    @property
    def limit(self) -> int | None:
        """The most tokens that are asked for, by the newer name or the older."""
        return self.max_completion_tokens or self.max_tokens

    @model_validator(mode="after")
    def check_last_message(self) -> "ChatBody":
        """Refuse a conversation that does not end with whom it must."""
        last = "assistant" if self.continue_final_message else "user"
        if self.messages[-1].role != last:
            raise ValueError(f"messages: the last one must be of role {last}")
        return self


class CompletionBody(GenerationBody):
    """POST /v1/completions."""

    prompt: Text | Annotated[list[Text], Field(min_length=1, max_length=1)]
    max_tokens: int | None = Field(16, ge=1)  # as OpenAI has it
    logprobs: int | None = Field(None, ge=0, le=20)

    @property
    def text(self) -> str:
        """The one prompt."""
        return self.prompt if isinstance(self.prompt, str) else self.prompt[0]


class QuestionBody(Body):
    """POST /v1/ask."""

    question: Annotated[str, Field(min_length=1, max_length=10_000)]


class EmbeddingBody(Body):
    """POST /v1/embeddings."""

    model: str = ""
    input: Text | Annotated[list[Text], Field(min_length=1, max_length=MAX_INPUTS)]
    encoding_format: Literal["float", "base64"] = "float"
    dimensions: int | None = None

    @property
    def texts(self) -> list[str]:
        """All texts."""
        return [self.input] if isinstance(self.input, str) else self.input
