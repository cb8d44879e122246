"""`tezgah push`: an exported model as a repository of the Hugging Face hub."""

from pathlib import Path

from pipeline.common.errors import UserError
from pipeline.common.i18n import translate
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
            print(translate(f"left out: {', '.join(left_out)}"))
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
        print(translate(f"{name}: made, {'public' if public else 'private'}"))
        return
    if visibility == "public" and not public:
        raise UserError(f"{name}: is public, so everyone would see it; give --public, or another name")
    print(translate(f"{name}: already exists, {visibility}"))
    if visibility == "private" and public:
        print(translate(f"note: {name}: stays private; its settings page can make it public"))


def print_files(folder: Path, files: list[str], new: list[str]) -> None:
    """Print the files that are sent, their sizes, and how many are there already."""
    for file in new:
        print(translate(f"{file}: {(folder / file).stat().st_size:,} bytes"))
    if len(new) < len(files):
        print(translate(f"{len(files) - len(new)} of {len(files)} files are there already"))


def repository_url(name: str) -> str:
    """Return the address of a repository's page."""
    from huggingface_hub import constants

    return f"{constants.ENDPOINT}/{name}"
