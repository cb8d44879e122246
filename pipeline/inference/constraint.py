"""Constraints on a text: a JSON schema or a regular expression that it must match.

`llguidance` (extra `serve`) says which tokens may come next, pieces of a single byte included.
"""

import json
import re
from collections.abc import Collection
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.common.errors import UserError, one_line


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
        try:
            written = json.dumps({**schema, "x-guidance": {"whitespace_flexible": False}}, allow_nan=False)
        except (ValueError, RecursionError) as error:
            raise UserError("schema: {error}; change it", error=one_line(error)) from None
        return self._compile(f"start: %json {written}", "schema")

    def match_regex(self, pattern: str) -> Constraint:
        """Return the constraint of a regular expression that the whole text matches.

        Raises UserError for a wrong one.
        """
        return self._compile(f"start: /{escape_slashes(pattern)}/", "regex")

    def _compile(self, rules: str, name: str) -> Constraint:
        # Without `no_forcing` text that spells a special token, such as </s>, would be that token.
        grammar = f'%llguidance {{"no_forcing": true}}\n{rules}'
        try:
            matcher = self.library.LLMatcher(self.tokenizer, grammar, log_level=0)
            reason = matcher.get_error() if matcher.is_error() else ""
        except ValueError as error:
            reason = str(error)
        if reason:
            raise UserError("{name}: {reason}; change it", name=name, reason=describe_reason(reason))
        return Constraint(matcher, self.vocab_size)


def escape_slashes(pattern: str) -> str:
    """Return a regular expression as it is written between slashes on one line."""
    written = {"/": r"\x2F", r"\/": r"\x2F", "\n": r"\n", "\\\n": r"\n"}
    parts = re.findall(r"\\.|.", pattern, flags=re.DOTALL)
    return "".join(written.get(part, part) for part in parts)


def describe_reason(reason: str) -> str:
    """Return why a grammar is refused, without its place in it and the grammar itself."""
    reason = one_line(reason).split(" 1 | %llguidance")[0]
    return re.sub(r"^(at )?\d+\(\d+\): (failed to compile JSON schema: )?", "", reason)
