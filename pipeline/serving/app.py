"""The server's application: OpenAI's endpoints over the engines of a catalog."""

import asyncio
import base64
import json
import re
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse
from fastapi.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send

from pipeline.common.errors import UserError
from pipeline.inference.continuations import normalize_prompt
from pipeline.inference.engine import Generation
from pipeline.inference.prompts import fit_conversation, normalize_argument
from pipeline.inference.sampling import Choice
from pipeline.inference.streaming import REPLACEMENT, TextDecoder
from pipeline.serving.errors import ApiError, install_handlers, to_api_error
from pipeline.serving.guards import Guard
from pipeline.serving.models import Catalog, ServedModel
from pipeline.serving.scheduler import Job, QueueFull, Scheduler
from pipeline.serving.schemas import ChatBody, CompletionBody, EmbeddingBody, GenerationBody, QuestionBody
from pipeline.tokenizer.tokenizer import Tokenizer

PAGE = Path(__file__).parent / "page"
BYTE_TOKEN = re.compile(r"<0x([0-9A-F]{2})>")
LOOK_FOR_CLIENT = 0.25  # seconds between two looks whether a client still waits


@dataclass(frozen=True)
class Limits:
    """How much the server takes on."""

    max_waiting: int = 64  # texts that wait for a slot; more are refused
    seconds: float = 300.0  # for one answer


def create_app(
    catalog: Catalog, limits: Limits, hosts: Iterable[str] = (), token: str | None = None
) -> FastAPI:
    """Return the application. `hosts` and `token`: see `Guard`."""
    scheduler = Scheduler([model.engine for model in catalog.models], limits.max_waiting)
    embedding_thread = ThreadPoolExecutor(1, thread_name_prefix="encoder")
    embedding_requests = 0

    @asynccontextmanager
    async def run_scheduler(_: FastAPI) -> AsyncIterator[None]:
        task = asyncio.create_task(scheduler.run())
        yield
        task.cancel()
        embedding_thread.shutdown(wait=False, cancel_futures=True)
        if catalog.documents:
            catalog.documents.close()

    app = FastAPI(title="Tezgâh", lifespan=run_scheduler, docs_url=None, redoc_url=None)
    app.add_middleware(Guard, hosts=hosts, token=token)
    install_handlers(app)
    started = int(time.time())

    @app.get("/health")
    async def health() -> dict[str, Any]:
        """Tell that the server runs, and how busy it is."""
        has_documents = catalog.documents is not None
        state = {"running": scheduler.running, "waiting": scheduler.waiting, "documents": has_documents}
        return {"status": "ok"} | state

    def queue_full() -> ApiError:
        """Return a new error each time, as an exception keeps where it was raised."""
        return ApiError(429, f"{limits.max_waiting} texts wait already; try again soon", code="queue_full")

    @app.get("/v1/models/{name:path}")
    async def show_model(name: str) -> dict[str, Any]:
        """Return one of the models."""
        rows = (await list_models())["data"]
        known = ", ".join(row["id"] for row in rows)
        for row in rows:
            if row["id"] == name:
                return row
        raise ApiError(404, f"{name!r}: no such model; there are {known}", code="model_not_found")

    @app.get("/v1/models")
    async def list_models() -> dict[str, Any]:
        """List the models by the names that requests give."""
        rows = [describe_model(model) for model in catalog.models]
        if catalog.encoder:
            rows.append({"id": catalog.encoder.name, "kind": "encoder"})
        common = {"object": "model", "created": started, "owned_by": "tezgah"}
        return {"object": "list", "data": [row | common for row in rows]}

    @app.post("/v1/chat/completions")
    async def complete_chat(body: ChatBody, request: Request) -> Response:
        """Answer a conversation."""
        model = catalog.find_model(body.model)
        ids = await asyncio.to_thread(encode_conversation, model, body)
        rivals = body.top_logprobs if body.logprobs else None
        return await answer(ChatFormat(model), ids, body, rivals, request)

    @app.post("/v1/completions")
    async def complete_text(body: CompletionBody, request: Request) -> Response:
        """Continue a text."""
        model = catalog.find_model(body.model)
        text = normalize_prompt(normalize_argument("prompt", body.text))
        ids = await asyncio.to_thread(model.tokenizer.encode_start, text)
        return await answer(TextFormat(model), ids, body, body.logprobs, request)

    @app.post("/v1/embeddings")
    async def embed(body: EmbeddingBody) -> dict[str, Any]:
        """Return the vectors of texts."""
        served = catalog.find_encoder(body.model)
        if body.dimensions not in (None, served.encoder.width):
            raise ApiError(400, f"dimensions: this encoder has {served.encoder.width}", "dimensions")
        texts = [normalize_argument("input", text) for text in body.texts]
        nonlocal embedding_requests
        if embedding_requests > limits.max_waiting:
            raise queue_full()
        embedding_requests += 1
        try:
            loop = asyncio.get_running_loop()
            vectors, tokens = await loop.run_in_executor(embedding_thread, served.embed, texts)
        finally:
            embedding_requests -= 1
        encode = encode_base64 if body.encoding_format == "base64" else encode_list
        rows = [
            {"object": "embedding", "index": i, "embedding": encode(row)} for i, row in enumerate(vectors)
        ]
        usage = {"prompt_tokens": tokens, "total_tokens": tokens}
        return {"object": "list", "data": rows, "model": served.name, "usage": usage}

    @app.post("/v1/ask")
    async def ask_documents(body: QuestionBody) -> dict[str, Any]:
        """Answer a question by a sentence of the documents."""
        if catalog.documents is None:
            raise ApiError(404, "this server has no documents; start it with --docs", code="no_documents")
        return await catalog.documents.ask(normalize_argument("question", body.question))

    async def answer(
        shape: "ChatFormat", ids: list[int], body: GenerationBody, rivals: int | None, request: Request
    ) -> Response:
        """Generate a text after `ids` and return it in the given format, whole or as a stream."""
        model = shape.model
        if len(ids) >= model.model.context:
            raise ApiError(
                400,
                f"{len(ids)} tokens leave no room for an answer: {model.name} reads {model.model.context};"
                " send less",
                code="context_length_exceeded",
            )
        constraint = await asyncio.to_thread(model.constrain, body.response_format)  # may take a second
        generation = Generation(
            ids, body.limit, body.to_sampling(), body.seed, stop_ids=model.tokenizer.stop_ids,
            constraint=constraint, rivals=rivals,
        )  # fmt: skip
        decoder = TextDecoder(model.tokenizer.decode, body.stop)
        try:
            job = scheduler.submit(model.engine, generation)
        except QueueFull:
            raise queue_full() from None
        pieces = read_pieces(job, decoder, limits.seconds)
        if body.stream:
            events = shape.stream(generation, pieces, body.stream_options.include_usage)
            headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
            leave = partial(scheduler.cancel, job)
            return LeavingResponse(events, leave, media_type="text/event-stream", headers=headers)
        try:
            return await finish_unless_gone(shape.whole(generation, pieces), request)
        finally:
            scheduler.cancel(job)

    if PAGE.is_dir():
        serve_page(app)
    return app


def serve_page(app: FastAPI) -> None:
    """Serve the chat page, which may load and ask nothing but this server."""
    policy = "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'"
    headers = {"Content-Security-Policy": policy, "X-Content-Type-Options": "nosniff"}
    page = (PAGE / "index.html").read_bytes()

    @app.get("/", include_in_schema=False)
    async def show_page() -> Response:
        return Response(page, media_type="text/html; charset=utf-8", headers=headers)

    app.mount("/page", StaticFiles(directory=PAGE), name="page")


def describe_model(model: ServedModel) -> dict[str, Any]:
    """Return what /v1/models says of a model. `kind` is base for a folder of that name."""
    kind = "base" if model.folder.resolve().name == "base" else "chat"
    return {"id": model.name, "kind": kind, "context": model.model.context}


def encode_conversation(model: ServedModel, body: ChatBody) -> list[int]:
    """Return the ids that an answer continues."""
    messages = [message.to_message() for message in body.messages]
    for message in messages:
        message["content"] = normalize_argument("messages", message["content"])
    begun: list[int] = []
    if body.continue_final_message:
        begun = model.tokenizer.encode(messages.pop()["content"].rstrip(" "))
    if body.truncation == "auto":
        try:
            return fit_conversation(model.tokenizer, messages, model.model.context, body.limit, begun)
        except UserError as error:
            raise ApiError(400, str(error), code="context_length_exceeded") from None
    return [*model.tokenizer.encode_prompt(messages), *begun]


def encode_list(vector: np.ndarray) -> list[float]:
    """Return a vector as numbers."""
    return [float(value) for value in vector]


def encode_base64(vector: np.ndarray) -> str:
    """Return a vector as little-endian fp32 in base64, as OpenAI's clients ask for."""
    return base64.b64encode(vector.astype("<f4").tobytes()).decode("ascii")


@dataclass
class Piece:
    """A piece of a text, and the choices of the tokens that it is of, where they are asked for."""

    text: str
    choices: list[Choice]
    end: str = ""  # "stop" or "length" with the last piece


class LeavingResponse(StreamingResponse):
    """A stream that calls `leave` at its end, also where its client left before it began."""

    def __init__(self, content: AsyncIterator[str], leave: Callable[[], None], **options: Any) -> None:
        super().__init__(content, **options)
        self.leave = leave

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the stream."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self.leave()


async def read_pieces(job: Job, decoder: TextDecoder, seconds: float) -> AsyncIterator[Piece]:
    """Yield a text piece by piece. Raises ApiError where the time is up."""
    generation, told = job.generation, 0
    read = 0
    try:
        async with asyncio.timeout(seconds):
            async for token in job.tokens():
                text = decoder.add(token)
                read += 1
                if decoder.is_stopped:
                    break
                if text:
                    yield Piece(text, generation.choices[told:read])
                    told = read
        end = "stop" if decoder.is_stopped or generation.end == "stop" else "length"
        yield Piece(text if decoder.is_stopped else decoder.finish(), generation.choices[told:read], end)
    except TimeoutError:
        raise ApiError(504, f"the answer took more than {seconds:g} seconds", code="too_slow") from None
    except Exception as error:  # of the engine
        raise to_api_error(error) from error


async def finish_unless_gone(work: Any, request: Request) -> Response:
    """Return a response, or leave the work where the client does not wait any more."""
    task = asyncio.ensure_future(work)
    try:
        while not (await asyncio.wait([task], timeout=LOOK_FOR_CLIENT))[0]:
            if await request.is_disconnected():
                return Response(status_code=499)  # which nobody reads
        return JSONResponse(task.result())
    finally:
        task.cancel()


class ChatFormat:
    """Answers of /v1/chat/completions."""

    prefix, kind, chunk_kind = "chatcmpl", "chat.completion", "chat.completion.chunk"

    def __init__(self, model: ServedModel) -> None:
        self.model = model
        self.head = {
            "id": f"{self.prefix}-{uuid.uuid4().hex}",
            "created": int(time.time()),
            "model": model.name,
        }

    async def whole(self, generation: Generation, pieces: AsyncIterator[Piece]) -> dict[str, Any]:
        """Return the whole answer."""
        texts, choices, end = [], [], ""
        async for piece in pieces:
            texts.append(piece.text)
            choices += piece.choices
            end = piece.end
        choice = {"index": 0, "finish_reason": end, **self.message("".join(texts))}
        choice["logprobs"] = self.logprobs(choices) if generation.rivals is not None else None
        return self.head | {"object": self.kind, "choices": [choice], "usage": count_usage(generation)}

    async def stream(
        self, generation: Generation, pieces: AsyncIterator[Piece], include_usage: bool
    ) -> AsyncIterator[str]:
        """Yield the answer as server-sent events. An error is the last of them."""
        head = self.head | {"object": self.chunk_kind}
        try:
            for first in self.opening():
                yield write_event(head | {"choices": [first]})
            async for piece in pieces:
                logprobs = self.logprobs(piece.choices) if generation.rivals is not None else None
                choice = {"index": 0, **self.delta(piece.text), "logprobs": logprobs}
                yield write_event(head | {"choices": [choice | {"finish_reason": piece.end or None}]})
            if include_usage:
                yield write_event(head | {"choices": [], "usage": count_usage(generation)})
            yield "data: [DONE]\n\n"
        except Exception as error:
            yield write_event(to_api_error(error).body())

    def opening(self) -> Iterable[dict[str, Any]]:
        """Return the choices of the chunks before the first piece."""
        delta = {"role": "assistant", "content": ""}
        return [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": None}]

    def message(self, text: str) -> dict[str, Any]:
        """Return the part of a choice that holds the whole text."""
        return {"message": {"role": "assistant", "content": text, "refusal": None}}

    def delta(self, text: str) -> dict[str, Any]:
        """Return the part of a chunk's choice that holds a piece."""
        return {"delta": {"content": text} if text else {}}

    def logprobs(self, choices: list[Choice]) -> dict[str, Any]:
        """Return the log-probabilities of tokens and of their rivals."""

        def describe(token: int, logprob: float) -> dict[str, Any]:
            text = show_token(self.model, token)
            of_byte = BYTE_TOKEN.fullmatch(text)
            content = [int(of_byte[1], 16)] if of_byte else list(text.encode())
            return {"token": text, "logprob": finite(logprob), "bytes": content}

        return {
            "content": [
                describe(choice.token, choice.logprob)
                | {"top_logprobs": [describe(*rival) for rival in choice.likeliest]}
                for choice in choices
            ],
            "refusal": None,
        }


class TextFormat(ChatFormat):
    """Answers of /v1/completions."""

    prefix, kind, chunk_kind = "cmpl", "text_completion", "text_completion"

    def opening(self) -> Iterable[dict[str, Any]]:
        """Return nothing: text has no role."""
        return []

    def message(self, text: str) -> dict[str, Any]:
        """Return the part of a choice that holds the whole text."""
        return {"text": text}

    def delta(self, text: str) -> dict[str, Any]:
        """Return the part of a chunk's choice that holds a piece."""
        return {"text": text}

    def logprobs(self, choices: list[Choice]) -> dict[str, Any]:
        """Return the log-probabilities of tokens and of their rivals."""
        return {
            "tokens": [show_token(self.model, choice.token) for choice in choices],
            "token_logprobs": [finite(choice.logprob) for choice in choices],
            "top_logprobs": [
                {show_token(self.model, token): finite(logprob) for token, logprob in choice.likeliest}
                for choice in choices
            ],
            "text_offset": [],
        }


def show_token(model: ServedModel, token: int) -> str:
    """Return the text of a token, or how the vocabulary writes a special one, or a byte of a letter."""
    text = model.tokenizer.show_token(token) or model.tokenizer.decode([token])
    if REPLACEMENT in text and isinstance(model.tokenizer, Tokenizer):
        return model.tokenizer.id_to_piece(token)
    return text


def finite(logprob: float) -> float:
    """Return a log-probability that JSON can hold."""
    return max(logprob, -9999.0)


def count_usage(generation: Generation) -> dict[str, Any]:
    """Return how many tokens were read and generated."""
    prompt, new = len(generation.prompt), len(generation.new_ids)
    return {"prompt_tokens": prompt, "completion_tokens": new, "total_tokens": prompt + new}


def write_event(data: Mapping[str, Any]) -> str:
    """Return a server-sent event."""
    return f"data: {json.dumps(data, ensure_ascii=False)}\n\n"
