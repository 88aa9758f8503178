"""AES-GCM-SIV (RFC 8452) as the standard library lacks it: slow, and from the two standards alone.

In: a key of 16 or 32 bytes, a nonce of 12, associated data. Out: ciphertext and tag, and back.

    python3 tests/format/seal.py     checks itself against the RFC's vectors
"""


def make_sbox():
    """FIPS 197, 5.1.1: the inverse in GF(2^8), then an affine map."""
    box, p, q = [0x63] * 256, 1, 1
    while True:
        p ^= (p << 1 ^ (0x11B if p & 0x80 else 0)) & 0x1FF
        p &= 0xFF
        q ^= q << 1
        q ^= q << 2
        q ^= q << 4
        q &= 0xFF
        q ^= 0x09 if q & 0x80 else 0
        turned = q
        for shift in range(1, 5):
            turned ^= (q << shift | q >> 8 - shift) & 0xFF
        box[p] = turned ^ 0x63
        if p == 1:
            return box


SBOX = make_sbox()


def double(byte):
    return byte << 1 ^ 0x11B if byte & 0x80 else byte << 1


def expand(key):
    """The round keys, 16 bytes each (FIPS 197, 5.2)."""
    words, length, constant = [list(key[i : i + 4]) for i in range(0, len(key), 4)], len(key) // 4, 1
    for index in range(length, 4 * (length + 7)):
        word = list(words[-1])
        if index % length == 0:
            word = [SBOX[byte] for byte in word[1:] + word[:1]]
            word[0] ^= constant
            constant = double(constant)
        elif length == 8 and index % 8 == 4:
            word = [SBOX[byte] for byte in word]
        words.append([a ^ b for a, b in zip(words[index - length], word)])
    flat = [byte for word in words for byte in word]
    return [flat[i : i + 16] for i in range(0, len(flat), 16)]


def mix(column):
    whole = column[0] ^ column[1] ^ column[2] ^ column[3]
    return [
        column[i] ^ whole ^ double(column[i] ^ column[(i + 1) % 4]) for i in range(4)
    ]


def encrypt_block(keys, block):
    state = [a ^ b for a, b in zip(block, keys[0])]
    for turn, key in enumerate(keys[1:], 1):
        state = [SBOX[state[(5 * i) % 16]] for i in range(16)]
        if turn < len(keys) - 1:
            state = [byte for i in range(0, 16, 4) for byte in mix(state[i : i + 4])]
        state = [a ^ b for a, b in zip(state, key)]
    return bytes(state)


def dot(a, b):
    """RFC 8452, 3: a · b · x^-128 in GF(2^128); the lowest bit is x^0."""
    product = 0
    for bit in range(128):
        if b >> bit & 1:
            product ^= a << bit
    for _ in range(128):
        # x^128 + x^127 + x^126 + x^121 + 1, to be divided by x.
        if product & 1:
            product ^= 1 << 128 | 1 << 127 | 1 << 126 | 1 << 121 | 1
        product >>= 1
    return product


def padded(data):
    return data + bytes(-len(data) % 16)


class Cipher:
    """One key under one nonce (RFC 8452, 4)."""

    def __init__(self, key, nonce):
        keys, parts = expand(key), []
        for counter in range(2 + len(key) // 8):
            parts.append(encrypt_block(keys, counter.to_bytes(4, "little") + nonce)[:8])
        self.auth = int.from_bytes(b"".join(parts[:2]), "little")
        self.keys, self.nonce = expand(b"".join(parts[2:])), nonce

    def tag(self, plain, aad):
        lengths = (len(aad) * 8).to_bytes(8, "little") + (len(plain) * 8).to_bytes(8, "little")
        data, total = padded(aad) + padded(plain) + lengths, 0
        for at in range(0, len(data), 16):
            total = dot(total ^ int.from_bytes(data[at : at + 16], "little"), self.auth)
        block = bytearray(total.to_bytes(16, "little"))
        for at in range(12):
            block[at] ^= self.nonce[at]
        block[15] &= 0x7F
        return encrypt_block(self.keys, block)

    def stream(self, tag, data):
        start, rest = int.from_bytes(tag[:4], "little"), tag[4:15] + bytes([tag[15] | 0x80])
        out = bytearray()
        for at in range(0, len(data), 16):
            counter = (start + at // 16 & 0xFFFFFFFF).to_bytes(4, "little")
            block = encrypt_block(self.keys, counter + rest)
            out += bytes(a ^ b for a, b in zip(data[at : at + 16], block))
        return bytes(out)


def seal(key, nonce, aad, plain):
    cipher = Cipher(key, nonce)
    tag = cipher.tag(plain, aad)
    return cipher.stream(tag, plain) + tag


def unseal(key, nonce, aad, data):
    """The plaintext; None when somebody without the key wrote it."""
    if len(data) < 16:
        return None
    cipher, tag = Cipher(key, nonce), bytes(data[-16:])
    plain = cipher.stream(tag, data[:-16])
    return plain if cipher.tag(plain, aad) == tag else None


def check():
    """RFC 8452, appendix C.1 and C.2: nothing, and eight bytes."""
    nonce = bytes.fromhex("030000000000000000000000")
    short, long = bytes([1]) + bytes(15), bytes([1]) + bytes(31)
    eight = bytes([1]) + bytes(7)
    wanted = [
        (short, b"", "dc20e2d83f25705bb49e439eca56de25"),
        (short, eight, "b5d839330ac7b786578782fff6013b815b287c22493a364c"),
        (long, b"", "07f5f4169bbf55a8400cd47ea6fd400f"),
        (long, eight, "c2ef328e5c71c83b843122130f7364b761e0b97427e3df28"),
    ]
    for key, plain, sealed in wanted:
        assert seal(key, nonce, b"", plain).hex() == sealed, sealed
        assert unseal(key, nonce, b"", bytes.fromhex(sealed)) == plain


if __name__ == "__main__":
    check()
