//! The value in a Secret of helm's: base64 of gzip of JSON (helm `pkg/storage/driver/util.go@v3.16.2`).

use std::io::{self, Read as _};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use flate2::read::GzDecoder;
use kubesphere::helm_release::HelmRelease;

/// More than any release has: what is packed may be anything.
const LARGEST: u64 = 64 * 1024 * 1024;
/// How gzip begins; records from before it are not packed.
const GZIP: [u8; 3] = [0x1f, 0x8b, 0x08];

/// The error names no content.
pub(super) fn read(value: &[u8]) -> Result<HelmRelease, String> {
    let packed = STANDARD.decode(value.trim_ascii()).map_err(|_| "it is not base64".to_owned())?;
    let json = if packed.starts_with(&GZIP) { unpacked(&packed) } else { Ok(packed) };
    HelmRelease::read(&json.map_err(|_| "it is not gzip's".to_owned())?)
}

fn unpacked(packed: &[u8]) -> io::Result<Vec<u8>> {
    let mut json = Vec::new();
    GzDecoder::new(packed).take(LARGEST).read_to_end(&mut json)?;
    Ok(json)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use base64::{Engine as _, engine::general_purpose::STANDARD};
    use flate2::{Compression, write::GzEncoder};

    use super::read;

    const RECORD: &[u8] = br#"{"manifest": "apiVersion: v1\nkind: Service\nmetadata: {name: a}"}"#;

    #[test]
    fn a_record_is_read_whether_it_is_packed_or_of_before_that() {
        let mut packed = GzEncoder::new(Vec::new(), Compression::best());
        packed.write_all(RECORD).unwrap();
        for value in [STANDARD.encode(packed.finish().unwrap()), STANDARD.encode(RECORD)] {
            assert_eq!(read(value.as_bytes()).unwrap().objects[0].name, "a");
        }
    }

    #[test]
    fn what_is_not_packed_as_helm_does_is_told_so() {
        for (value, why) in [("\u{7f}", "it is not base64"), ("H4sIAAAA", "it is not gzip's")] {
            assert_eq!(read(value.as_bytes()).unwrap_err(), why);
        }
    }
}
