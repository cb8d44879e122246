"""An index of documents that a server answers out of. One thread opens it, and reads it for all questions."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import Any

from pipeline.search.find import Hit, Index, open_index
from pipeline.search.quote import NOT_FOUND, PASSAGES, find_quote, is_for_documents


class Documents:
    """Answers questions out of an index. No other file is ever read."""

    def __init__(self, path: Path) -> None:
        """Raises UserError where the index cannot be read."""
        self.path = path
        self.stack = ExitStack()
        self.executor = ThreadPoolExecutor(1, thread_name_prefix="documents")
        self.executor.submit(lambda: self.index).result()

    @cached_property
    def index(self) -> Index:
        """The index; SQLite wants it to be used in the thread that opened it."""
        return self.stack.enter_context(open_index(self.path))

    def close(self) -> None:
        """Close the index, in its own thread."""
        self.executor.submit(self.stack.close).result()
        self.executor.shutdown()

    async def ask(self, question: str) -> dict[str, Any]:
        """Return the answer to a question, the quote with its place, and the passages that were found.

        Raises UserError for a question without a word.
        """
        return await asyncio.get_running_loop().run_in_executor(self.executor, self._ask, question)

    def _ask(self, question: str) -> dict[str, Any]:
        hits = self.index.search(question, PASSAGES)
        quote = find_quote(self.index, question, hits)
        return {
            "is_for_documents": is_for_documents(self.index, question),
            "answer": quote.sentence if quote else NOT_FOUND,
            "quote": {"sentence": quote.sentence} | describe_hit(quote.hit) if quote else None,
            "passages": [describe_hit(hit) for hit in hits],
        }


def describe_hit(hit: Hit) -> dict[str, Any]:
    """Return a passage as JSON has it, without its number in the index."""
    fields = asdict(hit)
    del fields["passage"]
    return fields
