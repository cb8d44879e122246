"""`make try`: what it says before the conversation with the model begins."""

from pipeline.common.i18n import print_message


def print_hints() -> None:
    """Print what to expect of the model, where it is, and what to say to it."""
    print_message(
        "A minute teaches a model to greet, to say who it is and to sound Turkish; what it tells is invented."
    )
    print_message("All of it is in .try: cd .try for the commands above.")
    print_message(
        "make repro takes a quarter of an hour and gets further. "
        "Try: Merhaba! / Sen kimsin? / Van'ın denizi var mı?"
    )


if __name__ == "__main__":
    print_hints()
