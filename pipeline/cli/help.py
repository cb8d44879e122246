"""The texts of `--help` in the user's language."""

from typing import Any

from typer import rich_utils

from pipeline.common.i18n import is_turkish, translate

FRAME = {  # Typer's own words around them
    "ARGUMENTS_PANEL_TITLE": "Argümanlar",
    "OPTIONS_PANEL_TITLE": "Seçenekler",
    "COMMANDS_PANEL_TITLE": "Komutlar",
    "DEFAULT_STRING": "[varsayılan: {}]",
    "REQUIRED_LONG_STRING": "[zorunlu]",
}


def translate_help(command: Any, context: Any) -> None:
    """Translate what `--help` says of a command and its options, in place."""
    if not is_turkish():
        return
    for name, word in FRAME.items():
        setattr(rich_utils, name, word)
    command.help = translate_paragraphs(command.help)
    for param in (*command.params, command.get_help_option(context)):
        if getattr(param, "help", None):
            param.help = translate_paragraphs(param.help)


def translate_paragraphs(text: str | None) -> str:
    """Return a text with each of its paragraphs translated. Line breaks inside of them become spaces."""
    return "\n\n".join(translate(paragraph) for paragraph in split_paragraphs(text))


def split_paragraphs(text: str | None) -> list[str]:
    """Return the paragraphs of a docstring, each on one line."""
    return [" ".join(paragraph.split()) for paragraph in (text or "").split("\n\n")]
