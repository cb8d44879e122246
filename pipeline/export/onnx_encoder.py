"""An encoder's folder with the whole chain as one ONNX graph beside it: from token ids to a sentence vector.

    input_ids [B, T], attention_mask [B, T] -> sentence_embedding [B, D] of length 1

`model_int8.onnx` has its matrices in 8 bits. Token ids come from `tokenizer.json` in the same folder.

B texts    T tokens    D width of a vector    V vocabulary
"""

import io
import logging
import shutil
import warnings
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pipeline.encoder.embed import TextEncoder
from pipeline.encoder.hf_io import load_encoder
from pipeline.encoder.model import Encoder
from pipeline.encoder.table import VectorTable
from pipeline.tokenizer.special import UNK

INPUTS, OUTPUT = ("input_ids", "attention_mask"), "sentence_embedding"
MODEL_FILE, INT8_FILE = "model.onnx", "model_int8.onnx"
EXAMPLE_SHAPE = (2, 8)  # of the ids with which the graph is traced


class NetworkChain(nn.Module):
    """The network with its pooling and norm, for ids and a mask of numbers."""

    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, ids_BxT: Tensor, mask_BxT: Tensor) -> Tensor:
        """Return sentence vectors [B, D] of length 1."""
        return self.encoder(ids_BxT, mask_BxT > 0)


class TableChain(nn.Module):
    """The sum of the vectors of a text's tokens, scaled to length 1. The unknown token counts nothing."""

    def __init__(self, vectors_VxD: Tensor) -> None:
        super().__init__()
        self.register_buffer("vectors", vectors_VxD)
        self.vectors: Tensor

    def forward(self, ids_BxT: Tensor, mask_BxT: Tensor) -> Tensor:
        """Return sentence vectors [B, D] of length 1, of zeros where nothing is known."""
        counts_BxTx1 = ((mask_BxT > 0) & (ids_BxT != UNK))[:, :, None]
        return F.normalize((self.look_up(ids_BxT) * counts_BxTx1).sum(1), dim=-1)

    def look_up(self, ids_BxT: Tensor) -> Tensor:
        """Return the vector of every token [B, T, D]."""
        return F.embedding(ids_BxT, self.vectors)


class Int8TableChain(TableChain):
    """The same with 8 bits for each number and a scale for each token."""

    def __init__(self, vectors_VxD: Tensor) -> None:
        scales_Vx1 = vectors_VxD.abs().amax(1, keepdim=True).clamp_min(1e-12) / 127
        super().__init__((vectors_VxD / scales_Vx1).round().to(torch.int8))
        self.register_buffer("scales", scales_Vx1)
        self.scales: Tensor

    def look_up(self, ids_BxT: Tensor) -> Tensor:
        """See `TableChain`."""
        return F.embedding(ids_BxT, self.vectors).float() * F.embedding(ids_BxT, self.scales)


def write_onnx(made: Path, folder: Path) -> None:
    """Copy an encoder's folder into the folder `made`, with both graphs. Raises UserError for no encoder."""
    encoder = load_encoder(folder)
    shutil.copytree(folder, made, dirs_exist_ok=True)
    write_graph(made / MODEL_FILE, make_chain(encoder))
    if isinstance(encoder.model, VectorTable):
        write_graph(made / INT8_FILE, Int8TableChain(encoder.model.embedding.weight.detach()))
    else:
        quantize_graph(made / MODEL_FILE, made / INT8_FILE)


def make_chain(encoder: TextEncoder) -> nn.Module:
    """Return what an encoder computes as one module."""
    if isinstance(encoder.model, VectorTable):
        return TableChain(encoder.model.embedding.weight.detach()).eval()
    return NetworkChain(encoder.model).eval()


def write_graph(path: Path, chain: nn.Module) -> None:
    """Write a chain to `path` as one file, for any number of texts and tokens."""
    ids_BxT = torch.full(EXAMPLE_SHAPE, 4)
    axes = {0: torch.export.Dim("texts"), 1: torch.export.Dim("tokens")}
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:  # the exporter prints its progress
        with warnings.catch_warnings(), redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            warnings.simplefilter("ignore")
            torch.onnx.export(
                chain,
                (ids_BxT, torch.ones_like(ids_BxT)),
                path,
                input_names=list(INPUTS),
                output_names=[OUTPUT],
                dynamic_shapes=(axes, axes),
                dynamo=True,
                external_data=False,
            )
    finally:
        logger.setLevel(level)


def quantize_graph(path: Path, int8_path: Path) -> None:
    """Write the graph at `path` with its matrices in 8 bits, a scale for each column."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.ERROR)  # it advises on preprocessing, which changes nothing here
    try:
        quantize_dynamic(path, int8_path, weight_type=QuantType.QInt8, per_channel=True)
    finally:
        root.setLevel(level)
