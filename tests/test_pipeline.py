"""The whole pipeline in a clean clone, as a stranger would run it: the smoke preset, end to end."""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from pipeline.cli.main import main
from pipeline.common.paths import STAGES
from tests.helpers.english import find_english
from tests.helpers.small import sentences

ALL = list(STAGES)
# What DVC itself says, in English.
DVC_LINE = re.compile(r"Running stage|> |Updating|Generating|Use `dvc|To (track|enable)|\tgit add|Stage ")


class Clone:
    """A clean copy of this repository with the smoke preset applied and committed."""

    def __init__(self, folder: Path, root: Path) -> None:
        self.folder = folder
        tools = Path(sys.executable).parent  # dvc runs `python` by name
        self.env = {
            **os.environ,
            "TEZGAH_SCRATCH": str(folder / ".scratch"),
            "PATH": f"{tools}:{os.environ['PATH']}",
        }
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=root,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for name in filter(None, listed.split("\0")):
            if (root / name).is_file() and name != "dvc.lock":
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(root / name, folder / name)
        self.sh("git init -q && git config user.name t && git config user.email t@t")
        self.sh("python -m pipeline.cli preset smoke && git add -A && git commit -qm smoke")

    def sh(self, command: str, status: int = 0) -> str:
        """What `command` prints; it must end with `status`."""
        done = subprocess.run(
            command,
            cwd=self.folder,
            shell=True,
            env=self.env,
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        assert done.returncode == status, done.stdout
        return done.stdout

    def lock(self) -> dict[str, dict[str, str]]:
        """The md5 of every output, by stage."""
        lock = YAML(typ="safe", pure=True).load((self.folder / "dvc.lock").read_text())["stages"]
        return {name: {out["path"]: out["md5"] for out in stage["outs"]} for name, stage in lock.items()}

    def ran(self, printed: str) -> list[str]:
        """The stages that a repro ran."""
        return [stage for stage in ALL if f"Running stage '{stage}'" in printed]

    def weights(self, model: str) -> bytes:
        return (self.folder / f"models/{model}/model.safetensors").read_bytes()


@pytest.fixture(scope="module")
def clone(root, tmp_path_factory):
    made = Clone(tmp_path_factory.mktemp("clone"), root)
    made.first = made.sh("TEZGAH_LANG=tr dvc repro")
    return made


def test_repro_runs_all_stages(clone):
    assert clone.ran(clone.first) == ALL
    assert "Traceback" not in clone.first
    for stage in ALL:
        metrics = json.loads((clone.folder / f"reports/{stage}/metrics.json").read_text())
        assert metrics
    samples = (clone.folder / "reports/evaluate/samples.md").read_text(encoding="utf-8")
    assert "Ankara" in samples
    for place, stage in enumerate(ALL, start=1):
        assert f"aşama {place}/7: {stage}" in clone.first


def test_stages_speak_turkish_where_the_terminal_does(clone):
    printed = [line for line in clone.first.splitlines() if not DVC_LINE.match(line)]
    assert len(printed) > 40
    assert not find_english("\n".join(printed))


# Each command once; what it needs is there after `dvc repro`, or is made by a command before it.
COMMANDS = """
check
plan
plan --minutes 2
plan --tuning
status
doctor
report
report --compare HEAD
compare HEAD workspace
tasks
sft preview
preset
preset minute --flags
preset smoke
tokenize "Çekoslovakyalılaştıramadıklarımızdan mısınız?"
tokenize ""
shards
shards --split val --start 5 --count 20
infer "Ankara nerede?" --max-new-tokens 8
infer "Bir gün" --model models/base --max-new-tokens 8
index belgeler
index belgeler --encoder models/encoder
search "kitap iadesi"
search "zzzz" --lexical
ask "Kitaplar ne zaman iade edilir?"
export hf
export gguf
export ollama
export encoder
export page
import hf models/base --to data/raw/model/first
add my.txt
add --sft talks.jsonl
add --eval questions quiz.csv --column question=soru,answers=yanit
push exports/sft-hf ayse/masal
clean
chek
check nostage
infer
add broken.gz
add broken.parquet
plan --hours x
preset smok
shards --start 99999999
"""


def test_report_shows_the_figures(clone):
    printed = clone.sh("tezgah report")
    assert "bits/byte" in printed
    assert "what training has brought" in printed
    assert "dvc exp run -S train.batch_size=4" in printed


def test_repro_runs_nothing_the_second_time(clone):
    printed = clone.sh("dvc repro")
    assert clone.ran(printed) == []
    assert "up to date" in printed


def test_status_and_plan_say_what_is_stale_and_why(clone):
    assert clone.sh("tezgah status").count("up to date") == 7
    assert "`dvc repro` will run nothing" in clone.sh("tezgah plan")
    clone.sh("sed -i 's/^  steps: 40 /  steps: 41 /' params.yaml")
    printed = clone.sh("COLUMNS=200 tezgah status")
    assert "stale: train.steps" in printed
    assert "stale: reads what train_base writes" in printed
    assert "`dvc repro` will run train_base: train.steps" in clone.sh("tezgah plan")
    clone.sh("git checkout -q params.yaml")


@pytest.mark.slow
def test_commands_speak_turkish_where_the_terminal_does(clone, monkeypatch, capsys):
    """In this process, as starting each anew takes a second."""
    monkeypatch.chdir(clone.folder)
    for name, value in (clone.env | {"TEZGAH_LANG": "tr", "COLUMNS": "80"}).items():
        monkeypatch.setenv(name, value)
    Path("belgeler").mkdir()
    Path("belgeler/iade.md").write_text("Kitaplar on beş gün içinde iade edilir.", encoding="utf-8")
    Path("my.txt").write_text("\n\n".join(sentences(300)), encoding="utf-8")
    Path("quiz.csv").write_text("soru,yanit\nAnkara nerede?,İç Anadolu'da\n", encoding="utf-8")
    turn = {"user": "Ankara nerede?", "assistant": "İç Anadolu'da."}
    Path("talks.jsonl").write_text(json.dumps(turn, ensure_ascii=False) + "\n", encoding="utf-8")
    Path("broken.gz").write_bytes(b"no gzip")
    Path("broken.parquet").write_bytes(b"PAR1xx")
    spoken = {}
    for command in COMMANDS.strip().splitlines():
        monkeypatch.setattr(sys, "argv", ["tezgah", *shlex.split(command)])
        with pytest.raises(SystemExit):
            main()
        done = capsys.readouterr()
        assert done.out + done.err, command
        spoken[command] = find_english(done.out + done.err)
    clone.sh("git checkout -q . && git clean -fdq && git clean -fdqx data/raw exports")
    assert [f"{command}: {found}" for command, found in spoken.items() if found] == []


def test_infer_gives_an_answer_that_the_seed_decides(clone):
    command = 'tezgah infer "Ankara nerede?" --max-new-tokens 8 --temperature 1 --min-p 0 --top-p 1'
    answers = [clone.sh(f"{command} --seed {seed}").strip() for seed in (1, 1, 2)]
    assert all(answers)
    assert answers[0] == answers[1] != answers[2]


def test_train_base_killed_resumes_to_the_same_bytes(clone):
    whole = clone.weights("base")
    shutil.rmtree(clone.folder / ".scratch/train_base")
    with subprocess.Popen(
        ["python", "-m", "stages.train_base"],
        cwd=clone.folder,
        env=clone.env,
        text=True,
        stdout=subprocess.PIPE,
    ) as trainer:
        assert trainer.stdout
        next(line for line in trainer.stdout if line.startswith("step 20/"))  # the first checkpoint is at 10
        trainer.send_signal(signal.SIGKILL)
    assert trainer.returncode == -signal.SIGKILL
    assert not list(clone.folder.glob(".scratch/train_base/*/done.json"))
    printed = clone.sh("dvc repro --force --single-item train_base")
    assert "resumed at step" in printed
    assert clone.weights("base") == whole


@pytest.mark.slow
def test_exp_run_with_a_smaller_batch_reruns_what_reads_it(clone):
    printed = clone.sh("dvc exp run -S train.batch_size=4")
    assert clone.ran(printed) == ["train_base", "train_sft", "evaluate"]
    assert "train.batch_size" in clone.sh("dvc params diff")
    assert "val_loss" in clone.sh("dvc metrics diff --all")


@pytest.mark.slow
def test_repro_in_two_clones_makes_the_same_bytes(clone, root, tmp_path):
    clone.sh("git stash -q && dvc checkout -q")
    other = Clone(tmp_path, root)
    other.sh("dvc repro")
    clone.sh("dvc repro")
    ours, theirs = clone.lock(), other.lock()
    for stage in ALL[:6]:
        outputs = [out for out in ours[stage] if out.startswith(("data", "models"))]
        assert outputs
        assert {out: ours[stage][out] for out in outputs} == {out: theirs[stage][out] for out in outputs}


@pytest.mark.slow
def test_exp_run_in_a_temporary_copy_runs_the_copys_code(clone):
    script = clone.folder / "stages/train_base.py"
    text = script.read_text()
    start = 'if __name__ == "__main__":\n'
    assert start in text
    script.write_text(text.replace(start, start + '    print("code of", errors.__file__)\n'))
    printed = clone.sh("dvc exp run --temp -S train.steps=30 train_base")
    line = next(line for line in printed.splitlines() if line.startswith("code of"))
    assert ".dvc/tmp/exps" in line
    clone.sh("git checkout -q stages/train_base.py")


def readme_commands(root: Path, name: str = "README.md") -> list[str]:
    """The `tezgah` and `dvc` commands that the README shows."""
    lines = (root / name).read_text(encoding="utf-8").splitlines()
    shown = [line.removeprefix("$ ").split("#")[0].strip() for line in lines if line.startswith("$ ")]
    return [command for command in shown if command.startswith(("tezgah", "dvc"))]


def test_readmes_show_the_same(root):
    english, turkish = ((root / name).read_text(encoding="utf-8") for name in ("README.md", "README.tr.md"))
    assert readme_commands(root) == readme_commands(root, "README.tr.md")
    assert english.count("\n#") == turkish.count("\n#")
    for kind in ("text", "python", "yaml", "mermaid"):
        blocks = [text.split(f"```{kind}\n")[1:] for text in (english, turkish)]
        assert len(blocks[0]) == len(blocks[1])
    assert english.split("```python\n")[1].split("```")[0] == turkish.split("```python\n")[1].split("```")[0]


@pytest.mark.slow
def test_readme_commands_work(clone, root, tmp_path):
    commands = list(dict.fromkeys(readme_commands(root)))
    assert len(commands) > 10
    (clone.folder / "my.txt").write_text("\n\n".join(sentences(300)), encoding="utf-8")
    (clone.folder / "belgeler").mkdir()
    (clone.folder / "belgeler/iade.md").write_text(
        "Kitaplar on beş gün içinde iade edilir.", encoding="utf-8"
    )
    for command in commands:
        if command == "tezgah serve":  # until somebody ends it
            command = "timeout --signal=INT 25 tezgah serve --port 0 || test $? = 124"
        command = command.replace("~/belgeler", "belgeler")
        command = command.replace("report --open", "report --open || test -f reports/run.html")  # no browser
        clone.sh(command.replace("/path/to/a/disk/tezgah", str(tmp_path)))
        clone.sh("git checkout -q params.yaml")


@pytest.mark.slow
def test_recipe_commands_work(clone, root):
    commands = readme_commands(root, "docs/recipes.md")
    assert len(commands) == 15
    (clone.folder / "my.txt").write_text("\n\n".join(sentences(300)), encoding="utf-8")
    for command in commands:
        clone.sh("rm -rf data/raw/corpus/my.txt exports data/raw/model/first")
        clone.sh(command.replace("report --open", "report --open || test -f reports/run.html"))  # no browser
        clone.sh("git checkout -q params.yaml")


@pytest.mark.slow
def test_readme_python_works(clone, root):
    readme = (root / "README.md").read_text(encoding="utf-8")
    (clone.folder / "shown.py").write_text(readme.split("```python\n")[1].split("```")[0])
    assert "Ankara hangi bölgededir?" in clone.sh("HF_HUB_OFFLINE=1 python shown.py")


@pytest.mark.slow
def test_make_try_ends_in_a_conversation(root, tmp_path):
    clone = Clone(tmp_path, root)
    (tmp_path / ".venv").symlink_to(sys.prefix)
    (Path(sys.prefix) / ".installed").touch()  # later than the clone's requirements.txt, which are met
    printed = clone.sh("printf 'Merhaba!\nSen kimsin?\n' | make try")
    assert clone.ran(printed) == ALL
    talk = printed.split("Try: ")[1]
    assert "Türkçe dil modeli" in talk
