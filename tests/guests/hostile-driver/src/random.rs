//! Draws on the machine's randomness without end.

wit_bindgen::generate!({
    inline: "
        package hostile:driver;
        world flood {
            import wasi:random/random@0.2.0;
        }
        package wasi:random@0.2.0 {
            interface random {
                get-random-bytes: func(len: u64) -> list<u8>;
                get-random-u64: func() -> u64;
            }
        }
    ",
    world: "hostile:driver/flood",
    generate_all,
});

pub(crate) fn flood() {
    loop {
        std::hint::black_box(wasi::random::random::get_random_bytes(64 << 10));
    }
}
