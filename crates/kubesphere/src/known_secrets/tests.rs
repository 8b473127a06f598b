use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use base64::{Engine as _, engine::GeneralPurpose};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

const SECRET: &str = "PosTp5TZHR8P30hbCWJJVNfCpk1fGB3Z";
const PEM: &str = "-----BEGIN EC PRIVATE KEY-----\nMHcCAQEEIIh5UrOGoNL1X4Jd0hCDQqHZC4fyqz1ZlPBGyMeRcRkPoAoGCCqGSM49\nAwEHoUQDQgAEhVnHn0k2Q5G8rBzV6lG8G4lAjv5gGG3nUZkQ0rZlJt2Z1l8cQe1B\n-----END EC PRIVATE KEY-----\n";

fn hidden(secret: &str, text: &str) -> String {
    KnownSecrets::of([secret]).hide(text).into_owned()
}

/// As `%q` of Go writes it.
fn quoted(text: &str) -> String {
    let letter = |c: char| match c {
        '"' | '\\' => format!("\\{c}"),
        '\n' => "\\n".to_owned(),
        c if c.is_control() => format!("\\x{:02x}", u32::from(c)),
        c if u32::from(c) > 0xffff => format!("\\U{:08x}", u32::from(c)),
        c if !c.is_ascii() => format!("\\u{:04x}", u32::from(c)),
        c => c.to_string(),
    };
    text.chars().map(letter).collect()
}

fn percent_encoded(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes()
        .map(|it| if is_plain(it) { char::from(it).to_string() } else { format!("%{it:02X}") })
        .collect()
}

fn in_json(text: &str) -> String {
    let quoted = Value::from(text).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

fn wrapped(text: &str, columns: usize, end: &str) -> String {
    let letters: Vec<char> = text.chars().collect();
    letters.chunks(columns).map(|line| line.iter().collect::<String>()).collect::<Vec<_>>().join(end)
}

#[test]
fn a_secret_is_hidden_however_it_is_carried() {
    for (carried, shown) in [
        (format!("denied: {SECRET}!"), "denied: ***!"),
        (format!("a={SECRET} b={SECRET}"), "a=*** b=***"),
        (wrapped(SECRET, 10, "\n    "), "***"),
        (wrapped(SECRET, 10, "\\n"), "***"),
        (format!("{}…", &SECRET[..20]), "***…"),
        (format!("CORP\\n{SECRET}"), "CORP\\n***"),
        ("nothing of it".to_owned(), "nothing of it"),
        (format!("{} is too little of it", &SECRET[..12]), "PosTp5TZHR8P is too little of it"),
    ] {
        assert_eq!(hidden(SECRET, &carried), shown, "{carried}");
    }
}

#[test]
fn short_secrets_are_hidden_whole_and_shorter_ones_not_at_all() {
    assert_eq!(hidden("hunter22", "hunter22, hunter2 and hunter2"), "***, hunter2 and hunter2");
    assert_eq!(hidden("hunter2", "hunter2"), "hunter2");
    assert_eq!(hidden("", "nothing"), "nothing");
}

#[test]
fn names_and_default_passwords_hide_nothing() {
    let line = "cluster.cluster.kubesphere.io/edge-1 created";
    assert_eq!(hidden("kubesphere", line), line);
    let password = "password-of-edge-in-frankfurt-2024";
    assert_eq!(hidden(password, "edge-in-frankfurt is up"), "edge-in-frankfurt is up");
    assert_eq!(hidden(password, password), "***");
    learn_named(
        &json!({"mysql": {"password": "edge-one-password"}, "redis": {"password": "password"}, "ldap": [{"managerPassword": "Adm1nOfLdap"}]}),
    );
    assert_eq!(hide("password of Adm1nOfLdap, edge-one-password"), "password of ***, ***");
}

#[test]
fn a_secret_that_begins_like_an_escape_is_hidden_behind_a_backslash() {
    assert_eq!(hidden("newsecret", "CORP\\newsecret"), "CORP***");
}

#[test]
fn what_is_hidden_in_json_leaves_json() {
    for secret in
        ["abc\"defgh", "\"abcdefgh", "abcdefgh\\", "abcdefgh\"", "\\abcdefgh", "nabcdefgh", "abc%41def"]
    {
        for text in [format!("x{secret}y"), format!("\n{secret}\n"), format!("\\{secret}\"")] {
            for value in [json!({"message": text}), json!({"message": json!({"m": text}).to_string()})] {
                let shown = hidden(secret, &value.to_string());
                assert!(serde_json::from_str::<Value>(&shown).is_ok(), "{secret}: {shown}");
                assert!(shown.contains("***"), "{secret}: {shown}");
            }
        }
    }
}

#[test]
fn a_key_is_hidden_whole_and_by_its_lines() {
    let data = STANDARD.encode(PEM);
    let line = PEM.lines().nth(1).unwrap();
    for secret in [PEM, &data] {
        for text in [
            PEM,
            line,
            &data,
            &PEM.replace('\n', "\\n"),
            &format!("      {line}\n"),
            &wrapped(&data, 76, "\n"),
        ] {
            let shown = hidden(secret, text);
            assert!(!shown.contains("MHcCAQ") && !shown.contains(&data[60..80]), "{secret}: {shown}");
        }
    }
    let stored = STANDARD.encode(format!("users:\n- user:\n    client-key-data: {data}\n"));
    assert!(hidden(&data, &stored).len() < 70, "{}", hidden(&data, &stored));
    let certificate = "-----BEGIN CERTIFICATE-----\nMIIBdzCCAR2gAwIBAgIBADAKBggqhkjOPQQDAjAj";
    assert_eq!(hidden(PEM, certificate), certificate);
    assert_eq!(hidden(PEM, &STANDARD.encode(certificate)), STANDARD.encode(certificate));
}

#[test]
fn each_of_many_secrets_is_hidden_though_they_begin_alike() {
    let secrets: Vec<String> = (100..400).map(|number| format!("password{number}")).collect();
    let tokens: Vec<String> = (100..400)
        .map(|number| format!("eyJhbGciOiJSUzI1NiIsImtpZCI6{number}{number}{number}{number}"))
        .collect();
    let mut known = KnownSecrets::of(secrets.iter().chain(&tokens).map(String::as_str));
    for secret in secrets.iter().chain(&tokens) {
        assert_eq!(known.hide(secret), "***");
    }
}

fn secret() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[A-Za-z0-9._~-]{8,64}",
        2 => "[!-~äß漢😀]{12,40}",
        1 => "[A-Za-z0-9+/]{300,900}",
    ]
}

/// How a server may repeat it: the text, and how many letters around the secret may be those of its encoding.
fn carried(secret: &str, how: usize, around: (&str, &str), columns: usize) -> String {
    let (before, after) = around;
    let plain = format!("{before}{secret}{after}");
    let base64 = |engine: &GeneralPurpose| engine.encode(&plain);
    match how {
        0 => plain,
        1 => in_json(&plain),
        2 => in_json(&in_json(&plain)),
        3 => quoted(&plain),
        4 => percent_encoded(&plain),
        5 => base64(&STANDARD),
        6 => base64(&URL_SAFE),
        7 => wrapped(&base64(&STANDARD), columns, "\n"),
        8 => in_json(&wrapped(&base64(&STANDARD), columns, "\r\n")),
        9 => STANDARD.encode(json!({"message": plain}).to_string()),
        10 => percent_encoded(&base64(&STANDARD)),
        11 => percent_encoded(&percent_encoded(&plain)),
        12 => plain.chars().flat_map(|letter| [letter, '\u{200b}', '\u{a0}']).collect(),
        13 => plain.chars().map(|letter| format!("&#{};", u32::from(letter))).collect::<Vec<_>>().concat(),
        14 => hex::encode(&plain),
        15 => wrapped(&hex::encode_upper(&plain), columns, "\n"),
        _ => wrapped(&plain, columns, "\n   "),
    }
}

/// What is left of the text without what is hidden, as what it spells.
fn spelled(text: &str) -> String {
    let mut spelled = Vec::new();
    letters(text, Reading::Resolved, |letter, _| spelled.push(letter));
    String::from_utf8_lossy(&spelled).into_owned()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_secret_passes(
        secret in secret(),
        how in 0_usize..17,
        before in "[ :,=\"{<(]{0,4}",
        after in "[ :,=\"}>)]{0,4}",
        columns in prop_oneof![Just(64_usize), Just(76), 20_usize..100],
    ) {
        let text = carried(&secret, how, (&before, &after), columns);
        let shown = hidden(&secret, &text);
        prop_assert!(shown.contains(MASK), "{secret} in {text}: {shown}");
        // Of base64 some letters depend on what stands around the secret; plain there is nothing left of it.
        let left: usize = spelled(&shown).replace(MASK, "").len();
        let around = spelled(&carried("", how, (&before, &after), columns)).len();
        prop_assert!(left <= around + 8, "{secret} in {text}: {shown}");
    }

    #[test]
    fn a_piece_of_sixteen_letters_does_not_pass(secret in "[A-Z0-9]{16,200}", cut in 0.0..1.0) {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "a place in the text")]
        let start = ((secret.len() - 16) as f64 * cut) as usize;
        prop_assert_eq!(hidden(&secret, &secret[start..start + 16]), MASK);
    }

    #[test]
    fn other_texts_stay_as_they_are(text in "[ -~\\n\u{1b}é\\\\%]{0,200}") {
        prop_assert_eq!(hidden(SECRET, &text), text);
    }

    #[test]
    fn any_text_is_searched(secret in ".{8,40}", text in ".{0,80}") {
        hidden(&secret, &format!("{text}{secret}\\{text}"));
    }
}
