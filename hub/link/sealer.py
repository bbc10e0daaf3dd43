"""The calls by which an office leaves sealed backups with its parent, and takes one back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import grpc

from node.sealed.errors import SealedDamaged, SealedMissing, SealedOlder
from node.sealed.kept import announce, chunks
from node.sealed.sealed_file import read_header
from node.services.upkeep import sealed
from sync.model.errors import ErrorKind, SilianError
from sync.rpc.channel import Secure, open_channel
from sync.rpc.status import read_refusal, status_texts
from sync.wire.link.v1 import sealed_pb2 as pb
from sync.wire.link.v1 import sealed_pb2_grpc

if TYPE_CHECKING:
    from node.office import Office

TIMEOUT_S = 30.0


class SealedUnreachable(SilianError):
    """The parent, who keeps the sealed backups, does not answer."""

    code = "sealed_unreachable"
    kind = ErrorKind.UNREACHABLE

    def __init__(self, address: str, why: str, why_zh: str) -> None:
        super().__init__(
            f"the parent at {address} does not answer: {why}", f"上级 {address} 没有应答：{why_zh}",
            remedy_en="Is it served? What is sealed is sent later by itself.",
            remedy_zh="请确认上级服务已启动；已密封的备份稍后会自动发送。",
        )  # fmt: skip


def at_parent(office: Office) -> list[pb.SealedBackup]:
    """Return what the parent keeps for this office, the newest first.

    Raises: NotEnrolled, SealedUnreachable; what the parent refuses.
    """
    with _called(office) as call:
        return list(call("ListSealed", pb.ListSealedRequest()).backups)


def send(office: Office) -> int:
    """Send the sealed backup that waits, if one does; return how many bytes it has.

    If the parent has its number already, it is sealed once more: this store was restored.
    Raises: NotEnrolled, SealedUnreachable; what the parent refuses; as `sealed.make`.
    """
    with office.sealing:
        file = sealed.waiting(office)
        if file is None:
            return 0
        with _called(office) as call:
            try:
                received = _ask(call, file)
            except SilianError as error:
                if error.code != SealedOlder.code:
                    raise
                kept = call("ListSealed", pb.ListSealedRequest()).backups
                file = sealed.make(office, after=kept[0].number if kept else 0)
                received = _ask(call, file)
            size = _send_from(call, file, received)
        with file.open("rb") as opened:
            sealed.sent(office, file, read_header(opened))
        return size


def _ask(call: Any, file: Path) -> int:
    """Announce a file; return how much of it the parent has."""
    return int(call("PutSealed", _announced(file)).received)


def _announced(file: Path) -> pb.PutSealedRequest:
    what = announce(file)
    return pb.PutSealedRequest(number=what.number, size=what.size, digest=what.digest)


def _send_from(call: Any, file: Path, received: int) -> int:
    """Send a file from a place on; return its size. Raises: SealedDamaged."""
    piece = _announced(file)
    for offset, data in chunks(file, received):
        piece.offset, piece.data = offset, data
        if call("PutSealed", piece).received != offset + len(data):
            raise SealedDamaged("the parent has another part of it", "上级已收到的部分与此不符")
    return int(piece.size)


def fetch(office: Office, target: BinaryIO, number: int = 0) -> int:
    """Write a sealed backup that the parent keeps into a file; return its number. 0: the newest.

    Raises: NotEnrolled, SealedMissing, SealedUnreachable; what the parent refuses.
    """
    with _called(office) as call:
        kept = call("ListSealed", pb.ListSealedRequest()).backups
        wanted = [each for each in kept if number in (0, each.number)]
        if not wanted:
            raise SealedMissing(office.unit.code, number)
        piece = pb.GetSealedRequest(number=wanted[0].number)
        while data := call("GetSealed", piece).data:
            target.write(data)
            piece.offset += len(data)
            if piece.offset > wanted[0].size:
                raise SealedDamaged("it is longer than the parent said", "长度与上级所述不符")
    return int(wanted[0].number)


@contextmanager
def _called(office: Office) -> Iterator[Any]:
    """Yield a function that calls the parent, with this office's own certificate."""
    sealed.must_be_sendable(office)
    credentials, parent = office.certificates.credentials, office.parent_unit
    assert credentials is not None, "checked above"
    assert parent is not None, "checked above"
    config = office.config
    name = config.parent_tls_name or office.certificates.place(parent).dns
    secure = Secure(credentials.roots_pem, name, credentials.key_pem, credentials.chain_pem)
    with open_channel(config.parent, secure) as channel:
        stub = sealed_pb2_grpc.SealedServiceStub(channel)

        def call(method: str, request: Any) -> Any:
            request.parent, request.unit = parent, office.identity.unit
            try:
                return getattr(stub, method)(request, timeout=TIMEOUT_S)
            except grpc.RpcError as error:
                refusal = read_refusal(error)
                if refusal is not None:
                    raise refusal from error
                raise SealedUnreachable(config.parent, *status_texts(error)) from error

        yield call


def relative(office: Office, file: Path) -> str:
    """Return a file's name below the office's folder."""
    return str(file.relative_to(office.folder))
