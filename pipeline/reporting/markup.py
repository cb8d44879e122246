"""HTML out of parts. Text is escaped wherever it is put in, so that no document of a corpus can add a tag."""

import html
import re
from collections.abc import Iterable
from typing import TypeAlias

NOT_IN_HTML = re.compile("[^\t\n\u0020-\u007e\u00a0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Html(str):
    """A text that is HTML already, and is not escaped again."""


Part: TypeAlias = "str | Iterable[Part] | None"


def escape(text: str) -> Html:
    """Return a text as HTML: what is markup escaped, and characters that HTML forbids replaced."""
    return text if isinstance(text, Html) else Html(html.escape(NOT_IN_HTML.sub("\ufffd", text)))


def join(*parts: Part) -> Html:
    """Return parts in their order as HTML. None is nothing, a list is its parts."""
    texts = []
    for part in parts:
        if isinstance(part, str):
            texts.append(escape(part))
        elif part is not None:
            texts.append(join(*part))
    return Html("".join(texts))


def element(name: str, *parts: Part, **attributes: object) -> Html:
    """Return an element of HTML or SVG.

    `class_` stands for the attribute class, and any other `_` in a name for a hyphen. An attribute of None is
    left out, one of True has no value.
    """
    texts = [name]
    for key, value in attributes.items():
        key = key.rstrip("_").replace("_", "-")
        if value is True:
            texts.append(key)
        elif value is not None:
            texts.append(f'{key}="{escape(str(value))}"')
    return Html(f"<{' '.join(texts)}>{join(*parts)}</{name}>")


def unescape_markdown(text: str) -> str:
    """Return a text as it was before `escape_markdown` of the samples."""
    return re.sub(r"\\([\\`*_<>#\[\]])", r"\1", text)
