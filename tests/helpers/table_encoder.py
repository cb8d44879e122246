"""A small encoder without torch: a table of random vectors over words' first letters."""

import json
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from pipeline.encoder.vocabulary import remove_special_tokens, train_prefix_vocabulary

TEXT = "kedi damda uyudu çocuğun yanına indi mahallenin evleri taştandır bahçede kuyu vardır göl gemi"


def write_table_encoder(folder: Path, seed: int = 0) -> Path:
    """Write an encoder's folder, with other vectors for another seed, and return it."""
    folder.mkdir(exist_ok=True)
    tokenizer = remove_special_tokens(train_prefix_vocabulary([TEXT], 200))
    tokenizer.save(str(folder / "tokenizer.json"))
    shape = (tokenizer.get_vocab_size(), 32)
    vectors = np.random.default_rng(seed).standard_normal(shape).astype(np.float32)
    save_file({"embedding.weight": vectors}, folder / "model.safetensors")
    (folder / "search.json").write_text(json.dumps({"hybrid_weight": 2.0, "prefix_weight": 2.0}))
    return folder
