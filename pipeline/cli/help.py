"""The texts of `--help` in the user's language."""

import re
from typing import Any

from typer import rich_utils

from pipeline.common.i18n import Translatable, is_turkish, join_texts, translate

FRAME = {  # Typer's own words around them
    "ARGUMENTS_PANEL_TITLE": "Argümanlar",
    "OPTIONS_PANEL_TITLE": "Seçenekler",
    "COMMANDS_PANEL_TITLE": "Komutlar",
    "DEFAULT_STRING": "[varsayılan: {}]",
    "ENVVAR_STRING": "[ortam değişkeni: {}]",
    "REQUIRED_LONG_STRING": "[zorunlu]",
}
USAGE = {
    "Usage:": "Kullanım:",
    "[OPTIONS]": "[SEÇENEKLER]",
    " COMMAND ": " KOMUT ",
    "[ARGS]": "[ARGÜMANLAR]",
}


def translate_help(command: Any, context: Any) -> None:
    """Translate what `--help` says of a command and its options, in place."""
    if not is_turkish():
        return
    for name, word in FRAME.items():
        setattr(rich_utils, name, word)
    get_usage = command.get_usage
    command.get_usage = lambda context: translate_usage(get_usage(context))
    command.help = translate_paragraphs(command.help)
    for param in (*command.params, command.get_help_option(context)):
        if getattr(param, "help", None):
            param.help = translate_paragraphs(param.help)


def translate_usage(usage: str) -> str:
    """Return the usage line of a command in Turkish."""
    for word, turkish in USAGE.items():
        usage = usage.replace(word, turkish)
    return usage


def translate_paragraphs(text: str | None) -> str:
    """Return a text with each of its paragraphs translated. Line breaks inside of them become spaces."""
    return "\n\n".join(translate(as_message(paragraph)) for paragraph in split_paragraphs(text))


def as_message(paragraph: str) -> Translatable:
    """Return a paragraph as a message. The commands of its example are no part of the template."""
    text, example, commands = split_example(paragraph)
    parts = [Translatable(text)] if text else []
    if example == "Example: ":
        parts.append(Translatable("Example: {command}", command=commands))
    elif example:
        parts.append(Translatable("Examples: {commands}", commands=commands))
    return join_texts(" ", parts)


def split_example(paragraph: str) -> list[str]:
    """Return a paragraph's text, the word before its example, and the commands of that; empty without one."""
    return re.split(r" ?(Examples?: |$)", paragraph, maxsplit=1)


def split_paragraphs(text: str | None) -> list[str]:
    """Return the paragraphs of a docstring, each on one line."""
    return [" ".join(paragraph.split()) for paragraph in (text or "").split("\n\n")]
