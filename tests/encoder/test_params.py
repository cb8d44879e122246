import pytest
import torch
from torch import nn

from pipeline.common.errors import UserError
from pipeline.encoder.pairs import KINDS
from pipeline.training.optimizer import Optimizers
from pipeline.training.schedule import lr_multiplier
from tests.helpers.factories import encoder_params


def test_encoder_trains_with_adamw_and_a_decay_to_zero():
    params = encoder_params()
    (optimizer,) = Optimizers(nn.Linear(2, 2), params).all
    assert isinstance(optimizer, torch.optim.AdamW)
    assert optimizer.param_groups[0]["lr"] == params.learning_rate
    assert lr_multiplier(params.steps, params.steps, params) == 0


NO_PAIRS = dict.fromkeys(KINDS, 0.0)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"layers": 2, "width": 128, "heads": 5}, r"encoder.heads: 5: .* width 128 .*; nearest: 4$"),
        ({"layers": 2, "width": 128, "heads": 128}, r"encoder.heads: 128: .*; nearest: 64$"),
        ({"layers": 2, "width": 63}, r"encoder.width 63 is odd"),
        ({"width": 64, "widths": [32, 64]}, r"encoder.widths: .*64 is not between 0 and encoder.width 64$"),
        ({"pairs": NO_PAIRS}, r"encoder.pairs: .*all shares are 0"),
        ({"pairs": NO_PAIRS | {"crop": 1.0}}, r"encoder.pairs.crop: unknown key; did you mean 'crops'\?$"),
        ({"vocab_size": 1}, r"encoder.vocab_size: 1: .* greater than or equal to 2$"),
        ({"vocabulary": "words"}, r"encoder.vocabulary: 'words': .*"),
        ({"batch_size": 1}, r"encoder.batch_size: 1: .* greater than 1$"),
        ({"gate": "hard"}, r"encoder.gate: 'hard': .*"),
        ({"learning_rat": 1.0}, r"encoder.learning_rat: unknown key; did you mean 'learning_rate'\?$"),
    ],
)
def test_encoder_params_invalid_value_is_named(values, message):
    with pytest.raises(UserError, match=message):
        encoder_params(**values)


def test_a_table_needs_no_heads_that_divide_its_width():
    assert encoder_params(layers=0, width=50, heads=4).count_weights(8192) == 50 * 8192
