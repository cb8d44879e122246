"""The `tezgah` command."""

from pipeline.common import errors

errors.install()

import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from pipeline.cli.help import translate_help
from pipeline.common.errors import UserError
from pipeline.common.i18n import Translatable, translate
from pipeline.common.paths import ENCODER_MODEL, RAW_MODEL, SFT_MODEL, TOKENIZER


class Commands(TyperGroup):
    """A group of commands; the error about an unknown one names the nearest."""

    def get_command(self, context: Any, name: str) -> Any:
        """Return the command of that name. Raises UserError where there is none."""
        command = super().get_command(context, name)
        if command is None:
            from pipeline.common.params import suggest_nearest

            known = self.list_commands(context)
            raise UserError(
                "{name}: no such command{suggestion}",
                name=name,
                suggestion=suggest_nearest(name, known)
                or Translatable("; there are {names}", names=", ".join(known)),
            )
        translate_help(command, context)
        return command

    def format_help(self, context: Any, formatter: Any) -> None:
        """Write the help of the group in the user's language."""
        translate_help(self, context)
        super().format_help(context, formatter)


SEARCH_INDEX = Path("search.sqlite")  # of `tezgah index`

app = typer.Typer(
    cls=Commands,
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Train your own small Turkish language model. The stages themselves run with `dvc repro`.",
)


@app.command()
def check(
    stage: Annotated[str | None, typer.Option(help="Say where in a run this stage stands.")] = None,
) -> None:
    """Check params.yaml: every key, the rules between sections, and that the input files are there."""
    from pipeline.cli.check import check_conversations, check_machine, check_params
    from pipeline.cli.graph import LOST_IN_SHALLOW_CLONE, is_shallow_clone

    if is_shallow_clone():
        note = translate("note: {loss}; run `git fetch --unshallow`", loss=LOST_IN_SHALLOW_CLONE)
        print(note, file=sys.stderr)
    params = check_params()
    if stage is None:
        for note in [*check_conversations(params.sft), *check_machine(params)]:
            print(translate("note: {note}", note=note))
        print(translate("params.yaml: all sections are in order"))
    else:
        from pipeline.cli.estimate import describe_progress

        print(translate(describe_progress(params, stage)))


@app.command()
def preset(
    names: Annotated[
        list[str] | None, typer.Argument(help="Overlays under presets/, applied in order.")
    ] = None,
    flags: Annotated[
        bool, typer.Option("--flags", help="Write nothing; print arguments for `dvc exp run`.")
    ] = False,
) -> None:
    """Merge presets into params.yaml, its comments kept, and say what changes and what will re-run.

    Example: tezgah preset modern-42m gpu-16gb
    """
    from pipeline.cli.preset import run_preset

    run_preset(names or [], flags)


@app.command()
def add(
    files: Annotated[
        list[Path], typer.Argument(help="txt, json(l), csv, tsv, also .gz, .xz, .zst; parquet.")
    ],
    name: Annotated[str | None, typer.Option(help="The source's name; else the first file's.")] = None,
    column: Annotated[str | None, typer.Option(help="Which column is what, if it is not found.")] = None,
    no_header: Annotated[
        bool, typer.Option("--no-header", help="The first line of a csv or tsv is a row, no names.")
    ] = False,
    copy: Annotated[bool, typer.Option("--copy", help="Copy the files instead of linking them.")] = False,
    track: Annotated[bool, typer.Option("--track", help="Copy them and `dvc add` them.")] = False,
    sft: Annotated[bool, typer.Option("--sft", help="They are conversations to tune on.")] = False,
    eval_kind: Annotated[
        str | None, typer.Option("--eval", help="It is a task of this kind to measure on (docs/tasks.md).")
    ] = None,
) -> None:
    """Bring files of yours in: text for the corpus, conversations to tune on, or a task to measure on.

    Examples: tezgah add novels.txt news.jsonl.gz --name mine; tezgah add --sft talks.jsonl;
    tezgah add --sft quiz.csv --column user=metin,assistant=ozet;
    tezgah add --eval questions quiz.csv --column question=soru,answers=yanıt
    """
    from pipeline.cli.add import add_files
    from pipeline.cli.add_conversations import add_conversations
    from pipeline.cli.add_task import add_task

    if eval_kind is not None:
        if sft or no_header:
            option = "--sft" if sft else "--no-header"
            raise UserError("{option}: does not go with --eval; leave it out", option=option)
        add_task(files, eval_kind, name, column, copy, track)
        return
    if sft:
        if no_header:
            raise UserError("--no-header: conversations need names of columns; leave it out with --sft")
        add_conversations(files, name, column, copy, track)
        return
    add_files(files, name, column, copy, track, not no_header)


tasks = typer.Typer(cls=Commands, pretty_exceptions_enable=False, invoke_without_command=True)
app.add_typer(tasks, name="tasks", help="List the tasks to measure on, or download the data of one.")


@tasks.callback()
def list_tasks(context: typer.Context) -> None:
    """List the tasks of tasks/: kind, version, license, and whether their data is here."""
    if context.invoked_subcommand is None:
        from pipeline.cli.tasks import print_tasks

        print_tasks()


@tasks.command("fetch")
def fetch(name: Annotated[str, typer.Argument(help="A task with a set on the hub.")]) -> None:
    """Download the data of a task to data/raw/eval, once, at the revision that its file pins.

    Example: tezgah tasks fetch xquad_tr
    """
    from pipeline.cli.tasks import fetch_task

    fetch_task(name)


sft = typer.Typer(cls=Commands, pretty_exceptions_enable=False, no_args_is_help=True)
app.add_typer(sft, name="sft", help="Conversations to tune on.")


@sft.callback()
def conversations() -> None:
    """Conversations to tune on."""


@sft.command("preview")
def preview() -> None:
    """Show what becomes of every source of conversations: columns, what is dropped, and what is trained."""
    from pipeline.cli.sft_preview import print_preview

    print_preview()


imports = typer.Typer(cls=Commands, no_args_is_help=True, pretty_exceptions_enable=False)
app.add_typer(imports, name="import", help="Turn a model of others into a model folder to start from.")

To = Annotated[Path | None, typer.Option(help="Its new folder; else data/raw/model/<its name>.")]
Heads = Annotated[int | None, typer.Option(help="Number of heads, if the file does not tell it.")]


@imports.command("tanai")
def import_tanai(
    file: Annotated[Path, typer.Argument(help="A checkpoint (.pt), or a state_dict alone.")],
    to: To = None,
    heads: Heads = None,
) -> None:
    """Read a TanAI-Lite checkpoint, or a state_dict with TanAI-Lite's or the stock names.

    Example: tezgah import tanai base_best.pt
    """
    from pipeline.cli.import_model.importer import import_model

    import_model(file, to, heads)


@imports.command("hf")
def import_hf(
    folder: Annotated[
        Path, typer.Argument(help="A folder that transformers has saved, or its weights alone.")
    ],
    to: To = None,
    heads: Heads = None,
) -> None:
    """Read a Hugging Face folder of the Llama, Qwen or Mistral architecture.

    Example: tezgah import hf models/base
    """
    from pipeline.cli.import_model.importer import import_model

    import_model(folder, to, heads)


@imports.command("hub")
def import_hub(
    name: Annotated[str, typer.Argument(help="A model on the Hugging Face hub: owner/name.")],
    revision: Annotated[
        str | None, typer.Option(help="Its commit; without one, the current is named.")
    ] = None,
    to: To = None,
) -> None:
    """Fetch a model of the Llama, Qwen or Mistral architecture as it is, for sft.init_from.

    Example: tezgah import hub Qwen/Qwen3-0.6B
    """
    from pipeline.cli.import_model.hub import fetch_model

    fetch_model(name, revision, to)


@app.command()
def plan(
    probe: Annotated[bool, typer.Option("--probe", help="Train 20 steps to measure the time.")] = False,
    minutes: Annotated[
        float | None, typer.Option(help="Recommend what to train in so many minutes here.")
    ] = None,
    hours: Annotated[float | None, typer.Option(help="The same for hours.")] = None,
    flops: Annotated[
        float | None, typer.Option(help="The same for floating-point operations, on any machine.")
    ] = None,
    write: Annotated[
        bool, typer.Option("--write", help="Put the recommended values into params.yaml.")
    ] = False,
    tuning: Annotated[
        bool, typer.Option("--tuning", help="Say which models can be tuned on which card.")
    ] = False,
) -> None:
    """Say what params.yaml asks for before anything is trained: size, tokens, disk, memory, time, stages.

    With a budget for pretraining, say which model and how many steps promise the fewest bits per byte. With
    --tuning, say which models of others can be tuned on which card, whole and with LoRA.

    Example: tezgah plan --minutes 25
    """
    if tuning:
        from pipeline.cli.plan_tuning import print_tuning_plan

        print_tuning_plan()
        return
    from pipeline.cli.recommend import print_recommendation, read_budget

    budget = read_budget(minutes, hours, flops, write, probe)
    if budget:
        print_recommendation(budget, write)
        return
    from pipeline.cli.plan import print_plan

    print_plan(probe)


@app.command()
def tokenize(
    text: Annotated[str, typer.Argument(help="What to cut into pieces.")],
    tokenizer: Annotated[Path, typer.Option(help="A tokenizer's folder.")] = TOKENIZER,
) -> None:
    """Show the pieces of a text in color, with their ids and bytes.

    Example: tezgah tokenize "Çekoslovakyalılaştıramadıklarımızdan mısınız?"
    """
    from pipeline.cli.show_tokens import print_tokens

    print_tokens(text, tokenizer)


@app.command()
def shards(
    split: Annotated[str, typer.Option(help="train or val.")] = "train",
    start: Annotated[int | None, typer.Option(help="Show the text from this token of the split.")] = None,
    count: Annotated[int, typer.Option(help="How many tokens of it.")] = 256,
) -> None:
    """Show what is packed for training: a table of its files, and the text of any window.

    Example: tezgah shards --split val --start 1000
    """
    from pipeline.cli.show_shards import print_shards

    print_shards(split, start, count)


@app.command()
def status() -> None:
    """Show what is trained, from which params, how good it is, and what is stale."""
    from pipeline.cli.status import print_status

    print_status()


@app.command()
def infer(
    prompt: Annotated[str, typer.Argument(help="A message to the chat model, or a beginning to go on from.")],
    model: Annotated[Path, typer.Option(help="A model folder.")] = SFT_MODEL,
    raw: Annotated[
        bool | None, typer.Option("--raw/--chat", help="Continue plain text (default for models/base).")
    ] = None,
    system: Annotated[str | None, typer.Option(help="A system message before the prompt.")] = None,
    max_new_tokens: Annotated[
        int | None, typer.Option(help="Longest answer (tokens); without it, as long as the context allows.")
    ] = None,
    temperature: Annotated[float, typer.Option(help="0: the likeliest token each time.")] = 0.5,
    top_k: Annotated[int, typer.Option(help="Choose among the k likeliest tokens; 0: all.")] = 0,
    top_p: Annotated[float, typer.Option(help="Choose among the likeliest with this share together.")] = 0.95,
    min_p: Annotated[
        float, typer.Option(help="Leave out what is less likely than this share of the likeliest.")
    ] = 0.1,
    repetition_penalty: Annotated[float, typer.Option(help="Above 1: what was said comes again less.")] = 1.0,
    seed: Annotated[int, typer.Option(help="The same seed gives the same text.")] = 0,
    stop: Annotated[list[str] | None, typer.Option(help="Text to stop before; may be repeated.")] = None,
    ngram: Annotated[
        bool, typer.Option("--ngram/--no-ngram", help="Mix in the n-gram counts that the folder may have.")
    ] = True,
    int8: Annotated[
        bool, typer.Option("--int8", help="Compute in 8 bits: faster for large models on a processor.")
    ] = False,
) -> None:
    """Let a trained model answer or continue.

    Examples: tezgah infer "Ankara hangi bölgededir?"; tezgah infer --model models/base "Bir gün"
    """
    from pipeline.cli.infer import infer as stream
    from pipeline.cli.infer import make_sampling

    pieces = stream(
        prompt,
        model,
        raw=raw,
        system=system,
        max_new_tokens=max_new_tokens,
        sampling=make_sampling(temperature, top_k, top_p, min_p, repetition_penalty),
        seed=seed,
        stop=stop or [],
        ngram=ngram,
        int8=int8,
    )
    for piece in pieces:
        print(piece, end="", flush=True)
    print()


@app.command()
def chat(
    model: Annotated[Path, typer.Option(help="A chat model's folder.")] = SFT_MODEL,
    system: Annotated[str | None, typer.Option(help="A system message before the conversation.")] = None,
    seed: Annotated[int, typer.Option(help="The same seed and words give the same answers.")] = 0,
    docs: Annotated[Path | None, typer.Option(help="An index of documents to answer out of.")] = None,
) -> None:
    """Talk with a trained model. /yardım there names what you can do.

    Example: tezgah chat --system "Kısa cevap ver."
    """
    from pipeline.cli.chat import run_chat

    run_chat(model, system, seed, docs)


@app.command()
def serve(
    models: Annotated[
        list[str] | None,
        typer.Argument(help="Model folders, or FOLDER@REVISION; else models/sft and models/base."),
    ] = None,
    encoder: Annotated[
        Path | None, typer.Option(help="An encoder's folder; else models/encoder if it is there.")
    ] = None,
    docs: Annotated[Path | None, typer.Option(help="An index of documents to answer out of.")] = None,
    host: Annotated[
        str, typer.Option(help="The address; another than loopback needs a token.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The port; 0: any that is free.")] = 8000,
    token: Annotated[
        str | None, typer.Option(envvar="TEZGAH_TOKEN", help="A secret that every request must give.")
    ] = None,
    slots: Annotated[int, typer.Option(help="Texts that each model generates at once.")] = 16,
    queue: Annotated[int, typer.Option(help="Texts that may wait for a slot; more are refused.")] = 64,
    seconds: Annotated[float, typer.Option(help="The longest time for one answer.")] = 300.0,
    int8: Annotated[
        bool, typer.Option("--int8", help="Compute in 8 bits: faster for large models on a processor.")
    ] = False,
) -> None:
    """Serve models: a page to talk with them, and the API that OpenAI's clients know.

    Examples: tezgah serve; tezgah serve models/sft models/sft@exp-a --port 9000
    """
    from pipeline.cli.serve import run_server

    run_server(models or [], encoder, docs, host, port, token, slots, queue, seconds, int8)


exports = typer.Typer(cls=Commands, no_args_is_help=True, pretty_exceptions_enable=False)
app.add_typer(exports, name="export", help="Write a model in the formats of other programs.")

Exported = Annotated[Path, typer.Argument(help="A model folder.")]
Target = Annotated[Path | None, typer.Option("--to", help="A new folder; else one below exports/.")]
Name = Annotated[str | None, typer.Option(help="What the model is called; else its folder's name.")]
License = Annotated[str | None, typer.Option(help="For the model card, such as cc-by-4.0.")]
GgufType = Annotated[str, typer.Option(help="f32, f16, bf16, q8_0, or one of llama-quantize.")]


@exports.command("hf")
def export_hf(
    folder: Exported = SFT_MODEL, to: Target = None, name: Name = None, license: License = None
) -> None:
    """Copy a Hugging Face folder, which transformers opens, and write its model cards.

    Example: tezgah export hf models/base --license apache-2.0
    """
    from pipeline.cli import export

    export.export_hf(folder, to, name, license)


@exports.command("gguf")
def export_gguf(
    folder: Exported = SFT_MODEL,
    type: GgufType = "q8_0",
    to: Target = None,
    name: Name = None,
    license: License = None,
) -> None:
    """Write a GGUF file, which llama.cpp, Ollama and LM Studio open.

    Example: tezgah export gguf models/sft --type f16
    """
    from pipeline.cli import export

    export.export_gguf(folder, type, to, name, license)


@exports.command("ollama")
def export_ollama(
    folder: Exported = SFT_MODEL,
    type: GgufType = "q8_0",
    system: Annotated[str | None, typer.Option(help="A system message before every conversation.")] = None,
    to: Target = None,
    name: Name = None,
    license: License = None,
) -> None:
    """Write a GGUF file and a Modelfile, which Ollama runs as `tezgah chat` does.

    Example: tezgah export ollama --name merhaba
    """
    from pipeline.cli import export

    export.export_ollama(folder, type, to, name, license, system)


@exports.command("encoder")
def export_encoder(
    folder: Annotated[Path, typer.Argument(help="An encoder's folder.")] = ENCODER_MODEL,
    to: Target = None,
    name: Name = None,
    license: License = None,
) -> None:
    """Write the encoder for sentence-transformers, and as ONNX: from tokens to a sentence's vector.

    Example: tezgah export encoder
    """
    from pipeline.cli import export

    export.export_encoder(folder, to, name, license)


@exports.command("page")
def export_page(
    folder: Exported = SFT_MODEL, to: Target = None, name: Name = None, license: License = None
) -> None:
    """Write the model as one HTML page that chats in a browser tab, without a server.

    Example: tezgah export page --name merhaba
    """
    from pipeline.cli import export

    export.export_page(folder, to, name, license)


@app.command()
def push(
    folder: Annotated[Path, typer.Argument(help="A folder that `tezgah export` has written.")],
    name: Annotated[str, typer.Argument(help="The repository on the hub: owner/name.")],
    public: Annotated[bool, typer.Option("--public", help="Let everyone see the repository.")] = False,
    message: Annotated[str | None, typer.Option(help="What the commit says.")] = None,
) -> None:
    """Send a model's folder to the Hugging Face hub, as a private repository unless --public is given.

    A push that was cut goes on when it is run again. Example: tezgah push exports/sft-hf ayse/masal
    """
    from pipeline.cli.push import run_push

    run_push(folder, name, public, message)


@app.command()
def report(
    opens: Annotated[bool, typer.Option("--open", help="Write the page of the run and open it.")] = False,
    lang: Annotated[str | None, typer.Option(help="Write the page in this language: en or tr.")] = None,
    compare: Annotated[
        str | None, typer.Option(help="Write a page that lays this revision beside the workspace.")
    ] = None,
) -> None:
    """Show the last run's figures, the models' samples with those of the baselines, and what to try next.

    Examples: tezgah report; tezgah report --open; tezgah report --open --compare main
    """
    if opens or lang is not None or compare is not None:
        from pipeline.cli.report_page import write_page

        write_page(lang, compare, opens)
        return
    from pipeline.cli.report import print_report, read_report
    from pipeline.evaluation.summary import baseline_samples_table, summary_table

    print_report(
        summary_table(read_report("evaluate")),
        baseline_samples_table(read_report("evaluate", file="baseline_samples.json")),
    )


@app.command()
def compare(
    a: Annotated[
        str, typer.Argument(help="A revision, experiment, folder or file; several with commas: A1,A2,A3.")
    ] = "HEAD",
    b: Annotated[
        str, typer.Argument(help="What to compare it with; workspace is this folder.")
    ] = "workspace",
    as_json: Annotated[bool, typer.Option("--json", help="Print a line of JSON for each row.")] = False,
) -> None:
    """Say in which figures two runs differ by more than chance, or three seeds and more of two recipes.

    Examples: tezgah compare; tezgah compare a1,a2,a3 b1,b2,b3
    """
    from pipeline.cli.compare import run_compare

    run_compare(a, b, as_json)


@app.command()
def doctor() -> None:
    """Look at this machine: versions, cache, device, room; and say what to do."""
    from pipeline.cli.doctor import run_checks

    if not run_checks():
        raise SystemExit(1)


@app.command()
def ask(
    question: Annotated[str, typer.Argument(help="What the documents should answer.")],
    docs: Annotated[Path, typer.Option(help="An index of `tezgah index`.")] = SEARCH_INDEX,
    model: Annotated[Path, typer.Option(help="A chat model's folder.")] = SFT_MODEL,
    as_json: Annotated[bool, typer.Option("--json", help="Print a line of JSON.")] = False,
) -> None:
    """Answer a question out of your documents: the sentence that says it, and where it stands.

    Example: tezgah ask "Kitaplar ne zaman iade edilir?"
    """
    from pipeline.cli.ask import run_ask

    run_ask(question, docs, model, as_json)


@app.command()
def teacher(
    folder: Annotated[Path, typer.Argument(help="A sentence-transformers folder.")],
    out: Annotated[Path, typer.Option(help="The Parquet file to write.")] = RAW_MODEL / "teacher.parquet",
    words: Annotated[int, typer.Option(min=0, help="Commonest words of the corpus to ask for.")] = 16_000,
    spans: Annotated[int, typer.Option(min=0, help="Spans of its sentences to ask for.")] = 20_000,
    prompt: Annotated[str, typer.Option(help="Text before each, as 'query: ' for E5.")] = "",
) -> None:
    """Ask an encoder for the vectors of words and spans of the corpus, for encoder.teacher to imitate.

    Example: tezgah teacher ~/multilingual-e5-small --prompt "query: "
    """
    from pipeline.cli.teacher import run_teacher

    run_teacher(folder, out, words, spans, prompt)


@app.command()
def index(
    folder: Annotated[Path, typer.Argument(help="The folder with your documents.")],
    to: Annotated[Path, typer.Option(help="The file of the index.")] = SEARCH_INDEX,
    encoder: Annotated[
        Path | None, typer.Option(help="An encoder's folder, to search by vectors too; it is remembered.")
    ] = None,
    words_only: Annotated[bool, typer.Option("--words-only", help="Remove the vectors.")] = False,
) -> None:
    """Read your documents (txt, md, html, pdf, docx, jsonl, parquet) into one file to search in.

    The next time only what has changed is read. Example: tezgah index ~/belgeler --encoder models/encoder
    """
    from pipeline.cli.search import run_index

    run_index(folder, to, encoder, words_only)


@app.command()
def search(
    query: Annotated[str, typer.Argument(help="Words to look for, in any form.")],
    docs: Annotated[Path, typer.Option(help="The file of the index.")] = SEARCH_INDEX,
    limit: Annotated[int, typer.Option("-n", help="Passages to show.")] = 5,
    lexical: Annotated[bool, typer.Option("--lexical", help="By words alone.")] = False,
    dense: Annotated[bool, typer.Option("--dense", help="By the encoder's vectors alone.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print a line of JSON for each passage.")] = False,
) -> None:
    """Find passages in the documents of `tezgah index`, with file and page or line.

    By words, and by vectors too where the index has them. Example: tezgah search "kitapların iadesi"
    """
    from pipeline.cli.search import run_search

    run_search(query, docs, limit, lexical, dense, as_json)


@app.command()
def clean() -> None:
    """Remove the checkpoints of finished and unfinished trainings; models stay."""
    from pipeline.common.fingerprint import clean_scratch

    clean_scratch()


def main() -> None:
    """Entry point: user errors end in one line and exit status 1."""
    errors.run_app(app)


if __name__ == "__main__":
    main()
