"""What the libraries say in English sentences of their own, as messages that can be translated."""

import re
from functools import cache

from pipeline.common.i18n import PLACE, Translatable

CLICK = (
    "Missing argument '{name}'",
    "Missing option '{name}'",
    "No such option: {name}",
    "No such option: {name} (Possible options: {names})",
    "Got unexpected extra argument(s) ({values})",
    "Option '{name}' requires an argument",
    "Option '{name}' does not take a value",
    "Invalid value for '{name}': '{value}' is not a valid integer",
    "Invalid value for '{name}': '{value}' is not a valid int",
    "Invalid value for '{name}': '{value}' is not a valid float",
    "Invalid value for '{name}': {value} is not in the range {range}",
    "Invalid value for '{name}': {fault}",
    "Missing command",
)
PYDANTIC = (
    "Input should be a valid integer",
    "Input should be a valid integer, unable to parse string as an integer",
    "Input should be a valid integer, got a number with a fractional part",
    "Input should be a valid number",
    "Input should be a valid number, unable to parse string as a number",
    "Input should be a finite number",
    "Input should be a valid boolean",
    "Input should be a valid boolean, unable to interpret input",
    "Input should be a valid dictionary or object to extract fields from",
    "Input should be a valid string",
    "Input should be a valid list",
    "Input should be a valid tuple",
    "Input should be a valid dictionary",
    "Input should be None",
    "Input should be greater than {limit}",
    "Input should be greater than or equal to {limit}",
    "Input should be less than {limit}",
    "Input should be less than or equal to {limit}",
    "Input should be a multiple of {number}",
    "Input should be '{choices}' or '{last}'",
    "Input should be '{choice}'",
    "Input should be 16 or 4",
    "Input should be a valid dictionary or instance of {name}",
    "Input should be an object",
    "String should have at least {count} character",
    "String should have at least {count} characters",
    "String should have at most {count} characters",
    "String should match pattern '{pattern}'",
    "List should have at least {count} item after validation, not {number}",
    "List should have at least {count} items after validation, not {number}",
    "List should have at most {count} items after validation, not {number}",
    "Tuple should have at least {count} item after validation, not {number}",
    "Tuple should have at least {count} items after validation, not {number}",
    "Tuple should have at most {count} items after validation, not {number}",
    "Dictionary should have at least {count} item after validation, not {number}",
    "Field required",
    "Extra inputs are not permitted",
)
JSON = (
    "Expecting value",
    "Expecting {character} delimiter",
    "Expecting property name enclosed in double quotes",
    "Illegal trailing comma before end of array",
    "Illegal trailing comma before end of object",
    "Extra data",
    "Invalid control character at",
    "Invalid \\escape",
    "Invalid \\uXXXX escape",
    "Unterminated string starting at",
    "{fault}: line {line} column {column} (char {number})",
    "Exceeds the limit ({limit} digits) for integer string conversion: value has {count} digits; "
    "use sys.set_int_max_str_digits() to increase the limit",
    "maximum recursion depth exceeded while decoding a JSON array from a unicode string",
    "maximum recursion depth exceeded while decoding a JSON object from a unicode string",
)
UNICODE = (
    "'{encoding}' codec can't decode byte {byte} in position {position}: invalid start byte",
    "'{encoding}' codec can't decode byte {byte} in position {position}: invalid continuation byte",
    "'{encoding}' codec can't decode byte {byte} in position {position}: unexpected end of data",
    "'{encoding}' codec can't decode bytes in position {position}: unexpected end of data",
)
CSV = (
    "{character} expected after {other}",
    "unexpected end of data",
    "field larger than field limit ({limit})",
    "line contains NUL",
)
YAML = (
    "while parsing a block mapping, expected <block end>, but found {found}",
    "while parsing a block collection, expected <block end>, but found {found}",
    "while parsing a flow sequence, expected ',' or ']', but got {found}",
    "while parsing a flow mapping, expected ',' or '}}', but got {found}",
    "while parsing a flow node, expected the node content, but found {found}",
    "while parsing a block node, expected the node content, but found {found}",
    "while scanning a simple key, could not find expected ':'",
    "while scanning a quoted scalar, found unexpected end of stream",
    "while scanning a quoted scalar, found unexpected document separator",
    "while scanning a double-quoted scalar, found unknown escape character {character}",
    "while scanning for the next token, found character {character} that cannot start any token",
    "while scanning a plain scalar, found unexpected ':'",
    "while scanning a directive, {fault}",
    "while scanning an alias, expected alphabetic or numeric character, but found {found}",
    "while scanning an anchor, expected alphabetic or numeric character, but found {found}",
    "while constructing a mapping, found duplicate key {key} with value {value} (original value: {original})",
    "mapping values are not allowed here",
    "sequence entries are not allowed here",
    "expected a digit or '.', but found {found}",
    "expected a mapping or list of mappings for merging, but found {found}",
    "month must be in {range}",
    "day is out of range for month",
    "hour must be in {range}",
    "minute must be in {range}",
    "unacceptable character {character}: special characters are not allowed in {place}, position {position}",
    "mapping values are not allowed in this context",
    "found undefined alias {name}",
    "found duplicate anchor {name}",
    "could not determine a constructor for the tag {tag}",
    "special characters are not allowed",
)
SYSTEM = (
    "[Errno {number}] {fault}: '{path}'",
    "No such file or directory",
    "Permission denied",
    "Operation not permitted",
    "Is a directory",
    "Not a directory",
    "File exists",
    "File name too long",
    "Input/output error",
    "No space left on device",
    "Read-only file system",
    "Too many levels of symbolic links",
    "Address already in use",
    "Cannot assign requested address",
)
SQLITE = (
    "attempt to write a readonly database",
    "database disk image is malformed",
    "database is locked",
    "database or disk is full",
    "disk I/O error",
    "file is not a database",
    "unable to open database file",
)
DOCUMENTS = (
    "Failed to load document (PDFium: Data format error).",
    "Failed to load document (PDFium: File access error).",
    "Package not found at '{path}'",
    "File is not a zip file",
    "No match for FieldRef.Name({name}) in {found}",
    "Could not open Parquet input source '{path}': {fault}",
    "Parquet file size is {size} bytes, smaller than the minimum file footer ({least} bytes)",
    "Parquet magic bytes not found in footer. Either the file is corrupted or this is not a parquet file.",
)
WEIGHTS = (
    "Error while deserializing header: {fault}",
    "header too small",
    "header too large",
    "incomplete metadata, file not fully covered",
)
DVC = (
    "ERROR: you are not inside of a DVC repository (checked up to mount point '{path}')",
    "ERROR: Unable to acquire lock. Most likely another DVC process is running or was terminated abruptly. "
    "Check the page <{page}> for other possible reasons and to learn how to resolve this.",
)
TORCH = (
    "Error initializing torch.distributed using env:// rendezvous: "
    "environment variable {name} expected, but not set",
)
TEMPLATES = (
    *CLICK, *PYDANTIC, *JSON, *UNICODE, *CSV, *YAML, *SYSTEM, *SQLITE, *DOCUMENTS, *WEIGHTS, *DVC, *TORCH,
)  # fmt: skip


@cache
def compile_templates() -> list[tuple[re.Pattern[str], str]]:
    """Return the pattern of each template, those with most text of their own first."""
    longest_first = sorted(TEMPLATES, key=lambda template: -len(PLACE.sub("", template)))
    return [(re.compile(template_pattern(template), re.S), template) for template in longest_first]


def template_pattern(template: str) -> str:
    """Return the pattern of what a template becomes, with a named group for each place."""
    pieces = PLACE.split(template)
    texts = [re.escape(text.replace("{{", "{").replace("}}", "}")) for text in pieces[::2]]
    groups = [f"(?P<{name}>.+?)" for name in pieces[1::2]]
    return "".join(text + group for text, group in zip(texts, [*groups, ""], strict=True))


def recognize(sentence: str) -> Translatable | str:
    """Return a library's sentence as a message; unchanged where it is none that is known."""
    for pattern, template in compile_templates():
        if match := pattern.fullmatch(sentence):
            values = match.groupdict()
            if "fault" in values:
                values["fault"] = recognize(values["fault"])
            return Translatable(template, **values)
    return sentence


def describe_system_error(error: OSError) -> str:
    """Return what the operating system says, without the file; a message where it is known."""
    return recognize(error.strerror or str(error))
