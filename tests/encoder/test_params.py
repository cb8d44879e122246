import pytest
import torch
from torch import nn

from pipeline.common.errors import UserError
from pipeline.training.optimizer import Optimizers
from pipeline.training.schedule import lr_multiplier
from tests.helpers.factories import encoder_params


def test_encoder_trains_with_adamw_and_a_decay_to_zero():
    params = encoder_params()
    (optimizer,) = Optimizers(nn.Linear(2, 2), params).all
    assert isinstance(optimizer, torch.optim.AdamW)
    assert optimizer.param_groups[0]["lr"] == params.learning_rate
    assert lr_multiplier(params.steps, params.steps, params) == 0


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
