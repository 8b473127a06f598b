//! Texts that are nearly right.

use fastrand::Rng;

/// Longer texts are taken in parts: what breaks a reader is short.
const LONGEST: usize = 2048;

/// What means something in YAML, JSON, logs or on terminals.
const TOKENS: [&str; 40] = [
    "\n",
    "\r\n",
    "\t",
    "  ",
    ": ",
    "- ",
    "---\n",
    "...\n",
    "#",
    "\"",
    "'",
    "\\",
    "\\\"",
    "\\u0000",
    "{",
    "}",
    "[",
    "]",
    ",",
    "&a ",
    "*a",
    "<<: *a",
    "!!binary ",
    "|\n",
    ">-\n",
    "? ",
    "null",
    "~",
    "true",
    "0x1f",
    "1e9",
    ".inf",
    "-1",
    "\0",
    "\u{1b}[31m",
    "\u{7f}",
    "\u{85}",
    "\u{202e}",
    "\u{2028}",
    "\u{feff}",
];

/// Makes texts of those of a corpus.
pub struct Mutator<'a> {
    corpus: &'a [Vec<u8>],
    words: &'a [&'a str],
    random: Rng,
    text: Vec<u8>,
}

impl<'a> Mutator<'a> {
    pub fn new(corpus: &'a [Vec<u8>], words: &'a [&'a str], seed: u64) -> Self {
        Self { corpus, words, random: Rng::with_seed(seed), text: Vec::new() }
    }

    /// Another one, which holds until the one after it.
    pub fn mutate(&mut self) -> &[u8] {
        // Most change a little, and few so much that nothing is left to be understood.
        let changes = 1 + self.random.u32(0..4) * self.random.u32(0..4);
        self.text = self.part().to_vec();
        for _ in 0..changes {
            self.change();
        }
        self.text.truncate(2 * LONGEST);
        &self.text
    }

    /// A whole text of the corpus, or lines of one that is long.
    fn part(&mut self) -> &'a [u8] {
        let whole = self.random.choice(self.corpus).map_or(&[][..], |text| text);
        if whole.len() <= LONGEST {
            return whole;
        }
        let from = self.random.usize(0..whole.len() - LONGEST);
        let begin = whole[..from].iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        let length = self.random.usize(1..LONGEST);
        &whole[begin..(begin + length).min(whole.len())]
    }

    fn change(&mut self) {
        let (at, end) = self.range();
        let (byte, token) = (self.random.u8(..), self.random.choice(TOKENS).unwrap_or_default());
        match self.random.u8(0..9) {
            0 => {
                if let Some(letter) = self.text.get_mut(at) {
                    *letter ^= 1 << (byte % 8);
                }
            }
            1 => self.replace(at, at, &[byte]),
            2 => self.replace(at, end, &[]),
            3 => {
                let copy = self.text[at..end].to_vec();
                self.replace(at, at, &copy);
            }
            4 => self.replace(at, end, token.as_bytes()),
            5 => self.replace(at, at, token.as_bytes()),
            6 => {
                let word = self.random.choice(self.words).copied().unwrap_or_default();
                self.replace(at, at, word.as_bytes());
            }
            7 => self.move_line(at),
            _ => {
                let other = self.part();
                let from = self.random.usize(0..=other.len());
                let to = (from + self.random.usize(0..64)).min(other.len());
                self.replace(at, end, &other[from..to]);
            }
        }
    }

    /// Mostly a short one.
    fn range(&mut self) -> (usize, usize) {
        let at = self.random.usize(0..=self.text.len());
        let longest = if self.random.u8(0..8) == 0 { 512 } else { 16 };
        (at, (at + self.random.usize(0..longest)).min(self.text.len()))
    }

    fn replace(&mut self, from: usize, to: usize, by: &[u8]) {
        self.text.splice(from..to, by.iter().copied());
    }

    /// Moves or copies the line at this place to another one.
    fn move_line(&mut self, at: usize) {
        let begin = self.text[..at].iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        let rest = self.text[at..].iter().position(|byte| *byte == b'\n');
        let end = rest.map_or(self.text.len(), |rest| at + rest + 1);
        let line = self.text[begin..end].to_vec();
        if self.random.bool() {
            self.replace(begin, end, &[]);
        }
        let place = self.random.usize(0..=self.text.len());
        let place = self.text[..place].iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        self.replace(place, place, &line);
    }
}
