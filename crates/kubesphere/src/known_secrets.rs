//! The secrets that this process knows, and texts without them.
//!
//! A value enters with [`learn`] where it becomes a secret, and from then on nothing that is printed has it: `output` lets
//! every text through [`hide`], whoever wrote it. It is found plain, in base64 and in hexadecimal digits, and however a text
//! carries it: escaped by JSON, Go or HTML, percent-encoded, wrapped, spread by what nobody sees, or cut.

mod forms;
mod letters;

use std::{
    borrow::Cow,
    cell::OnceCell,
    collections::{HashMap, HashSet, hash_map::RandomState},
    hash::BuildHasher as _,
    iter,
    ops::Range,
    sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError},
};

use serde_json::Value;

use super::confidential::{MASK, is_confidential};
use forms::Encoding;
use letters::{Reading, letters};

/// Shorter values are let through. They stand in ordinary words: hiding them would ruin every text, and show which word it
/// is that hides. (Nor do they withstand anybody: seven letters are guessed within hours from a token that they have signed.)
const SHORTEST: usize = 8;
/// Whoever has taken one of these for a secret has all that we print full of it: names that Kubernetes and KubeSphere give.
const NAMES: &str = "cluster.kubesphere.io/v1alpha1 installer.kubesphere.io kubesphere-system kubesphere-config \
                     ks-controller-manager kube-federation-system clusterconfiguration multicluster kubernetes namespace";
/// So many letters of a longer secret are hidden, though the rest is missing.
const SHORTEST_PIECE: usize = 16;
/// How many letters a secret is looked for by.
const BLOCK: usize = 8;
/// Up to here every eighth letter begins a block, so that no piece of [`SHORTEST_PIECE`] is without one.
const LONG: usize = 384;
/// In longer ones every forty-eighth does: a line of PEM (64 letters) and of MIME's base64 (76) always has one.
const STRIDE_IN_LONG: usize = 48;

/// So many secrets are compared with a block that they have in common. Each has others.
const COMPARED: usize = 64;

static KNOWN: LazyLock<Mutex<KnownSecrets>> = LazyLock::new(Mutex::default);

/// From now on this value is hidden.
pub fn learn(value: &str) {
    known().learn(value);
}

/// From now on this text of secrets and other things, which is encoded already, is hidden where it is repeated. Whether it
/// is new.
pub fn learn_encoded(value: &str) -> bool {
    known().learn_as(value, &[Encoding::PLAIN])
}

/// From now on every text below a key that tells of a secret is hidden. KubeSphere's configurations have defaults among them
/// that are words, such as `password`, which hide nothing.
pub fn learn_named(within: &Value) {
    match within {
        Value::Object(fields) => {
            for (key, value) in fields {
                match value {
                    Value::String(text) if is_confidential(key) && !is_word(text) => learn(text),
                    _ => learn_named(value),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(learn_named),
        _ => {}
    }
}

/// The text with [`MASK`] in place of every secret that has been learned.
pub fn hide(text: &str) -> Cow<'_, str> {
    known().hide(text)
}

/// Where the secrets stand in the text, in order and apart from each other.
pub fn found(text: &str) -> Vec<Range<usize>> {
    known().found(text)
}

fn known() -> MutexGuard<'static, KnownSecrets> {
    KNOWN.lock().unwrap_or_else(PoisonError::into_inner)
}

fn is_word(text: &str) -> bool {
    text.len() < SHORTEST_PIECE && text.bytes().all(|letter| letter.is_ascii_lowercase() || letter == b'-')
}

fn masked(text: &str, found: &[Range<usize>]) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut at = 0;
    for Range { start, end } in found {
        shown.extend([&text[at..*start], MASK]);
        at = *end;
    }
    shown + &text[at..]
}

/// Secrets that are looked for.
#[derive(Default)]
pub struct KnownSecrets {
    /// Of each value, so that one that is read again and again is learned once.
    hashes: HashSet<u64>,
    hasher: RandomState,
    forms: Vec<Form>,
    /// In the order of their keys.
    blocks: Vec<Block>,
    /// How many of the blocks are in order.
    sorted: usize,
    /// One bit for each key, which most texts do not have.
    seen: Vec<u64>,
}

/// A secret as it may stand somewhere.
struct Form {
    value: Arc<str>,
    encoding: Encoding,
    letters: OnceCell<Vec<u8>>,
}

impl Form {
    fn letters(&self) -> &[u8] {
        self.letters.get_or_init(|| self.encoding.letters(&self.value))
    }
}

/// Some letters of a form.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Block {
    key: u64,
    /// Whether its form has others.
    is_long: bool,
    form: usize,
    at: usize,
}

impl KnownSecrets {
    /// From now on these are looked for.
    pub fn of<'a>(values: impl IntoIterator<Item = &'a str>) -> Self {
        let mut known = Self::default();
        values.into_iter().for_each(|value| known.learn(value));
        known
    }

    fn learn(&mut self, value: &str) {
        self.learn_as(value, &forms::encodings(value));
        // What a kubeconfig has of a key is base64, and the key itself may be shown as well.
        if let Some(pem) = forms::decoded_pem(value) {
            self.learn_as(&pem, &[Encoding::PLAIN]);
        }
    }

    /// Whether it is new.
    fn learn_as(&mut self, value: &str, encodings: &[Encoding]) -> bool {
        let value = value.trim();
        if value.len() < SHORTEST
            || NAMES.contains(value)
            || !self.hashes.insert(self.hasher.hash_one((value, encodings.len())))
        {
            return false;
        }
        let value: Arc<str> = value.into();
        for encoding in encodings {
            let value = Arc::clone(&value);
            self.index(Form { value, encoding: *encoding, letters: OnceCell::new() });
        }
        true
    }

    fn index(&mut self, form: Form) {
        let letters = form.encoding.letters(&form.value);
        let stride = if letters.len() > LONG { STRIDE_IN_LONG } else { BLOCK };
        let stride = if letters.len() < SHORTEST_PIECE { letters.len() } else { stride };
        let (form_number, is_long) = (self.forms.len(), stride < letters.len());
        let starts = (0..letters.len()).step_by(stride.max(1)).filter(|at| at + BLOCK <= letters.len());
        let block = |at| Block { key: key(&letters[at..at + BLOCK]), is_long, form: form_number, at };
        self.blocks.extend(starts.map(block));
        self.forms.push(form);
    }

    /// The text with [`MASK`] in place of every secret.
    pub fn hide<'a>(&mut self, text: &'a str) -> Cow<'a, str> {
        match self.found(text).as_slice() {
            [] => Cow::Borrowed(text),
            found => Cow::Owned(masked(text, found)),
        }
    }

    /// Where the secrets stand in the text, in order and apart from each other.
    pub fn found(&mut self, text: &str) -> Vec<Range<usize>> {
        self.sort();
        if self.blocks.is_empty() {
            return Vec::new();
        }
        let mut found: Vec<_> =
            Reading::of_text(text).iter().flat_map(|reading| self.found_as(text, *reading)).collect();
        found.sort_by_key(|range| (range.start, range.end));
        found.into_iter().fold(Vec::new(), |mut apart: Vec<Range<usize>>, range| {
            match apart.last_mut() {
                Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
                _ => apart.push(range),
            }
            apart
        })
    }

    fn sort(&mut self) {
        if self.sorted == self.blocks.len() {
            return;
        }
        self.blocks.sort();
        self.sorted = self.blocks.len();
        self.seen = vec![0; (self.sorted * 16 / 64 + 1).next_power_of_two()];
        for Block { key, .. } in &self.blocks {
            let (word, bit) = place(*key, self.seen.len());
            self.seen[word] |= bit;
        }
    }

    fn found_as(&self, text: &str, reading: Reading) -> Vec<Range<usize>> {
        let mut read = Vec::with_capacity(text.len());
        letters(text, reading, |letter, _| read.push(letter));
        let pieces = self.pieces(&read);
        if pieces.is_empty() {
            return Vec::new();
        }
        // Only now, because few texts have a secret.
        let mut places = Vec::with_capacity(read.len());
        letters(text, reading, |_, place| places.push(place));
        pieces.into_iter().map(|piece| places[piece.start].start..places[piece.end - 1].end).collect()
    }

    /// Where the letters are those of a secret.
    fn pieces(&self, read: &[u8]) -> Vec<Range<usize>> {
        let mut pieces = Vec::new();
        // Of a secret from this letter on, up to where it is found already.
        let mut ends: HashMap<(usize, usize), usize> = HashMap::new();
        let mut rolling = 0;
        for (last, letter) in read.iter().enumerate() {
            rolling = rolling << 8 | u64::from(*letter);
            let (word, bit) = place(rolling, self.seen.len());
            if last + 1 < BLOCK || self.seen[word] & bit == 0 {
                continue;
            }
            let at = last + 1 - BLOCK;
            for block in self.blocks_of(rolling) {
                let alignment = (block.form, at.wrapping_sub(block.at));
                if ends.get(&alignment).is_some_and(|end| at < *end) {
                    continue;
                }
                if let Some(piece) = self.extended(read, at, block) {
                    ends.insert(alignment, piece.end);
                    pieces.push(piece);
                }
            }
        }
        pieces
    }

    fn blocks_of(&self, key: u64) -> impl Iterator<Item = &Block> {
        let first = self.blocks.partition_point(|block| block.key < key);
        let of_key = move |(number, block): &(usize, &Block)| {
            block.key == key && (!block.is_long || *number < COMPARED)
        };
        self.blocks[first..].iter().enumerate().take_while(of_key).map(|(_, block)| block)
    }

    /// As much of the block's form as stands around it, where that is enough of it.
    fn extended(&self, read: &[u8], at: usize, block: &Block) -> Option<Range<usize>> {
        let form = self.forms[block.form].letters();
        let before = iter::zip(form[..block.at].iter().rev(), read[..at].iter().rev());
        let before = before.take_while(|(a, b)| a == b).count();
        let after = iter::zip(&form[block.at..], &read[at..]).take_while(|(a, b)| a == b).count();
        let piece = at - before..at + after;
        let is_whole = piece.len() == form.len();
        // A cluster's name, for one, in a password that was made of it.
        let is_words =
            || read[piece.clone()].iter().all(|letter| matches!(letter, b'a'..=b'z' | b'.' | b'+'));
        (is_whole || piece.len() >= SHORTEST_PIECE && !is_words()).then_some(piece)
    }
}

fn key(letters: &[u8]) -> u64 {
    letters.iter().fold(0, |key, letter| key << 8 | u64::from(*letter))
}

/// The word and the bit that stand for a key.
fn place(key: u64, words: usize) -> (usize, u64) {
    // Fibonacci hashing: the upper bits depend on all letters.
    let hash = key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 24;
    let word = usize::try_from(hash >> 6).unwrap_or_default() & (words - 1);
    (word, 1 << (hash & 63))
}

#[cfg(test)]
#[path = "known_secrets/tests.rs"]
mod tests;
