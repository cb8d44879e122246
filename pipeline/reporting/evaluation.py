"""What the models can do: grammar, retrieval, questions, first words, each beside what is simpler."""

from collections.abc import Mapping, Sequence

from pipeline.evaluation.summary import LEAST_CHECKED
from pipeline.reporting.charts import Key, Mark, Row, draw_marks
from pipeline.reporting.data import SAMPLES, Run, Sample, read_samples
from pipeline.reporting.markup import Html, Part, element, join
from pipeline.reporting.view import METRICS, Column, View, code

STAGE = "evaluate"
HEIGHTS = {"": "50%", "A": "28%", "B": "72%"}  # of the marks of a run in a row
EVALUATION_FILE = f"{STAGE}/{METRICS}"
PAIR_BASELINES = {"kneser_ney_5": "5-gram", "word_frequency": "word frequency"}
PAIR_KEYS: dict[str, tuple[str, int]] = {
    "5-gram": ("diamond", 2), "word frequency": ("cross", 4), "by chance": ("guide", 4)
}  # fmt: skip
PAIR_COLUMNS = {
    "accuracy": ("model", "percent"), "low": ("lower bound", "percent"), "high": ("upper bound", "percent"),
    "word_frequency": ("word frequency", "percent"), "kneser_ney_5": ("5-gram", "percent"),
    "per_token": ("by the token", "percent"), "shorter": ("shorter side", "percent"),
    "n": ("number of pairs", "count"), "clusters": ("clusters", "count"),
}  # fmt: skip
# The sections of retrieval: a stage with such figures, and what its charts are called.
SEARCHES = {
    "evaluate": "Right text found first ({})",
    "train_encoder": "Validation of the encoder: own passage found first ({})",
}
LEXICAL, DENSE, UNTRAINED = ("diamond", 2), ("dot", 1), ("cross", 4)
KINDS_OF_SEARCH = [("lexical", *LEXICAL), ("dense and hybrid", *DENSE), ("without training", *UNTRAINED)]
SYSTEMS = {
    "words": ("lexical: whole words", *LEXICAL),
    "prefixes": ("lexical: first five letters", *LEXICAL),
    "grams": ("lexical: four letters in a row", *LEXICAL),
    "prefixes_grams": ("lexical: both of these", *LEXICAL),
    "dense": ("dense: the encoder", *DENSE),
    "hybrid": ("hybrid: dense and lexical", *DENSE),
    "random_idf": ("random vectors of words", *UNTRAINED),
    "untrained": ("the encoder before training", *UNTRAINED),
}
SEARCH_COLUMNS = {
    "recall_at_1": ("found first", "percent"), "recall_at_10": ("among ten", "percent"), "mrr": ("MRR", "3"),
    "ndcg_at_10": ("nDCG@10", "3"),
}  # fmt: skip
FIRST_WORDS = {
    "opener": "a greeting or another opening is answered in kind",
    "fact": "a fact of the miniworld, asked as people type",
    "outside": "outside the miniworld, it says that it does not know",
    "name": "the user's name is remembered",
    "follow_up": "a question that goes on from the last one",
    "false_refusals": "says that it does not know, though it should (lower is better)",
}
GROUNDED = {
    "right_quote": "the quoted sentence holds the answer",
    "words_in_common": "so does the sentence with most words in common",
    "right_place": "the quote is from the right text",
    "refused_without": "nothing is quoted where no text tells it",
    "false_refusals": "nothing is quoted though a text tells it (lower is better)",
}
SENTENCE: tuple[str, int] = ("diamond", 2)  # the mark of the sentence with most words in common
TASK_NAMES = {
    "miniworld": "new questions about the miniworld",
    "miniworld_seen": "questions that it was trained on",
    "miniworld_readings": "questions that a text answers which it is shown",
}


def share_row(view: View, label: Part, path: str, name: str, stage: str = STAGE) -> Row:
    """Return a row with a share, its interval, and of how many it is, of every run."""
    marks, figures = [], []
    for run, (_, shape, style) in zip(view.runs, own_keys(view), strict=True):
        value = run.value(stage, f"{path}.{name}")
        if value is None:
            continue
        low, high = (run.value(stage, f"{path}.{end}") for end in ("low", "high"))
        marks.append(Mark(value, shape, style, low, high, HEIGHTS[view.side(run)]))
        share = element("span", view.side(run), " ", view.figure(stage, f"{path}.{name}", "percent", run))
        parts: list[Part] = [share, " ", view.interval(stage, path, run=run), " "]
        if run.value(stage, f"{path}.n") is not None:
            parts.append(
                element("span", view.say("n = {}", view.figure(stage, f"{path}.n", "count", run)), class_="n")
            )
        figures.append(element("span", parts, class_="of-run"))
    return Row(label, marks, figures)


def own_keys(view: View) -> list[Key]:
    """Return what the marks of the runs mean; for one run, the model with its interval."""
    if len(view.runs) == 1:
        return [Key(view.word("the model, with its 95 % interval"), "dot", 1)]
    return [Key(view.labels[0], "square", 3), Key(view.labels[1], "dot", 1)]


def union(view: View, path: str) -> list[str]:
    """Return the keys under a path of the evaluation's metrics, of all runs."""
    return list(dict.fromkeys(key for run in view.runs for key in run.branch(STAGE, path)))


def draw_contamination(view: View, kind: str) -> Html | None:
    """Return how much of the tasks of a kind stands in the training text; None where nothing does."""
    told = []
    for run in view.runs:
        for task in run.branch(STAGE, kind):
            path = f"{kind}.{task}"
            share, count = (
                run.value(STAGE, f"{path}.{name}") for name in ("contaminated", "contamination_n")
            )
            if share and count and count >= LEAST_CHECKED:
                figure = view.figure(STAGE, f"{path}.contaminated", "percent", run)
                told.append(join(view.side(run), " ", code(task), " ", figure))
    if not told:
        return None
    listed = join([[", " if i else None, part] for i, part in enumerate(told)])
    return view.say_paragraph(
        "At least half of an item stands in the training text: {}.", listed, class_="note"
    )


def draw_pairs(view: View) -> Html:
    """Return the share of right sentences by phenomenon, beside word frequency and a 5-gram."""
    tasks = [task for task in union(view, "minimal_pairs") if union(view, f"minimal_pairs.{task}.types")]
    if not tasks:
        return view.absent(EVALUATION_FILE)
    return join([draw_pair_task(view, task) for task in tasks], draw_contamination(view, "minimal_pairs"))


def draw_pair_task(view: View, task: str) -> Html:
    """Return the chart and the table of a task of minimal pairs."""
    path = f"minimal_pairs.{task}"
    parts = {f"{path}.types.{kind}": view.name(kind) for kind in union(view, f"{path}.types")}
    rows = []
    for at, label in {path: element("strong", view.word("mean of all")), **parts}.items():
        row = share_row(view, label, at, "mean" if at == path else "accuracy")
        others = [
            Mark(value, *PAIR_KEYS[words])
            for name, words in PAIR_BASELINES.items()
            if (value := view.run.value(STAGE, f"{at}.{name}")) is not None
        ]
        rows.append(row._replace(marks=[*row.marks, *others]))
    keys = own_keys(view) + [Key(view.word(words), *look) for words, look in PAIR_KEYS.items()]
    title = view.say("Right sentences found likelier than wrong ones ({})", code(task))
    note = view.say_paragraph(
        "Where word frequency does as well as the model, a phenomenon says little of grammar: the right"
        " sentence simply has the commoner words. Chance is {}.",
        view.figure(STAGE, f"{path}.chance", "percent"),
        class_="note",
    )
    chart = draw_marks(
        view, f"pairs-{task}", title, rows, keys, guide=view.run.value(STAGE, f"{path}.chance")
    )
    return join(chart, note, draw_all_figures(view, STAGE, "phenomenon", parts, PAIR_COLUMNS))


def draw_all_figures(
    view: View, stage: str, first: str, paths: Mapping[str, Part], columns: Mapping[str, tuple[str, str]]
) -> Html:
    """Return a table on a click: a row for each of `paths` in a stage's metrics, a column for each figure."""
    heads = [Column(first, False), *(Column(words) for words, _ in columns.values())]

    def draw(run: Run) -> Html:
        rows = [
            [label, *(view.figure(stage, f"{path}.{name}", kind, run) for name, (_, kind) in columns.items())]
            for path, label in paths.items()
        ]
        return view.table(view.word("All figures"), heads, rows)

    return view.details("All figures as a table", view.sides(draw))


def draw_retrieval(view: View) -> Html:
    """Return how often the right text is found first: by words, by vectors, and by both."""
    parts = [
        draw_search(view, stage, f"retrieval.{task}", template)
        for stage, template in SEARCHES.items()
        for task in view.run.branch(stage, "retrieval")
    ]
    similar = view.sides(lambda run: draw_similarity(view, run))
    parts.append(draw_contamination(view, "retrieval"))
    return join(parts, similar) or join(view.absent(EVALUATION_FILE), view.absent(f"train_encoder/{METRICS}"))


def draw_search(view: View, stage: str, path: str, template: str) -> Html | None:
    """Return a chart of the systems of a retrieval task, and a table of all their figures."""
    task = path.split(".")[1]
    found = [name for name in SYSTEMS if view.run.value(stage, f"{path}.{name}.recall_at_1") is not None]
    rows = []
    for name in found:
        words, shape, style = SYSTEMS[name]
        row = share_row(view, view.word(words), f"{path}.{name}", "recall_at_1", stage=stage)
        if len(view.runs) == 1:
            row = row._replace(marks=[mark._replace(shape=shape, style=style) for mark in row.marks])
        rows.append(row)
    if not rows:
        return None
    keys = [Key(view.word(words), shape, style) for words, shape, style in KINDS_OF_SEARCH]
    title = view.say(template, code(task))
    chart = draw_marks(view, f"{stage}-{task}", title, rows, keys if len(view.runs) == 1 else own_keys(view))
    paths = {f"{path}.{name}": view.word(SYSTEMS[name][0]) for name in found}
    return join(chart, draw_all_figures(view, stage, "way of searching", paths, SEARCH_COLUMNS))


def draw_similarity(view: View, run: Run) -> Html | None:
    """Return how well the encoder orders pairs of texts as people do, where that was measured."""
    tasks = run.branch(STAGE, "similarity")
    if not tasks:
        return None
    names = ("encoder", "common_words")
    rows = [
        [code(task), *(view.figure(STAGE, f"similarity.{task}.{name}", "3", run) for name in names)]
        for task in tasks
    ]
    heads = [Column("task", False), Column("encoder"), Column("common words")]
    return view.table(view.word("Similarity: rank correlation with people"), heads, rows)


def draw_questions(view: View) -> Html:
    """Return the share of right answers by task and by family, and some answers, right and wrong."""
    tasks = union(view, "questions")
    if not tasks:
        return view.absent(EVALUATION_FILE)
    rows = [question_row(view, task) for task in tasks]
    keys = [*own_keys(view), Key(view.word("the sentence with most words in common"), *SENTENCE)]
    parts: list[Part] = [
        draw_marks(view, "questions-chart", view.word("Answers right to the letter"), rows, keys),
        [draw_false_refusals(view, task) for task in tasks],
        draw_contamination(view, "questions"),
    ]
    for task in tasks:
        families = union(view, f"questions.{task}.families")
        if len(families) < 2:
            continue
        shares = {
            family: view.run.value(STAGE, f"questions.{task}.families.{family}.exact_match") or 0.0
            for family in families
        }
        by_family = [
            share_row(view, code(family), f"questions.{task}.families.{family}", "exact_match")
            for family in sorted(families, key=lambda family: shares[family])
        ]
        chart = draw_marks(view, f"families-{task}", task_label(view, task), by_family, own_keys(view))
        summary = view.say("By family: {}", task_label(view, task))
        parts.append(element("details", element("summary", summary), chart))
    parts += [draw_grounded(view, task) for task in union(view, "grounded")]
    parts += [draw_choice(view)]
    return join(parts, view.sides(lambda run: draw_answers(view, run)))


def question_row(view: View, task: str) -> Row:
    """Return the row of a task of questions. Of those about a text only those count that it answers."""
    path = f"questions.{task}"
    if not view.run.branch(STAGE, f"{path}.told"):
        return share_row(view, task_label(view, task), path, "exact_match")
    row = share_row(view, task_label(view, task), f"{path}.told", "right")
    sentence = view.run.value(STAGE, f"{path}.best_sentence")
    return row if sentence is None else row._replace(marks=[*row.marks, Mark(sentence, *SENTENCE)])


def draw_false_refusals(view: View, task: str) -> Html | None:
    """Return how often the model says that a text does not tell what it tells; None without such a task."""
    path = f"questions.{task}"
    if not view.run.branch(STAGE, f"{path}.told"):
        return None

    def draw(run: Run) -> Html:
        return view.say_paragraph(
            "Of these questions ({}) it answers {} that the text does not tell, though it does. The sentence"
            " with most words in common holds the answer of {}.",
            code(task),
            view.figure(STAGE, f"{path}.false_refusals", "percent", run),
            view.figure(STAGE, f"{path}.best_sentence", "percent", run),
            class_="note",
        )

    return view.sides(draw)


def task_label(view: View, task: str) -> Part:
    """Return what a task of questions asks."""
    return view.word(TASK_NAMES[task]) if task in TASK_NAMES else code(task)


def draw_grounded(view: View, task: str) -> Html:
    """Return how often `tezgah ask` quotes the right sentence of documents."""
    rows = [
        share_row(view, view.word(words), f"grounded.{task}.{name}", "share")
        for name, words in GROUNDED.items()
        if any(run.value(STAGE, f"grounded.{task}.{name}.share") is not None for run in view.runs)
    ]
    title = view.say("Answers quoted out of documents, as {} does ({})", code("tezgah ask"), code(task))
    return draw_marks(view, f"grounded-{task}", title, rows, own_keys(view))


def draw_choice(view: View) -> Html | None:
    """Return the share of right options, where such a task was measured."""
    tasks = union(view, "choice")
    if not tasks:
        return None
    rows = []
    for task in tasks:
        row = share_row(view, code(task), f"choice.{task}", "accuracy")
        chance = view.run.value(STAGE, f"choice.{task}.chance")
        guess = [] if chance is None else [Mark(chance, "cross", 4)]
        rows.append(row._replace(marks=[*row.marks, *guess]))
    keys = [*own_keys(view), Key(view.word("a guess"), "cross", 4)]
    return draw_marks(view, "choice", view.word("Right options chosen"), rows, keys)


def draw_answers(view: View, run: Run) -> Part:
    """Return answers of the chat model, right and wrong, to questions that it was not trained on."""
    answers = [sample for sample in read_samples(run.text(SAMPLES)) if "models/sft" in sample.heading]
    if not answers:
        return view.absent(SAMPLES)
    return [
        element("h3", view.word("Questions and its answers")),
        element("ul", [draw_answer(view, sample) for sample in answers], class_="cards"),
    ]


def draw_answer(view: View, sample: Sample) -> Html:
    """Return a question with its answer, and whether that is right."""
    is_right = sample.verdict == "right"
    expected = sample.verdict.removeprefix("expected: ")
    verdict = None
    if is_right:
        verdict = element("p", "✓ ", view.word("right answer"), class_="verdict right")
    elif sample.verdict:
        verdict = element(
            "p", "✗ ", view.say("expected: {}", element("span", expected, lang="tr")), class_="verdict wrong"
        )
    return element(
        "li", element("p", sample.prompt, class_="prompt", lang="tr"), view.quote(sample.text), verdict
    )


def draw_first_words(view: View) -> Html:
    """Return the share of right answers to the first messages of a conversation."""
    kinds = union(view, "first_words")
    if not kinds:
        return view.absent(EVALUATION_FILE)
    order: Sequence[str] = [
        *(kind for kind in FIRST_WORDS if kind in kinds),
        *(k for k in kinds if k not in FIRST_WORDS),
    ]
    rows = [
        share_row(
            view,
            view.word(FIRST_WORDS[kind]) if kind in FIRST_WORDS else code(kind),
            f"first_words.{kind}",
            "share",
        )
        for kind in order
    ]
    return draw_marks(
        view, "first-words-chart", view.word("Right answers to first messages"), rows, own_keys(view)
    )
