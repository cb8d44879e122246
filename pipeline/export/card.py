"""Model cards in English and Turkish: README.md and README.tr.md of an exported folder.

All figures come from the reports of the run, all params from dvc.lock. What is not known there is said to be
unknown.
"""

import io
import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Any, Literal

from ruamel.yaml import YAML

from pipeline.common.errors import UserError
from pipeline.common.i18n import to_turkish
from pipeline.common.io import write_atomic
from pipeline.evaluation.summary import summary_table
from pipeline.export.facts import GENERATED, Facts, read_facts, source_license
from pipeline.export.snippets import SAFETY, list_snippets

Kind = Literal["hf", "gguf", "ollama", "onnx", "page"]
LANGUAGES = {"en": "README.md", "tr": "README.tr.md"}
TEMPLATES = Path(__file__).parent / "cards"
LICENSE = re.compile(r"[a-z0-9.-]+")
# The kinds of figures that tell of a model, as they stand in the metrics of `evaluate`.
FIGURES = {
    "train_base": ("bits_per_byte", "minimal_pairs", "choice", "second_halves"),
    "train_sft": ("questions", "first_words"),
    "train_encoder": ("retrieval", "similarity"),
}
ALWAYS = ("bits_per_byte", "minimal_pairs", "questions", "first_words", "retrieval")
# Of a figure's kind: what a hub calls the task, and the main figure.
INDEXED = {
    "bits_per_byte": ("text-generation", "base"),
    "minimal_pairs": ("text-generation", "mean"),
    "questions": ("text-generation", "exact_match"),
    "retrieval": ("sentence-similarity", "dense.recall_at_1"),
    "similarity": ("sentence-similarity", "encoder"),
}
WORDS = {
    "en": {
        "base": "A language model with $size parameters that continues Turkish text.",
        "sft": "A chat model with $size parameters that answers in Turkish.",
        "encoder": "A sentence encoder with $size parameters for Turkish: from a text to a vector.",
        "unknown": "Not known: the folder is not the output of a run of this project.",
        "sources": ("source", "kind", "license", "documents", "bytes"),
        "talks": ("conversations", "kind", "license", "read", "kept"),
        "no_license": "not noted",
        "generated": "The miniworld is composed by Tezgâh itself: invented stories and facts about Turkey.",
        "nothing_removed": "No document was removed.",
        "removed": ("filter", "documents", "bytes"),
        "training": ("what", "value"),
        "figures": ("measure", "task", "value", "95 %", "baseline"),
        "not_timed": "not timed here",
        "rows": {
            "shape": "architecture", "parameters": "parameters", "context": "context (tokens)",
            "vocabulary": "vocabulary (pieces)", "tokens": "tokens read", "steps": "optimizer steps",
            "conversations": "conversations trained on", "seed": "seed", "minutes": "minutes of training",
            "memory": "peak memory (GiB)", "machine": "machine",
        },
        "generator_limits": (
            "- It knows little beyond its data. It invents names, numbers and facts, and does not say so.\n"
            "- Do not use it for medical, legal or financial advice, or to decide about people.\n"
            "- It has learned what its data says, prejudices included. No filter checks what it writes.\n"
            "- Who puts it before others is responsible for what it says. Tell people that they talk with a"
            " machine."
        ),
        "encoder_limits": (
            "- It compares texts by their words and by what stands around them. It does not judge if they are"
            " true.\n"
            "- For words that its data does not have it falls back on pieces of them, or knows nothing."
        ),
        "base_limits": "- It continues a text. It was not taught to answer.",
        "reproduce": (
            "Commit `$commit`, seed $seed, params as in `dvc.lock`. The folder has the hash `$md5` there."
            " In a clone of the project:\n\n```bash\ngit checkout $short\ndvc repro $stage\n```"
        ),
    },
    "tr": {
        "base": "Türkçe metni sürdüren, $size parametreli bir dil modeli.",
        "sft": "Türkçe cevap veren, $size parametreli bir sohbet modeli.",
        "encoder": "Türkçe için $size parametreli bir cümle kodlayıcı: metinden vektöre.",
        "unknown": "Bilinmiyor: klasör bu projenin bir çalıştırmasının çıktısı değil.",
        "sources": ("kaynak", "tür", "lisans", "belge", "bayt"),
        "talks": ("konuşmalar", "tür", "lisans", "okunan", "kalan"),
        "no_license": "belirtilmemiş",
        "generated": "Mini dünyayı Tezgâh kendisi kurar: uydurma hikâyeler ve Türkiye üzerine bilgiler.",
        "nothing_removed": "Hiçbir belge elenmedi.",
        "removed": ("filtre", "belge", "bayt"),
        "training": ("ne", "değer"),
        "figures": ("ölçü", "görev", "değer", "%95", "karşılaştırma"),
        "not_timed": "burada ölçülmedi",
        "rows": {
            "shape": "mimari", "parameters": "parametre", "context": "bağlam (token)",
            "vocabulary": "sözlük (parça)", "tokens": "okunan token", "steps": "optimizasyon adımı",
            "conversations": "eğitimdeki konuşma", "seed": "tohum (seed)", "minutes": "eğitim (dakika)",
            "memory": "en yüksek bellek (GiB)", "machine": "makine",
        },
        "generator_limits": (
            "- Verisinin ötesinde pek az şey bilir. Ad, sayı ve bilgi uydurur, uydurduğunu da söylemez.\n"
            "- Sağlık, hukuk ya da para konusunda öğüt almak, insanlar hakkında karar vermek için"
            " kullanmayın.\n"
            "- Verisi ne diyorsa onu öğrendi, önyargılar da buna dahil. Yazdıklarını denetleyen bir filtre"
            " yok.\n"
            "- Modeli başkalarının önüne koyan, onun söylediklerinden sorumludur. İnsanlara bir makineyle"
            " konuştuklarını söyleyin."
        ),
        "encoder_limits": (
            "- Metinleri sözcüklerine ve çevrelerine göre karşılaştırır. Doğru olup olmadıklarına bakmaz.\n"
            "- Verisinde geçmeyen sözcüklerde parçalara sığınır ya da hiçbir şey bilmez."
        ),
        "base_limits": "- Bir metni sürdürür. Cevap vermeyi öğrenmedi.",
        "reproduce": (
            "Commit `$commit`, seed $seed, parametreler `dvc.lock` içindeki gibi. Klasörün oradaki özeti:"
            " `$md5`. Projenin bir kopyasında:\n\n```bash\ngit checkout $short\ndvc repro $stage\n```"
        ),
    },
}  # fmt: skip


@dataclass(frozen=True)
class Model:
    """What a card says of the model itself."""

    role: Literal["base", "sft", "encoder"]
    parameters: int
    shape: str  # architecture and sizes, for people
    context: int | None  # tokens; None: any number
    vocabulary: int


def write_cards(made: Path, folder: Path, kind: Kind, name: str, model: Model, license: str | None) -> None:
    """Write the cards of an export into the folder `made`. Raises UserError for a license that is no id."""
    facts = read_facts(folder)
    license = choose_license(license, facts)
    files = sorted(path.relative_to(made).as_posix() for path in made.rglob("*") if path.is_file())
    for language, file in LANGUAGES.items():
        text = render_card(language, kind, name, model, facts, files)
        if language == "en":
            text = front_matter(kind, name, model, facts, license) + text
        write_atomic(made / file, text)


def choose_license(license: str | None, facts: Facts) -> str | None:
    """Return the license of a card: the one that is given, or that of its data if all of it is generated.

    None where neither tells. Raises UserError for one that is no id.
    """
    if license is not None and not LICENSE.fullmatch(license):
        raise UserError(
            f"--license: {license!r}: no id of a license; write one such as apache-2.0 or cc-by-4.0"
        )
    if license is None and facts.sources and facts.all_licenses == {"Apache-2.0"}:
        return "apache-2.0"
    return license


def front_matter(kind: Kind, name: str, model: Model, facts: Facts, license: str | None) -> str:
    """Return the metadata of a card, as the Hugging Face hub reads them."""
    is_encoder = model.role == "encoder"
    library = {"hf": "transformers", "onnx": "sentence-transformers"}.get(
        kind, "gguf" if kind != "page" else None
    )
    metadata: dict[str, Any] = {
        "language": ["tr"],
        **({"license": license} if license else {}),
        **({"library_name": library} if library else {}),
        "pipeline_tag": "sentence-similarity" if is_encoder else "text-generation",
        "tags": ["turkish", "tezgah"],
    }
    results = list(index_figures(facts))
    if results:
        metadata["model-index"] = [{"name": name, "results": results}]
    text = io.StringIO()
    yaml = YAML()
    yaml.default_flow_style = False
    yaml.dump(metadata, text)
    return f"---\n{text.getvalue()}---\n\n"


def index_figures(facts: Facts) -> Iterable[dict[str, Any]]:
    """Yield the main figures of a model's tasks as `model-index` has them."""
    metrics = facts.metrics.get("evaluate", {})
    for kind in FIGURES.get(facts.stage, ()):
        if kind not in INDEXED:
            continue
        task_type, path = INDEXED[kind]
        for task, values in metrics.get(kind, {}).items():
            value: Any = values
            for key in path.split("."):
                value = value.get(key) if isinstance(value, dict) else None
            if value is not None:
                yield {
                    "task": {"type": task_type},
                    "dataset": {"name": task, "type": task},
                    "metrics": [{"type": path.rpartition(".")[2], "name": f"{kind} {path}", "value": value}],
                }


def render_card(
    language: str, kind: Kind, name: str, model: Model, facts: Facts, files: Sequence[str]
) -> str:
    """Return a card as Markdown, without metadata."""
    words: dict[str, Any] = WORDS[language]
    translate: Callable[[str], str] = to_turkish if language == "tr" else str
    own_limits = words["encoder_limits" if model.role == "encoder" else "generator_limits"]
    snippets = list_snippets(kind, model.role, files, name, model.context, language)
    template = Template((TEMPLATES / f"{language}.md").read_text(encoding="utf-8"))
    return template.substitute(
        name=name,
        what=Template(words[model.role]).substitute(size=format_number(model.parameters, language)),
        files="\n".join(f"- `{file}`" for file in files),
        use="\n\n".join(snippets),
        data=describe_data(facts, words, language),
        removed=describe_removed(facts, words, language, translate),
        training=describe_training(model, facts, words, language),
        figures=describe_figures(facts, words, translate),
        limits=own_limits if model.role != "base" else f"{words['base_limits']}\n{own_limits}",
        safety=SAFETY[language]["encoder" if model.role == "encoder" else kind],
        reproduce=describe_origin(facts, words),
    )


def describe_data(facts: Facts, words: dict[str, Any], language: str) -> str:
    """Return the tables of sources, with licenses and sizes."""
    if not facts.sources:
        return str(words["unknown"])
    kept = facts.metrics.get("slice_corpus", {}).get("sources", {})
    rows = []
    for name, source in facts.sources.items():
        size = kept.get(name, {}).get("kept", {})
        numbers = [format_number(size.get(key), language) for key in ("documents", "bytes")]
        rows.append([describe_source(name, source), *describe_license(source, words), *numbers])
    parts = [make_table(words["sources"], rows)]
    counts = facts.metrics.get("train_sft", {}).get("conversations", {}).get("sources", {})
    talks = []
    for name, source in facts.conversations.items():
        numbers = [format_number(counts.get(name, {}).get(key), language) for key in ("read", "kept")]
        talks.append([describe_source(name, source), *describe_license(source, words), *numbers])
    if talks:
        parts.append(make_table(words["talks"], talks))
    sources = [*facts.sources.values(), *facts.conversations.values()]
    if any(source["kind"] == GENERATED for source in sources):
        parts.append(str(words["generated"]))
    return "\n\n".join(parts)


def describe_source(name: str, source: dict[str, Any]) -> str:
    """Return a source's name, and the set of the hub that it is, with its revision."""
    hub = source.get("hub") or source
    if "dataset" not in hub:
        return f"`{name}`"
    revision = f"@{hub['revision'][:12]}" if hub.get("revision") else ""
    return f"`{name}`: {hub['dataset']}{revision}"


def describe_license(source: dict[str, Any], words: dict[str, Any]) -> tuple[str, str]:
    """Return the kind of a source and its license."""
    return source["kind"], source_license(source) or words["no_license"]


def describe_removed(
    facts: Facts, words: dict[str, Any], language: str, translate: Callable[[str], str]
) -> str:
    """Return the table of what each filter removed."""
    removed = facts.metrics.get("slice_corpus", {}).get("removed")
    if removed is None:
        return str(words["unknown"])
    rows = [
        [f"`{name}`", *(format_number(size[key], language) for key in ("documents", "bytes"))]
        for name, size in removed.items()
        if size["documents"] or size["bytes"]
    ]
    return make_table(words["removed"], rows) if rows else str(words["nothing_removed"])


def describe_training(model: Model, facts: Facts, words: dict[str, Any], language: str) -> str:
    """Return the table of sizes and of the training."""
    labels, params = words["rows"], facts.params
    rows = [
        ("shape", model.shape),
        ("parameters", model.parameters),
        ("context", model.context),
        ("vocabulary", model.vocabulary),
        ("seed", params.get("seed")),
    ]
    if facts.stage:
        figures = facts.metrics.get(facts.stage, {})
        base = facts.metrics.get("train_base", {}) if facts.stage == "train_sft" else figures
        timing = facts.timing.get(facts.stage, {})
        seconds, memory = timing.get("stage_seconds"), timing.get("stage_peak_memory_gib")
        section = {"train_base": "train", "train_encoder": "encoder"}.get(facts.stage)
        rows += [
            ("tokens", base.get("tokens_seen")),
            ("steps", params.get(section, {}).get("steps") if section else figures.get("steps")),
            ("conversations", figures.get("conversations", {}).get("train")),
            ("minutes", round(seconds / 60, 1) if seconds else words["not_timed"]),
            ("memory", round(memory, 2) if memory else words["not_timed"]),
            ("machine", timing.get("machine", words["not_timed"])),
        ]
    return make_table(
        words["training"],
        [[labels[key], format_number(value, language)] for key, value in rows if value is not None],
    )


def describe_figures(facts: Facts, words: dict[str, Any], translate: Callable[[str], str]) -> str:
    """Return the table of the evaluation's figures for this model, with intervals and baselines."""
    metrics = facts.metrics.get("evaluate")
    if not metrics:
        return str(words["unknown"])
    kinds = FIGURES[facts.stage]
    own = {kind: metrics.get(kind, {}) if kind in kinds else {} for kind in (*ALWAYS, *kinds)}
    table = summary_table(own, translate)
    labels, *others = (list(column.cells) for column in table.columns)
    rows = [[translate(str(label)), *map(str, cells)] for label, *cells in zip(labels, *others, strict=True)]
    table_text = make_table(words["figures"], rows)
    return table_text if translate is str else re.sub(r"(?<=\d)\.(?=\d)", ",", table_text)


def describe_origin(facts: Facts, words: dict[str, Any]) -> str:
    """Return how the model can be made again."""
    if not facts.stage:
        return str(words["unknown"])
    commit = facts.commit or "?"
    return Template(words["reproduce"]).substitute(
        commit=commit, short=commit.rstrip("+")[:12], seed=facts.params.get("seed"), md5=facts.md5,
        stage=facts.stage,
    )  # fmt: skip


def make_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def format_number(value: Any, language: str) -> str:
    """Return a value as text: numbers with the separators of a language, - for None."""
    if value is None:
        return "-"
    if not isinstance(value, int | float):
        return str(value)
    text = f"{value:,}"
    return text.translate(str.maketrans(",.", ".,")) if language == "tr" else text


def describe_decoder(folder: Path) -> Model:
    """Return what a card says of a decoder's folder."""
    from pipeline.model.hf_io import read_config

    params, vocabulary = read_config(folder)
    sizes = f"{params.arch}, {params.layers} x {params.width}"
    role: Literal["base", "sft"] = "base" if folder.resolve().name == "base" else "sft"
    return Model(role, count_parameters(folder), sizes, params.context, vocabulary)


def describe_encoder(folder: Path) -> Model:
    """Return what a card says of an encoder's folder."""
    from pipeline.encoder.hf_io import load_encoder

    encoder = load_encoder(folder)
    config = encoder.model.config
    layers = getattr(config, "layers", 0)
    shape = f"ModernBERT, {layers} x {config.width}" if layers else f"StaticEmbedding, {config.width}"
    context = getattr(config, "context", None)
    return Model("encoder", count_parameters(folder), shape, context, config.vocab_size)


def count_parameters(folder: Path) -> int:
    """Return the number of weights in a folder's main file or files, read from their headers alone."""
    from pipeline.model.hf_io import find_weight_files

    return sum(count_weights(file) for file in find_weight_files(folder))


def count_weights(file: Path) -> int:
    """Return the number of weights that the header of a safetensors file names."""
    with file.open("rb") as stream:
        header = json.loads(stream.read(int.from_bytes(stream.read(8), "little")))
    sizes = (entry["shape"] for name, entry in header.items() if name != "__metadata__")
    total = 0
    for shape in sizes:
        count = 1
        for size in shape:
            count *= size
        total += count
    return total
