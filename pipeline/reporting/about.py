"""The beginning of the page: what the model is in three sentences, and the stages that it came from."""

from collections.abc import Iterator
from typing import NamedTuple

from pipeline.common.paths import STAGES
from pipeline.reporting.data import Run
from pipeline.reporting.markup import Html, Part, element, join
from pipeline.reporting.view import Extras, View, code

GOOD, POOR = 0.85, 0.5  # shares of right answers: from here on, and below
MOST_NAMED = 3  # skills in a sentence

SKILLS = [
    ("questions about its miniworld in new words", "questions.miniworld.exact_match"),
    ("answering out of a text that it is shown", "questions.miniworld_readings.told.right"),
    ("facts asked for as people type", "first_words.fact.share"),
    ("the first words of a conversation", "first_words.opener.share"),
    ("saying that it does not know", "first_words.outside.share"),
    ("remembering the name that it is told", "first_words.name.share"),
    ("questions that go on from the last one", "first_words.follow_up.share"),
]
RIVALS = ("kneser_ney_5", "word_frequency", "chance")  # of a model that tells sentences apart

# What each stage does, and which stages it reads from (held to dvc.yaml by a test).
STAGE_WORK = {
    "slice_corpus": "Read the sources, apply the filters, drop copies, split into train, val and test",
    "train_tokenizer": "Learn the vocabulary: which pieces a text is cut into",
    "pack_shards": "Encode the corpus once, into files of token ids",
    "train_encoder": "Train the sentence encoder, which finds passages by their meaning",
    "train_base": "Pretrain the decoder: which token comes next?",
    "train_sft": "Tune the decoder to answer in a conversation",
    "evaluate": "Measure the models beside simpler ones, and write this page",
}
READS_FROM = {
    "slice_corpus": (),
    "train_tokenizer": ("slice_corpus",),
    "pack_shards": ("slice_corpus", "train_tokenizer"),
    "train_encoder": ("slice_corpus", "train_tokenizer"),
    "train_base": ("train_tokenizer", "pack_shards"),
    "train_sft": ("slice_corpus", "train_base"),
    "evaluate": STAGES[:-1],
}
# Of each stage: a sentence, with the figures that it names.
STAGE_FIGURES = {
    "slice_corpus": ("{} documents to train on", ("train.documents", "count")),
    "train_tokenizer": ("{} bytes in a token", ("val.bytes_per_token", "2")),
    "pack_shards": ("{} tokens to train on", ("train.tokens", "count")),
    "train_encoder": (
        "{} of sentences find their own surroundings",
        ("retrieval.sentences.dense.recall_at_1", "percent"),
    ),
    "train_base": ("validation loss of {} nats a token", ("val_loss", "3")),
    "train_sft": ("{} of held-out answers right to the letter", ("exact_match", "percent")),
    "evaluate": ("{} bits for a byte of validation text", ("bits_per_byte.val.base", "3")),
}
# Where the lines of the drawn graph run in the row of a stage: from and to, as lane and height.
MAIN, BRANCH = 13, 33
RAILS = {
    "slice_corpus": [(MAIN, 50, MAIN, 100)],
    "train_tokenizer": [(MAIN, 0, MAIN, 100), (MAIN, 50, BRANCH, 100)],
    "pack_shards": [(MAIN, 0, MAIN, 100), (BRANCH, 0, BRANCH, 100)],
    "train_encoder": [(MAIN, 0, MAIN, 100), (BRANCH, 0, BRANCH, 100)],
    "train_base": [(MAIN, 0, MAIN, 100), (BRANCH, 0, BRANCH, 100)],
    "train_sft": [(MAIN, 0, MAIN, 100), (BRANCH, 0, BRANCH, 100)],
    "evaluate": [(MAIN, 0, MAIN, 50), (BRANCH, 0, MAIN, 50)],
}


class Skill(NamedTuple):
    """Something that the evaluation asks of a model, and how often it is right."""

    words: str
    path: str
    value: float
    rival: float  # the same share of what knows no grammar


def list_skills(run: Run) -> Iterator[Skill]:
    """Yield the skills that the run's evaluation has measured."""
    for words, path in SKILLS:
        yield from find_skill(run, words, path)
    for task in run.branch("evaluate", "questions"):
        if "miniworld" not in task:
            yield from find_skill(run, "questions of {}", f"questions.{task}.exact_match")
    for task in run.branch("evaluate", "minimal_pairs"):
        path = f"minimal_pairs.{task}"
        rivals = [run.value("evaluate", f"{path}.{name}") or 0.0 for name in RIVALS]
        words = "telling right sentences from wrong ones of {}"
        if task == "miniworld":
            words = "telling right sentences from wrong ones"
        yield from find_skill(run, words, f"{path}.mean", max(rivals))


def find_skill(run: Run, words: str, path: str, rival: float = 0.0) -> Iterator[Skill]:
    """Yield a skill, if the evaluation has measured it."""
    if (value := run.value("evaluate", path)) is not None:
        yield Skill(words, path, value, rival)


def name_skills(view: View, run: Run, skills: list[Skill]) -> Html:
    """Return skills as a list in a sentence, each with its figure."""
    named = []
    for skill in skills[:MOST_NAMED]:
        task = [code(skill.path.split(".")[1])] if "{}" in skill.words else []
        share = view.figure("evaluate", skill.path, "percent", run)
        named.append(join(view.say(skill.words, *task), " (", share, ")"))
    return join([[", " if i else None, part] for i, part in enumerate(named)])


def draw_sentences(view: View, run: Run) -> Html:
    """Return in three sentences what the model is, what it is good for, and what it is not good for."""
    skills = sorted(list_skills(run), key=lambda skill: -skill.value)
    good = [skill for skill in skills if skill.value >= GOOD and skill.value > skill.rival]
    poor = [skill for skill in skills[::-1] if skill.value < POOR]
    first = view.say("What was trained is not told: {} is missing.", code("reports/train_base/metrics.json"))
    if run.value("train_base", "parameters") is not None:
        names = list(run.branch("slice_corpus", "sources"))
        first = view.say(
            "This is a Turkish language model of {} million parameters: it has read {} million tokens of"
            " text ({}) and {} conversations.",
            view.figure("train_base", "parameters", "millions", run),
            view.figure("train_base", "tokens_seen", "millions", run),
            join([[", " if i else None, code(name)] for i, name in enumerate(names)]) or "?",
            view.figure("train_sft", "conversations.train", "count", run),
        )
    does_well = view.say("nothing that was asked of it does it do well")
    if good:
        does_well = view.say("it does well at: {}", name_skills(view, run, good))
    second = view.say("How well it does was not measured.")
    if run.value("evaluate", "bits_per_byte.val.base") is not None:
        second = view.say(
            "It needs {} bits for a byte of new text of this kind, where a 5-gram needs {}; {}.",
            *(
                view.figure("evaluate", f"bits_per_byte.val.{name}", "3", run)
                for name in ("base", "kneser_ney_5")
            ),
            does_well,
        )
    third = view.say("What has no figure on this page was not measured, so do not rely on it.")
    if poor:
        third = view.say(
            "It is not good for {}; what has no figure on this page was not measured, so do not rely on it.",
            name_skills(view, run, poor),
        )
    texts = {"is": first, "good": second, "poor": third}
    return element("div", [element("p", text, class_=name) for name, text in texts.items()], class_="lead")


def draw_about(view: View) -> Html:
    """Return what the model is, and its main figures."""
    tiles = [
        ("parameters", "train_base", "parameters", "count"),
        ("tokens that it read", "train_base", "tokens_seen", "count"),
        ("bits per byte (lower is better)", "evaluate", "bits_per_byte.val.base", "3"),
        ("right answers to new questions", "evaluate", "questions.miniworld.exact_match", "percent"),
    ]

    def draw_tiles(run: Run) -> Html:
        return element(
            "dl",
            [
                element(
                    "div", element("dt", view.word(label)), element("dd", view.figure(stage, path, kind, run))
                )
                for label, stage, path, kind in tiles
                if run.value(stage, path) is not None
            ],
            class_="tiles",
        )

    return view.sides(lambda run: [draw_sentences(view, run), draw_tiles(run)])


def draw_rail(stage: str) -> Html:
    """Return the part of the drawn graph that stands beside a stage."""
    lines = [
        element("line", x1=x1, y1=f"{y1}%", x2=x2, y2=f"{y2}%", class_="rail")
        for x1, y1, x2, y2 in RAILS[stage]
    ]
    lane = BRANCH if stage == "train_encoder" else MAIN
    dot = element("circle", cx=lane, cy="50%", r=7, class_="stop")
    return element("svg", lines, dot, class_="rails", aria_hidden="true")


def list_inputs(view: View, stage: str) -> Html | None:
    """Return what a stage reads from, where that is another stage."""
    names = ", ".join(READS_FROM[stage])
    return element("span", view.say("reads from {}", names), class_="reads") if names else None


def draw_state(view: View, stage: str) -> Part:
    """Return what is known of a stage beside its figures: whether it was rebuilt, its time, its memory."""
    extras = view.extras
    chips = []
    if stage in extras.states:
        chips.append(element("span", view.say("stale: {}", extras.states[stage]), class_="chip stale"))
    elif extras.rebuilt is not None:
        is_new = stage in extras.rebuilt
        word = view.word("rebuilt" if is_new else "kept from before")
        chips.append(element("span", word, class_="chip new" if is_new else "chip"))
    if stage in extras.seconds:
        chips.append(element("span", describe_seconds(view, stage), class_="chip"))
    if stage in extras.memory_gib:
        memory = view.number(extras.memory_gib[stage], "1", f"extras#memory_gib.{stage}")
        chips.append(element("span", view.say("{} GiB of memory", memory), class_="chip"))
    return chips


def describe_seconds(view: View, stage: str) -> Html:
    """Return the time that a stage took, in words."""
    seconds = view.extras.seconds[stage]
    size, unit = (seconds, "{} s") if seconds < 60 else (seconds / 60, "{} min")
    words = view.say(unit, view.quantity(size, "count"))
    return element("data", words, value=seconds, data_source=f"extras#seconds.{stage}", data_as="time")


def draw_graph(view: View) -> Html:
    """Return the stages as a graph, each with what it does, its main figure, and whether it was rebuilt."""
    rows = []
    for stage in STAGES:
        template, (path, kind) = STAGE_FIGURES[stage]
        figures = [
            element(
                "p",
                view.side(run),
                " ",
                view.say(template, view.figure(stage, path, kind, run)),
                class_="main-figure",
            )
            for run in view.runs
        ]
        rows.append(
            element(
                "li",
                draw_rail(stage),
                element(
                    "div",
                    element("p", code(stage), " ", list_inputs(view, stage), class_="stage"),
                    element("p", view.word(STAGE_WORK[stage])),
                    figures,
                    element("p", draw_state(view, stage), class_="chips"),
                ),
            )
        )
    extras = view.extras
    facts = {"machine: {}": extras.machine, "cost: {}": extras.cost}
    told = [view.say_paragraph(template, fact) for template, fact in facts.items() if fact]
    if not extras.seconds:
        command = "tezgah report --open" if extras == Extras() else "dvc repro"
        told.append(
            view.say_paragraph(
                "Time, memory and machine: not timed here. {} adds them.", code(command), class_="note"
            )
        )
    return join(element("ol", rows, class_="graph"), told)
