"""What a screen asks the session, and the answers that it keeps."""

from collections.abc import Callable
from typing import Generic, TypeVar

from textual.screen import Screen
from textual.worker import Worker

from alphaplus_tui.errors import AlphaPlusError
from alphaplus_tui.session.queries import Query
from alphaplus_tui.session.session import Session

A = TypeVar("A")
V = TypeVar("V")


class Questions:
    """The questions of one screen, by name: a new one of the same name replaces the old."""

    def __init__(self, screen: Screen[None], session: Session) -> None:
        self._screen, self._session = screen, session
        self._asked: dict[str, Worker[None]] = {}

    def ask(
        self,
        name: str,
        query: Query[A],
        answer: Callable[[A], None],
        failed: Callable[[str], None] | None = None,
        *,
        within_s: float = 5.0,
    ) -> None:
        """``answer`` hears of it on the screen; ``failed`` the cause, which is a toast where nobody wants it."""

        async def run() -> None:
            try:
                found = await self._session.ask(query, deadline_s=within_s)
            except AlphaPlusError as error:
                if failed is not None:
                    failed(f"{error.title}: {error}")
                else:
                    self._screen.notify(str(error), title=error.title, severity="warning", markup=False)
                return
            answer(found)

        self._asked[name] = self._screen.run_worker(run(), name=name, group=name, exclusive=True)

    def waits_for(self, name: str) -> bool:
        """Whether the question of this name has no answer yet."""
        asked = self._asked.get(name)
        return asked is not None and not asked.is_finished

    def cancel(self) -> None:
        """Nobody looks any more."""
        for worker in self._asked.values():
            worker.cancel()
        self._asked.clear()


class Answers(Generic[V]):
    """Answers to questions of one kind by their subject, each asked for once; or why there is none."""

    def __init__(
        self, questions: Questions, kind: str, on_answer: Callable[[], None], *, most: int, within_s: float = 5.0
    ) -> None:
        """most: how many are kept; on_answer: something came."""
        self._questions, self._kind, self._on_answer = questions, kind, on_answer
        self._most, self._within_s = most, within_s
        self._found: dict[str, V | str] = {}

    def get(self, subject: str) -> V | str | None:
        """The answer, or a text that says why there is none; None before it was asked for."""
        return self._found.get(subject)

    def fetch(self, subject: str, query: Query[A], read: Callable[[A], V | str]) -> None:
        """Ask, unless it is being asked; ``read`` makes of the answer what is kept."""
        name = f"{self._kind}:{subject}"
        if not self._questions.waits_for(name):
            self._questions.ask(
                name,
                query,
                lambda found: self._keep(subject, read(found)),
                lambda cause: self._keep(subject, cause),
                within_s=self._within_s,
            )

    def waits_for(self, subject: str) -> bool:
        return self._questions.waits_for(f"{self._kind}:{subject}")

    def forget_failure(self, subject: str) -> None:
        """So that it is asked for again."""
        if isinstance(self._found.get(subject), str):
            del self._found[subject]

    def _keep(self, subject: str, found: V | str) -> None:
        self._found.pop(subject, None)
        self._found[subject] = found
        while len(self._found) > self._most:
            del self._found[next(iter(self._found))]
        self._on_answer()
