"""Constraints on a text: a JSON schema or a regular expression that it must match.

`llguidance` (extra `serve`) says which tokens may come next, pieces of a single byte included.
"""

import json
from collections.abc import Collection
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.common.errors import UserError


class Constraint:
    """What one text may go on with. It ends where nothing may follow, or where the model ends it."""

    def __init__(self, matcher: Any, vocab_size: int) -> None:
        self.matcher, self.vocab_size = matcher, vocab_size

    def allowed_tokens(self) -> np.ndarray:
        """Return which tokens may come next, bool [V]: those that end the text where it is whole."""
        bits = np.frombuffer(self.matcher.compute_bitmask(), np.uint8)
        return np.unpackbits(bits, bitorder="little")[: self.vocab_size].astype(bool)

    def add(self, token: int) -> None:
        """Note that a token was chosen."""
        self.matcher.consume_token(token)


class Constraints:
    """Makes the constraints of a model's texts."""

    def __init__(self, folder: Path, vocab_size: int, stop_ids: Collection[int]) -> None:
        """Open the tokenizer of a model folder. Raises UserError where llguidance is not installed."""
        if find_spec("llguidance") is None:
            raise UserError("llguidance is not installed; run `pip install -e '.[serve]'`")
        self.library = import_module("llguidance")
        self.tokenizer = self.library.LLTokenizer(
            str(folder / "tokenizer.json"), n_vocab=vocab_size, eos_token=sorted(stop_ids)
        )
        self.vocab_size = vocab_size

    def match_schema(self, schema: dict[str, Any]) -> Constraint:
        """Return the constraint of a JSON schema, without white space between the parts.

        Raises UserError for a schema that nothing can meet, or that is not supported.
        """
        grammar = self.library.LLMatcher.grammar_from_json_schema(
            json.dumps(schema), overrides={"whitespace_flexible": False}
        )
        return self._compile(grammar, "schema")

    def match_regex(self, pattern: str) -> Constraint:
        """Return the constraint of a regular expression that the whole text matches.

        Raises UserError for a wrong one.
        """
        return self._compile(self.library.LLMatcher.grammar_from_regex(pattern), "regex")

    def _compile(self, grammar: str, name: str) -> Constraint:
        matcher = self.library.LLMatcher(self.tokenizer, grammar, log_level=0)
        if matcher.is_error():
            reason = " ".join(matcher.get_error().split())
            raise UserError(f"{name}: {reason}; change it")
        return Constraint(matcher, self.vocab_size)
