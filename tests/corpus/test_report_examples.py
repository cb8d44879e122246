from pipeline.corpus.report_examples import repair_excerpt
from pipeline.text.clean import clean


def test_repair_excerpt_shows_repairs_and_not_white_space():
    for text, excerpt in [
        ("Ankara\u00a0büyüktür.\n\n Van\tda.", ""),
        ("Ankara\u00a0büyüktür.\ni\u0307zmir", "i\u0307zmir → izmir"),
        ("satır\nÅŸÄ±k", "ÅŸÄ±k → şık"),
    ]:
        assert repair_excerpt(text, clean(text)) == excerpt
