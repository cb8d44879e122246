"""Runs engines beside an event loop: one step at a time, in a thread, for all who wait for texts."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from pipeline.inference.engine import Engine, Generation


class QueueFull(Exception):
    """As many texts wait as may."""


@dataclass(eq=False)
class Job:
    """A text that somebody waits for."""

    engine: Engine
    generation: Generation
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    error: Exception | None = None  # of the engine; the text goes no further

    async def tokens(self) -> AsyncIterator[int]:
        """Yield the tokens of the text as they come, until it ends. Raises what the engine raised."""
        read = 0
        while True:
            await self.changed.wait()
            self.changed.clear()
            is_over = bool(self.generation.end)
            while read < len(self.generation.new_ids):
                read += 1
                yield self.generation.new_ids[read - 1]
            if self.error:
                raise self.error
            if is_over:
                return


class Scheduler:
    """Gives every text that was submitted its steps."""

    def __init__(self, engines: Sequence[Engine], max_waiting: int) -> None:
        """`max_waiting`: texts that may wait for a slot."""
        self.engines, self.max_waiting = list(engines), max_waiting
        self.jobs: dict[Generation, Job] = {}
        self.cancelled: list[Job] = []  # between two steps, as an engine is for one thread at a time
        self.wake = asyncio.Event()
        self.executor = ThreadPoolExecutor(1, thread_name_prefix="engine")

    @property
    def running(self) -> int:
        """How many texts have a slot."""
        return sum(slot.generation is not None for engine in self.engines for slot in engine.slots)

    @property
    def waiting(self) -> int:
        """How many texts wait for one."""
        return sum(len(engine.waiting) for engine in self.engines)

    def submit(self, engine: Engine, generation: Generation) -> Job:
        """Queue a text. Raises QueueFull."""
        free = sum(slot.generation is None for slot in engine.slots)
        if len(engine.waiting) >= self.max_waiting + free:
            raise QueueFull
        job = self.jobs[generation] = Job(engine, generation)
        engine.submit(generation)
        self.wake.set()
        return job

    def cancel(self, job: Job) -> None:
        """Take a text out before the next step, if it goes on."""
        if self.jobs.pop(job.generation, None):
            self.cancelled.append(job)
            self.wake.set()

    async def run(self) -> None:
        """Take steps as long as there is a text, and wait for one; until this is cancelled."""
        try:
            while True:
                for job in self.cancelled:
                    job.engine.cancel(job.generation)
                self.cancelled = []
                busy = [engine for engine in self.engines if engine.is_busy]
                if not busy:
                    await self.wake.wait()
                    self.wake.clear()
                for engine in busy:
                    await self._step(engine)
        finally:
            self.executor.shutdown(wait=False, cancel_futures=True)

    async def _step(self, engine: Engine) -> None:
        """Take a step of an engine and tell those who wait. If it raises, all of its texts end with that."""
        try:
            changed = await asyncio.get_running_loop().run_in_executor(self.executor, engine.step)
        except Exception as error:
            for job in [job for job in self.jobs.values() if job.engine is engine]:
                job.error = error
                job.changed.set()
                self.cancel(job)
            return
        for generation in changed:
            if generation in self.jobs:  # else it was cancelled during the step
                self.jobs[generation].changed.set()
                if generation.end:
                    del self.jobs[generation]
