"""Templates that put columns of a row together: "{title}\\n\\n{body}". A brace itself is written twice."""

import re
from collections.abc import Mapping

_FIELD = re.compile(r"\{\{|\}\}|\{([^{}]+)\}")


def list_fields(template: str) -> tuple[str, ...]:
    """Return the columns that a template names in braces, each once."""
    return tuple(dict.fromkeys(filter(None, _FIELD.findall(template))))


def unescape(template: str) -> str:
    """Return a template in which a backslash with n or t, as shells and YAML leave them, is what it means."""
    return template.replace("\\n", "\n").replace("\\t", "\t")


def fill_template(template: str, values: Mapping[str, str | None]) -> str:
    """Return the template with the values of its columns; one without a value leaves nothing."""
    return _FIELD.sub(lambda field: (values[field[1]] or "") if field[1] else field[0][0], template)
