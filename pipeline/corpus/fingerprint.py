"""The fingerprint by which a killed run of slice_corpus finds its staged documents."""

from pipeline.common.data_files import matching_files
from pipeline.common.fingerprint import Fingerprint, make_fingerprint
from pipeline.common.paths import RAW_CORPUS
from pipeline.corpus.params import CorpusParams, HubSource, LocalSource, UrlsSource, path_key

SELECTION_PARAMS = {"max_bytes", "val_fraction", "test_fraction"}  # reading files does not depend on them


def read_fingerprint(params: CorpusParams, seed: int, eval_texts: list[str]) -> Fingerprint:
    """Return the fingerprint of all that the staged documents depend on.

    Files are compared by name, size and time, as hashing them would take as long as reading them.
    """
    corpus = params.model_dump()
    if not any(isinstance(source, HubSource | UrlsSource) for source in params.sources.values()):
        corpus = params.model_dump(exclude=SELECTION_PARAMS)
        for source_params in corpus["sources"].values():
            del source_params["weight"]
    files = {}
    for name, source in params.sources.items():
        if isinstance(source, LocalSource | UrlsSource):
            for path in matching_files(path_key(name), source.path, RAW_CORPUS):
                files[str(path)] = [path.stat().st_size, path.stat().st_mtime_ns]
    order = list(params.sources)  # of two duplicates the first one stays
    tracked = {"seed": seed, "corpus": corpus, "order": order, "files": files, "held": eval_texts}
    return make_fingerprint("slice_corpus", tracked, inputs=[])
