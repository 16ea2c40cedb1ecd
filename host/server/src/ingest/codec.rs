//! The bytes of journal records and chunks, each with a checksum over its content and its place.

use crate::store::StoreError;

/// One sample as the journal has it: series number, instant in milliseconds, value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Entry {
    pub series: u32,
    pub at: i64,
    pub value: f64,
}

const JOURNAL_VERSION: u8 = 1;
const CHUNK_VERSION: u8 = 1;
const CHECKSUM_BYTES: usize = 8;
const ENTRY_BYTES: usize = 20;

/// Version, then columns of little-endian numbers (all series, all instants, all values), then the checksum.
pub(crate) fn encode_journal(seq: i64, entries: &[Entry]) -> Vec<u8> {
    let mut data = Vec::with_capacity(1 + entries.len() * ENTRY_BYTES + CHECKSUM_BYTES);
    data.push(JOURNAL_VERSION);
    data.extend(entries.iter().flat_map(|entry| entry.series.to_le_bytes()));
    data.extend(entries.iter().flat_map(|entry| entry.at.to_le_bytes()));
    data.extend(entries.iter().flat_map(|entry| entry.value.to_le_bytes()));
    data.extend(checksum(&[&seq.to_le_bytes(), &data]));
    data
}

pub(crate) fn decode_journal(seq: i64, data: &[u8]) -> Result<Vec<Entry>, StoreError> {
    let corrupt = |detail: &str| StoreError::corrupt(format!("journal record {seq}"), detail);
    let content = verified(data, &[&seq.to_le_bytes()]).ok_or_else(|| corrupt("its checksum does not match"))?;
    let columns = match content {
        [JOURNAL_VERSION, columns @ ..] if columns.len() % ENTRY_BYTES == 0 => columns,
        _ => return Err(corrupt("it is of an unknown form")),
    };
    let count = columns.len() / ENTRY_BYTES;
    let (series, rest) = columns.split_at(count * 4);
    let (ats, values) = rest.split_at(count * 8);
    let series = series.as_chunks::<4>().0.iter().map(|bytes| u32::from_le_bytes(*bytes));
    let ats = ats.as_chunks::<8>().0.iter().map(|bytes| i64::from_le_bytes(*bytes));
    let values = values.as_chunks::<8>().0.iter().map(|bytes| f64::from_le_bytes(*bytes));
    Ok(series.zip(ats).zip(values).map(|((series, at), value)| Entry { series, at, value }).collect())
}

/// Version, then the values compressed by pco, then the checksum.
pub(crate) fn encode_chunk(series: u32, start_ms: i64, values: &[f64]) -> Result<Vec<u8>, StoreError> {
    let compressed = pco::standalone::simple_compress(values, &pco::ChunkConfig::default())
        .map_err(|error| StoreError::Refused(format!("a chunk of series {series} does not compress: {error}")))?;
    let mut data = Vec::with_capacity(1 + compressed.len() + CHECKSUM_BYTES);
    data.push(CHUNK_VERSION);
    data.extend(compressed);
    data.extend(checksum(&[&series.to_le_bytes(), &start_ms.to_le_bytes(), &data]));
    Ok(data)
}

pub(crate) fn decode_chunk(series: u32, start_ms: i64, data: &[u8]) -> Result<Vec<f64>, StoreError> {
    let corrupt =
        |detail: String| StoreError::corrupt(format!("the chunk at {start_ms} ms of series {series}"), detail);
    let content = verified(data, &[&series.to_le_bytes(), &start_ms.to_le_bytes()])
        .ok_or_else(|| corrupt("its checksum does not match".into()))?;
    match content {
        [CHUNK_VERSION, compressed @ ..] => {
            pco::standalone::simple_decompress(compressed).map_err(|error| corrupt(error.to_string()))
        }
        _ => Err(corrupt("it is of an unknown form".into())),
    }
}

/// The content before the checksum, if that matches.
fn verified<'d>(data: &'d [u8], place: &[&[u8]]) -> Option<&'d [u8]> {
    let (content, sum) = data.split_last_chunk::<CHECKSUM_BYTES>()?;
    let mut parts = place.to_vec();
    parts.push(content);
    (checksum(&parts) == *sum).then_some(content)
}

fn checksum(parts: &[&[u8]]) -> [u8; CHECKSUM_BYTES] {
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        hasher.update(part);
    }
    let mut sum = [0; CHECKSUM_BYTES];
    hasher.finalize_xof().fill(&mut sum);
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn journal_records_come_back() {
        let entries: Vec<Entry> =
            (0..100).map(|n| Entry { series: n, at: i64::from(n) * 7 - 3, value: f64::from(n) / 3.0 }).collect();
        for count in [0, 1, 100] {
            let data = encode_journal(9, &entries[..count]);
            assert_eq!(decode_journal(9, &data), Ok(entries[..count].to_vec()));
        }
    }

    #[test]
    fn chunks_come_back_bit_by_bit() {
        let values = [0.0, f64::NAN, 1e15, 0.1, f64::NAN];
        let data = encode_chunk(1, 60_000, &values).expect("compresses");
        let back = decode_chunk(1, 60_000, &data).expect("decodes");
        assert!(values.iter().zip(&back).all(|(one, other)| one.to_bits() == other.to_bits()));
    }

    #[test]
    fn damage_and_a_wrong_place_are_seen() {
        let journal = encode_journal(9, &[Entry { series: 1, at: 2, value: 3.0 }]);
        let chunk = encode_chunk(1, 60_000, &[1.0, 2.0]).expect("compresses");
        assert!(matches!(decode_journal(8, &journal), Err(StoreError::Corrupt { .. })));
        assert!(matches!(decode_chunk(2, 60_000, &chunk), Err(StoreError::Corrupt { .. })));
        for at in 0..journal.len() {
            let mut bad = journal.clone();
            bad[at] ^= 1;
            assert!(matches!(decode_journal(9, &bad), Err(StoreError::Corrupt { .. })), "byte {at}");
        }
        for at in 0..chunk.len() {
            assert!(matches!(decode_chunk(1, 60_000, &chunk[..at]), Err(StoreError::Corrupt { .. })), "cut at {at}");
        }
    }
}
