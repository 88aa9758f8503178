#!/usr/bin/env python3
"""An independent reader of a pointcard store, written from docs/format.md alone.

In: the image of a store. Out: JSON on standard output: its shape, its counts, and every entry that
is owed or dead. Exit code 2 and one line on standard error when the image holds something this
reader does not know, or no store.

    python3 tests/format/read.py IMAGE [--key ID:HEX ...]

A sealed store needs its keys; what does not open with them is refused.
"""
import json
import sys

import seal

HEADER, FRAME, PAYLOAD_MAX, WINDOW = 52, 12, 3050, 64
EXTENSION, TAG, WITNESS, BAD_RUN = 24, 16, 12, 8
STATE, LIVE, DEAD, BACK = 0, 1, 2, 3
ITEM, MOVED, STATE_RECORD, SNAP, BACK_STATE = 0x11, 0x12, 0x21, 0x22, 0x23
JOINED, SYNC_MAX = 0x40, 16384
KINDS = {
    STATE: (STATE_RECORD, SNAP, BACK_STATE),
    LIVE: (ITEM, ITEM | JOINED, MOVED),
    BACK: (MOVED, MOVED | JOINED),
    DEAD: (MOVED,),
}
PARKED, UNCERTAIN, REASON, FROM_DEAD, FROM_BACK = 1, 2, 4, 8, 16
VOID_BACK = 1 << 63
POLY = 0x82F63B78


class Refused(Exception):
    """The image holds something this reader does not know."""


def make_table():
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ POLY if value & 1 else value >> 1
        table.append(value)
    return table


TABLE = make_table()


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ TABLE[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


def make_distances():
    """Which wrong bit, counted from the end, changes a checksum by how much."""
    effect, distances = 1, {}
    for distance in range(1, (PAYLOAD_MAX + TAG + FRAME) * 8 + 1):
        effect = effect >> 1 ^ POLY if effect & 1 else effect >> 1
        distances[effect] = distance
    return distances


DISTANCES = make_distances()


def number(data, at, size):
    return int.from_bytes(data[at : at + size], "little")


def up(value, unit):
    return -(-value // unit) * unit


def widen(low, near):
    """The 64-bit number nearest to `near` whose low half is `low`."""
    ahead = (low - near) & 0xFFFFFFFF
    return near + ahead - (1 << 32 if ahead >= 1 << 31 else 0)


def find_bit(length, difference):
    """The one wrong bit of `length` bytes that explains the difference; -1: in the checksum."""
    if difference & (difference - 1) == 0:
        return -1
    distance = DISTANCES.get(difference)
    if distance is None or distance > length * 8:
        return None
    return length * 8 - distance


class Header:
    """A sector header that checks out, mended where one bit was wrong."""

    def __init__(self, data):
        self.lane = data[5]
        self.sector = 1 << data[6]
        self.prog, self.align = 1 << data[10], 1 << data[11]
        self.generation = number(data, 12, 4)
        self.first, self.sectors = number(data, 16, 4), number(data, 20, 4)
        self.salt = data[24:32]
        self.base, self.total = number(data, 32, 8), number(data, 40, 8)
        self.key, self.bytes = data[7], bytes(data)


def nonce(lane, generation, off):
    return generation.to_bytes(4, "little") + off.to_bytes(4, "little") + bytes([lane, 0, 0, 0])


def read_extension(image, at, header, keys):
    """Whether what stands behind a sealed header is whole and genuine."""
    data = bytearray(image[at + HEADER : at + HEADER + EXTENSION])
    difference = crc32c(header.bytes + data[:20]) ^ number(data, 20, 4)
    if difference:
        bit = find_bit(20, difference)
        if bit is None:
            return False
        if bit >= 0:
            data[bit // 8] ^= 1 << bit % 8
    if header.key not in keys:
        raise Refused(f"store.key: {header.key} is not given (sector header at {at:#x})")
    place, aad = nonce(header.lane, header.generation, 0), header.bytes + bytes(data[:4])
    if seal.unseal(keys[header.key], place, aad, data[4:20]) is None:
        raise Refused(f"store.forged: the sector header at {at:#x} does not open")
    return True


def read_header(image, at, keys):
    data = bytearray(image[at : at + HEADER])
    difference = crc32c(data[:48]) ^ number(data, 48, 4)
    if difference:
        bit = find_bit(48, difference)
        if bit is None:
            return None
        if bit >= 0:
            data[bit // 8] ^= 1 << bit % 8
    if data[:4] != b"KPCQ":
        return None
    known = [
        ("store.version", data[4], data[4] == 1),
        ("store.features", number(data, 8, 2), data[8] in (0, 1) and data[9] <= BAD_RUN),
        ("store.lane", data[5], data[5] in KINDS),
        ("store.reserved", data[7], (data[7] != 0) == (data[8] == 1)),
    ]
    for what, value, fine in known:
        if not fine:
            raise Refused(f"{what}: {value} is unknown (sector header at {at:#x})")
    header = Header(data)
    return header if not header.key or read_extension(image, at, header, keys) else None


class Record:
    def __init__(self, off, data, mended):
        self.frame = bytes(data[4:FRAME])
        self.off, self.mended = off, mended
        self.joined = bool(data[6] & JOINED)
        self.what, self.low = data[6], number(data, 8, 4)
        self.kind = data[6] & ~JOINED
        self.payload = bytes(data[FRAME:])
        self.end = off + len(data) + 1


class Sector:
    """One sector of a lane, read as the generation that belongs there."""

    def __init__(self, store, lane, generation):
        self.store, self.lane, self.generation = store, lane, generation
        first, count = store.lanes[lane]
        self.at = (first + (generation - 1) % count) * store.sector
        header = read_header(store.image, self.at, store.keys)
        mine = header and (header.lane, header.generation, header.salt) == (
            lane,
            generation,
            store.salt,
        )
        self.header = header if mine else None
        shape = self.header or store
        self.prog, self.align = shape.prog, shape.align
        self.sealed = self.header is None
        self.records = list(self.walk())

    def byte_range(self, start, end):
        return self.store.image[self.at + start : self.at + end]

    def blank(self, start, end):
        return self.byte_range(start, end).count(0xFF) == end - start

    def walk(self):
        sealed = self.store.key != 0
        off, size = up(HEADER + EXTENSION * sealed, self.prog), self.store.sector
        most = FRAME + PAYLOAD_MAX + TAG * sealed + 1
        most = SYNC_MAX if self.lane in (LIVE, BACK) else most
        reach, joined = up(most, self.align), False
        while off + FRAME <= size:
            if self.blank(off, off + FRAME):
                self.sealed |= joined
                if self.blank(off, size if self.sealed else min(off + reach, size)):
                    return
                record = None
            else:
                record = self.sound(off) or (None if self.sealed else self.mend(off))
                if record and sealed and not self.open(record):
                    if not record.mended:
                        raise Refused(f"store.forged: the record at {self.at + off:#x}")
                    record = None
            if record is None:
                self.sealed, joined = True, False
                off = up(off + 1, self.prog)
                continue
            self.refuse_unknown(record)
            yield record
            joined = record.joined
            off = up(record.end, self.prog if joined else self.align)
        self.sealed |= joined

    def open(self, record):
        """Puts the payload of a sealed record in place of its sealed bytes."""
        keys, salt = self.store.keys, bytes(self.store.salt)
        # A rotten header does not say which key it was.
        ids = [self.header.key] if self.header else sorted(keys)
        place = nonce(self.lane, self.generation, record.off)
        for key in ids:
            plain = seal.unseal(keys[key], place, salt + record.frame, record.payload)
            if plain is not None:
                record.payload = plain[WITNESS if self.lane == STATE else 0 :]
                record.seen = number(plain, 0, 4), number(plain, 4, 4)
                return True
        return False

    def seed(self, off):
        parts = (self.generation, off)
        place = b"".join(part.to_bytes(4, "little") for part in parts)
        return bytes(self.store.salt) + bytes([self.lane]) + place

    def difference(self, off, length):
        """Computed against stored checksum, if the payload were this long."""
        if length > PAYLOAD_MAX + TAG * (self.store.key != 0) or off + FRAME + length > self.store.sector:
            return None
        data = bytearray(self.byte_range(off, off + FRAME + length))
        data[4:6] = length.to_bytes(2, "little")
        return crc32c(self.seed(off) + data[4:]) ^ number(data, 0, 4)

    def record(self, off, length, mended, bit=-1):
        data = bytearray(self.byte_range(off, off + FRAME + length))
        data[4:6] = length.to_bytes(2, "little")
        if bit >= 0:
            data[4 + bit // 8] ^= 1 << bit % 8
        return Record(off, data, mended) if data[6] == data[7] ^ 0xFF else None

    def sound(self, off):
        length = number(self.byte_range(off, off + FRAME), 4, 2)
        if self.difference(off, length) == 0:
            return self.record(off, length, False)
        return None

    def mend(self, off):
        length = number(self.byte_range(off, off + FRAME), 4, 2)
        difference = self.difference(off, length)
        bit = find_bit(FRAME - 4 + length, difference) if difference else None
        record = None
        if bit is not None and not 0 <= bit < 16:
            record = self.record(off, length, True, bit)
        for flip in range(16):
            if record is None and self.difference(off, length ^ 1 << flip) == 0:
                record = self.record(off, length ^ 1 << flip, True)
        return record if record and record.what in KINDS[self.lane] else None

    def refuse_unknown(self, record):
        at = self.at + record.off
        if record.what not in KINDS[self.lane]:
            raise Refused(f"store.kind: {record.what} is unknown (record at {at:#x})")
        if record.kind == MOVED and record.payload[17] & ~0x1F:
            raise Refused(f"store.flags: {record.payload[17]} is unknown (record at {at:#x})")

    def drop_doubtful_end(self):
        """The head's last record, mended, could be a tear: it counts only if its end is there."""
        last = self.records[-1] if self.records else None
        if last and last.mended:
            end = self.byte_range(last.end - 1, last.end)
            if self.align != self.prog or end != b"\0":
                self.records.pop()
        if self.align == self.prog:
            return
        # Of the last sync, nothing from a mended record on.
        first = len(self.records) - 1
        while first > 0 and self.records[first - 1].joined:
            first -= 1
        for index in range(max(first, 0), len(self.records)):
            if self.records[index].mended:
                del self.records[index:]
                return


class Entry:
    def __init__(self, record, pos, lane):
        payload, self.pos, self.lane = record.payload, pos, lane
        self.seq, self.source, self.attempts, self.flags = pos, None, 0, 0
        self.reason, self.in_head = None, False
        if record.kind == MOVED:
            self.seq, self.source = number(payload, 0, 8), number(payload, 8, 8)
            self.attempts, self.flags = payload[16], payload[17]
            code_end = 26 + payload[24]
            sub_end = code_end + payload[25]
            if self.flags & REASON:
                self.reason = {
                    "uncertain": bool(self.flags & UNCERTAIN),
                    "at": number(payload, 18, 6),
                    "code": payload[26:code_end].decode(),
                    "sub_code": payload[code_end:sub_end].decode(),
                }
            payload = payload[sub_end:]
        self.profile, self.created = number(payload, 0, 8), number(payload, 8, 6)
        self.points, self.kind = number(payload, 14, 4), payload[18]
        req_end = 20 + payload[19]
        self.req_id, self.body = payload[20:req_end].decode("ascii"), payload[req_end:]

    def json(self, state, attempts):
        return {
            "seq": self.seq,
            "state": state,
            "attempts": attempts,
            "profile": self.profile,
            "kind": self.kind,
            "points": self.points,
            "created": self.created,
            "req_id": self.req_id,
            "body": self.body.hex(),
            "reason": self.reason,
        }


def bits(mark, word):
    return {mark + bit for bit in range(WINDOW) if word >> bit & 1}


class Window:
    """What is known of the oldest entries of a lane that sends."""

    def __init__(self, lane, following, words):
        self.lane, self.next = lane, following
        self.mark = number(words, 0, 8)
        self.done = bits(self.mark, number(words, 8, 8))
        self.parked = bits(self.mark, number(words, 16, 8))
        self.voids, self.sent, self.entries = set(), {}, []

    def take_pairs(self, pairs):
        for at in range(0, len(pairs) - 1, 2):
            self.sent[self.mark + pairs[at]] = pairs[at + 1]

    def settled(self, pos):
        return pos < self.mark or pos in self.done or pos in self.voids

    def owed(self):
        return sum(not self.settled(pos) for pos in range(self.mark, self.next))

    def state_of(self, entry):
        attempts = self.sent.get(entry.pos, 0) or entry.attempts
        if entry.pos in self.parked or entry.flags & PARKED:
            return "parked", attempts
        return ("sent" if attempts else "waiting"), attempts


class Store:
    def __init__(self, image, keys):
        self.image, self.keys = image, keys
        header = self.any_header()
        self.key = header.key
        self.sector, self.sectors = header.sector, header.sectors
        self.prog, self.align, self.salt = header.prog, header.align, header.salt
        if self.sector * self.sectors != len(image):
            raise Refused(f"store: the image is not {self.sectors} sectors of {self.sector} bytes")
        state = max(2, min(8, self.sectors // 16))
        dead = max(2, self.sectors // 8)
        rest = self.sectors - state - dead
        live = max(2, (rest - 1) // 3)
        self.lanes = {
            STATE: (0, state),
            LIVE: (state, live),
            BACK: (state + live, rest - live),
            DEAD: (state + rest, dead),
        }
        self.read_state()
        self.read_waiting()
        self.read_dead()
        self.end_cut_moves()

    def any_header(self):
        for at in range(0, len(self.image) - HEADER + 1, 512):
            header = read_header(self.image, at, self.keys)
            if header:
                return header
        raise Refused("store: no sector header in the whole image")

    def generations(self, lane):
        """Of all sound headers that stand in their place, newest first."""
        first, count = self.lanes[lane]
        found = []
        for index in range(count):
            header = read_header(self.image, (first + index) * self.sector, self.keys)
            if not header or header.lane != lane or header.salt != self.salt:
                continue
            if header.generation and (header.generation - 1) % count == index:
                found.append(header.generation)
        return sorted(found, reverse=True)

    def read_state(self):
        for generation in self.generations(STATE):
            sector = Sector(self, STATE, generation)
            sector.drop_doubtful_end()
            if sector.records and sector.records[0].kind == SNAP:
                break
        else:
            raise Refused("store: no state to be found")
        for record in sector.records:
            if record.kind == SNAP:
                self.apply_snap(record.payload)
            else:
                self.apply_state(record, self.back if record.kind == BACK_STATE else self.live)
            if self.key:
                for window, seen in zip((self.live, self.back), record.seen):
                    window.next = max(window.next, widen(seen, window.next))

    def apply_snap(self, data):
        self.dead_mark = number(data, 32, 8)
        self.dead_done = bits(self.dead_mark, number(data, 40, 8))
        self.settled_points = number(data, 24, 8)
        self.live = Window(LIVE, number(data, 48, 8), data[0:24])
        self.back = Window(BACK, number(data, 80, 8), data[56:80])
        count, at = data[96], 97
        names = [number(data, at + 8 * i, 8) for i in range(count)]
        self.live.voids = {name for name in names if not name & VOID_BACK}
        self.back.voids = {name - VOID_BACK for name in names if name & VOID_BACK}
        at += 8 * count
        middle = at + 1 + 2 * data[at]
        self.live.take_pairs(data[at + 1 : middle])
        self.back.take_pairs(data[middle:])

    def apply_state(self, record, window):
        window.mark = widen(record.low, window.mark)
        window.done = bits(window.mark, number(record.payload, 0, 8))
        more = number(record.payload, 8, 3) - self.settled_points & 0xFFFFFF
        self.settled_points += more
        window.take_pairs(record.payload[11:13])

    def read_lane(self, lane):
        """The entries of a lane in order, the head's total of points, and the next number."""
        generations = self.generations(lane)
        if not generations:
            return [], 0, 1
        head, count = generations[0], self.lanes[lane][1]
        newest = Sector(self, lane, head)
        newest.drop_doubtful_end()
        total, following = newest.header.total, newest.header.base
        entries = []
        for record in newest.records:
            pos = widen(record.low, following)
            if not following <= pos <= following + self.sector:
                continue
            following = pos + 1
            entry = Entry(record, pos, lane)
            entry.in_head = True
            entries.append(entry)
            new = record.kind != MOVED or entry.flags & FROM_DEAD
            total += entry.points if new else 0
        end = newest.header.base
        for generation in range(head - 1, max(head - count, 0), -1):
            sector = Sector(self, lane, generation)
            before = [(widen(record.low, end), record) for record in sector.records]
            # A number given again behind a tear belongs to the later record.
            entries = [Entry(r, pos, lane) for pos, r in before if pos < end] + entries
            end = sector.header.base if sector.header else min([end] + [pos for pos, _ in before])
        return entries, total, following

    def read_waiting(self):
        self.total = 0
        for window in (self.live, self.back):
            window.entries, total, following = self.read_lane(window.lane)
            window.next = max(window.next, window.mark, following)
            self.total += total

    def read_dead(self):
        self.dead, _, following = self.read_lane(DEAD)
        self.dead_next = max(self.dead_mark, following)

    def end_cut_moves(self):
        """A copy in a head whose original is unsettled: power was cut between. Settle it."""
        for lane, entries in ((DEAD, self.dead), (BACK, self.back.entries), (LIVE, self.live.entries)):
            copies = [entry for entry in entries if entry.in_head and entry.source is not None]
            for entry in copies[-1:] if lane == DEAD else copies:
                self.end_cut_move(entry)

    def end_cut_move(self, entry):
        source = entry.source
        if entry.flags & FROM_DEAD:
            if self.dead_mark <= source < min(self.dead_mark + WINDOW, self.dead_next):
                self.dead_done.add(source)
            return
        window = self.back if entry.flags & FROM_BACK else self.live
        if window.settled(source) or not window.mark <= source < window.mark + WINDOW:
            return
        window.done.add(source)
        if entry.lane == DEAD:
            self.settled_points += entry.points

    def entries(self):
        found = []
        for window in (self.live, self.back):
            for entry in window.entries:
                if not window.settled(entry.pos):
                    found.append(entry.json(*window.state_of(entry)))
        for entry in self.dead:
            if entry.pos >= self.dead_mark and entry.pos not in self.dead_done:
                found.append(entry.json("dead", entry.attempts))
        return sorted(found, key=lambda entry: entry["seq"])

    def json(self):
        entries = self.entries()
        count = lambda state: sum(entry["state"] == state for entry in entries)
        owed = self.live.owed() + self.back.owed()
        letters = range(self.dead_mark, self.dead_next)
        return {
            "geometry": {
                "sector_size": self.sector,
                "sector_count": self.sectors,
                "prog_size": self.prog,
                "align": self.align,
            },
            "status": {
                "waiting": owed - count("sent") - count("parked"),
                "sent_unknown": count("sent"),
                "parked": count("parked"),
                "dead": sum(pos not in self.dead_done for pos in letters),
                "points": self.total - self.settled_points,
                "next_seq": self.live.next,
            },
            "entries": entries,
        }


def main():
    words, keys = sys.argv[2:], {}
    if len(sys.argv) < 2 or len(words) % 2 or any(word != "--key" for word in words[::2]):
        sys.exit(__doc__)
    for word in words[1::2]:
        key, _, text = word.partition(":")
        keys[int(key)] = bytes.fromhex(text)
    with open(sys.argv[1], "rb") as file:
        image = file.read()
    try:
        told = Store(image, keys).json()
    except Refused as why:
        print(f"{sys.argv[1]}: {why}", file=sys.stderr)
        sys.exit(2)
    json.dump(told, sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
