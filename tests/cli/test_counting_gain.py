from pipeline.cli.counting_gain import COUNTS, GAINS, LEADS, TEXT, expect_counts, expect_gain, is_measured


def test_expectations_are_the_measured_runs():
    assert [expect_counts(text) for text in TEXT] == list(COUNTS)
    for lead, gain in zip(LEADS, GAINS, strict=True):
        assert abs(expect_gain(COUNTS[-1] + lead, TEXT[-1]) - gain) < 1e-9


def test_more_text_and_a_weaker_network_gain_more():
    assert expect_gain(1.3, 50e6) > expect_gain(1.3, 10e6) > expect_gain(1.3, 5e6)
    assert expect_gain(1.4, 91e6) > expect_gain(1.2, 91e6) > expect_gain(1.1, 91e6)


def test_is_measured():
    assert is_measured(5.1e6)
    assert not is_measured(1e6)
    assert not is_measured(1e9)
