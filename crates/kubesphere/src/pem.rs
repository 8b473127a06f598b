//! PEM as Go reads it, and so kubectl and KubeSphere: nothing before, between or after the blocks matters, nor does a block
//! that is broken (source: `encoding/pem/pem.go@go1.26`).

use std::iter;

use super::go_base64;

const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END ";
const DASHES: &str = "-----";

/// A block, with what it holds. It may be a key, so it is never shown.
pub struct Block {
    /// What it says to be, such as `CERTIFICATE`.
    pub label: String,
    /// Whether it begins with lines like `Proc-Type: 4,ENCRYPTED`.
    pub has_headers: bool,
    pub content: Vec<u8>,
}

impl Block {
    /// Whether it is a certificate.
    pub fn is_certificate(&self) -> bool {
        self.label == "CERTIFICATE"
    }

    /// Whether it is a key, of whatever kind.
    pub fn is_private_key(&self) -> bool {
        self.label == "PRIVATE KEY" || self.label.ends_with(" PRIVATE KEY")
    }
}

/// All blocks that can be read.
pub fn blocks(text: &str) -> impl Iterator<Item = Block> {
    let mut rest = text;
    let upto_ends = iter::from_fn(move || {
        // From one line on: `END` stands at the beginning of another.
        let (before, after) = rest.split_at(rest.find(&format!("\n{END}"))? + 1);
        rest = &after[END.len()..];
        Some((before, rest))
    });
    upto_ends.filter_map(|(before, after)| block(before, after))
}

/// The first certificate, which is the own one of whoever shows several.
pub fn certificate(text: &str) -> Option<Vec<u8>> {
    blocks(text).find(Block::is_certificate).map(|block| block.content)
}

/// The last block that begins in `before`, where `after` says that it ends.
fn block(before: &str, after: &str) -> Option<Block> {
    let begin = before.rfind(BEGIN).filter(|begin| *begin == 0 || before[..*begin].ends_with('\n'))?;
    let (first, mut body) = before[begin + BEGIN.len()..].split_once('\n')?;
    let label = first.trim_end().strip_suffix(DASHES)?;
    let last = after.lines().next().unwrap_or_default();
    if last.trim_end().strip_suffix(DASHES) != Some(label) {
        return None;
    }
    let mut has_headers = false;
    while let Some((_, rest)) = body.split_once('\n').filter(|(line, _)| line.contains(':')) {
        (has_headers, body) = (true, rest);
    }
    let content = go_base64::decoded(&body.replace([' ', '\t'], ""))?;
    Some(Block { label: label.to_owned(), has_headers, content })
}

#[cfg(test)]
mod tests {
    use super::blocks;

    const ONE: &str = "-----BEGIN CERTIFICATE-----\nb25l\n-----END CERTIFICATE-----\n";
    const KEY: &str = "-----BEGIN ANY PRIVATE KEY-----\r\na2\r\nV5\r\n-----END ANY PRIVATE KEY-----\r\n";

    fn read(text: &str) -> Vec<(String, String)> {
        let text = blocks(text).map(|block| (block.label, String::from_utf8(block.content).unwrap()));
        text.collect()
    }

    #[test]
    fn all_blocks_are_read_whatever_stands_around_them() {
        let text = format!("subject=a: b\n{ONE}between\n{KEY}after");
        let expected = [("CERTIFICATE", "one"), ("ANY PRIVATE KEY", "key")];
        assert_eq!(read(&text), expected.map(|(label, held)| (label.to_owned(), held.to_owned())));
        assert!(blocks(KEY).all(|block| block.is_private_key() && !block.is_certificate()));
        assert_eq!(read(ONE.trim_end()).len(), 1, "no line end is needed at the end");
    }

    #[test]
    fn a_broken_block_hides_no_other() {
        let cut = ONE.split_once("-----END").unwrap().0;
        let mismatched = ONE.replace("END CERTIFICATE", "END OTHER");
        let no_base64 = ONE.replace("b25l", "%");
        let unended = ONE.replace("CERTIFICATE-----", "CERTIFICATE");
        let within_a_line = format!("x{ONE}");
        for broken in [cut, &mismatched, &no_base64, &unended, &within_a_line] {
            assert_eq!(read(broken), [], "{broken}");
            assert_eq!(read(&format!("{broken}{ONE}")).len(), 1, "{broken}");
            assert_eq!(read(&format!("{ONE}{broken}")).len(), 1, "{broken}");
        }
    }

    #[test]
    fn blanks_and_headers_are_read_over() {
        let indented = "-----BEGIN CERTIFICATE-----  \n  b2\t\n  5l  \n-----END CERTIFICATE----- \n";
        assert_eq!(read(indented)[0].1, "one");
        let encrypted = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\na2V5\n-----END RSA PRIVATE KEY-----\n";
        let block = blocks(encrypted).next().unwrap();
        assert!(block.has_headers && block.content == b"key");
        assert!(read("-----BEGIN X-----\n-----END X-----\n")[0].1.is_empty());
    }
}
