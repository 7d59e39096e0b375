"""A TCP proxy on loopback that makes the wire long, narrow, silent or cut."""

import socket
import struct
import threading
import time
from collections import deque

_PIECE = 256 * 1024
_QUEUED = 16 * 1024 * 1024  # bytes under way per direction; more would hide back pressure from the sender


class _Lane:
    """One direction of one connection: a reader thread stamps what comes, a writer thread delivers it in its time."""

    def __init__(self, proxy, source, target, down: bool, end):
        self._proxy, self._source, self._target, self._down, self._end = proxy, source, target, down, end
        self._queue, self._queued, self._changed = deque(), 0, threading.Condition()
        for work in (self._read, self._write):
            threading.Thread(target=work, daemon=True).start()

    def _put(self, piece):
        with self._changed:
            self._changed.wait_for(lambda: self._queued < _QUEUED or self._end.is_set())
            self._queue.append((time.monotonic() + self._proxy.delay, piece))
            self._queued += len(piece)
            self._changed.notify_all()

    def _read(self):
        try:
            while piece := self._source.recv(_PIECE):
                self._put(piece)
        except OSError:
            pass
        self._put(b"")

    def _write(self):
        try:
            while not self._end.is_set():
                with self._changed:
                    self._changed.wait_for(lambda: self._queue or self._end.is_set(), 1)
                    if not self._queue:
                        continue
                    due, piece = self._queue.popleft()
                    self._queued -= len(piece)
                    self._changed.notify_all()
                time.sleep(max(0, due - time.monotonic()))
                if not piece:
                    self._target.shutdown(socket.SHUT_WR)
                    return
                self._proxy._deliver(piece, self._target, self._down, self._end)
        except OSError:  # the one side is gone: the other must hear of it too
            self._end.set()
            self._proxy._reset(self._source)
            self._proxy._reset(self._target)


class TcpProxy:
    """Listens on `port` and forwards to 127.0.0.1:`target`. All knobs may be turned while it runs.

    delay         seconds each way
    rate          bytes/s towards the client, None for no limit
    cut_after     cut every connection (with a reset) when this many bytes in all have gone to the client; None never
    stall()       deliver nothing more until resume(); connections stay open
    cut()         reset every connection now
    refuse(True)  reset new connections as they come
    """

    def __init__(self, target: int, delay: float = 0, rate: float | None = None, cut_after: int | None = None):
        self.delay, self.rate, self.cut_after = delay, rate, cut_after
        self.down = self.up = self.accepted = 0
        self._target, self._refusing = target, False
        self._flowing = threading.Event()
        self._flowing.set()
        self._lock, self._open = threading.Lock(), []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            self.accepted += 1
            if self._refusing:
                self._reset(near)
                continue
            try:
                far = socket.create_connection(("127.0.0.1", self._target))
            except OSError:
                self._reset(near)
                continue
            end = threading.Event()
            for end_of_wire in (near, far):
                end_of_wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                self._open.append((near, far, end))
            _Lane(self, far, near, True, end)
            _Lane(self, near, far, False, end)

    def _deliver(self, piece, target, down, end):
        while not self._flowing.wait(0.05):
            if end.is_set():
                return
        if down and self.cut_after is not None and self.down + len(piece) >= self.cut_after:
            piece = piece[: self.cut_after - self.down]
            target.sendall(piece)
            self.down += len(piece)
            self.cut_after = None
            self.cut()
            return
        target.sendall(piece)
        if down:
            self.down += len(piece)
            if self.rate:
                time.sleep(len(piece) / self.rate)
        else:
            self.up += len(piece)

    @staticmethod
    def _reset(end_of_wire):
        try:
            # Linger of zero: the peer sees a reset, as from a cut link's firewall, not an orderly end.
            end_of_wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            end_of_wire.shutdown(socket.SHUT_RD)  # wakes our thread that is in recv
        except OSError:
            pass
        end_of_wire.close()

    def cut(self):
        with self._lock:
            wires, self._open = self._open, []
        for near, far, end in wires:
            end.set()
            self._reset(near)
            self._reset(far)

    def stall(self):
        self._flowing.clear()

    def resume(self):
        self._flowing.set()

    def refuse(self, refusing: bool):
        self._refusing = refusing

    def close(self):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()
        self._flowing.set()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
