//! The work of the comparison as a plugin of Extism: values in and out as bytes, the fastest way that it offers.

#![expect(missing_docs, reason = "the attribute makes functions without any")]

use bench_work::{HORIZON, LEVELS, Summary};
use extism_pdk::{FnResult, plugin_fn};

/// The history as little-endian numbers in, one path after the other out.
#[plugin_fn]
pub fn predict(input: Vec<u8>) -> FnResult<Vec<u8>> {
    let (numbers, _) = input.as_chunks::<8>();
    let values: Vec<f64> = numbers.iter().map(|bytes| f64::from_le_bytes(*bytes)).collect();
    let summary = Summary::of(&values);
    let mut output = Vec::with_capacity(HORIZON * LEVELS.len() * 8);
    for level in LEVELS {
        for step in 0..HORIZON {
            output.extend_from_slice(&summary.at(level, step).to_le_bytes());
        }
    }
    Ok(output)
}
