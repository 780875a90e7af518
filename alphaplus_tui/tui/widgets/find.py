"""The line in which one types what to look for."""

from textual import events
from textual.message import Message
from textual.widgets import Input


class FindLine(Input):
    """Opens in place of nothing, tells each change, and closes with Enter or Esc."""

    class Typed(Message):
        """The text changed."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    class Closed(Message):
        """``kept`` with Enter, given up with Esc."""

        def __init__(self, text: str, kept: bool) -> None:
            super().__init__()
            self.text, self.kept = text, kept

    def __init__(self, placeholder: str, *, id: str) -> None:  # noqa: A002 - Textual's own name
        super().__init__(placeholder=placeholder, id=id, compact=True, max_length=100)

    @property
    def is_open(self) -> bool:
        return self.has_class("-open")

    def open(self) -> None:
        self.add_class("-open")
        self.value = ""
        self.focus()

    def close(self, *, kept: bool) -> bool:
        """False when it was not open."""
        if not self.is_open:
            return False
        self.remove_class("-open")
        self.post_message(self.Closed(self.value, kept))
        return True

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        if self.is_open:
            self.post_message(self.Typed(self.value))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.close(kept=True)

    def on_key(self, event: events.Key) -> None:
        if event.key == "escape":
            event.stop()
            self.close(kept=False)
