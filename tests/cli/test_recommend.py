"""`tezgah plan --minutes`: what it recommends for a budget, and that params.yaml takes it."""

import re

import pytest
import torch

from pipeline.cli import preset, rate, recommend
from pipeline.cli.check import check_params
from pipeline.cli.main import app
from pipeline.cli.recommend import choose_step_tokens, list_candidates, read_budget
from pipeline.common.errors import UserError
from pipeline.device.device import pick_precision
from pipeline.training.params import check_batches
from tests.helpers.small import set_params

TEXT = 100_000_000  # bytes


@pytest.fixture
def quiet(monkeypatch, project):
    """A machine of 1e11 operations a second, half of that in training. The shards are stale."""
    monkeypatch.setattr(rate, "measure_flops", lambda device, precision: 1e11)
    monkeypatch.setattr(rate, "used_cores", lambda: (0.0, 2))
    monkeypatch.setattr(recommend, "stale_stages", lambda: {"pack_shards": "never run"})
    monkeypatch.setattr(recommend, "measure_training", lambda params, device, expected: 5e10)
    monkeypatch.setenv("TEZGAH_SCRATCH", str(project / ".scratch"))


def best(flops, text=TEXT):
    return min(list_candidates(check_params(), text, flops), key=lambda candidate: candidate.bits)


def test_larger_budgets_get_larger_models_that_read_more_and_promise_less(project):
    runs = [best(flops) for flops in (1e13, 1e14, 1e15, 1e17)]
    assert [run.parameters for run in runs] == sorted({run.parameters for run in runs})
    assert [run.tokens for run in runs] == sorted({run.tokens for run in runs})
    assert [run.bits for run in runs] == sorted({run.bits for run in runs}, reverse=True)


@pytest.mark.parametrize("flops", [1e12, 1e13, 1.7e14, 1e16, 1e19])
def test_every_candidate_trains_for_the_budget_and_passes_the_checks(project, flops):
    for candidate in list_candidates(check_params(), TEXT, flops):
        params = candidate.params
        per_token = recommend.estimate.decoder_flops(params)
        assert candidate.tokens * per_token == pytest.approx(flops, rel=0.03)
        text, _ = preset.apply_overlays([("test", recommend.to_overlay(candidate))])
        checked = preset.check_params_text(text)
        check_batches(checked.train, checked.model, checked.runtime)
        assert checked.model == params.model
        assert checked.train.steps == params.train.steps


def test_a_small_budget_gets_a_small_vocabulary_and_a_large_one_keeps_its_own(project):
    set_params(project, "tokenizer", vocab_size=8192)
    assert [best(flops).params.tokenizer.vocab_size for flops in (3.2e12, 6e12, 1e13, 1.7e14)] == [
        4096, 4096, 8192, 8192,
    ]  # fmt: skip
    set_params(project, "tokenizer", vocab_size=1000)
    assert best(3.2e12).params.tokenizer.vocab_size == 1000


def test_little_text_asks_for_a_larger_model_on_fewer_tokens(project):
    assert best(1e15, text=1_000_000).parameters > best(1e15).parameters
    assert best(1e15, text=1_000_000).tokens < best(1e15).tokens


def test_text_that_is_read_many_times_asks_for_weight_decay(project):
    little = best(1e14, text=1_000_000)
    assert little.epochs > 4
    assert little.params.train.weight_decay == 0.3
    assert best(1e14).params.train.weight_decay == 0.0


def test_choose_step_tokens_grows_with_the_root_of_the_run_and_fills_all_processes():
    assert [choose_step_tokens(millions * 1e6, 256) for millions in (0.5, 0.9, 2.4, 9.3, 37)] == [
        1024, 1024, 1024, 2048, 8192,
    ]  # fmt: skip
    assert choose_step_tokens(1e8, 3 * 256) % (8 * 3 * 256) == 0
    assert choose_step_tokens(1e6, 3 * 256) == 3 * 256
    assert choose_step_tokens(1e6, 2 * 2048) == 4096


def test_print_recommendation_by_the_clock_prints_table_and_flags(project, quiet, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "120")
    app(["plan", "--minutes", "30"], standalone_mode=False)
    printed = capsys.readouterr().out
    precision = pick_precision("auto", torch.device("cpu"))
    budget = f"budget: 30 min here (cpu, {precision}), 9.0e+13 operations at 50 GFLOP/s of training"
    assert budget in printed
    assert re.search(r"text: about [\d.]+ MB to train on", printed)
    assert printed.count("←") == 1
    assert re.search(r"give or take 0\.0\d\d", printed)
    assert re.search(r"^dvc exp run -S model\.width=\d+ .*-S train\.steps=\d+", printed, re.M)


def test_print_recommendation_writes_what_it_shows_and_is_then_content(project, quiet, capsys):
    app(["plan", "--flops", "1.7e14", "--write"], standalone_mode=False)
    printed = capsys.readouterr().out
    width = re.search(r"model\.width: 224 -> (\d+)", printed).group(1)
    assert check_params().model.width == int(width)
    assert "these changes re-run: train_base, train_sft, evaluate" in printed
    app(["plan", "--flops", "1.7e14"], standalone_mode=False)
    assert "params.yaml has these values already" in capsys.readouterr().out


def test_print_recommendation_notes_text_that_is_too_little(project, quiet, capsys):
    app(["plan", "--flops", "1e18"], standalone_mode=False)
    printed = capsys.readouterr().out
    assert "a guess: no run of that size was measured" in printed
    assert re.search(r"note: train\.steps \d+ reads about .* times; more text is better", printed)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ((5.0, 1.0, None, False, False), "--minutes and --hours: give one budget"),
        ((None, None, 0.0, False, False), "--flops: 0: must be above 0"),
        ((-3.0, None, None, True, False), "--minutes: -3: must be above 0"),
        ((None, float("nan"), None, False, False), "--hours: nan: must be above 0"),
        ((None, None, None, True, False), "--write: nothing to write without --minutes, --hours or --flops"),
        ((5.0, None, None, False, True), "--minutes: give it without --probe"),
    ],
)
def test_read_budget_refuses(options, message):
    with pytest.raises(UserError, match=re.escape(message)):
        read_budget(*options)


def test_a_budget_of_less_than_a_warmup_is_refused(project):
    with pytest.raises(UserError, match=r"a budget of 1\.0e\+06 operations does not even warm up"):
        list_candidates(check_params(), TEXT, 1e6)


@pytest.mark.parametrize("context", [64, 192, 256, 1024])
def test_measure_training_counts_the_operations_that_it_times(project, monkeypatch, context):
    """A step of the stub takes a second for each token."""
    timed = []

    def time_random_step(model, optimizers, rows, length, precision, passes, loss_chunks):
        timed.append(rows * length * passes)
        return float(timed[-1])

    monkeypatch.setattr("pipeline.cli.plan.time_random_step", time_random_step)
    set_params(project, "model", context=context)
    set_params(project, "sft", context=context)
    set_params(project, "train", tokens_per_step=8 * context)
    params = best(1e13).params
    rate = recommend.measure_training(params, torch.device("cpu"), 1e11)
    assert rate == pytest.approx(recommend.estimate.decoder_flops(params))
    assert timed[0] == params.train.tokens_per_step
    assert recommend.measure_training(params, torch.device("cpu"), 1.0) == 1.0  # a step takes for ever


def test_a_busy_machine_is_planned_for_by_its_quiet_rate(project, quiet, monkeypatch, capsys):
    app(["plan", "--minutes", "30"], standalone_mode=False)
    assert "operations at 50 GFLOP/s of training" in capsys.readouterr().out
    monkeypatch.setattr(rate, "used_cores", lambda: (2.0, 2))
    app(["plan", "--minutes", "30"], standalone_mode=False)
    printed = capsys.readouterr().out
    assert "operations at 40 GFLOP/s of training" in printed  # 0.4 of 1e11
    assert "times are by its last rate when it was quiet" in printed


def test_the_recommendation_is_checked_before_it_is_written(project, quiet):
    set_params(project, "sft", context=256)
    (project / "data/raw/model/start").mkdir(parents=True)
    set_params(project, "train", init_from="data/raw/model/start")
    before = (project / "params.yaml").read_text()
    with pytest.raises(UserError, match="init_from"):
        app(["plan", "--flops", "1e14", "--write"], standalone_mode=False)
    assert (project / "params.yaml").read_text() == before


@pytest.mark.parametrize("name", ["baby-10m", "modern-42m", "tanai-42m", "llama-134m-tied", "llama-134m"])
def test_presets_of_models_train_as_the_law_and_the_recipe_say(project, name):
    preset.run_preset([name], False)
    params = check_params()
    parameters = params.model.count_weights(params.tokenizer.vocab_size)
    text = recommend.scaling.LAW.optimal_bytes(parameters)
    planned = recommend.plan_run(
        params, text / recommend.estimate.bytes_per_token(params.tokenizer.vocab_size)
    )
    keys = set(recommend.TRAIN_KEYS) - {"batch_size"}  # that is for a card
    assert {key: getattr(params.train, key) for key in keys} == {key: getattr(planned, key) for key in keys}
