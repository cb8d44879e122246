import pytest

from pipeline.common.errors import UserError
from tests.helpers.factories import encoder_params


def test_loop_params_of_the_shipped_section_are_adamw():
    loop = encoder_params().loop_params()
    assert (loop.optimizer, loop.schedule, loop.final_fraction) == ("adamw", "cosine", 0)
    assert loop.learning_rate == encoder_params().learning_rate


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
def test_encoder_params_invalid_value_is_named(values, message):
    with pytest.raises(UserError, match=message):
        encoder_params(**values)
