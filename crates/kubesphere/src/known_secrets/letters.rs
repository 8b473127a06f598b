//! A text as what it spells, whatever has carried it: without blanks and what nobody sees, and with its escapes resolved.

use std::ops::Range;

use crate::unseen::is_unseen;

/// Texts with one of these may be read in two ways.
const BEGIN_ESCAPES: [char; 3] = ['\\', '%', '&'];

/// How a text is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reading {
    /// Its escapes resolved, however often it was escaped: `\"`, `\\n`, `\u003c`, `\x1b`, `%2F`, `&#47;`.
    Resolved,
    /// The same where `\n` is no line end, but a folder of Windows that begins so, and `%2F` and `&#47;` are parts of the secret.
    Sparing,
    /// As it is.
    Verbatim,
}

impl Reading {
    /// Those of a text in which they differ.
    pub(super) fn of_text(text: &str) -> &'static [Self] {
        if text.contains(BEGIN_ESCAPES) { &[Self::Resolved, Self::Sparing] } else { &[Self::Resolved] }
    }

    /// Those of a secret in which they differ. What stands in it as it is was percent-encoded once more.
    pub(super) fn of_secret(value: &str) -> &'static [Self] {
        if value.contains(BEGIN_ESCAPES) {
            &[Self::Resolved, Self::Sparing, Self::Verbatim]
        } else {
            &[Self::Resolved]
        }
    }
}

/// HTML's own letters (WHATWG, named character references).
const ENTITIES: [(&str, char); 5] = [("amp", '&'), ("lt", '<'), ("gt", '>'), ("quot", '"'), ("apos", '\'')];
/// `#x10ffff`, and some zeros.
const LONGEST_ENTITY: usize = 12;

/// Tells each letter with its place. Both alphabets of base64 are one.
pub(super) fn letters(text: &str, reading: Reading, mut tell: impl FnMut(u8, Range<usize>)) {
    let mut tell_one = |letter: u8, place: Range<usize>| match letter {
        // Blanks, line ends and what steers a terminal.
        0..=b' ' | 0x7f => {}
        b'-' => tell(b'+', place),
        b'_' => tell(b'/', place),
        letter => tell(letter, place),
    };
    let mut at = 0;
    while let Some(next) = text[at..].chars().next() {
        let rest = &text[at..];
        let escape = match next {
            '\\' if reading != Reading::Verbatim => Some(escaped(rest, reading)),
            '%' if reading == Reading::Resolved => of_percent(rest),
            '&' if reading == Reading::Resolved => of_entity(rest),
            _ => None,
        };
        let (letter, length) = escape.unwrap_or((Letter::Character(next), next.len_utf8()));
        let place = at..at + length;
        match letter {
            Letter::Character(character) if character.is_whitespace() || is_unseen(character) => {}
            Letter::Character(character) => {
                let mut bytes = [0; 4];
                character.encode_utf8(&mut bytes).bytes().for_each(|byte| tell_one(byte, place.clone()));
            }
            Letter::Byte(byte) => tell_one(byte, place),
            Letter::None => {}
        }
        at += length;
    }
}

enum Letter {
    Character(char),
    /// A part of a character, which is encoded byte by byte.
    Byte(u8),
    None,
}

impl Letter {
    fn of(code: u32) -> Self {
        u8::try_from(code).map_or(Self::None, Self::Byte)
    }

    fn of_character(code: u32) -> Self {
        char::from_u32(code).map_or(Self::None, Self::Character)
    }
}

/// The byte that is encoded at the beginning of the text, however often: `%41`, `%2541`.
fn of_percent(text: &str) -> Option<(Letter, usize)> {
    let rest = text[1..].trim_start_matches("25");
    let percents = text.len() - rest.len();
    match hexadecimal(rest, 2) {
        Some(byte) => Some((Letter::of(byte), percents + 2)),
        None => (percents > 1).then_some((Letter::Byte(b'%'), percents)),
    }
}

/// The character that HTML refers to at the beginning of the text, by its number or as what has a meaning there.
fn of_entity(text: &str) -> Option<(Letter, usize)> {
    let (name, _) = text[1..].split_once(';').filter(|(name, _)| name.len() <= LONGEST_ENTITY)?;
    let code = match name.strip_prefix('#') {
        Some(number) => match number.strip_prefix(['x', 'X']) {
            Some(digits) => u32::from_str_radix(digits, 16).ok()?,
            None => number.parse().ok()?,
        },
        None => u32::from(*ENTITIES.iter().find(|(known, _)| *known == name).map(|(_, letter)| letter)?),
    };
    Some((Letter::of_character(code), name.len() + 2))
}

/// What the escape at the beginning of the text stands for, and its length: what is hidden must not end within it. It has
/// as many backslashes as often as it was escaped, one inside the other.
fn escaped(text: &str, reading: Reading) -> (Letter, usize) {
    let backslashes = text.len() - text.trim_start_matches('\\').len();
    let rest = &text[backslashes..];
    let Some(next) = rest.chars().next() else { return (Letter::None, backslashes) };
    let digits = |digits| hexadecimal(&rest[1..], digits);
    let resolved = match next {
        'a' | 'b' | 'f' | 'n' | 'r' | 't' | 'v' if reading == Reading::Resolved => Some((Letter::None, 1)),
        'x' => digits(2).map(|byte| (Letter::of(byte), 3)),
        'U' => digits(8).map(|code| (Letter::of_character(code), 9)),
        'u' => digits(4).map(|code| match second_half(&rest[5..], code) {
            Some((code, length)) => (Letter::of_character(code), 5 + length),
            None => (Letter::of_character(code), 5),
        }),
        _ => None,
    };
    let (letter, length) = resolved.unwrap_or((Letter::Character(next), next.len_utf8()));
    (letter, backslashes + length)
}

/// JSON has two escapes for what UTF-16 has two units for.
fn second_half(text: &str, first: u32) -> Option<(u32, usize)> {
    let rest = text.trim_start_matches('\\').strip_prefix('u')?;
    let second = hexadecimal(rest, 4)?;
    let is_pair = (0xd800..0xdc00).contains(&first) && (0xdc00..0xe000).contains(&second);
    is_pair.then(|| (0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00), text.len() - rest.len() + 4))
}

fn hexadecimal(text: &str, digits: usize) -> Option<u32> {
    let digits = text.get(..digits).filter(|text| text.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
    u32::from_str_radix(digits, 16).ok()
}
