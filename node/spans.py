"""Spans: how long an exchange or a job took, for OpenTelemetry where a process was given a tracer.

Without one nothing is made, kept or measured. A span never carries a value: its attributes are
names of methods and jobs, numbers and codes of units, and the codes of errors.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

from sync.model.errors import SilianError

_NOTHING = nullcontext()
Attributes = dict[str, str | int]
End = Callable[[str], None]
"""Ends a span; with the code of an error, or ""."""


class Spans:
    """Makes spans with a tracer of OpenTelemetry; None: makes none. Thread-safe."""

    def __init__(self, tracer: Any = None) -> None:
        self._tracer = tracer

    @property
    def on(self) -> bool:
        return self._tracer is not None

    def span(self, name: str, attributes: Attributes) -> AbstractContextManager[None]:
        """Return what a piece of work is done in."""
        return _NOTHING if self._tracer is None else self._around(name, attributes)

    def begin(self, name: str, attributes: Attributes) -> End:
        """Begin a span that another thread may end."""
        span = self._tracer.start_span(name, attributes=attributes)

        def end(error: str) -> None:
            if error:
                span.set_attribute("error.type", error)
                span.set_status(_error_status())
            span.end()

        return end

    @contextmanager
    def _around(self, name: str, attributes: Attributes) -> Iterator[None]:
        # Not the thread's current span: a stream may be ended by another thread.
        end = self.begin(name, attributes)
        error = ""
        try:
            yield
        except BaseException as raised:  # its text may have a person's values in it
            error = raised.code if isinstance(raised, SilianError) else type(raised).__name__
            raise
        finally:
            end(error)


NO_SPANS = Spans()


def _error_status() -> Any:
    from opentelemetry.trace import StatusCode

    return StatusCode.ERROR
