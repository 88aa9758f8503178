//! A test, under valgrind, that nothing secret chooses a branch or an address:
//!
//!     sh tests/gates/taint.sh
//!
//! The primes and exponents are declared uninitialised; memcheck then reports every jump and every
//! address that depends on them. `positive_control` shows that it would.
#![cfg(target_arch = "x86_64")]

use super::limbs::{self, Limb, Modulus, head};
use super::rsa::{Primes, private_op};
use super::{PrivateKey, Scratch};

const MAKE_MEM_UNDEFINED: usize = (b'M' as usize) << 24 | (b'C' as usize) << 16 | 1;
const MAKE_MEM_DEFINED: usize = MAKE_MEM_UNDEFINED + 1;

/// A valgrind client request; does nothing outside valgrind.
fn request(code: usize, memory: &[Limb]) {
    let arguments = [code, memory.as_ptr() as usize, size_of_val(memory), 0, 0, 0];
    // Safety: the rotations add up to 128 bits and the exchange is of a register with itself;
    // valgrind, if it runs this, writes rdx only.
    unsafe {
        core::arch::asm!(
            "rol rdi, 3", "rol rdi, 13", "rol rdi, 61", "rol rdi, 51", "xchg rbx, rbx",
            in("rax") arguments.as_ptr(), inout("rdx") 0usize => _,
        );
    }
}

fn load() -> PrivateKey {
    let mut key = PrivateKey::new();
    let text = include_bytes!("../../tests/vectors/keys/app1024.pkcs8.pem");
    assert_eq!(key.load(text, &mut Scratch::new()), Ok(()));
    key
}

#[test]
#[ignore = "run by tests/gates/taint.sh"]
fn no_secrets_choose_branches_or_addresses() {
    let key = load();
    let half = key.public.half();
    let taint = |ring: &'_ super::rsa::Ring<{ super::rsa::HALF }>| {
        request(MAKE_MEM_UNDEFINED, &ring.m);
        request(MAKE_MEM_UNDEFINED, &ring.rr);
    };
    taint(&key.p);
    taint(&key.q);
    for secret in [&key.dp, &key.dq, &key.q_inverse] {
        request(MAKE_MEM_UNDEFINED, secret);
    }
    let primes = Primes {
        p: key.p.modulus(half),
        q: key.q.modulus(half),
        dp: head(&key.dp, half),
        dq: head(&key.dq, half),
        q_inverse: head(&key.q_inverse, half),
        bits: key.public.bits / 2,
    };
    let mut scratch = Scratch::new();
    let mut parts = scratch.parts(half);
    parts.input.fill(0x55);
    private_op(&primes, primes.dp, primes.dq, &mut parts);
    let prime = primes.p.m;
    let mut rr = [0; super::rsa::HALF];
    let rr = limbs::head_mut(&mut rr, half);
    limbs::r_squared(rr, prime, primes.p.k, primes.bits, parts.work.product);

    // Now the result may be known: x^d^e = x.
    request(MAKE_MEM_DEFINED, parts.output);
    let n: Modulus<'_> = key.public.n.modulus(2 * half);
    let mut work = parts.work.full();
    request(MAKE_MEM_DEFINED, work.value);
    super::rsa::public_op(parts.output, key.public.e, &n, &mut work);
    request(MAKE_MEM_DEFINED, work.value);
    assert!(limbs::equal(work.value, parts.input));
}

#[test]
#[ignore = "run by tests/gates/taint.sh, where it must be reported"]
fn positive_control() {
    let key = load();
    request(MAKE_MEM_UNDEFINED, &key.dp);
    if key.dp.first().is_some_and(|limb| limb & 2 == 0) {
        println!("a secret bit is 0");
    }
}
