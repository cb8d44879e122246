import pytest

from pipeline.common import params
from pipeline.common.errors import UserError
from pipeline.encoder.params import EncoderParams


def changed(root, **values):
    section = params.read(root / "params.yaml")["encoder"]
    return params.parse(section | values, "encoder", EncoderParams)


def test_the_shipped_section_is_valid_and_trains_with_adamw(root):
    loop = changed(root).loop()
    assert (loop.optimizer, loop.schedule, loop.final_fraction) == ("adamw", "cosine", 0)
    assert loop.learning_rate == changed(root).learning_rate


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"heads": 5}, r"encoder.heads: 5: does not cut width 128 into even heads; nearest: 4$"),
        ({"heads": 128}, r"encoder.heads: 128: .*; nearest: 64$"),
        ({"span_tokens": 96}, r"encoder.span_tokens: 96: .* context of 97, not 96$"),
        ({"batch_size": 1}, r"encoder.batch_size: 1: .* greater than 1$"),
        ({"gate": "hard"}, r"encoder.gate: 'hard': .*"),
        ({"learning_rat": 1.0}, r"encoder.learning_rat: unknown key; did you mean 'learning_rate'\?$"),
    ],
)
def test_a_value_that_cannot_work_is_named(root, values, message):
    with pytest.raises(UserError, match=message):
        changed(root, **values)
