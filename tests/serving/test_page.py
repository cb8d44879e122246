"""The chat page in a real Chromium: asks, stops, reloads, edits, continues, without a mouse too."""

import re

import pytest

from tests.helpers.browser import CHROMIUM

pytest.importorskip("playwright.sync_api", reason="run by `make test-all`")
axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="run by `make test-all`")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium"),
]
ANSWER = ".turn.assistant:last-child"


@pytest.fixture
def open_page(browser, server):
    """Return a function that opens the page; afterwards nothing may have gone wrong in it."""
    complaints, contexts = [], []

    def note(what, is_fine):
        # A request that the server refuses is told in the console, and on the page.
        if not is_fine and "responded with a status of 400" not in what:
            complaints.append(what)

    def open_in(**options):
        context = browser.new_context(**({"locale": "tr-TR"} | options))
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda message: note(message.text, message.type != "error"))
        page.on("request", lambda request: note(request.url, request.url.startswith((server.url, "data:"))))
        page.goto(server.url)
        page.wait_for_selector(".empty button")
        return page

    yield open_in
    for context in contexts:
        context.close()
    assert complaints == []


def ask(page, text, wait=True):
    page.fill("#message", text)
    page.press("#message", "Enter")
    if wait:
        page.wait_for_selector(f"{ANSWER} .tools button")


def set_value(page, name, value):
    page.click("#open-settings")
    page.fill(f"#{name}", value)
    page.click("#open-settings")


def test_answers_are_kept_and_found_again_after_a_reload(open_page):
    page = open_page()
    assert page.inner_text("#send") == "Gönder"
    set_value(page, "max_tokens", "12")
    ask(page, "merhaba <b>dünya</b>")
    texts = page.locator(".turn .text").all_inner_texts()
    assert texts[0] == "merhaba <b>dünya</b>"
    assert len(texts) == 2
    assert re.search(r"\d+ token, saniyede \d+", page.inner_text(ANSWER))
    page.reload()
    page.wait_for_selector(ANSWER)
    assert page.locator(".turn .text").all_inner_texts() == texts
    assert page.input_value("#max_tokens") == "12"
    page.click("#new")
    assert page.locator(".turn").count() == 0
    page.click("#list button:first-child")
    assert page.locator(".turn .text").all_inner_texts() == texts
    page.click("#list button:last-child")
    assert page.locator("#list li").count() == 0


def test_answer_is_stopped_and_its_slot_is_free(open_page, server, monkeypatch):
    from tests.serving.test_limits import slow_down

    slow_down(monkeypatch, 0.03)
    page = open_page()
    set_value(page, "seed", "0")
    ask(page, "uzun", wait=False)
    page.wait_for_selector(f"{ANSWER} .t")
    page.click("#stop")
    page.wait_for_selector(f"{ANSWER} .tools button")
    assert "durduruldu" in page.inner_text(ANSWER)
    server.wait_until_idle(1.0)


def test_retry_edit_and_continue(open_page):
    page = open_page()
    set_value(page, "max_tokens", "5")
    set_value(page, "seed", "0")
    ask(page, "bir")
    first = page.inner_text(f"{ANSWER} .text")
    page.get_by_role("button", name="Devam et").click()
    page.wait_for_selector(f"{ANSWER} .tools button")
    assert page.inner_text(f"{ANSWER} .text").startswith(first)
    page.get_by_role("button", name="Yeniden").click()
    page.wait_for_selector(f"{ANSWER} .tools button")
    assert page.locator(".turn").count() == 2
    page.get_by_role("button", name="Düzenle").click()
    assert page.input_value("#message") == "bir"
    ask(page, "iki")
    assert page.locator(".turn .text").first.inner_text() == "iki"
    assert page.locator(".turn").count() == 2


def test_rivals_of_a_token_are_shown_to_the_mouse_and_to_the_keyboard(open_page):
    page = open_page()
    set_value(page, "seed", "0")
    ask(page, "merhaba")
    page.hover(f"{ANSWER} .t >> nth=0")
    shown = page.inner_text("#rivals")
    assert "olasılık" in shown
    assert page.locator("#rivals tr").count() == 5
    page.mouse.move(1, 1)
    page.wait_for_selector("#rivals", state="hidden")
    page.focus("#log")
    page.keyboard.press("ArrowRight")
    assert page.inner_text("#rivals") == shown
    page.keyboard.press("Escape")
    assert page.is_hidden("#rivals")


def test_the_base_model_continues_a_text(open_page):
    page = open_page()
    page.select_option("#model", "base")
    set_value(page, "max_tokens", "6")
    set_value(page, "seed", "0")
    ask(page, "Bir gün")
    assert page.inner_text(f"{ANSWER} .begun") == "Bir gün"
    page.get_by_role("button", name="Devam et").click()
    page.wait_for_selector(f"{ANSWER} .tools button")
    assert page.locator(".turn").count() == 1


def test_the_page_speaks_english_too_and_tells_errors(open_page):
    page = open_page(locale="en-US")
    assert page.inner_text("#send") == "Send"
    ask(page, "gün " * 400, wait=False)
    page.wait_for_selector("[role=alert]")
    assert "longer than this model can read" in page.inner_text("[role=alert]")
    page.click("#language")
    assert page.inner_text("#send") == "Gönder"
    assert page.evaluate("document.documentElement.lang") == "tr"


def test_a_token_is_asked_for_once(start_server, browser):
    guarded = start_server(token="sir-123")
    page = browser.new_page(locale="tr-TR")
    page.goto(guarded.url)
    page.fill("#token", "sir-123")
    page.get_by_role("button", name="Tamam").click()
    page.wait_for_selector(".empty button")
    ask(page, "merhaba")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 768, 1280])
def test_axe_finds_no_serious_fault(open_page, width, scheme):
    page = open_page(viewport={"width": width, "height": 740}, color_scheme=scheme)
    ask(page, "merhaba")
    page.click("#open-settings")
    found = axe.Axe().run(page).response["violations"]
    serious = [fault["id"] for fault in found if fault["impact"] in ("serious", "critical")]
    assert serious == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_an_answer_out_of_documents_stands_beside_its_place(docs_server, browser):
    page = browser.new_page(locale="tr-TR")
    page.goto(docs_server.url)
    page.wait_for_selector(".empty button")
    page.get_by_label("Belgelerden").check()
    ask(page, "kitaplar ne zaman iade edilir")
    assert page.inner_text(f"{ANSWER} .text").startswith("Ödünç alınan kitaplar")
    assert "yönetmelik.md, 5. satır" in page.inner_text(f"{ANSWER} .sources")
    page.get_by_text("Bulunan yerler").click()
    assert page.locator(f"{ANSWER} mark").first.inner_text() == "kitaplar"
    ask(page, "Fransa'nın başkenti neresi?")
    assert page.inner_text(f"{ANSWER} .text") == "Belgelerde bulamadım."
    page.reload()
    page.wait_for_selector(f"{ANSWER} .text")
    assert page.get_by_label("Belgelerden").is_checked()
    page.close()


def test_settings_are_sent_as_they_are_shown(open_page):
    page = open_page()
    sent = []
    page.on("request", lambda request: sent.append(request.post_data_json) if request.post_data else None)
    for name, value in (("temperature", "0.75"), ("top_p", "0.9"), ("min_p", "0.02")):
        set_value(page, name, value)
    ask(page, "merhaba")
    assert (sent[0]["temperature"], sent[0]["top_p"], sent[0]["min_p"]) == (0.75, 0.9, 0.02)


def test_editing_a_question_that_waits_keeps_what_stands_before(open_page, monkeypatch):
    from tests.serving.test_limits import slow_down

    page = open_page()
    set_value(page, "max_tokens", "3")
    ask(page, "bir")
    before = page.locator(".turn .text").all_inner_texts()
    slow_down(monkeypatch, 0.5)
    ask(page, "iki", wait=False)
    page.get_by_role("button", name="Düzenle").last.click()
    page.wait_for_timeout(300)
    assert page.locator(".turn .text").all_inner_texts() == before


def test_two_tabs_keep_both_conversations(open_page):
    one = open_page()
    two = one.context.new_page()
    two.goto(one.url)
    two.wait_for_selector(".empty button")
    for page, text in ((one, "birinci"), (two, "ikinci")):
        set_value(page, "max_tokens", "3")
        ask(page, text)
    one.reload()
    one.wait_for_selector("#list li")
    assert sorted(one.locator("#list li button:first-child").all_inner_texts()) == ["birinci", "ikinci"]
