"""The answers of a question, in the forms that published files have."""

import ast
import io
import json
import tokenize
from typing import Any


def parse_answers(value: Any) -> list[Any]:
    """Return the answers in `value`: one, a list, or `{"text": …}` around either, as SQuAD has them.

    In a CSV such a list or object is a text, as JSON, Python or NumPy print it. Any other text is an answer.
    """
    match parse_literal(value) if isinstance(value, str) else value:
        case {"text": texts}:
            return parse_answers(texts)
        case list(items):
            return [
                answer
                for item in items
                for answer in (parse_answers(item) if isinstance(item, dict) else [item])
            ]
        case _:
            return [value]


def parse_literal(text: str) -> Any:
    """Return the list or object that `text` prints; `text` itself where it prints none."""
    if text.strip()[:1] not in ("{", "["):
        return text
    for parse in (json.loads, parse_python_literal):
        try:
            return parse(text)
        except (ValueError, SyntaxError, TypeError, tokenize.TokenError, RecursionError, MemoryError):
            pass
    return text


def parse_python_literal(text: str) -> Any:
    """Return the value of a Python literal, in which `array([…], dtype=…)` stands for its list.

    NumPy prints an array without commas, so two strings side by side are two: in Python they would be one.
    """
    source, before = "", 0
    for token in tokenize.generate_tokens(io.StringIO(text.strip()).readline):
        if token.type not in (tokenize.NL, tokenize.NEWLINE, tokenize.ENDMARKER):
            source += (", " if before == token.type == tokenize.STRING else " ") + token.string
            before = token.type
    return ast.literal_eval(ArrayContents().visit(ast.parse(source.strip(), mode="eval")))


class ArrayContents(ast.NodeTransformer):
    """Puts the first argument in the place of a call: `array([…])` → `[…]`, `np.str_('…')` → `'…'`."""

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """Return what the call's first argument becomes, or the call itself where it has none."""
        return self.visit(node.args[0]) if node.args else node
