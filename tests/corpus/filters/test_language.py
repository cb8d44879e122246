from pipeline.corpus.filters.language import MIN_PROBABILITY, turkish_probability
from tests.helpers.prose import PROSE


def test_turkish_probability_of_turkish_and_other_languages():
    others = [
        "Bütün insanlar ləyaqət və hüquqlarına görə azad və bərabər doğulurlar. Onların şüurları var.",
        "Hemme adamlar öz mertebesi we hukuklary boýunça deň ýagdaýda dünýä inýärler. Olara aň berlendir.",
        "All human beings are born free and equal in dignity and rights. They are endowed with reason.",
    ]
    assert (
        turkish_probability([PROSE, PROSE.replace("ı", "i").replace("ş", "s").replace("ğ", "g")])
        >= MIN_PROBABILITY
    ).all()
    assert (turkish_probability([PROSE.replace("i", "İ").upper()]) >= MIN_PROBABILITY).all()
    assert (turkish_probability(others) < MIN_PROBABILITY).all()
