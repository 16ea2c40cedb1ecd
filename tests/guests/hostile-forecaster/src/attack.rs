//! The attacks, by name. Those that return say what is to be answered.

use forewarm_sdk::host;
use std::hint::black_box;

/// What a call answers.
pub(crate) enum Answer {
    /// What it should.
    Honest,
    /// This value everywhere.
    Constant(f64),
    /// Lower values for higher levels.
    Crossing,
    /// So many bytes.
    Large(usize),
}

pub(crate) fn attack(name: &str) -> Answer {
    match name {
        "spin" => spin(),
        "memory bomb" => memory_bomb(),
        "stack overflow" => _ = black_box(deeper(1)),
        "out of bounds" => out_of_bounds(),
        "bad indirect call" => bad_indirect_call(),
        "unreachable" => unreachable(),
        #[expect(clippy::panic, reason = "this is the attack")]
        "panic" => panic!("the guest gives up"),
        "exit" => std::process::exit(3),
        "sleep" => std::thread::sleep(std::time::Duration::from_secs(60)),
        "log flood" => (0..5_000).for_each(|_| host::info(&"x".repeat(4_000))),
        "endless log" => loop {
            host::info("x");
        },
        "huge text" => host::info(&"x".repeat(32 << 20)),
        "many texts" => host::log(host::LogLevel::Info, "x", &vec![("", ""); 1_000_000]),
        "stderr flood" => loop {
            eprintln!("{}", "x".repeat(2_000));
        },
        "nan" => return Answer::Constant(f64::NAN),
        "infinity" => return Answer::Constant(f64::INFINITY),
        "negative infinity" => return Answer::Constant(f64::NEG_INFINITY),
        "crossing" => return Answer::Crossing,
        "large state" => return Answer::Large((1 << 20) + 1),
        #[expect(clippy::panic, reason = "a test that names no attack would prove nothing")]
        other => panic!("there is no attack `{other}`"),
    }
    Answer::Honest
}

fn spin() {
    let mut count = 0_u64;
    loop {
        count = black_box(count.wrapping_add(1));
    }
}

fn memory_bomb() {
    let mut hoard = Vec::new();
    loop {
        hoard.push(black_box(vec![1_u8; 1 << 20]));
    }
}

fn deeper(depth: u64) -> u64 {
    if black_box(depth) == u64::MAX { 0 } else { deeper(depth + 1) ^ depth }
}

#[expect(unsafe_code, reason = "this is the attack")]
fn out_of_bounds() {
    // SAFETY: none; the sandbox has to stop it.
    black_box(unsafe { std::ptr::read_volatile(black_box(usize::MAX - 16) as *const u64) });
}

#[expect(unsafe_code, reason = "this is the attack")]
fn bad_indirect_call() {
    // SAFETY: none; the sandbox has to stop it.
    let nowhere: fn(f64, f64) -> f64 = unsafe { std::mem::transmute(black_box(usize::MAX / 2)) };
    black_box(nowhere(1.0, 2.0));
}

#[cfg(target_arch = "wasm32")]
fn unreachable() {
    core::arch::wasm32::unreachable()
}

#[cfg(not(target_arch = "wasm32"))]
fn unreachable() {
    std::process::abort()
}
