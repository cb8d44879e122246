import csv
from pathlib import Path

import pytest

from benchmarks.ud_inflection import (
    BUNDLES,
    Report,
    Row,
    assign_half,
    build_forms,
    collect_verb_lemmas,
    exclude,
    is_counted,
    judge,
    main,
    read_rows,
    to_json,
    verbal_tags,
)
from pipeline.turkish.inflect import acronym, inflect, name, noun, numeral, verb
from tests.helpers.paths import SHARED

TREEBANKS = SHARED / "morph/ud_inflection.tsv"
KINDS = {"noun": noun, "name": name, "acronym": acronym, "numeral": numeral, "verb": verb}

with (Path(__file__).parent / "inflections.tsv").open(encoding="utf-8", newline="") as file:
    OURS = [tuple(row.values()) for row in csv.DictReader(file, delimiter="\t")]

ACC = "Case=Acc|Number=Sing|Person=3"
NOM = "Case=Nom|Number=Sing|Person=3"
POSS1 = "|Number[psor]=Sing|Person[psor]=1"
POSS3 = "|Number[psor]=Sing|Person[psor]=3"
KENET_PAST = "Aspect=Perf|Mood=Ind|Number=Sing|Person=3|Polarity=Pos|Tense=Past|VerbForm=Fin"


@pytest.mark.parametrize(("kind", "lemma", "tags", "form"), OURS)
def test_inflect_matches_the_hand_written_list(kind: str, lemma: str, tags: str, form: str) -> None:
    assert inflect(KINDS[kind](lemma), tags) == form


def test_hand_written_list_has_no_duplicates() -> None:
    assert len(OURS) >= 150
    assert len({row[:3] for row in OURS}) == len(OURS)


EXCLUDED = [
    (Row("alması", "al", "NOUN", NOM + POSS3), "verb_lemma"),
    (Row("evlilik", "ev", "NOUN", NOM), "derivation"),
    (Row("pamukludan", "pamuk", "NOUN", "Case=Abl|Number=Sing|Person=3"), "derivation"),
    (Row("golcünün", "gol", "NOUN", "Case=Gen|Number=Sing|Person=3"), "derivation"),
    (Row("yıkılması", "yıkıl", "NOUN", NOM + POSS3), "derivation"),
    (Row("sollamak", "solla", "NOUN", NOM), "derivation"),
    (Row("çatırdadığını", "çatırda", "NOUN", ACC + POSS3), "derivation"),
    (Row("gideceği", "git", "NOUN", NOM + POSS3), "derivation"),
    (Row("çıkışını", "çık", "NOUN", ACC + POSS3), "derivation"),
    (Row("sonsuzluğu", "son", "NOUN", ACC), "derivation"),
    (Row("bağdakini", "bağ", "NOUN", ACC), "ki"),
    (Row("İzmir'deki", "İzmir", "PROPN", "Case=Loc|Number=Sing|Person=3"), "ki"),
    (Row("süredir", "süre", "NOUN", NOM), "copula"),
    (Row("yataktayım", "yatak", "NOUN", "Case=Loc|Number=Sing|Person=1"), "copula"),
    (Row("adamdı", "adam", "VERB", KENET_PAST.replace("|Polarity=Pos", "")), "copula"),
    (Row("evimdir", "ev", "VERB", "Mood=Gen|Number=Sing|Person=3|Polarity=Pos|Tense=Pres" + POSS1), "copula"),
    (Row("ayaklarını", "ayakla", "NOUN", ACC + POSS3), "plural_read_as_verb"),
    (Row("yazıldı", "yaz", "VERB", KENET_PAST + "|Voice=Pass"), "voice"),
]
KEPT = [
    Row("odama", "oda", "NOUN", "Case=Dat|Number=Sing|Person=3" + POSS1),
    Row("gözlüğünü", "gözlük", "NOUN", ACC + POSS3),
    Row("evinde", "ev", "NOUN", "Case=Loc|Number=Sing|Person=3" + POSS3),
    Row("kanadı", "kanat", "NOUN", ACC),
    Row("çamaşırı", "çamaşır", "NOUN", ACC),
    Row("çadır", "çadır", "NOUN", NOM),
    Row("tarlalar", "tarla", "NOUN", "Case=Nom|Number=Plur|Person=3"),
    Row("kitabıyla", "kitap", "NOUN", "Case=Ins|Number=Sing|Person=3" + POSS3),
    Row("keki", "kek", "NOUN", ACC),
    Row("burnumuzdan", "burun", "NOUN", "Case=Abl|Number=Sing|Number[psor]=Plur|Person=3|Person[psor]=1"),
    Row("Ankara'nın", "ankara", "PROPN", "Case=Gen|Number=Sing"),
    Row("aldı", "al", "VERB", KENET_PAST),
]


@pytest.mark.parametrize(("row", "rule"), EXCLUDED)
def test_exclude_applies_the_rule(row: Row, rule: str) -> None:
    _, excluded = exclude([row], frozenset({"al"}))
    assert [name for name, rows in excluded.items() if rows] == [rule]


@pytest.mark.parametrize("row", KEPT)
def test_exclude_keeps_plain_inflection(row: Row) -> None:
    kept, _ = exclude([row], frozenset({"al"}))
    assert kept == [row]
    assert is_counted(row)


def test_collect_verb_lemmas_skips_nouns_as_predicates() -> None:
    adam = Row("adamdı", "adam", "VERB", KENET_PAST.replace("|Polarity=Pos", ""))
    assert collect_verb_lemmas([adam, Row("aldı", "al", "VERB", KENET_PAST)]) == {"al"}


@pytest.mark.parametrize("form", ["aldı", "alıyordu", "almıştı", "alırdı", "alacaktı"])
def test_build_forms_merges_the_past_paradigms(form: str) -> None:
    assert form in build_forms(Row(form, "al", "VERB", KENET_PAST))


def test_build_forms_has_no_other_tense() -> None:
    assert not {"alır", "almış", "alıyor", "alsaydı"} & build_forms(Row("aldı", "al", "VERB", KENET_PAST))


def test_build_forms_applies_person_and_negation_to_every_form() -> None:
    feats = "Aspect=Prog|Mood=Ind|Number=Plur|Person=3|Polarity=Neg|Tense=Pres|VerbForm=Fin"
    expected = {"gelmiyorlar", "gelmiyorlardır", "gelmiyordurlar"}
    expected |= {"gelmemekteler", "gelmemektelerdir", "gelmemektedirler"}
    assert build_forms(Row("gelmiyorlar", "gel", "VERB", feats)) == expected


def test_build_forms_puts_ability_on_either_side_of_negation() -> None:
    feats = "Aspect=Hab|Mood=GenPot|Number=Sing|Person=3|Polarity=Neg|Tense=Pres|VerbForm=Fin"
    assert build_forms(Row("edemez", "et", "VERB", feats)) == {"edemez", "etmeyebilir"}


def test_verbal_tags_are_all_known_to_the_inflector() -> None:
    for aspect, evident, mood, tense in BUNDLES:
        features = {"Aspect": aspect, "Evident": evident, "Mood": mood, "Tense": tense}
        for tags in verbal_tags(features | {"Number": "Sing", "Person": "3", "Polarity": "Pos"}):
            assert inflect(verb("gel"), tags).startswith("gel")


def test_judge_accepts_any_attested_noun_form_but_only_the_verbs_own() -> None:
    rows = [
        Row("kitabı", "kitap", "NOUN", ACC),
        Row("kitapı", "kitap", "NOUN", ACC),
        Row("aldı", "al", "VERB", KENET_PAST),
        Row("alsaydı", "al", "VERB", KENET_PAST),
    ]
    report = judge(rows)
    assert report.scores["NOUN"].right == 2
    assert [row.form for row, _ in report.wrong] == ["alsaydı"]
    assert '"right": {"NOUN": 2, "PROPN": 0, "VERB": 1}' in to_json(report, "all")


def test_judge_counts_apostrophes_apart() -> None:
    genitive = "Case=Gen|Number=Sing"
    report = judge([Row("Ankaranın", "ankara", "PROPN", genitive), Row("ABD'nin", "abd", "PROPN", genitive)])
    assert report.scores["PROPN"].right == 2
    assert report.scores["PROPN"].exact == 1


def test_assign_half_ignores_case() -> None:
    assert assign_half("İstanbul") == assign_half("istanbul")
    assert {assign_half(lemma) for lemma in ("ev", "kitap", "su", "göz", "kapı", "yol")} == {"dev", "heldout"}


@pytest.mark.parametrize("half", ["heldout", "all"])
def test_main_never_shows_held_out_errors(
    half: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main([str(tmp_path / "none.tsv"), "--half", half, "--errors", "5"])
    assert "development half" in capsys.readouterr().err


@pytest.fixture(scope="module")
def heldout() -> Report:
    if not TREEBANKS.is_file():
        pytest.skip("no treebanks beside the checkout")
    return judge(read_rows(TREEBANKS), "heldout")


def test_judge_noun_accuracy_on_real_treebanks(heldout: Report) -> None:
    assert heldout.nouns >= 0.96


def test_judge_verb_accuracy_on_real_treebanks(heldout: Report) -> None:
    assert heldout.scores["VERB"].accuracy >= 0.95


def test_judge_hardly_any_lemma_has_irregular_forms(heldout: Report) -> None:
    assert heldout.listed_share <= 0.01


def test_exclude_takes_no_more_rows_than_recorded(heldout: Report) -> None:
    assert {rule: len(rows) for rule, rows in heldout.excluded.items()} == {
        "verb_lemma": 1140,
        "derivation": 115,
        "ki": 25,
        "copula": 254,
        "plural_read_as_verb": 20,
        "voice": 392,
    }
    assert {upos: score.rows for upos, score in heldout.scores.items()} == {
        "NOUN": 5243,
        "PROPN": 566,
        "VERB": 2170,
    }
