//! Whether a text has a secret in it: looked for in another way than the program does it.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, LazyLock, Mutex},
};

use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use memchr::memmem::Finder;

/// Shorter ones are looked for as they are only: in base64 they are found by chance.
const LONG_ENOUGH: usize = 6;

/// The first of the secrets that the text shows: plain, in a string of JSON, or in base64, in any of these over several lines.
pub fn shown_in<'a>(text: &str, secrets: &'a [String]) -> Option<&'a str> {
    let lines = [text.to_owned(), without_line_ends(text)];
    let shows = |secret: &str| {
        let finders = finders(secret);
        lines.iter().any(|text| finders.iter().any(|form| form.find(text.as_bytes()).is_some()))
    };
    secrets.iter().map(String::as_str).find(|secret| !secret.trim().is_empty() && shows(secret))
}

/// What finds a secret. To make it takes longer than to look, and a bed's secrets are looked for after each command.
fn finders(secret: &str) -> Arc<[Finder<'static>]> {
    static MADE: LazyLock<Mutex<HashMap<String, Arc<[Finder<'static>]>>>> = LazyLock::new(Mutex::default);
    let made = MADE.lock().unwrap().get(secret).cloned();
    made.unwrap_or_else(|| {
        let finders: Arc<[_]> =
            forms(secret).iter().map(|form| Finder::new(form.as_bytes()).into_owned()).collect();
        MADE.lock().unwrap().insert(secret.to_owned(), finders.clone());
        finders
    })
}

fn forms(secret: &str) -> BTreeSet<String> {
    // Each line of a key is one.
    let lines = secret.lines().filter(|line| !line.starts_with("-----"));
    let mut forms = BTreeSet::new();
    for value in lines.map(str::trim).filter(|line| !line.is_empty()).chain([secret.trim()]) {
        let quoted = serde_json::Value::from(value).to_string();
        forms.extend([value.to_owned(), quoted[1..quoted.len() - 1].to_owned()]);
        if value.len() >= LONG_ENOUGH {
            forms.extend([0, 1, 2].into_iter().flat_map(|offset| in_base64(value, offset)));
        }
    }
    forms
}

/// What does not depend on what stands before and behind.
fn in_base64(value: &str, offset: usize) -> [String; 2] {
    let encoded = STANDARD_NO_PAD.encode([&[0, 0][..offset], value.as_bytes()].concat());
    let core = encoded[[0, 2, 3][offset]..(offset + value.len()) * 8 / 6].to_owned();
    [core.replace('+', "-").replace('/', "_"), core]
}

fn without_line_ends(text: &str) -> String {
    text.replace("\\n", "").split_whitespace().collect()
}

#[test]
fn a_secret_is_found_however_it_is_shown() {
    let secrets = ["PosTp5TZHR8P30hbCWJJVNfCpk1fGB3Z".to_owned()];
    let encoded = STANDARD_NO_PAD.encode(format!("a: {}", secrets[0]));
    for text in
        ["x PosTp5TZHR8P30hbCWJJVNfCpk1fGB3Z!", &encoded, &format!("{}\n  {}", &encoded[..9], &encoded[9..])]
    {
        assert_eq!(shown_in(text, &secrets), Some(secrets[0].as_str()), "{text}");
    }
    assert_eq!(shown_in("sha256:9f86d081", &secrets), None);
}
