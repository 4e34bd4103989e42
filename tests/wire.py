"""Protobuf fields, snappy blocks and calls of gRPC for tests, by hand."""
import socket, struct


def varint(n):
    out = b""
    while n >= 0x80:
        out, n = out + bytes([n & 0x7F | 0x80]), n >> 7
    return out + bytes([n])


def field(number, value):
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    if isinstance(value, float):
        return varint(number << 3 | 1) + struct.pack("<d", value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def unsnappy(data):
    def number(at):
        shift = out = 0
        while True:
            b = data[at]
            at, out, shift = at + 1, out | (b & 0x7F) << shift, shift + 7
            if b < 0x80:
                return out, at
    size, at = number(0)
    out = bytearray()
    while at < len(data):
        tag = data[at]
        at += 1
        if tag & 3 == 0:
            n = tag >> 2
            if n >= 60:
                extra = n - 59
                n = int.from_bytes(data[at:at + extra], "little")
                at += extra
            out += data[at:at + n + 1]
            at += n + 1
            continue
        if tag & 3 == 1:
            length, offset = (tag >> 2 & 7) + 4, (tag >> 5) << 8 | data[at]
            at += 1
        else:
            width = 2 if tag & 3 == 2 else 4
            length, offset = (tag >> 2) + 1, int.from_bytes(data[at:at + width], "little")
            at += width
        for _ in range(length):
            out.append(out[-offset])
    assert len(out) == size
    return bytes(out)


def fields(data):
    at = 0
    def number():
        nonlocal at
        shift = out = 0
        while True:
            b = data[at]
            at, out, shift = at + 1, out | (b & 0x7F) << shift, shift + 7
            if b < 0x80:
                return out
    while at < len(data):
        tag = number()
        if tag & 7 == 0:
            yield tag >> 3, number()
        elif tag & 7 == 1:
            yield tag >> 3, struct.unpack("<d", data[at:at + 8])[0]
            at += 8
        else:
            n = number()
            yield tag >> 3, data[at:at + n]
            at += n


def packed(data):
    out, value, shift = [], 0, 0
    for b in data:
        value, shift = value | (b & 0x7F) << shift, shift + 7
        if b < 0x80:
            out.append(value)
            value = shift = 0
    return out


def grpc_call(port, path, message, encoding=None):
    """One unary call over HTTP/2 without TLS; `encoding`: how the message is compressed. True once the stream has ended; how it ended is
    not looked at."""
    def frame(kind, flags, stream, payload=b""):
        return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload

    def header(name, value):
        return b"\0" + bytes([len(name)]) + name.encode() + bytes([len(value)]) + value.encode()
    data, headers, reset, settings, goaway, window_update = 0, 1, 3, 4, 7, 8
    end_stream, end_headers, largest = 1, 4, 16384
    pairs = ((":method", "POST"), (":scheme", "http"), (":path", path), (":authority", "localhost"), ("content-type", "application/grpc"), ("te", "trailers"), *([("grpc-encoding", encoding)] if encoding else ()))
    head = b"".join(header(*pair) for pair in pairs)
    body = struct.pack(">BI", 1 if encoding else 0, len(message)) + message
    with socket.create_connection(("127.0.0.1", port), timeout=20) as s:
        read = s.makefile("rb")
        s.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(settings, 0, 0) + frame(headers, end_headers, 1, head))
        window, connection, at = 65535, 65535, 0
        while True:
            room = min(window, connection, largest, len(body) - at)
            if room > 0:
                s.sendall(frame(data, end_stream if at + room == len(body) else 0, 1, body[at:at + room]))
                window, connection, at = window - room, connection - room, at + room
                continue
            prefix = read.read(9)
            if len(prefix) < 9:
                return False
            payload = read.read(int.from_bytes(prefix[:3], "big"))
            kind, flags, stream = prefix[3], prefix[4], int.from_bytes(prefix[5:], "big")
            if kind == settings and not flags & 1:
                for i in range(0, len(payload), 6):
                    if payload[i:i + 2] == b"\0\4":
                        window += int.from_bytes(payload[i + 2:i + 6], "big") - 65535
                s.sendall(frame(settings, 1, 0))
            elif kind == window_update and stream == 0:
                connection += int.from_bytes(payload, "big")
            elif kind == window_update:
                window += int.from_bytes(payload, "big")
            elif kind in (reset, goaway):
                return False
            elif stream == 1 and kind in (data, headers) and flags & end_stream:
                return True
