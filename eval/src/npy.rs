//! Vectors as NumPy's `.npy`: `numpy.load` reads them in one line.

/// The head of a float32 file of this shape; the rows follow, little-endian.
///
/// **Source:** NumPy Enhancement Proposal 1, version 1.0 of the format.
pub fn header(rows: usize, columns: usize) -> Vec<u8> {
    let mut dictionary = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({rows}, {columns}), }}");
    let preamble = 10;
    let padding = 64 - (preamble + dictionary.len() + 1) % 64;
    dictionary.push_str(&" ".repeat(padding % 64));
    dictionary.push('\n');
    let mut header = b"\x93NUMPY\x01\x00".to_vec();
    header.extend((dictionary.len() as u16).to_le_bytes());
    header.extend(dictionary.into_bytes());
    header
}

/// A whole file. **Shape:** `[vectors][dimensions]` float32.
pub fn file(vectors: &[Vec<f32>], dimensions: usize) -> Vec<u8> {
    let mut bytes = header(vectors.len(), dimensions);
    bytes.extend(vectors.iter().flatten().flat_map(|value| value.to_le_bytes()));
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_is_padded_to_64_bytes() {
        for rows in [0, 1, 99, 1_000_000] {
            let header = header(rows, 384);
            assert_eq!(header.len() % 64, 0, "{rows}");
            assert_eq!(header.last(), Some(&b'\n'));
        }
    }

    #[test]
    fn rows_follow_the_head() {
        let file = file(&[vec![1.0, 2.0]], 2);
        assert_eq!(
            file[file.len() - 8..],
            [1.0_f32.to_le_bytes(), 2.0_f32.to_le_bytes()].concat()
        );
    }
}
