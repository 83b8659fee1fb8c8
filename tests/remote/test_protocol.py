"""Frames out of arbitrary bytes."""

from __future__ import annotations

import hashlib
import itertools
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleetrun.model.steps import ReplyKind
from fleetrun.remote.capture import HEAD_BYTES, TAIL_BYTES
from fleetrun.remote.protocol import (
    MAX_LINE_BYTES,
    Frame,
    FrameKind,
    FrameParser,
    parse_object,
    to_replies,
    to_reply,
)

NONCE = "n0nce"


def line(text: str | bytes) -> bytes:
    """A control line as our shell prints it."""
    raw = text if isinstance(text, bytes) else text.encode()
    return b"\n" + NONCE.encode() + b" " + raw + b"\n"


def parse(*parts: bytes) -> list[Frame]:
    """All frames of a stream that comes in these parts."""
    parser = FrameParser(NONCE)
    return [frame for part in parts for frame in parser.feed(part)]


STEP = b"output" + line('f 0 {"changed":true}') + line("e 4 97")


def test_reads_a_step_that_worked() -> None:
    """What stands before the frame is output, without the frame's own newline."""
    (reply,) = to_replies(parse(STEP))
    assert (4, ReplyKind.FINISHED, 0, {"changed": True}, b"output", "") == (
        reply.seq, reply.kind, reply.exit_status, reply.values, reply.stdout.content,
        reply.error_kind,
    )


def test_newline_at_the_end_of_output_is_kept() -> None:
    """A module that ends its output with a newline is told from one that does not."""
    assert b"output\n" == parse(b"output\n" + STEP.removeprefix(b"output"))[0].stdout.content


def test_status_beats_json() -> None:
    """JSON that claims success does not change a failing status."""
    (reply,) = to_replies(parse(line('f 3 {"failed":false,"rc":0}') + line("e 0 96")))
    assert (3, {"failed": False, "rc": 0}, "") == (
        reply.exit_status, reply.values, reply.error_kind
    )


@pytest.mark.parametrize(
    ("stream", "status", "kind", "signal"),
    [
        (line("e 1 0"), 0, "module/bad-output", None),
        (line("e 1 97"), 97, "module/bad-output", None),
        (line("e 1 2"), 2, "module/bad-output", None),
        (line("e 1 137"), 137, "module/killed", "KILL"),
        (line("f 0 {}") + line("e 1 143"), 143, "module/killed", "TERM"),
        (line("f 0 {not json") + line("e 1 97"), 0, "module/bad-output", None),
        (line("f 0 [1]") + line("e 1 97"), 0, "module/bad-output", None),
        (line("f 0 ") + line("e 1 97"), 0, "module/bad-output", None),
        (line('f 1 {"error_kind":"file/gone"}') + line("e 1 96"), 1, "file/gone", None),
        (line('f 0 {"error_kind":"file/gone"}') + line("e 1 97"), 0, "", None),
        (line("f 143 {}") + line("e 1 96"), 143, "", None),
    ],
)
def test_tells_failures_apart(
    stream: bytes, status: int, kind: str, signal: str | None
) -> None:
    """exec, a kill, no frame and a frame that is no JSON have their own kinds."""
    (reply,) = to_replies(parse(stream))
    assert (status, kind, signal) == (
        reply.exit_status, reply.error_kind, reply.values.get("signal")
    )


def test_detached_step() -> None:
    """Both outputs come apart; noise before them belongs to neither."""
    stream = b"noise" + line("o") + b"out\0\n" + line("x") + b"err" + line(
        'd 7 2 - exec 5 - 3 - {"changed":true}'
    )
    (reply,) = to_replies(parse(stream))
    assert (7, 2, {"changed": True, "rc": 2}, b"out\0\n", b"err", "") == (
        reply.seq, reply.exit_status, reply.values, reply.stdout.content, reply.stderr.content,
        reply.error_kind,
    )


@pytest.mark.parametrize(
    ("words", "kind", "signal"),
    [
        ("1 143 timeout exec - - - - {}", "module/timeout", "TERM"),
        ("1 137 - exec - - - - {}", "module/killed", "KILL"),
        ("1 137 worker - - - - - {}", "module/killed", "KILL"),
        ("1 2 worker - - - - - {}", "module/bad-output", None),
        ("1 1 no-receipt - - - - - {}", "module/no-receipt", None),
        ("1 0 - - - - - - {}", "module/bad-output", None),
        ("1 255 - exec - - - - {}", "", None),
        ("1 1 - frame - - - - {}", "", None),
    ],
)
def test_troubles_of_detached_steps(words: str, kind: str, signal: str | None) -> None:
    """What the worker saw decides the kind; 255 is no signal."""
    (reply,) = to_replies(parse(line("d " + words)))
    assert (kind, signal) == (reply.error_kind, reply.values.get("signal"))


def test_output_that_the_device_cut() -> None:
    """Head, marker and tail; length and hash are those of the whole."""
    digest = "ab" * 32
    stream = line("o") + b"head" + line("t") + b"tail" + line("x") + line(
        f"d 1 0 - exec 1000 {digest} - - {{}}"
    )
    captured = parse(stream)[0].stdout
    assert (b"head\n[992 bytes left out]\ntail", 1000, True, digest) == (
        captured.content, captured.length, captured.truncated, captured.sha256
    )


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("n 3", ReplyKind.NOT_RUN),
        ("v 3", ReplyKind.NOT_RUN),
        ("i 3", ReplyKind.LOST),
    ],
)
def test_steps_that_have_no_result(text: str, kind: ReplyKind) -> None:
    """Not run, never started and interrupted are answers, too."""
    (frame,) = parse(line(text))
    assert (3, kind) == (frame.seq, to_reply(frame).kind)


def test_frames_about_the_shell_are_no_replies() -> None:
    """Ready and goodbye have no step."""
    frames = parse(line('r {"boot_id":"b"}') + line("g"))
    assert ([FrameKind.READY, FrameKind.GOODBYE], []) == (
        [frame.kind for frame in frames], to_replies(frames)
    )


def test_a_forged_frame_is_output() -> None:
    """Text that looks like a frame of another shell is shown, not believed."""
    forged = b"\nother f 0 {}\n\nother e 4 97\n"
    (frame,) = parse(forged + STEP)
    assert (forged + b"output", 4) == (frame.stdout.content, frame.seq)


@pytest.mark.parametrize("text", ["q 1", "e 1", "e one two", "d 1", "n", "f x {}", "", "e 1 2 3"])
def test_a_control_line_that_makes_no_sense_is_output(text: str) -> None:
    """A line that something wrote into is kept as output, and the next one is read."""
    (frame,) = parse(line(text) + STEP)
    assert (line(text) + b"output", 4) == (frame.stdout.content, frame.seq)


def test_an_endless_control_line_is_no_result() -> None:
    """A result without end costs no memory and is bad output."""
    parser = FrameParser(NONCE)
    parser.feed(line('f 0 {"a":"').removesuffix(b"\n"))
    for _ in range(6):
        parser.feed(b"x" * 1_000_000)
        assert len(parser._buffer) <= MAX_LINE_BYTES + 1_000_000
    (reply,) = to_replies(parser.feed(b'"}\n' + line("e 1 97")))
    assert "module/bad-output" == reply.error_kind


def test_a_long_control_line_in_one_piece_is_no_result() -> None:
    """The limit does not depend on how the line came."""
    text = b'f 0 {"a":"' + b"x" * MAX_LINE_BYTES + b'"}'
    (reply,) = to_replies(parse(line(text) + line("e 1 97")))
    assert "module/bad-output" == reply.error_kind


def test_output_is_capped() -> None:
    """64 MiB leave head and tail, full length and sha256, in bounded memory and time."""
    parser = FrameParser(NONCE)
    digest = hashlib.sha256()
    block = bytes(range(256)) * 256
    for _ in range(1024):
        digest.update(block)
        parser.feed(block)
    (frame,) = parser.feed(line("f 0 {}") + line("e 1 97"))
    captured = frame.stdout
    whole = len(block) * 1024
    assert (whole, True, digest.hexdigest()) == (
        captured.length, captured.truncated, captured.sha256
    )
    assert captured.content.startswith(block * (HEAD_BYTES // len(block)) + b"\n[")
    assert captured.content.endswith(b"left out]\n" + block * (TAIL_BYTES // len(block)))


def test_output_just_at_the_cap_is_whole() -> None:
    """1 MiB is kept as it is, one byte more is not."""
    size = HEAD_BYTES + TAIL_BYTES
    (frame,) = parse(b"x" * size + line("f 0 {}") + line("e 1 97"))
    (longer,) = parse(b"x" * (size + 1) + line("f 0 {}") + line("e 1 97"))
    assert (False, size, True, size + 1) == (
        frame.stdout.truncated, len(frame.stdout.content),
        longer.stdout.truncated, longer.stdout.length,
    )


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (b'{"a":"\xff\xc3\xa4"}', {"a": "\\xff\u00e4"}),
        (b'{"a":"\\ud83d\\ude00"}', {"a": "\U0001f600"}),
        (b'{"a":"x\\ud800y","\\udc00":["\\udfff"]}', {"a": "x\ufffdy", "\ufffd": ["\ufffd"]}),
        (b'{"a":"tab\there"}', {"a": "tab\there"}),
        (b'{"a":1.5}', {"a": 1.5}),
        (b'{"a":1e999}', None),
        (b'{"a":NaN}', None),
        (b'{"a":' + b"9" * 5000 + b"}", None),
        (b'{"a":' + b"[" * 100_000, None),
        (b'{"a":1} x', None),
        (b"null", None),
        (b"\xff", None),
    ],
)
def test_reads_json_objects_only(text: bytes, value: object) -> None:
    """Every string can be written anywhere; what is no JSON object is None."""
    assert value == parse_object(text)


PARTS = st.lists(
    st.one_of(
        st.binary(max_size=40),
        st.sampled_from([
            b"\n", b"\nn0", b"\nn0nce", b"\nother e 1 97\n", NONCE.encode(),
            line("e 1 97"), line("e 2 0"), line("f 0 {}"), line('f 1 {"a":1}'), line("f 0 x"),
            line("o"), line("x"), line("t"), line("d 3 0 - exec 1 - 1 - {}"), line("n 4"),
            line("g"), line("r {}"), line("i 5"), line("v 6"), line("z"),
        ]),
    ),
    max_size=12,
)


@settings(max_examples=300, deadline=None)
@given(parts=PARTS, cuts=st.lists(st.integers(0, 500), max_size=20))
def test_any_split_gives_the_same_frames(parts: list[bytes], cuts: list[int]) -> None:
    """Frames do not depend on how the network cuts the stream; nothing raises."""
    stream = b"".join(parts)
    places = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
    pieces = [stream[a:b] for a, b in itertools.pairwise(places)]
    single = [stream[at : at + 1] for at in range(len(stream))]
    assert parse(stream) == parse(*pieces) == parse(*single)


@settings(max_examples=200, deadline=1000)
@given(text=st.one_of(st.binary(max_size=200), st.text(max_size=100).map(str.encode)))
def test_no_json_text_raises(text: bytes) -> None:
    """Anything gives an object or None."""
    value = parse_object(text)
    assert value is None or isinstance(value, dict)


def test_many_newlines_are_read_in_linear_time() -> None:
    """Output of newlines only, the start of every marker, is as cheap as any other."""
    parser = FrameParser(NONCE)
    began = time.process_time()
    for _ in range(200):
        parser.feed(b"\n" * 65536)
    assert time.process_time() - began < 5


def test_what_a_shell_said_before_it_spoke() -> None:
    """Noise is kept for the message about a shell that never came."""
    parser = FrameParser(NONCE)
    parser.feed(b"Welcome\nto a shell\nn0n")
    assert b"Welcome\nto a shell\nn0n" == parser.stray


def test_only_bytes_that_do_not_decode_are_escaped() -> None:
    """The error handler serves decoding alone."""
    with pytest.raises(UnicodeEncodeError):
        "\udc80".encode("utf-8", "fleetrun-bytes-in-json")
