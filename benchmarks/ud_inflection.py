"""Evaluate the inflector on real treebanks: the share of attested forms that it builds.

    python -m benchmarks.ud_inflection ../shared/data/morph/ud_inflection.tsv --half dev --errors 100

The file is tab-separated with a header and has a row for every distinct (form, lemma, upos, feats) of
Universal Dependencies treebanks. Prints tables for people and one JSON line for machines.

Halves. A lemma, whatever its part of speech, is in the development half when the SHA-256 of its
lower-case letters is even and in the held-out half when it is odd. Wrong rows of the held-out half are
never shown: rules and lexicon may be fitted to the development half alone.

What counts. *Nouns*: rows of NOUN and PROPN that have Case and no features but Case, Number, Person,
Number[psor] and Person[psor]. *Simple finite verbs*: rows of VERB with Person, Number and Polarity, with
VerbForm=Fin or none, whose bundle of Aspect, Evident, Mood and Tense is a key of `BUNDLES`. What is left
out is printed with its rows, and so is what each of `EXCLUSIONS` takes off, in their order. No rule
knows what the inflector makes of a row.

When a row is right. UD merges paradigms, so a verb row is right when its form is in the set of forms
that its features stand for; the mean size of the sets is printed. Of a noun, treebanks may have several
forms under one key (lemma, upos, feats); any of them counts. Forms are compared in lower case and
without apostrophes, which treebanks write and drop as they like; a second figure keeps them.
"""

import argparse
import csv
import hashlib
import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from pipeline.text.casing import lower, upper
from pipeline.turkish.inflect import Form, acronym, inflect, name, noun, verb
from pipeline.turkish.lexicon import IRREGULAR_FORMS

HALVES = ("dev", "heldout", "all")
NOMINAL = ("NOUN", "PROPN")


@dataclass(frozen=True)
class Row:
    """One distinct (form, lemma, upos, feats) of a treebank."""

    form: str
    lemma: str
    upos: str
    feats: str

    @cached_property
    def features(self) -> dict[str, str]:
        return {} if self.feats == "_" else dict(pair.split("=", 1) for pair in self.feats.split("|"))

    @cached_property
    def endings(self) -> list[str]:
        """The form without the lemma, for each way in which the stem may have changed."""
        form = fold(self.form)
        return [form.removeprefix(stem) for stem in stem_variants(fold(self.lemma)) if form.startswith(stem)]

    @property
    def is_finite(self) -> bool:
        """A verb row that is no participle, verbal noun or converb."""
        return self.upos == "VERB" and self.features.get("VerbForm", "Fin") == "Fin"


def read_rows(path: Path) -> list[Row]:
    """Return the rows of the file."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        return [Row(row["form"], row["lemma"], row["upos"], row["feats"]) for row in rows]


def assign_half(lemma: str) -> str:
    """Return the half, dev or heldout, of a lemma and all its rows."""
    return ("dev", "heldout")[hashlib.sha256(lower(lemma).encode()).digest()[-1] % 2]


def fold(text: str) -> str:
    """Return `text` in lower case, without apostrophes."""
    return lower(text).replace("'", "").replace("’", "")


# Exclusions: rows in which UD hides derivation, or calls a predicate a verb. A rule sees a row and the
# verb lemmas of the file, nothing else.

VOICED = {"p": "b", "ç": "c", "t": "d", "k": "ğ"}
VOWELS = "aâıioôuûeêîöü"


def stem_variants(lemma: str) -> Iterator[str]:
    """Yield `lemma` and the stems that it may become before a vowel: kitab, reng, hakk, burn, cevr."""
    yield lemma
    last = lemma[-1:]
    if last in VOICED:
        yield lemma[:-1] + VOICED[last]
    if last == "k":
        yield lemma[:-1] + "g"
    if last and last not in VOWELS:
        yield lemma + last
        if lemma[-2:-1] in VOWELS:
            yield lemma[:-2] + last
            yield lemma[:-2] + VOICED.get(last, last)


POSSESSOR = "(?:s?[ıiuü]|[ıiuü]?[mn](?:[ıiuü]z)?|l[ae]r[ıi])?"
CASE = "(?:[yn]?[ıiuü]|[yn]?[ae]|n?[ıiuü]n|n?[dt][ae]n?|y?l[ae]|n?[cç][ae])?"
INFLECTION = f"(?:l[ae]r)?{POSSESSOR}{CASE}"
DERIVATION = (
    "(?:l[ıiuü][kğ]?|[cç][ıiuü]|m[ae][kğ]?"  # -lI, -lIk, -CI, -mA, -mAk
    "|[dt][ıiuü][kğ]|y?(?:aca|ece)[kğ]|y?[ıiuü]ş)"  # -DIk, -(y)AcAk, -(y)Iş
)
COPULA = (
    "(?:[dt][ıiuü]r(?:l[ae]r)?"  # -DIr
    "|y?[dt][ıiuü](?:[mnk]|n[ıiuü]z|l[ae]r)?"  # -(y)DI and its persons
    "|y?m[ıiuü]ş(?:[ıiuü][mz]|s[ıiuü]n(?:[ıiuü]z)?|l[ae]r)?"  # -(y)mIş
    "|y?s[ae](?:[mnk]|n[ıi]z|l[ae]r)?"  # -(y)sA
    "|y[ıiuü][mz]|s[ıiuü]n(?:[ıiuü]z)?)"  # "I am", "we are", "you are"
)


def _match_endings(pattern: str) -> Callable[[Row], bool]:
    matches = re.compile(pattern).fullmatch
    return lambda row: any(matches(ending) for ending in row.endings)


is_inflection = _match_endings(INFLECTION)
starts_with_derivation = _match_endings(f"{DERIVATION}.*")
has_derivation = _match_endings(f".+{DERIVATION}{INFLECTION}")
is_to_my = _match_endings("m[ae]")
has_ki = _match_endings(f"{INFLECTION}k[iü](?:(?:l[ae]r|n).*)?")
is_copular = _match_endings(f"{INFLECTION}{COPULA}")
starts_with_r = _match_endings("r.*")


def verb_lemma(row: Row, verbs: frozenset[str]) -> bool:
    """A noun whose lemma is also a verb's: alması of al, giydiği of giy, and at, the horse, with them."""
    return row.upos in NOMINAL and fold(row.lemma) in verbs


def derivation(row: Row, verbs: frozenset[str]) -> bool:
    """Derivation added to the lemma: evlilik of ev, sonsuzluğa of son, yıkılması of yıkıl.

    No inflection begins like these suffixes, but for -(I)m-A, "to my", after a vowel (odama). Behind another
    suffix they count where no inflection explains the whole ending.
    """
    if row.upos not in NOMINAL:
        return False
    if starts_with_derivation(row):
        my = row.features.get("Person[psor]") == "1" and row.features.get("Number[psor]") == "Sing"
        return not (my and is_to_my(row))
    return has_derivation(row) and not is_inflection(row)


def ki(row: Row, verbs: frozenset[str]) -> bool:
    """-ki after a case: bağdakini of bağ, başkalarınınki of başka."""
    return row.upos in NOMINAL and has_ki(row) and not is_inflection(row)


def copula(row: Row, verbs: frozenset[str]) -> bool:
    """A noun or adjective as predicate: süredir, emindim; as a finite verb row, adamdı and odasındaydık.

    A finite verb has polarity and neither case nor possessor. Where a noun is the predicate, treebanks drop
    the polarity or keep the case.
    """
    if row.upos in NOMINAL:
        return row.features.get("Person", "3") != "3" or (is_copular(row) and not is_inflection(row))
    return row.is_finite and (
        "Polarity" not in row.features or "Case" in row.features or "Person[psor]" in row.features
    )


def plural_read_as_verb(row: Row, verbs: frozenset[str]) -> bool:
    """A noun with the lemma of a verb in -lA that its plural resembles: ayaklarını of ayakla."""
    return row.upos in NOMINAL and fold(row.lemma).endswith(("la", "le")) and starts_with_r(row)


def voice(row: Row, verbs: frozenset[str]) -> bool:
    """A verb whose voice is a feature, which does not tell the suffix: -DIr, -t, -Ir, -Il, -n, -Iş."""
    return row.upos == "VERB" and "Voice" in row.features


Rule = Callable[[Row, frozenset[str]], bool]
EXCLUSIONS: tuple[Rule, ...] = (verb_lemma, derivation, ki, copula, plural_read_as_verb, voice)


def collect_verb_lemmas(rows: Sequence[Row]) -> frozenset[str]:
    """Return the lemmas of verb rows, except nouns as predicates."""
    return frozenset(fold(row.lemma) for row in rows if row.upos == "VERB" and not copula(row, frozenset()))


def exclude(rows: Sequence[Row], verbs: frozenset[str]) -> tuple[list[Row], dict[str, list[Row]]]:
    """Return the rows that stay, and the excluded ones by the first rule that matched."""
    kept: list[Row] = []
    excluded: dict[str, list[Row]] = {rule.__name__: [] for rule in EXCLUSIONS}
    for row in rows:
        rule = next((rule for rule in EXCLUSIONS if rule(row, verbs)), None)
        (kept if rule is None else excluded[rule.__name__]).append(row)
    return kept, excluded


# Rows to forms: the tags of the inflector that a row's features stand for.

NUMBERS = {"Sing": "sg", "Plur": "pl"}
PERSONS = ("1", "2", "3")
NOUN_FEATURES = {"Case", "Number", "Person", "Number[psor]", "Person[psor]"}
CASES = {
    "Nom": "", "Acc": "acc", "Gen": "gen", "Dat": "dat",
    "Loc": "loc", "Abl": "abl", "Ins": "ins", "Equ": "equ",
}  # fmt: skip

# (Aspect, Evident, Mood, Tense), "" where absent, after Ind and Pot are taken off the mood: the paradigms.
BUNDLES: dict[tuple[str, str, str, str], tuple[str, ...]] = {
    ("Perf", "", "", "Past"): ("past", "prog past", "evid past", "aor past", "fut past", "makta past"),
    ("Perf", "Fh", "", "Past"): ("past", "prog past", "aor past", "fut past"),
    ("Perf", "", "", "Pres"): ("evid", "evid cop", "prog evid", "aor evid"),
    ("", "Nfh", "", "Past"): ("evid", "evid cop"),
    ("Prog", "", "", "Pres"): ("prog", "prog cop", "makta", "makta cop"),
    ("Prog", "", "", ""): ("prog",),
    ("Prog", "Fh", "", "Past"): ("prog past",),
    ("Prog", "Nfh", "", "Past"): ("prog evid",),
    ("Hab", "", "", "Pres"): ("aor",),
    ("Hab", "", "Gen", "Pres"): ("aor",),
    ("Hab", "Fh", "", "Pres"): ("aor past",),
    ("Perf", "", "Gen", "Past"): ("aor past",),
    ("Perf", "", "Gen", "Pres"): ("aor evid",),
    ("Perf", "", "", "Fut"): ("fut", "fut cop", "fut evid"),
    ("Imp", "", "", "Fut"): ("fut",),
    ("Imp", "Fh", "", "Fut"): ("fut past",),
    ("", "", "Imp", "Pres"): ("imp",),
    ("", "", "Imp", ""): ("imp",),
    ("", "", "Opt", "Pres"): ("opt",),
    ("", "", "Opt", ""): ("opt",),
    ("Perf", "", "Opt", "Past"): ("opt past",),
    ("Perf", "Fh", "Opt", "Past"): ("opt past",),
    ("", "", "Nec", "Pres"): ("nec",),
    ("", "", "Nec", ""): ("nec",),
    ("Perf", "", "Nec", "Past"): ("nec past",),
    ("", "", "Des", "Pres"): ("cond",),
    ("", "", "Des", ""): ("cond",),
    ("Perf", "", "Des", "Past"): ("cond past",),
    ("Perf", "Fh", "Des", "Past"): ("cond past",),
    ("Hab", "", "Cnd", "Pres"): ("aor cond",),
    ("Hab", "", "CndGen", "Pres"): ("aor cond",),
    ("Prog", "", "Cnd", "Pres"): ("prog cond",),
    ("Perf", "", "Cnd", "Past"): ("past cond",),
    ("Perf", "", "Cnd", "Pres"): ("evid cond",),
}


def feature_bundle(features: Mapping[str, str]) -> tuple[str, str, str, str]:
    """Return Aspect, Evident, Mood and Tense as keys of BUNDLES: without Ind and Pot, the ability suffix."""
    mood = features.get("Mood", "").removesuffix("Pot").removesuffix("Ind")
    return features.get("Aspect", ""), features.get("Evident", ""), mood, features.get("Tense", "")


def is_counted(row: Row) -> bool:
    """Return whether the row is a noun of plain inflection or a simple finite verb (see the module)."""
    features = row.features
    if not {features.get(key, "Sing") for key in ("Number", "Number[psor]")} <= NUMBERS.keys():
        return False
    if not {features.get(key, "3") for key in ("Person", "Person[psor]")} <= set(PERSONS):
        return False
    if row.upos in NOMINAL:
        return features.keys() <= NOUN_FEATURES and features.get("Case") in CASES
    return (
        row.is_finite
        and {"Person", "Number", "Polarity"} <= features.keys()
        and feature_bundle(features) in BUNDLES
    )


def nominal_tags(features: Mapping[str, str]) -> str:
    """Return a noun's features as tags: "pl p1sg loc"."""
    tags = ["pl"] if features.get("Number") == "Plur" else []
    if "Number[psor]" in features:
        tags.append(f"p{features.get('Person[psor]', '3')}{NUMBERS[features['Number[psor]']]}")
    return " ".join([*tags, CASES[features["Case"]]]).strip()


def verbal_tags(features: Mapping[str, str]) -> list[str]:
    """Return the tags of every form that a simple finite verb's features stand for."""
    person = NUMBERS[features["Number"]] + features["Person"]
    able, negative = features.get("Mood", "").endswith("Pot"), features["Polarity"] == "Neg"
    if not negative:
        heads = ["abil"] if able else [""]
    elif able:
        heads = ["abil neg", "neg abil"]  # edemez, "cannot do", and etmeyebilir, "may not do"
    elif "VerbForm" not in features:
        heads = ["neg", "abil neg"]  # treebanks without VerbForm leave Pot out of a negation
    else:
        heads = ["neg"]
    tails = [
        tail for paradigm in BUNDLES[feature_bundle(features)] for tail in _with_person(paradigm, person)
    ]
    return [f"{head} {tail}".strip() for head in heads for tail in tails]


def _with_person(paradigm: str, person: str) -> list[str]:
    tense, _, rest = paradigm.partition(" ")
    if person == "sg3" and tense != "imp":
        return [paradigm]
    if paradigm == "imp" and person == "pl2":
        return ["imp pl2", "imp polite"]  # gelin, geliniz
    last, before = f"{paradigm} {person}", f"{tense} {person} {rest}"
    if not rest or person != "pl3":
        return [before] if rest == "cop" else [last]  # gelmişimdir, but gelmiştim
    return [last, before]  # geliyordular and geliyorlardı


def lemma_form(row: Row) -> Form:
    """Return the lemma as the inflector takes it, with the capitals of the form (ABD of "abd")."""
    if row.upos == "VERB":
        return verb(row.lemma)
    if row.upos == "NOUN":
        return noun(row.lemma)
    start = row.form[: len(row.lemma)]
    written = start if lower(start) == lower(row.lemma) else row.lemma
    is_acronym = len(written) > 1 and written.isalpha() and written == upper(written)
    return acronym(written) if is_acronym else name(written)


def build_forms(row: Row) -> set[str]:
    """Return the forms that the row's features stand for, as far as the inflector can build them."""
    tags = verbal_tags(row.features) if row.upos == "VERB" else [nominal_tags(row.features)]
    return set(_try_forms(row, tags))


def _try_forms(row: Row, paradigms: Sequence[str]) -> Iterator[str]:
    for tags in paradigms:
        try:
            yield inflect(lemma_form(row), tags)
        except ValueError:
            continue


@dataclass
class Score:
    """Numbers of counted rows and of right ones."""

    rows: int = 0
    right: int = 0
    inflected: int = 0  # rows whose form is not the bare lemma
    inflected_right: int = 0
    exact: int = 0  # right with the apostrophe as it is written

    @property
    def accuracy(self) -> float:
        return self.right / self.rows if self.rows else 0.0

    def add(self, row: Row, forms: set[str], attested: set[str]) -> bool:
        """Count the row; return whether it is right."""
        right = any(fold(form) in {fold(other) for other in attested} for form in forms)
        inflected = fold(row.form) != fold(row.lemma)
        self.rows += 1
        self.right += right
        self.inflected += inflected
        self.inflected_right += inflected and right
        self.exact += any(lower(form) in {lower(other) for other in attested} for form in forms)
        return right


@dataclass
class Report:
    """The result of `judge`."""

    excluded: dict[str, list[Row]]
    left_out: Counter[str]  # features of rows that no rule excludes and that do not count either
    scores: dict[str, Score]  # by upos
    wrong: list[tuple[Row, set[str]]]
    forms_per_verb_row: float  # forms that a verb row's features stand for
    listed: list[str]  # lemmas of counted rows of which the lexicon lists whole forms
    lemmas: int  # of counted rows

    @property
    def nouns(self) -> float:
        """Accuracy over nouns and proper nouns."""
        rows = [self.scores[upos] for upos in NOMINAL]
        return sum(score.right for score in rows) / sum(score.rows for score in rows)

    @property
    def listed_share(self) -> float:
        return len(self.listed) / self.lemmas


def judge(rows: Sequence[Row], half: str = "all") -> Report:
    """Evaluate the inflector on one half of the rows, "dev", "heldout" or "all"."""
    chosen = [row for row in rows if half in ("all", assign_half(row.lemma))]
    kept, excluded = exclude(chosen, collect_verb_lemmas(rows))
    counted = [row for row in kept if is_counted(row)]
    attested: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    for row in counted:
        attested[row.lemma, row.upos, row.feats].add(row.form)
    scores = {upos: Score() for upos in (*NOMINAL, "VERB")}
    wrong, set_sizes = [], []
    for row in counted:
        forms = build_forms(row)
        attested_forms = attested[row.lemma, row.upos, row.feats]
        if not scores[row.upos].add(row, forms, {row.form} if row.upos == "VERB" else attested_forms):
            wrong.append((row, forms))
        if row.upos == "VERB":
            set_sizes.append(len(forms))
    irregular_lemmas = {lower(lemma) for lemma, _ in IRREGULAR_FORMS}
    lemmas = {lower(row.lemma) for row in counted}
    left_out = Counter(f"{row.upos} {_describe_left_out(row)}" for row in kept if not is_counted(row))
    mean_set = sum(set_sizes) / max(len(set_sizes), 1)
    return Report(excluded, left_out, scores, wrong, mean_set, sorted(lemmas & irregular_lemmas), len(lemmas))


def _describe_left_out(row: Row) -> str:
    features = row.features
    if row.upos in NOMINAL or not row.is_finite:
        return features.get("VerbForm", row.feats)
    return "|".join(
        f"{key}={features[key]}" for key in ("Aspect", "Evident", "Mood", "Tense") if key in features
    )


def print_report(report: Report) -> None:
    """Print the report as tables."""
    print("excluded rows")
    for rule in EXCLUSIONS:
        why = (rule.__doc__ or "").partition("\n")[0]
        print(f"  {len(report.excluded[rule.__name__]):6}  {rule.__name__:20} {why}")
    print("rows left out: no plain inflection of a noun, no simple finite verb")
    for features, number in report.left_out.most_common():
        print(f"  {number:6}  {features}")
    print(f"{'':8}{'rows':>7}{'right':>7}{'share':>9}{'not the lemma':>15}{'with apostrophes':>18}")
    for upos, score in report.scores.items():
        print(
            f"{upos:8}{score.rows:7}{score.right:7}{score.accuracy:9.2%}"
            f"{score.inflected_right / max(score.inflected, 1):15.2%}{score.exact / max(score.rows, 1):18.2%}"
        )
    print(f"nouns and proper nouns together {report.nouns:.2%}")
    print(f"a verb row stands for {report.forms_per_verb_row:.2f} forms on average")
    print(
        f"lemmas with whole listed forms: {len(report.listed)} of {report.lemmas}, {report.listed_share:.2%}"
    )


def to_json(report: Report, half: str) -> str:
    """Return the report as one line of JSON."""
    numbers = {
        "half": half,
        "excluded": {rule: len(rows) for rule, rows in report.excluded.items()},
        "rows": {upos: score.rows for upos, score in report.scores.items()},
        "right": {upos: score.right for upos, score in report.scores.items()},
        "nouns": round(report.nouns, 4),
        "verbs": round(report.scores["VERB"].accuracy, 4),
        "forms_per_verb_row": round(report.forms_per_verb_row, 2),
        "listed_share": round(report.listed_share, 4),
    }
    return json.dumps(numbers, ensure_ascii=False)


def main(arguments: Sequence[str] | None = None) -> None:
    """Evaluate one half of a file and print the report."""
    parser = argparse.ArgumentParser(prog="benchmarks.ud_inflection", description=__doc__.partition("\n")[0])
    parser.add_argument("path", type=Path)
    parser.add_argument("--half", choices=HALVES, default="heldout")
    parser.add_argument(
        "--errors", type=int, default=0, metavar="N", help="print N wrong rows (dev half only)"
    )
    args = parser.parse_args(arguments)
    if args.errors and args.half != "dev":
        parser.error("wrong rows are shown of the development half alone: --half dev")
    report = judge(read_rows(args.path), args.half)
    for row, forms in report.wrong[: args.errors]:
        print(
            row.upos, row.lemma, row.form, "not", " ".join(sorted(forms)) or "(no form)", row.feats, sep="\t"
        )
    print_report(report)
    print(to_json(report, args.half))


if __name__ == "__main__":
    main()
