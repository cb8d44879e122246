"""Questions about stories to read."""

import json
import random
from collections import Counter

from pipeline.miniworld import readings, texts
from pipeline.text.comparison_keys import answer_key
from pipeline.text.grounded import NOT_IN_PASSAGE, split_passage, word_keys


def compose(seed):
    return readings.compose_reading(random.Random(seed), texts.compose_short_story)


def test_readings_are_answered_or_refused():
    counts = Counter()
    for seed in range(400):
        turns = compose(seed)
        assert len(turns) in (2, 4)
        assert turns[0].endswith("?")
        for question, answer in zip(turns[::2], turns[1::2], strict=True):
            counts[answer == NOT_IN_PASSAGE] += 1
            assert question.endswith("?")
            assert answer
    assert 0.15 < counts[True] / counts.total() < 0.35
    assert compose(7) == compose(7)


def test_a_text_that_lost_its_answer_does_not_tell_it():
    for seed in range(200):
        rng = random.Random(seed)
        story = texts.compose_short_story(rng)
        answers = dict(story.qa_pairs)
        paragraphs, question = readings.leave_untold(rng, story, texts.compose_short_story)
        if question in answers:  # of this story, which lost a sentence
            assert not readings.is_told(paragraphs, answers[question])
            kept = split_passage("\n".join(paragraphs))
            assert set(kept) < set(split_passage("\n".join(story.paragraphs)))
        else:
            assert paragraphs == list(story.paragraphs)
        for paragraph in paragraphs:
            assert paragraph.count("“") == paragraph.count("”")


def test_held_out_readings_are_fixed_and_answered_by_their_passages():
    rows = list(readings.compose_held_out_readings(texts.compose_short_story))
    assert rows == list(readings.compose_held_out_readings(texts.compose_short_story))
    kinds = Counter(row["kind"] for row in rows)
    assert (kinds["told"], kinds["cut"] + kinds["other"]) == (200, 100)
    assert kinds["cut"] > 25
    assert len({json.dumps(row) for row in rows}) == 300
    told = [row for row in rows if row["kind"] == "told"]
    verbatim = [answer_key(row["answers"][0]) in answer_key(row["passage"]) for row in told]
    assert sum(verbatim) >= 0.85 * len(told)  # the others differ in an ending
    shared = [bool(readings.answer_keys(row["answers"][0]) & word_keys(row["passage"])) for row in told]
    assert sum(shared) >= 0.95 * len(told)  # not "Annesi" where the story says "annem"
    assert all(row["answers"] == [NOT_IN_PASSAGE] for row in rows if row["kind"] != "told")
