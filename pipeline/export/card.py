"""Model cards in English and Turkish: README.md and README.tr.md of an exported folder.

All figures come from the reports of the run, all params from dvc.lock. What is not known there is said to be
unknown.
"""

import io
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
from pipeline.export.source import is_base_model

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
# Of a figure's kind: what a hub calls the task and the figure, and where that stands.
INDEXED = {
    "bits_per_byte": ("text-generation", "bits_per_byte", "base"),
    "minimal_pairs": ("text-generation", "accuracy", "mean"),
    "questions": ("text-generation", "exact_match", "exact_match"),
    "retrieval": ("sentence-similarity", "recall_at_1", "dense.recall_at_1"),
    "similarity": ("sentence-similarity", "spearman", "encoder"),
}
SEEN = "miniworld_seen"  # the wordings of training, which tell nothing of a model's worth elsewhere
LOWEST = "the lowest families"  # a row of the evaluation's table: of a few questions each
WORDS = {
    "en": {
        "from_nothing": (
            "It was trained from nothing with Tezgâh, a workbench for small Turkish language models."
        ),
        "from_others": (
            "It was trained with Tezgâh, starting from $starts: their licenses and limits apply too."
        ),
        "from_unknown": "Where it comes from is not known here.",
        "rounded": "The figures are those of the weights in fp32. The weights here are of the type `$type`.",
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
        "rows": {
            "shape": "architecture", "parameters": "parameters", "context": "context (tokens)",
            "vocabulary": "vocabulary (pieces)", "tokens": "tokens read in pretraining",
            "steps": "optimizer steps of $stage", "conversations": "conversations trained on", "seed": "seed",
            "minutes": "minutes of $stage", "memory": "peak memory of $stage (GiB)",
            "machine": "machine of $stage",
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
        "no_commit": (
            "Seed $seed. `dvc.lock` has the folder's hash, `$md5`, but was not committed when this was"
            " written."
        ),
        "reproduce": (
            "Commit `$commit`, seed $seed, params as in `dvc.lock`. The folder has the hash `$md5` there."
            " In a clone of the project:\n\n```bash\ngit checkout $short\ndvc repro $stage\n```"
        ),
    },
    "tr": {
        "from_nothing": (
            "Küçük Türkçe dil modelleri için bir çalışma tezgâhı olan Tezgâh ile sıfırdan eğitildi."
        ),
        "from_others": "Tezgâh ile, $starts üzerine eğitildi: onların lisansı ve sınırları da geçerlidir.",
        "from_unknown": "Nereden geldiği burada bilinmiyor.",
        "rounded": "Ölçümler fp32 ağırlıklarındır. Buradaki ağırlıklar `$type` türündedir.",
        "base": "Türkçe metni sürdüren, $size parametreli bir dil modeli.",
        "sft": "Türkçe cevap veren, $size parametreli bir sohbet modeli.",
        "encoder": "Türkçe için $size parametreli bir cümle kodlayıcı: metinden vektöre.",
        "unknown": "Bilinmiyor: klasör bu projenin bir çalıştırmasının çıktısı değil.",
        "sources": ("kaynak", "tür", "lisans", "belge", "bayt"),
        "talks": ("konuşmalar", "tür", "lisans", "okunan", "kalan"),
        "no_license": "belirtilmemiş",
        "generated": (
            "miniworld metinlerini Tezgâh kendisi kurar: uydurma hikâyeler ve Türkiye üzerine bilgiler."
        ),
        "nothing_removed": "Hiçbir belge elenmedi.",
        "removed": ("filtre", "belge", "bayt"),
        "training": ("ne", "değer"),
        "figures": ("ölçü", "görev", "değer", "%95", "karşılaştırma"),
        "rows": {
            "shape": "mimari", "parameters": "parametre", "context": "bağlam (token)",
            "vocabulary": "sözcük dağarcığı (parça)", "tokens": "ön eğitimde okunan token",
            "steps": "$stage optimizasyon adımı", "conversations": "eğitimdeki konuşma",
            "seed": "tohum (seed)", "minutes": "$stage süresi (dakika)",
            "memory": "$stage en yüksek bellek (GiB)", "machine": "$stage makinesi",
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
        "no_commit": (
            "Seed $seed. Klasörün özeti `dvc.lock` içinde: `$md5`. Bu yazılırken `dvc.lock` henüz commit"
            " edilmemişti."
        ),
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
    is_stock: bool = True  # false: no library but this program computes it


def write_cards(
    made: Path,
    folder: Path,
    kind: Kind,
    name: str,
    model: Model,
    license: str | None,
    type: str | None = None,
) -> None:
    """Write the cards of an export into the folder `made`. `type` is that of rounded weights."""
    facts = read_facts(folder)
    license = license or infer_license(facts)
    files = sorted(path.relative_to(made).as_posix() for path in made.rglob("*") if path.is_file())
    for language, file in LANGUAGES.items():
        text = render_card(language, kind, name, model, facts, files, type)
        if language == "en":
            text = front_matter(kind, name, model, facts, license) + text
        write_atomic(made / file, text)


def check_license(license: str | None) -> None:
    """Raise UserError for a license that is no id."""
    if license is not None and not LICENSE.fullmatch(license):
        raise UserError(
            "--license: {license}: no id of a license; write one such as apache-2.0 or cc-by-4.0",
            license=repr(license),
        )


def infer_license(facts: Facts) -> str | None:
    """Return the license of a model that learned from generated text alone; None for any other."""
    is_generated = bool(facts.sources) and facts.all_licenses == {"Apache-2.0"}
    return "apache-2.0" if is_generated and not facts.starts_from else None


def front_matter(kind: Kind, name: str, model: Model, facts: Facts, license: str | None) -> str:
    """Return the metadata of a card, as the Hugging Face hub reads them."""
    is_encoder = model.role == "encoder"
    libraries = {"hf": "transformers", "onnx": "sentence-transformers", "gguf": "gguf", "ollama": "gguf"}
    library = libraries.get(kind) if model.is_stock else None
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
        task_type, metric, path = INDEXED[kind]
        for task, values in metrics.get(kind, {}).items():
            # Of questions about a passage only those count that it answers.
            told = values.get("told") if isinstance(values, dict) else None
            value: Any = values if not told else {path: told["right"]}
            for key in path.split("."):
                value = value.get(key) if isinstance(value, dict) else None
            if value is not None and task != SEEN:
                yield {
                    "task": {"type": task_type},
                    "dataset": {"name": f"{kind} of {task}", "type": task},
                    "metrics": [{"type": metric, "value": value}],
                }


def render_card(
    language: str,
    kind: Kind,
    name: str,
    model: Model,
    facts: Facts,
    files: Sequence[str],
    type: str | None = None,
) -> str:
    """Return a card as Markdown, without metadata."""
    words: dict[str, Any] = WORDS[language]
    translate: Callable[[str], str] = to_turkish if language == "tr" else str
    own_limits = words["encoder_limits" if model.role == "encoder" else "generator_limits"]
    snippets = list_snippets(kind, model.role, files, name, model.context, language, is_stock=model.is_stock)
    template = Template((TEMPLATES / f"{language}.md").read_text(encoding="utf-8"))
    return template.substitute(
        name=name,
        what=describe_model(model, facts, words, language),
        files="\n".join(f"- `{file}`" for file in files),
        use="\n\n".join(snippets),
        data=describe_data(facts, words, language),
        removed=describe_removed(facts, words, language),
        training=describe_training(model, facts, words, language),
        figures=describe_figures(facts, words, translate, type),
        limits=own_limits if model.role != "base" else f"{words['base_limits']}\n{own_limits}",
        safety=SAFETY[language]["encoder" if model.role == "encoder" else kind],
        reproduce=describe_origin(facts, words),
    )


def describe_model(model: Model, facts: Facts, words: dict[str, Any], language: str) -> str:
    """Return what a model is and where it comes from, in two sentences."""
    what = Template(words[model.role]).substitute(size=format_number(model.parameters, language))
    starts = ", ".join(f"`{name}`" for name in facts.starts_from)
    origin = "from_unknown" if not facts.stage else "from_others" if starts else "from_nothing"
    return f"{what} {Template(words[origin]).substitute(starts=starts)}"


def describe_data(facts: Facts, words: dict[str, Any], language: str) -> str:
    """Return the tables of sources, with licenses and sizes."""
    if not facts.sources:
        return str(words["unknown"])
    texts = facts.metrics.get("slice_corpus", {}).get("sources", {})
    kept = {name: sizes.get("kept", {}) for name, sizes in texts.items()}
    talks = facts.metrics.get("train_sft", {}).get("conversations", {}).get("sources", {})

    def list_sources(
        sources: dict[str, dict[str, Any]], sizes: dict[str, Any], keys: tuple[str, str]
    ) -> list[list[str]]:
        return [
            [
                describe_source(name, source),
                *describe_license(source, words),
                *(format_number(sizes.get(name, {}).get(key), language) for key in keys),
            ]
            for name, source in sources.items()
        ]

    parts = [make_table(words["sources"], list_sources(facts.sources, kept, ("documents", "bytes")))]
    if facts.conversations:
        parts.append(make_table(words["talks"], list_sources(facts.conversations, talks, ("read", "kept"))))
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


def describe_removed(facts: Facts, words: dict[str, Any], language: str) -> str:
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
            ("minutes", round(seconds / 60, 1) if seconds else None),
            ("memory", round(memory, 2) if memory else None),
            ("machine", timing.get("machine")),
        ]
    stage = f"`{facts.stage}`"
    return make_table(
        words["training"],
        [
            [Template(labels[key]).substitute(stage=stage), format_number(value, language)]
            for key, value in rows
            if value is not None
        ],
    )


def describe_figures(
    facts: Facts, words: dict[str, Any], translate: Callable[[str], str], type: str | None
) -> str:
    """Return the table of the evaluation's figures for this model, with intervals and baselines."""
    metrics = facts.metrics.get("evaluate")
    if not metrics:
        return str(words["unknown"])
    kinds = FIGURES[facts.stage]
    own = {kind: metrics.get(kind, {}) if kind in kinds else {} for kind in (*ALWAYS, *kinds)}
    table = summary_table(own)
    columns = [[cell for cell in column.cells if isinstance(cell, str)] for column in table.columns]
    rows = [list(map(translate, cells)) for cells in zip(*columns, strict=True) if cells[0] != LOWEST]
    text = make_table(words["figures"], rows)
    return f"{text}\n\n{Template(words['rounded']).substitute(type=type)}" if type else text


def describe_origin(facts: Facts, words: dict[str, Any]) -> str:
    """Return how the model can be made again."""
    if not facts.stage:
        return str(words["unknown"])
    commit = facts.commit
    if not commit:
        return Template(words["no_commit"]).substitute(seed=facts.params.get("seed"), md5=facts.md5)
    return Template(words["reproduce"]).substitute(
        commit=commit, short=commit[:12], seed=facts.params.get("seed"), md5=facts.md5,
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
    import torch

    from pipeline.model.decoder import Decoder, parameter_count
    from pipeline.model.hf_io import read_config

    params, vocabulary = read_config(folder)
    with torch.device("meta"):
        parameters = parameter_count(Decoder(params, vocabulary))
    role: Literal["base", "sft"] = "base" if is_base_model(folder) else "sft"
    shape = f"{params.arch}, {params.layers} x {params.width}"
    return Model(role, parameters, shape, params.context, vocabulary, is_stock=params.arch != "tanai")


def describe_encoder(folder: Path) -> Model:
    """Return what a card says of an encoder's folder."""
    from pipeline.encoder.hf_io import load_encoder
    from pipeline.model.decoder import parameter_count

    encoder = load_encoder(folder)
    config = encoder.model.config
    layers = getattr(config, "layers", 0)
    shape = f"ModernBERT, {layers} x {config.width}" if layers else f"StaticEmbedding, {config.width}"
    context = getattr(config, "context", None)
    return Model("encoder", parameter_count(encoder.model), shape, context, config.vocab_size)
