"""What a test tells ``LocalVTN`` to do wrong: faults, replies of its own, dying and coming back.
Any thread.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any, Optional, Union

from ... import arguments
from .core import Core
from .fault import Fault
from .faults import Answer, as_fault
from .reply import Reply


class FaultCommands(Core):
    """What goes wrong."""

    def fault(self, fault: Union[str, Fault, Reply, bytes], **options: Any) -> Fault:
        """Switch on ``fault``, a name, an object or the reply that it gives, until it is over, or
        ``.clear()`` or the end of its ``with``.

        Names: ``'down'``, ``'slow'``, ``'stalled'``, ``'half-open'``, ``'drip'``, ``'bad xml'``,
        ``'html'``, ``'empty'``, ``'replay'``, ``'reset before body'``, ``'reset in body'``,
        ``'reset after body'``, ``'redirect'``, ``'503 with Retry-After'``, HTTP statuses such as
        ``'500'``, OpenADR codes such as ``'463'``. Of what the VTN pushes (:class:`PushFault`):
        ``'push lost'``, ``'push reset'``, ``'push stalled'``, ``'push silent'``, ``'push slow'``,
        ``'push doubled'``, ``'push bad xml'``, ``'push garbage'``, ``'push replay'``. ``options``:
        those of every :class:`Fault` (``service``, ``message``, ``ven_id``, ``times``, ``skip``,
        ``until``) and of its class.
        """
        made = as_fault(fault, **options)
        if isinstance(fault, (bytes, Reply)):
            self._check_own(fault)
        self.add_fault(made)
        return made

    def faults(self, *faults: Union[str, Fault, Reply, bytes]) -> ExitStack:
        """Switch several ``faults`` on; ``with vtn.faults(Slow(2), Refuse('463')):`` switches them
        off at its end.
        """
        stack = ExitStack()
        for fault in faults:
            stack.callback(self.fault(fault).clear)
        return stack

    def reply_once(
        self, reply: Union[Reply, bytes], *, service: Optional[str] = "OadrPoll"
    ) -> Fault:
        """The ``reply``, bytes or :func:`Raw`, for one request to ``service`` (None: any); the VTN
        never sees it.
        """
        made = self.fault(Answer(reply, service=service, times=1))
        self._check_own(reply)
        return made

    def kill(self) -> None:
        """Reset all connections and refuse new ones, as if the process had died."""
        self.hang_up()

    def restart(self, *, memory: bool = True) -> None:
        """Hang up and listen again on the same port; without ``memory``, the VTN knows no VEN and
        no event any more.
        """
        kept = arguments.flag("memory", memory)
        self.hang_up()
        if not kept:
            with self._state.lock:
                self._state.forget()
        self.listen()
