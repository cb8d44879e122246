"""`tezgah push`: an exported model as a repository of the Hugging Face hub."""

from pathlib import Path

from pipeline.common.errors import UserError
from pipeline.common.i18n import Translatable, print_message
from pipeline.export.push import (
    CARD,
    check_card,
    check_files,
    check_folder,
    check_name,
    check_token,
    find_new,
    find_visibility,
    hub_for_pushing,
    list_files,
    read_card,
    send_files,
)


def run_push(folder: Path, name: str, public: bool, message: str | None) -> None:
    """Send the model of a folder to the repository `name`, which is made if it is not there.

    Raises UserError, before anything is made or sent, for a folder without a model or a card, for a name or
    a token that does not do, and for a card that the hub refuses. A push that was cut goes on when it is
    called again.
    """
    check_name(name)
    check_folder(folder)
    files, left_out = list_files(folder)
    check_files(folder, files)
    card = read_card(folder, files)
    with hub_for_pushing(name):
        check_token()
        check_card(card, folder / CARD)
        make_repository(name, public)
        if left_out:
            print_message("left out: {files}", files=", ".join(left_out))
        new = find_new(folder, files, name)
        print_files(folder, files, new)
        if new:
            send_files(folder, new, name, message or f"Add {folder.resolve().name}")
        print(repository_url(name))


def make_repository(name: str, public: bool) -> None:
    """Make the repository unless it is there, and say who sees it.

    Raises UserError where everyone would see what is pushed and `public` was not asked for.
    """
    from huggingface_hub import HfApi

    visibility = find_visibility(name)
    if visibility is None:
        HfApi().create_repo(name, private=not public)
        made = Translatable("public" if public else "private")
        print_message("{name}: made, {visibility}", name=name, visibility=made)
        return
    if visibility == "public" and not public:
        raise UserError(
            "{name}: is public, so everyone would see it; give --public, or another name", name=name
        )
    print_message("{name}: already exists, {visibility}", name=name, visibility=Translatable(visibility))
    if visibility == "private" and public:
        print_message("note: {name}: stays private; its settings page can make it public", name=name)


def print_files(folder: Path, files: list[str], new: list[str]) -> None:
    """Print the files that are sent, their sizes, and how many are there already."""
    for file in new:
        print_message("{file}: {size:,} bytes", file=file, size=(folder / file).stat().st_size)
    if len(new) < len(files):
        print_message(
            "{there} of {files} files are there already", there=len(files) - len(new), files=len(files)
        )


def repository_url(name: str) -> str:
    """Return the address of a repository's page."""
    from huggingface_hub import constants

    return f"{constants.ENDPOINT}/{name}"
