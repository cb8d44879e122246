"""`tezgah export`: a model in the formats of other programs, each in a folder with its model cards."""

import re
import shutil
from pathlib import Path

from pipeline.cli.packages import require_packages
from pipeline.common.errors import UserError
from pipeline.common.i18n import print_message
from pipeline.export.target import choose_target, new_folder

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def export_hf(folder: Path, to: Path | None, name: str | None, license: str | None) -> None:
    """Copy a decoder's folder, with its cards. Raises UserError for a folder without a model."""
    from pipeline.export.card import check_license, describe_decoder, write_cards
    from pipeline.export.source import check_decoder
    from pipeline.model.hf_io import load_decoder

    name = choose_name(folder, name)
    check_license(license)
    check_decoder(folder)
    target = choose_target(folder, "hf", to)
    load_decoder(folder)  # damaged weights are told now
    with new_folder(target) as made:
        for file in sorted(folder.iterdir()):
            if file.is_file() and not file.name.startswith((".", "README")):
                shutil.copyfile(file, made / file.name)
        write_cards(made, folder, "hf", name, describe_decoder(folder), license)
    print_written(target)


def export_gguf(folder: Path, type: str, to: Path | None, name: str | None, license: str | None) -> None:
    """Write a decoder as a GGUF file. Raises UserError for what llama.cpp does not know."""
    require_packages("export", "gguf")
    from pipeline.export.card import check_license, describe_decoder, write_cards
    from pipeline.export.gguf import check_exportable, check_type, write_gguf

    name, type = choose_name(folder, name), check_type(type)
    check_license(license)
    check_exportable(folder)
    target = choose_target(folder, f"gguf-{type}", to)
    with new_folder(target) as made:
        write_gguf(made / f"{name}-{type}.gguf", folder, type, name)
        write_cards(made, folder, "gguf", name, describe_decoder(folder), license, type)
    print_written(target)


def export_ollama(
    folder: Path, type: str, to: Path | None, name: str | None, license: str | None, system: str | None
) -> None:
    """Write a chat model as a GGUF file and the Modelfile for it. Raises UserError for a base model."""
    require_packages("export", "gguf")
    from pipeline.export.card import check_license, describe_decoder, write_cards
    from pipeline.export.gguf import check_exportable, check_type, write_gguf
    from pipeline.export.ollama import render_modelfile
    from pipeline.export.source import check_chat_model

    name, type = choose_name(folder, name), check_type(type)
    check_license(license)
    check_chat_model(folder)
    params = check_exportable(folder)
    target = choose_target(folder, "ollama", to)
    gguf = f"{name}-{type}.gguf"
    modelfile = render_modelfile(gguf, params.context, system)
    with new_folder(target) as made:
        write_gguf(made / gguf, folder, type, name)
        (made / "Modelfile").write_text(modelfile, encoding="utf-8")
        write_cards(made, folder, "ollama", name, describe_decoder(folder), license, type)
    print_written(target)


def export_encoder(folder: Path, to: Path | None, name: str | None, license: str | None) -> None:
    """Write an encoder's folder with its ONNX graphs. Raises UserError for no encoder."""
    require_packages("export", "onnx", "onnxscript", "onnxruntime")
    from pipeline.export.card import check_license, describe_encoder, write_cards
    from pipeline.export.onnx_encoder import write_onnx
    from pipeline.export.source import check_encoder

    name = choose_name(folder, name)
    check_license(license)
    check_encoder(folder)
    model = describe_encoder(folder)
    target = choose_target(folder, "onnx", to)
    with new_folder(target) as made:
        write_onnx(made, folder)
        write_cards(made, folder, "onnx", name, model, license)
    print_written(target)


def export_page(folder: Path, to: Path | None, name: str | None, license: str | None) -> None:
    """Write a chat model as one HTML page. Raises UserError for a base model, and for one too large."""
    from pipeline.export.card import check_license, describe_decoder, write_cards
    from pipeline.export.page import check_page, write_page

    name = choose_name(folder, name)
    check_license(license)
    check_page(folder)
    target = choose_target(folder, "page", to)
    with new_folder(target) as made:
        write_page(made / f"{name}.html", folder, name)
        write_cards(made, folder, "page", name, describe_decoder(folder), license, "int8")
    print_written(target)


def choose_name(folder: Path, name: str | None) -> str:
    """Return what an exported model is called. Raises UserError for a name that others do not take."""
    name = folder.resolve().name if name is None else name
    if not NAME.fullmatch(name):
        raise UserError(
            "--name: {name}: use the letters a to z, digits, -, _ and ., a letter or digit first",
            name=repr(name),
        )
    return name


def print_written(target: Path) -> None:
    """Print the files of an export and their sizes."""
    for file in sorted(path for path in target.rglob("*") if path.is_file()):
        print_message("{file}: {size:,} bytes", file=file, size=file.stat().st_size)
