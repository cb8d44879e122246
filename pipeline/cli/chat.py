"""`tezgah chat`: a conversation in the terminal with a trained model."""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from os import SEEK_END
from pathlib import Path

from pipeline.cli.ask import print_quote
from pipeline.cli.infer import open_model
from pipeline.cli.report import read_report
from pipeline.common.errors import UserError
from pipeline.common.i18n import Translatable, translate
from pipeline.common.library_messages import describe_system_error
from pipeline.common.paths import REPORTS, SFT_MODEL
from pipeline.inference.engine import Engine, Generation
from pipeline.inference.generate import stream
from pipeline.inference.prompts import fit_conversation, normalize_argument
from pipeline.inference.sampling import CHAT_SAMPLING, Sampling
from pipeline.inference.streaming import CUT_MARK
from pipeline.model.decoder import Decoder, parameter_count
from pipeline.search.find import Index, open_index
from pipeline.search.quote import NOT_FOUND, find_quote, is_for_documents
from pipeline.text.normalize import normalize_text
from pipeline.tokenizer.chat_template import ChatTokenizer, Message

PROMPT, MORE = "> ", "… "
ASCII_COMMANDS = {"/sicaklik": "/sıcaklık", "/yardim": "/yardım", "/cik": "/çık"}
HELP = """\
/yeni               a new conversation
/sistem TEXT        a new conversation with this system message; alone: without one
/sıcaklık NUMBER    temperature: 0 takes the likeliest token each time
/kaydet FILE        add the conversation to a file of JSON lines, as data/raw/sft reads them
/yardım             these lines
\\                   at the end of a line: the message goes on in the next one
/çık                end, as Ctrl-D does; Ctrl-C stops an answer"""


@dataclass
class Chat:
    """A conversation and the model that answers in it."""

    model: Decoder
    tokenizer: ChatTokenizer
    sampling: Sampling = CHAT_SAMPLING
    max_new_tokens: int | None = None  # None: as long as the context allows
    seed: int = 0
    system: str | None = None
    messages: list[Message] = field(default_factory=list)

    def __post_init__(self) -> None:
        # It reads of each turn what is new.
        self.engine = Engine(self.model, forbidden_ids=self.tokenizer.forbidden_ids)

    def answer(self, text: str) -> Iterator[str]:
        """Yield the answer to a user's message, piece by piece, and CUT_MARK where it was cut off.

        The conversation keeps the answer without the mark, and the part of one that is interrupted. Raises
        UserError for a message that leaves no room for an answer. It is not added to the conversation.
        """
        self.messages.append({"role": "user", "content": normalize_argument(Translatable("message"), text)})
        try:
            ids = self.prompt_ids()
        except UserError:
            self.messages.pop()
            raise
        self.messages.append({"role": "assistant", "content": ""})
        seed = self.seed + len(self.messages)
        generation = Generation(
            ids, self.max_new_tokens, self.sampling, seed, stop_ids=self.tokenizer.stop_ids
        )
        pieces = stream(self.engine, self.tokenizer, generation)
        for piece in pieces:
            self.messages[-1]["content"] += piece
            yield piece
        if pieces.is_cut:
            yield CUT_MARK

    def prompt_ids(self) -> list[int]:
        """Return the token ids of the conversation, which the next answer continues (`fit_conversation`)."""
        messages = [*self.system_messages(), *self.messages]
        return fit_conversation(self.tokenizer, messages, self.model.context, self.max_new_tokens)

    def system_messages(self) -> list[Message]:
        """Return the system message in a list, or an empty list."""
        if self.system is None:
            return []
        return [
            {"role": "system", "content": normalize_argument(Translatable("system message"), self.system)}
        ]

    def check_system(self) -> None:
        """Raise UserError for a system message that leaves less than half of the context."""
        messages: list[Message] = [*self.system_messages(), {"role": "user", "content": ""}]
        tokens = len(self.tokenizer.encode_prompt(messages))
        if self.system is not None and tokens > self.model.context // 2:
            raise UserError(
                "system message: {tokens} tokens, more than half of the {context} that the model "
                "reads; shorten it",
                tokens=tokens,
                context=self.model.context,
            )

    def restart(self) -> None:
        """Forget the conversation."""
        self.messages = []

    def save(self, path: Path) -> None:
        """Append the conversation to a file of JSON lines, without exchanges whose answer is empty.

        Raises UserError where the file cannot be written, or nothing has been said.
        """
        # A small model may answer with half of a text, such as a control character alone.
        messages = [{**message, "content": normalize_text(message["content"])} for message in self.messages]
        pairs = zip(messages[::2], messages[1::2], strict=True)
        answered = [message for pair in pairs if pair[1]["content"].strip() for message in pair]
        if not answered:
            raise UserError("/kaydet: nothing has been said yet")
        line = json.dumps({"messages": self.system_messages() + answered}, ensure_ascii=False)
        try:
            with open(path, "a+b") as file:  # writes go to its end, wherever it is read
                file.seek(max(0, file.seek(0, SEEK_END) - 1))
                gap = b"" if file.read(1) in (b"", b"\n") else b"\n"
                file.write(gap + line.encode("utf-8") + b"\n")
        except OSError as error:
            raise UserError(
                "{path}: {reason}; name a file that can be written",
                path=path,
                reason=describe_system_error(error),
            ) from None


def run_chat(
    folder: Path = SFT_MODEL,
    system: str | None = None,
    seed: int = 0,
    docs: Path | None = None,
    device: str = "auto",
) -> None:
    """Read messages and print answers until the input ends.

    With an index of documents (`docs`) messages are answered out of these (see `is_for_documents`). Raises
    UserError for a folder without a model, and for no index.
    """
    with ExitStack() as stack:
        index = stack.enter_context(open_index(docs)) if docs else None
        talk(folder, system, seed, index, device)


def talk(folder: Path, system: str | None, seed: int, index: Index | None, device: str) -> None:
    """See `run_chat`."""
    model, tokenizer = open_model(folder, device)
    chat = Chat(model, tokenizer, seed=seed, system=system)
    chat.check_system()
    print_note(describe_model(folder, model))
    print_note("/yardım: what you can do here")
    with suppress(ImportError):  # not everywhere: arrow keys, earlier lines, and pasting of several at once
        import readline  # noqa: F401
    while (line := read_message()) is not None:
        try:
            if line.startswith("/"):
                if not run_command(chat, line):
                    return
            elif line and index and is_for_documents(index, line):
                quote_documents(chat, line, index)
            elif line:
                print_answer(chat, line)
        except UserError as error:
            print_note(Translatable("error: {error}", error=error))


def read_message() -> str | None:
    """Return what the user writes next, stripped, or None at the end of the input.

    A line that ends in a backslash goes on in the next one.
    """
    lines: list[str] = []
    while True:
        try:
            prompt = (MORE if lines else PROMPT) if sys.stdin.isatty() else ""
            lines.append(input(prompt))
            if not lines[-1].endswith("\\"):
                return "\n".join(lines).strip()
            lines[-1] = lines[-1][:-1]
        except EOFError:
            return "\n".join(lines).strip() if lines else None
        except UnicodeDecodeError as error:
            raise UserError("input: not UTF-8 at byte {start}; save it as UTF-8", start=error.start) from None
        except KeyboardInterrupt:
            lines = []
            print("\n" + translate("/çık or Ctrl-D ends"), file=sys.stderr)


def print_answer(chat: Chat, text: str) -> None:
    """Print the answer as it is generated. Ctrl-C stops it."""
    try:
        for piece in chat.answer(text):
            print(piece, end="", flush=True)
    except KeyboardInterrupt:
        print(CUT_MARK, end="")
    print(flush=True)


def quote_documents(chat: Chat, question: str, index: Index) -> None:
    """Print what the documents answer to a question, and add it to the conversation."""
    quote = find_quote(index, normalize_argument(Translatable("message"), question))
    print_quote(quote)
    answer = quote.sentence if quote else NOT_FOUND
    chat.messages += [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]


def run_command(chat: Chat, line: str) -> bool:
    """Carry out a line that begins with /. Return False to end. Raises UserError for an unknown command."""
    name, _, rest = line.partition(" ")
    name, rest = ASCII_COMMANDS.get(name, name), rest.strip()
    match name:
        case "/yeni":
            chat.restart()
            print_note("a new conversation")
        case "/sistem":
            previous, chat.system = chat.system, rest or None
            try:
                chat.check_system()
            except UserError:
                chat.system = previous
                raise
            chat.restart()
            if rest:
                print_note(Translatable("a new conversation, after: {rest}", rest=rest))
            else:
                print_note("a new conversation, without a system message")
        case "/sıcaklık":
            chat.sampling = with_temperature(chat.sampling, rest)
            print_note(Translatable("temperature {temperature:g}", temperature=chat.sampling.temperature))
        case "/kaydet":
            if not rest:
                raise UserError("/kaydet: which file? /kaydet FILE")
            path = Path(os.path.expanduser(rest))
            chat.save(path)
            print_note(Translatable("saved in {path}", path=path))
        case "/yardım":
            print_note(HELP)
        case "/çık":
            return False
        case _:
            raise UserError("{name}: no such command; /yardım names them", name=name)
    return True


def print_note(message: str) -> None:
    """Print a translated message on standard error, apart from the model's answers."""
    print(translate(message), file=sys.stderr)


def with_temperature(sampling: Sampling, text: str) -> Sampling:
    """Return `sampling` at another temperature. Raises UserError where `text` is not a valid one."""
    try:
        return replace(sampling, temperature=float(text.replace(",", ".")))
    except ValueError:
        raise UserError("/sıcaklık: {text}: give a number from 0 up, such as 0.7", text=repr(text)) from None


def describe_model(folder: Path, model: Decoder) -> str:
    """Return a line about the model: its folder, its size, and the figures of its training."""
    description = Translatable(
        "{folder}: {arch}, {parameters:,} parameters",
        folder=folder,
        arch=model.params.arch,
        parameters=parameter_count(model),
    )
    report = REPORTS / "train_sft" / "metrics.json"
    if folder.resolve() != SFT_MODEL.resolve() or not report.is_file():
        return description
    figures = read_report("train_sft")
    return Translatable(
        "{description}; {report}: {steps:,} steps, validation loss {loss:.3f}, {share:.3f} of {answers} "
        "answers right to the letter",
        description=description,
        report=report,
        steps=figures["steps"],
        loss=figures["val_loss"],
        share=figures["exact_match"],
        answers=figures["exact_match_n"],
    )
