"""Rules that conversations pass, each with what it drops and what it must keep."""

import pytest

from pipeline.sft.rules import drop_greeting, find_fault, find_overlaps, mask_conversation
from pipeline.text.personal_data import EMAIL


def turns(*contents, system=None):
    roles = ["user", "assistant"] * len(contents)
    messages = [{"role": role, "content": text} for role, text in zip(roles, contents, strict=False)]
    return ([{"role": "system", "content": system}] if system is not None else []) + messages


@pytest.mark.parametrize(
    ("messages", "rule"),
    [
        (turns("Merhaba", "Selam"), None),
        (turns("Merhaba", "Selam", "Nasılsın?", system="Kısa konuş."), None),
        (turns(system="Kısa konuş."), "empty"),
        (turns(" ", "Selam"), "empty"),
        (turns()[:0], "empty"),
        (turns("Merhaba", "\n"), "silent"),
        (turns("Merhaba", "", "Nasılsın?", "İyi."), "silent"),
        ([*turns("Merhaba"), *turns("Selam"), turns("", "a")[1]], "out_of_order"),
        (turns("Merhaba", "Selam")[::-1], "out_of_order"),
        ([], "empty"),
        ([*turns("Merhaba", "Selam"), {"role": "system", "content": "Kısa konuş."}], "out_of_order"),
    ],
)
def test_find_fault(messages, rule):
    assert find_fault(messages) == rule


def test_mask_conversation_masks_what_people_must_not_be_found_by():
    first, second = mask_conversation(turns("Adresim ali@example.com", "Tamam."))
    assert first["content"] == f"Adresim {EMAIL}"
    assert second["content"] == "Tamam."


LONG = " ".join(f"kelime{i}" for i in range(120))


def test_find_overlaps_drops_copies_and_near_copies():
    conversations = [
        turns("Merhaba!", "Selam."),
        turns("merhaba", "SELAM"),
        turns("Merhaba!", "İyi günler."),
        turns(LONG, "Özet."),
        turns(LONG + " son", "Özet."),  # the longest stays
        turns(LONG.replace("kelime7 ", "başka "), "Özet."),
    ]
    assert find_overlaps(conversations, []) == [
        None, None, None, "near_copies", None, "near_copies",
    ]  # fmt: skip
    assert find_overlaps([turns("a", "b"), turns("a ", "b")], []) == [None, "duplicate"]
    assert find_overlaps([], []) == []


def test_find_overlaps_keeps_what_shares_a_passage_or_a_system_message():
    questions = [f"{name} hakkında bu metinde ne deniyor acaba?" for name in ("Ali", "Veli", "Ayşe", "Ece")]
    about = [turns(f"{LONG}\n\n{q}", f"{i} kez.") for i, q in enumerate(questions)]
    assert find_overlaps(about, []) == [None] * 4
    answers = [" ".join(f"söz{i * 100 + j}" for j in range(20)) for i in range(4)]
    told = [turns(q, answer, system=LONG) for q, answer in zip(questions, answers, strict=True)]
    assert find_overlaps(told, []) == [None] * 4
    repeated = [turns(f"{LONG}\n\nÖzetle.", "Özet."), turns(f"{LONG}\n\nÖzetler misin?", "özet")]
    assert find_overlaps(repeated, []) == ["near_copies", None]


def test_find_overlaps_tells_signs_and_letters_apart():
    pairs = [("Kaç derece", "-5"), ("Kaç derece", "5"), ("Büyük yaz: ali", "Ali"), ("Büyük yaz: Ali", "Ali")]
    assert find_overlaps([turns(*pair) for pair in pairs], []) == [None] * 4


def test_drop_greeting_drops_an_answer_before_the_first_question():
    greeting = {"role": "assistant", "content": "Nasıl yardımcı olabilirim?"}
    rest = turns("Merhaba", "Selam")
    assert drop_greeting([greeting, *rest]) == rest
    system = {"role": "system", "content": "Kısa konuş."}
    assert drop_greeting([system, greeting, *rest]) == [system, *rest]
    assert drop_greeting(rest) == rest


def test_find_overlaps_keeps_questions_of_one_form():
    names = ["Fransa", "Almanya", "İtalya", "İspanya", "Japonya", "Kanada", "Mısır", "Peru"]
    conversations = [
        turns(
            f"{name} ülkesinin başkenti neresidir, kısaca söyler misin?",
            f"{name} ülkesinin başkentini sordunuz.",
        )
        for name in names
    ]
    assert find_overlaps(conversations, []) == [None] * len(names)


def test_find_overlaps_drops_what_the_evaluation_asks():
    question = "Ankara hangi yılın hangi ayında Türkiye Cumhuriyeti'nin başkenti oldu?"
    conversations = [
        turns(question, "1923 yılında."),
        turns("Şunu yanıtla: " + question, "1923 yılında."),
        turns("Kim yazdı bunu", "Bilmiyorum."),
        turns("Evet", "Peki."),
        turns("Ankara nerede?", "İç Anadolu'da."),
    ]
    rules = find_overlaps(conversations, [question, "Kim yazdı bunu?", "Evet"])
    assert rules == ["contamination"] * 3 + [None, None]
