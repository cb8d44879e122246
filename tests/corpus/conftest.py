import pytest

from pipeline.miniworld import texts


@pytest.fixture(scope="session")
def stories() -> list[str]:
    """Turkish texts of some hundred words, none like another."""
    stories = [
        document.text for document in texts.compose_documents(7, 400) if len(document.text.split()) > 40
    ]
    return list(dict.fromkeys(stories))[:120]
