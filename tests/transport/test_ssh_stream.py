"""Bytes, flow control and endings of programs on real servers."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from fleetrun.errors import ConnectError, LinkLostError
from fleetrun.transport.ssh import SshConnection
from fleetrun.transport.stream import HIGH_WATER_BYTES, SLICE_BYTES, WINDOW_BYTES
from tests.support.ssh_targets import read_all, target_of, transport
from tests.support.sshd import KeyFile, SshServer, openssh_server

_ALL_BYTES = bytes(range(256)) * 64


@asynccontextmanager
async def connected(server: SshServer, key: KeyFile, **changes: object
                    ) -> AsyncIterator[SshConnection]:
    async with transport() as ssh:
        connection = await ssh.connect(target_of(server, key, **changes))
        try:
            yield connection
        finally:
            await connection.close()


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * 4096


def test_carries_every_byte_both_ways(server: SshServer, ed25519: KeyFile) -> None:
    """NUL, 0xff and what is not UTF-8 come back as they went."""

    async def main() -> tuple[bytes, int | None, str]:
        async with connected(server, ed25519) as connection:
            stream = await connection.open("cat")
            await stream.write(_ALL_BYTES)
            await stream.write_eof()
            return await read_all(stream), stream.exit_status, stream.exit_signal

    assert asyncio.run(main()) == (_ALL_BYTES, 0, "")


def test_keeps_stderr_apart(server: SshServer, ed25519: KeyFile) -> None:
    """Both outputs and the exact exit status arrive."""

    async def main() -> tuple[bytes, bytes, int | None]:
        async with connected(server, ed25519) as connection:
            stream = await connection.open("echo out; echo err >&2; exit 255")
            error = await stream.read_stderr()
            return await read_all(stream), error, stream.exit_status

    assert asyncio.run(main()) == (b"out\n", b"err\n", 255)


def test_talks_with_a_shell(server: SshServer, ed25519: KeyFile) -> None:
    """A persistent sh answers line by line over one channel."""

    async def main() -> list[bytes]:
        answers = []
        async with connected(server, ed25519) as connection:
            stream = await connection.open("exec sh")
            for line in (b"echo one\n", b"x=2; echo $x\n", b"exit 3\n"):
                await stream.write(line)
                answers.append(await stream.read())
            answers.append(b"%d" % (stream.exit_status or 0))
            await stream.close()
            await stream.close()
        return answers

    assert asyncio.run(main()) == [b"one\n", b"2\n", b"", b"3"]


def test_opens_several_channels_at_once(server: SshServer, ed25519: KeyFile) -> None:
    """One connection carries a channel per identity."""

    async def main() -> list[bytes]:
        async with connected(server, ed25519) as connection:
            streams = [await connection.open("cat") for _ in range(4)]
            for n, stream in enumerate(streams):
                await stream.write(b"%d" % n)
            return [await stream.read() for stream in streams]

    assert asyncio.run(main()) == [b"0", b"1", b"2", b"3"]


def test_pty_does_not_echo(server: SshServer, ed25519: KeyFile) -> None:
    """A terminal is there, and what we type, such as a password, is not shown."""

    async def main() -> bytes:
        async with connected(server, ed25519) as connection:
            stream = await connection.open("test -t 0 && read -r x && echo got", pty=True)
            await stream.write(b"secret\n")
            return await read_all(stream)

    assert asyncio.run(main()) == b"got\n"


def test_exit_by_signal_is_told(server: SshServer, ed25519: KeyFile) -> None:
    """The signal has a name, and there is no exit status to mistake for one."""

    async def main() -> tuple[bytes, int | None, str]:
        async with connected(server, ed25519) as connection:
            stream = await connection.open("kill -KILL $$")
            return await read_all(stream), stream.exit_status, stream.exit_signal

    assert asyncio.run(main()) == (b"", None, "KILL")


def test_server_that_is_killed_is_a_lost_link(server: SshServer, ed25519: KeyFile) -> None:
    """What had arrived is delivered, then LinkLostError; never a status."""

    async def main() -> tuple[bytes, str, int | None]:
        async with connected(server, ed25519) as connection:
            stream = await connection.open("echo started; sleep 60")
            first = await stream.read()
            server.kill_sessions()
            with pytest.raises(LinkLostError) as caught:
                await stream.read()
            with pytest.raises(LinkLostError):
                await stream.write(b"more")
            with pytest.raises(LinkLostError):
                await connection.open("echo again")
            return first, caught.value.kind, stream.exit_status

    assert asyncio.run(main()) == (b"started\n", "lost/closed", None)


def test_delivers_what_was_held_back_when_the_link_is_lost(
    openssh: SshServer, ed25519: KeyFile
) -> None:
    """A paused reader still gets every byte that crossed the link."""

    async def main() -> int:
        async with connected(openssh, ed25519) as connection:
            stream = await connection.open("head -c 10000000 /dev/zero; sleep 60")
            held = stream._chan._recv_buf
            async with asyncio.timeout(20):
                while sum(len(part) for part, _ in held) < WINDOW_BYTES // 4:
                    await asyncio.sleep(0.01)
            openssh.kill_sessions()
            received = 0
            async with asyncio.timeout(20):
                try:
                    while part := await stream.read():
                        received += len(part)
                except LinkLostError:
                    return received
            raise AssertionError("ended as if nothing had happened")

    assert asyncio.run(main()) > HIGH_WATER_BYTES + WINDOW_BYTES // 4


def test_silent_server_is_noticed_by_keepalives(tmp_path: Path, ed25519: KeyFile) -> None:
    """A device that vanished without a word is lost after interval x (count + 1)."""

    async def main(server: SshServer) -> tuple[str, str, float]:
        limits = {"keepalive_interval_s": 0.3, "keepalive_count": 2}
        async with connected(server, ed25519, **limits) as connection:
            stream = await connection.open("echo up; sleep 60")
            await stream.read()
            server.freeze()
            started = asyncio.get_running_loop().time()
            with pytest.raises(LinkLostError) as caught:
                await stream.read()
            took = asyncio.get_running_loop().time() - started
            return caught.value.kind, caught.value.message, took

    with openssh_server(tmp_path, authorized=(ed25519.public,)) as server:
        kind, message, took = asyncio.run(main(server))
    assert kind == "lost/keepalive"
    assert "answered no keepalive for 0.9 s" in message
    assert 0.5 < took < 0.9 + 3.0


def test_session_that_is_never_opened_times_out(tmp_path: Path, ed25519: KeyFile) -> None:
    """The first one is a failed connect, a later one a lost link."""

    async def main(server: SshServer) -> list[str]:
        kinds = []
        async with transport() as ssh:
            target = target_of(server, ed25519, login_timeout_s=2.0)
            fresh, used = await ssh.connect(target), await ssh.connect(target)
            await (await used.open("echo up")).read()
            server.freeze()
            for connection in (fresh, used):
                try:
                    await connection.open("echo hello")
                except (ConnectError, LinkLostError) as exc:
                    kinds.append(exc.kind)
                await connection.close()
        return kinds

    with openssh_server(tmp_path, authorized=(ed25519.public,)) as server:
        assert asyncio.run(main(server)) == ["connect/login-timeout", "lost/timeout"]


def test_large_output_with_a_slow_reader_stays_bounded(
    openssh: SshServer, ed25519: KeyFile
) -> None:
    """100 MB arrive complete while at most two windows are held."""
    size = 100_000_000

    async def main() -> tuple[int, int]:
        most = received = 0
        async with connected(openssh, ed25519) as connection:
            stream = await connection.open(f"head -c {size} /dev/zero")
            await asyncio.sleep(0.3)  # nobody reads: the sender has to stop
            while part := await stream.read():
                received += len(part)
                held = stream._chan._recv_buf if stream._chan else []
                most = max(most, len(part) + sum(len(data) for data, _ in held))
                if received < 5_000_000:
                    await asyncio.sleep(0.005)
            return received, most

    before = resident_bytes()
    received, most = asyncio.run(main())
    assert received == size
    assert HIGH_WATER_BYTES < most <= 2 * WINDOW_BYTES + SLICE_BYTES
    assert resident_bytes() - before < 16 * 1024 * 1024


def test_large_input_waits_for_a_slow_reader(server: SshServer, ed25519: KeyFile) -> None:
    """`write` returns when the device took the bytes, not when memory did."""
    content = _ALL_BYTES * 1000

    async def main() -> tuple[bool, int, bytes]:
        async with connected(server, ed25519) as connection:
            stream = await connection.open("read -r x; sha256sum")
            writing = asyncio.create_task(stream.write(b"go\n"))
            await writing
            writing = asyncio.create_task(stream.write(content))
            await asyncio.sleep(0.05)
            buffered = stream._chan.get_write_buffer_size()
            await writing
            await stream.write_eof()
            return writing.done(), buffered, await read_all(stream)

    done, buffered, output = asyncio.run(main())
    assert done
    assert buffered <= 2 * SLICE_BYTES
    assert output.split()[0].decode() == hashlib.sha256(content).hexdigest()


def test_writer_is_freed_when_the_link_is_lost(openssh: SshServer, ed25519: KeyFile) -> None:
    """A write that waits for room does not wait for ever."""

    async def main() -> str:
        async with connected(openssh, ed25519) as connection:
            stream = await connection.open("echo up; sleep 60")
            await stream.read()
            writing = asyncio.create_task(stream.write(bytes(20_000_000)))
            await asyncio.sleep(0.3)
            assert not writing.done()
            openssh.kill_sessions()
            with pytest.raises(LinkLostError) as caught:
                await writing
            return caught.value.kind

    assert asyncio.run(main()) in {"lost/closed", "lost/reset"}


def test_writing_to_a_program_that_ended_is_told(server: SshServer, ed25519: KeyFile) -> None:
    """The link is fine, but nobody takes the bytes."""

    async def main() -> str:
        async with connected(server, ed25519) as connection:
            stream = await connection.open("exit 7")
            assert await read_all(stream) == b""
            with pytest.raises(LinkLostError) as caught:
                await stream.write(b"more")
            await stream.write_eof()
            return caught.value.message

    assert "has ended and takes no more input" in asyncio.run(main())


def test_closed_stream_reads_as_ended(server: SshServer, ed25519: KeyFile) -> None:
    """A reader that waits is freed by our own close."""

    async def main() -> bytes:
        async with connected(server, ed25519) as connection:
            stream = await connection.open("sleep 60")
            reading = asyncio.create_task(stream.read())
            await asyncio.sleep(0.05)
            await stream.close()
            return await reading

    assert asyncio.run(main()) == b""


def test_session_that_is_refused_is_told(tmp_path: Path, ed25519: KeyFile) -> None:
    """MaxSessions 0 lets us in but runs nothing."""

    async def main(server: SshServer) -> ConnectError:
        async with connected(server, ed25519) as connection:
            with pytest.raises(ConnectError) as caught:
                await connection.open("echo hello")
            return caught.value

    with openssh_server(tmp_path, options=("MaxSessions 0",),
                        authorized=(ed25519.public,)) as server:
        error = asyncio.run(main(server))
    assert error.kind == "connect/protocol"
    assert "refused to start a session" in error.message
    assert "MaxSessions" in error.hint


def test_connection_closes_twice_and_with_open_streams(
    server: SshServer, ed25519: KeyFile
) -> None:
    """Closing needs no order and never raises."""

    async def main() -> bytes:
        async with transport() as ssh:
            connection = await ssh.connect(target_of(server, ed25519))
            stream = await connection.open("sleep 60")
            await connection.close()
            await connection.close()
            await stream.close()
            return await stream.read()

    assert asyncio.run(main()) == b""
