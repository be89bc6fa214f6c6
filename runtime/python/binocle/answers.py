# SPDX-License-Identifier: Apache-2.0
"""An answer as it comes: an iterator of pieces of text, for `for`, `async for`, `await` and text()."""
from __future__ import annotations

import asyncio
import atexit
import queue
import threading
import weakref
from typing import TYPE_CHECKING, Any, AsyncIterator, Callable, Generator, Iterator, Optional

from . import errors
from ._library import library
from .results import Token, Usage

if TYPE_CHECKING:
    from .sessions import Session

FINISHES = ("stop", "length", "context", "cancelled")
_END = object()


class Run:
    """Work of a session on a thread of its own, so that whoever waits for it hears of Ctrl-C and can give it up."""

    _alive: "set[Run]" = set()

    def __init__(self, job: "Callable[[Run], None]") -> None:
        self._job = job
        self._guard = threading.Lock()
        self._session: "Optional[Session]" = None
        self._thread: Optional[threading.Thread] = None
        self._put: "Callable[[Any], None]" = lambda item: None
        self.cancelled = False
        self.error: Optional[BaseException] = None
        self.finish: Optional[str] = None
        self.cut = False
        self.tokens: "list[Token]" = []
        self.usage: Optional[Usage] = None

    def start(self, put: "Callable[[Any], None]") -> None:
        self._put = put
        self._thread = threading.Thread(target=self._work, name="binocle", daemon=True)
        Run._alive.add(self)
        self._thread.start()

    def _work(self) -> None:
        try:
            self._job(self)
        except BaseException as error:  # noqa: B902: whoever waits gets it
            self.error = error
        finally:
            Run._alive.discard(self)
            self._job = _nothing
            try:
                self._put(_END)
            except RuntimeError:
                pass  # the event loop that waited is closed

    def tell(self, piece: str) -> None:
        self._put(piece)

    def holds(self, session: "Optional[Session]") -> None:
        """From here on cancel() goes to this session; None: to none."""
        with self._guard:
            if session is not None and self.cancelled:
                raise errors.Cancelled("cancelled before it began")
            self._session = session

    def cancel(self) -> None:
        with self._guard:
            self.cancelled = True
            if self._session is not None:
                library.bnc_session_cancel(self._session._handle)

    def is_this_thread(self) -> bool:
        return self._thread is threading.current_thread()

    def join(self) -> None:
        if self._thread is not None and not self.is_this_thread():
            self._thread.join()

    def wait(self) -> None:
        """Runs to the end; the exception of the work is raised here."""
        done: "queue.SimpleQueue[Any]" = queue.SimpleQueue()
        self.start(done.put)
        try:
            while done.get() is not _END:
                pass
        except BaseException:
            self.cancel()
            self.join()
            raise
        if self.error is not None:
            raise self.error


def _nothing(run: Run) -> None:
    pass


@atexit.register
def _stop_all() -> None:
    for run in list(Run._alive):
        run.cancel()
    for run in list(Run._alive):
        run.join()


class Answer(Iterator[str], AsyncIterator[str]):
    """The answer to one question, computed from the first look at it on.

        for piece in answer: ...            pieces of whole characters, as they come
        answer.text()                       all of it
        async for piece in answer: ...      and text = await answer, in an event loop, which goes on meanwhile
        with answer: ...                    leaving the block ends the work; so does dropping the answer

    It can be read once. Errors of the picture, the prompt or the model are raised where it is read: InvalidArgument, FileError, FormatError,
    Unsupported (a picture for a text-only model), LimitExceeded (the context is full), and whatever the progress callback raised. Cancelled is
    raised where cancel() came before the answer began; later it ends the answer, whose finish is then "cancelled".
    """

    def __init__(self, run: Run, begin: "Callable[[Run], None]") -> None:
        self._run = run
        self._begin: "Optional[Callable[[Run], None]]" = begin
        self._queue: "queue.SimpleQueue[Any]" = queue.SimpleQueue()
        self._async: "Optional[asyncio.Queue[Any]]" = None
        self._over = False
        weakref.finalize(self, run.cancel).atexit = False

    @property
    def finish(self) -> Optional[str]:
        """Why the answer ended: "stop" (the model was done, or a stop text came), "length" (max_tokens), "context" (it is full) or "cancelled";
        None until it has been read."""
        return self._run.finish if self._over else None

    @property
    def cut(self) -> bool:
        """True where the prompt was cut to the model's prompt_limit."""
        return self._run.cut

    @property
    def tokens(self) -> "list[Token]":
        """The tokens that came so far, with logprobs=True; else empty."""
        return list(self._run.tokens)

    @property
    def usage(self) -> Optional[Usage]:
        """Seconds and counts; None until the answer has been read."""
        return self._run.usage

    def cancel(self) -> None:
        """Asks, from any thread, to stop: within a token, or within an op of vision."""
        self._run.cancel()

    def close(self) -> None:
        """Cancels what is not done and waits until the session is free again."""
        self._over, self._begin = True, None
        self._run.cancel()
        self._run.join()

    def text(self) -> str:
        """The (rest of the) answer."""
        return "".join(self)

    def _start(self, put: "Callable[[Any], None]") -> None:
        begin, self._begin = self._begin, None
        if begin is not None:
            begin(self._run)
            self._run.start(put)

    def _ended(self) -> None:
        self._over = True
        self._run.join()
        if self._run.error is not None:
            raise self._run.error

    def __next__(self) -> str:
        if self._over:
            raise StopIteration
        if self._async is not None:
            raise RuntimeError("this answer is read by 'async for' already")
        self._start(self._queue.put)
        try:
            item = self._queue.get()
        except BaseException:  # Ctrl-C
            self.close()
            raise
        if item is _END:
            self._ended()
            raise StopIteration
        return str(item)

    def __iter__(self) -> "Answer":
        return self

    def __aiter__(self) -> "Answer":
        return self

    async def __anext__(self) -> str:
        if self._over:
            raise StopAsyncIteration
        if self._async is None:
            if self._begin is None:
                raise RuntimeError("this answer is read by 'for' or text() already")
            loop = asyncio.get_running_loop()
            pieces: "asyncio.Queue[Any]" = asyncio.Queue()
            self._async = pieces

            def put(item: Any) -> None:
                loop.call_soon_threadsafe(pieces.put_nowait, item)
            self._start(put)
        try:
            item = await self._async.get()
        except BaseException:  # the task was cancelled
            self._over = True
            self._run.cancel()
            raise
        if item is _END:
            self._ended()
            raise StopAsyncIteration
        return str(item)

    async def _all(self) -> str:
        return "".join([piece async for piece in self])

    def __await__(self) -> "Generator[Any, None, str]":
        return self._all().__await__()

    def __enter__(self) -> "Answer":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    async def __aenter__(self) -> "Answer":
        return self

    async def __aexit__(self, *exception: object) -> None:
        self._over, self._begin = True, None
        self._run.cancel()
