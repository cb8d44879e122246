"""What `tezgah chat` does: a conversation in the terminal with a trained model."""

import json
import sys
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from os import SEEK_END
from pathlib import Path

from pipeline.cli.infer import CHAT_MODEL, ENDS, open_model
from pipeline.cli.report import read
from pipeline.common.errors import UserError
from pipeline.common.i18n import is_turkish, translate
from pipeline.common.metrics import REPORTS
from pipeline.inference.generate import stream
from pipeline.inference.sampling import LIVELY, Sampling
from pipeline.model.decoder import Decoder, parameter_count
from pipeline.tokenizer.chat_template import Message, prompt_ids
from pipeline.tokenizer.tokenizer import Tokenizer

PROMPT = "> "
PLAIN = {"/sicaklik": "/sıcaklık", "/yardim": "/yardım", "/cik": "/çık"}  # without Turkish letters
HELP = """\
/yeni               a new conversation
/sistem TEXT        a new conversation with this system message; alone: without one
/sıcaklık NUMBER    temperature: 0 takes the likeliest token each time
/kaydet FILE        add the conversation to a file of JSON lines, as data/raw/sft reads them
/yardım             these lines
/çık                end, as Ctrl-D does; Ctrl-C stops an answer"""
YARDIM = """\
/yeni               yeni bir konuşma
/sistem METİN       bu sistem iletisiyle yeni bir konuşma; tek başına: iletisiz
/sıcaklık SAYI      sıcaklık: 0 her seferinde en olası parçayı alır
/kaydet DOSYA       konuşmayı data/raw/sft'nin okuduğu gibi bir JSON satırı olarak dosyaya ekler
/yardım             bu satırlar
/çık                bitirir, Ctrl-D gibi; Ctrl-C cevabı durdurur"""


@dataclass
class Chat:
    """A conversation so far, and the model that answers in it."""

    model: Decoder
    tokenizer: Tokenizer
    how: Sampling = LIVELY
    max_new_tokens: int = 128
    seed: int = 0
    system: str | None = None
    messages: list[Message] = field(default_factory=list)

    def answer(self, text: str) -> Iterator[str]:
        """The answer to a user's message, piece by piece; what was said of it is kept even if it is stopped.

        Raises UserError for a message that leaves no room for an answer, which is then forgotten.
        """
        self.messages.append({"role": "user", "content": unicodedata.normalize("NFC", text)})
        try:
            ids = self.prompt()
        except UserError:
            self.messages.pop()
            raise
        self.messages.append({"role": "assistant", "content": ""})
        pieces = stream(
            self.model,
            self.tokenizer,
            ids,
            max_new_tokens=self.max_new_tokens,
            seed=self.seed + len(self.messages),
            stop_ids=ENDS,
            how=self.how,
        )
        for piece in pieces:
            self.messages[-1]["content"] += piece
            yield piece

    def prompt(self) -> list[int]:
        """The ids that the next answer continues: the conversation, its oldest exchanges left out where the
        model's context would leave less than a quarter for the answer."""
        room = min(self.max_new_tokens, self.model.context // 4)
        for start in range(0, len(self.messages), 2):
            ids = prompt_ids(self.tokenizer, self.opening() + self.messages[start:])
            if len(ids) + room <= self.model.context:
                return ids
        raise UserError(
            f"message: {len(ids)} tokens leave no room for an answer: the model reads {self.model.context};"
            " shorten it"
        )

    def opening(self) -> list[Message]:
        """The system message, where there is one."""
        if self.system is None:
            return []
        return [{"role": "system", "content": unicodedata.normalize("NFC", self.system)}]

    def check_system(self) -> None:
        """Raise UserError for a system message that leaves less than half of the context."""
        tokens = len(prompt_ids(self.tokenizer, [*self.opening(), {"role": "user", "content": ""}]))
        if self.system is not None and tokens > self.model.context // 2:
            raise UserError(
                f"system message: {tokens} tokens, more than half of the {self.model.context} that the model"
                " reads; shorten it"
            )

    def restart(self) -> None:
        """Forget what was said."""
        self.messages = []

    def save(self, path: Path) -> None:
        """Add the conversation to a file of JSON lines, without exchanges whose answer is empty.

        Raises UserError where it cannot be written, or nothing was said.
        """
        pairs = zip(self.messages[::2], self.messages[1::2], strict=True)
        answered = [message for pair in pairs if pair[1]["content"].strip() for message in pair]
        if not answered:
            raise UserError("/kaydet: nothing has been said yet")
        line = json.dumps({"messages": self.opening() + answered}, ensure_ascii=False)
        try:
            with open(path, "a+b") as file:  # at its end, wherever it is read
                file.seek(max(0, file.seek(0, SEEK_END) - 1))
                gap = b"" if file.read(1) in (b"", b"\n") else b"\n"
                file.write(gap + line.encode("utf-8") + b"\n")
        except OSError as error:
            raise UserError(f"{path}: {error.strerror}; name a file that can be written") from None


def run(folder: Path = CHAT_MODEL, system: str | None = None, seed: int = 0, device: str = "auto") -> None:
    """Talk until the input ends. Raises UserError for a folder without a model."""
    model, tokenizer = open_model(folder, device)
    chat = Chat(model, tokenizer, seed=seed, system=system)
    chat.check_system()
    print(described(folder, model), file=sys.stderr)
    tell("/yardım: what you can do here")
    while (line := read_line()) is not None:
        try:
            if line.startswith("/"):
                if not command(chat, line):
                    return
            elif line:
                speak(chat, line)
        except UserError as error:
            tell(f"error: {error}")


def read_line() -> str | None:
    """What the user types next, stripped; None at the end of the input."""
    while True:
        try:
            return input(PROMPT if sys.stdin.isatty() else "").strip()
        except EOFError:
            return None
        except UnicodeDecodeError as error:
            raise UserError(f"input: not UTF-8 at byte {error.start}; save it as UTF-8") from None
        except KeyboardInterrupt:
            print("\n" + translate("/çık or Ctrl-D ends"), file=sys.stderr)


def speak(chat: Chat, text: str) -> None:
    """Print the answer as it is made; Ctrl-C stops it."""
    try:
        for piece in chat.answer(text):
            print(piece, end="", flush=True)
    except KeyboardInterrupt:
        print(" …", end="")
    print(flush=True)


def command(chat: Chat, line: str) -> bool:
    """Do what a line that begins with / asks for; False: end. Raises UserError for one that means nothing."""
    name, _, rest = line.partition(" ")
    name, rest = PLAIN.get(name, name), rest.strip()
    match name:
        case "/yeni":
            chat.restart()
            tell("a new conversation")
        case "/sistem":
            before, chat.system = chat.system, rest or None
            try:
                chat.check_system()
            except UserError:
                chat.system = before
                raise
            chat.restart()
            if rest:
                tell(f"a new conversation, after: {rest}")
            else:
                tell("a new conversation, without a system message")
        case "/sıcaklık":
            chat.how = warmed(chat.how, rest)
            tell(f"temperature {chat.how.temperature:g}")
        case "/kaydet":
            if not rest:
                raise UserError("/kaydet: which file? /kaydet FILE")
            chat.save(Path(rest))
            tell(f"saved in {rest}")
        case "/yardım":
            print(YARDIM if is_turkish() else HELP, file=sys.stderr)
        case "/çık":
            return False
        case _:
            raise UserError(f"{name}: no such command; /yardım names them")
    return True


def tell(what: str) -> None:
    """Say what was done, apart from what the model says."""
    print(translate(what), file=sys.stderr)


def warmed(how: Sampling, text: str) -> Sampling:
    """The same at another temperature. Raises UserError where /sıcaklık got no number that is one."""
    try:
        return replace(how, temperature=float(text.replace(",", ".")))
    except ValueError:
        raise UserError(f"/sıcaklık: {text!r}: give a number from 0 up, such as 0.7") from None


def described(folder: Path, model: Decoder) -> str:
    """What one is talking with: the folder, the model's size, and how well its run did."""
    says = f"{folder}: {model.config.arch}, {parameter_count(model):,} parameters"
    report = REPORTS / "train_sft" / "metrics.json"
    if folder.resolve() != CHAT_MODEL.resolve() or not report.is_file():
        return says
    figures = read("train_sft")
    return (
        f"{says}; {report}: {figures['steps']:,} steps, validation loss {figures['val_loss']:.3f},"
        f" {figures['exact_match']:.3f} of {figures['exact_match_n']} answers right to the letter"
    )
