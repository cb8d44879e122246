"""`tezgah sft preview`: what becomes of every source of conversations, before anything is tuned."""

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from pipeline.cli.check import check_params
from pipeline.cli.plan import try_or_explain
from pipeline.common.errors import UserError
from pipeline.common.i18n import Translatable, format_number, translate, translate_table
from pipeline.common.paths import BASE_MODEL, TOKENIZER
from pipeline.eval_sets.readers import read_all_texts
from pipeline.eval_sets.tasks import load_task_files
from pipeline.pretrained.tokenizer import load_chat_tokenizer
from pipeline.sft.dataset import build_dataset, check_enough
from pipeline.sft.load import check_sources, list_notes, load_sources
from pipeline.sft.mixture import mix_by_weights
from pipeline.sft.preview import SourcePreview, preview_sources
from pipeline.tokenizer.chat_template import ChatTokenizer

TRAINED, CONTEXT = "bold green", "dim"


def print_preview() -> None:
    """Print a preview of every source, and then what keeps the tuning from running.

    Raises UserError for that, and where a file or the tokenizer is missing.
    """
    params, console = check_params(), Console(highlight=False)
    tokenizer = load_preview_tokenizer(params.sft.init_from)
    sources = load_sources(params.sft, read_all_texts(load_task_files(params.eval)))
    by_name = {loaded.name: loaded.conversations for loaded in sources}
    data = build_dataset(by_name, tokenizer, params.sft, params.seed)
    order, fault = try_or_explain(lambda: mix_by_weights(data.train, data.sources, params.sft, params.seed))
    for preview in preview_sources(sources, data, tokenizer, order, params.sft.epochs):
        print_source(preview, console)
    for note in list_notes(sources):
        console.print(translate(note), soft_wrap=True, markup=False)
    if fault:
        raise UserError("{fault}", fault=fault)
    check_sources(sources)
    check_enough(len(data.train), len(data.val), params.sft)


def load_preview_tokenizer(init_from: str) -> ChatTokenizer:
    """Return the tokenizer of the model to tune: that of this project need not be trained yet."""
    return load_chat_tokenizer(TOKENIZER if init_from == str(BASE_MODEL) else init_from)


def print_source(preview: SourcePreview, console: Console) -> None:
    """Print the preview of a source: tables of its columns and counts, and some conversations."""
    console.print()
    console.print(preview.name, style="bold", markup=False)
    if preview.columns:
        columns = Table("column of the file", "what it became")
        for name, role in preview.columns.items():
            columns.add_row(escape(name), role)
        console.print(translate_table(columns))
    counts = Table(show_header=False)
    for name, count in preview.counts.items():
        counts.add_row(Translatable(name), format_number(count))
    counts.add_row(Translatable("times each is read in the run"), format_number(preview.readings, ".2f"))
    for role, mean in preview.tokens_a_turn.items():
        counts.add_row(Translatable("tokens a turn, {role}", role=role), format_number(mean, ".1f"))
    console.print(translate_table(counts))
    if preview.dropped:
        dropped = Table("broken rule", "conversations", "the first begins")
        for rule, (count, example) in preview.dropped.items():
            dropped.add_row(rule, format_number(count), escape(example))
        console.print(translate_table(dropped))
    if preview.samples:
        console.print(translate("what is trained is green:"))
    for spans in preview.samples:
        line = Text()
        for text, is_trained in spans:
            line.append(text, style=TRAINED if is_trained else CONTEXT)
        console.print(line, soft_wrap=True)
