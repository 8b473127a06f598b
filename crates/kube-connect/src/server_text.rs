//! Texts that a server, a proxy or a middlebox wrote, made fit for a sentence.

use bytes::Bytes;
use http::StatusCode;
use kubesphere::known_secrets::hide;
use serde_json::{Value, json};

/// Longer texts of a server are cut.
const LONGEST_SHOWN: usize = 400;

/// A message of a server: on one line, without HTML and secrets, and not too long. What a terminal would obey in it is for
/// `output` to show.
pub fn message(text: &str) -> String {
    let text = if looks_like_html(text) { title_of(text) } else { text.to_owned() };
    // Before it is cut: of a secret that was cut in two, a short end would pass.
    let text = hide(text.trim()).replace(['\n', '\r', '\t'], " ");
    match text.char_indices().nth(LONGEST_SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// The body of an answer with an error, as a `Status` in any case: kube takes any JSON object for one and
/// then loses the code, and a proxy on the way answers as it likes.
pub(super) fn status_body(code: StatusCode, body: &Bytes) -> Bytes {
    let answered: Value = serde_json::from_slice(body).unwrap_or_default();
    if answered["kind"] == "Status" && answered["code"].is_u64() {
        return body.clone();
    }
    let text = match answered["message"].as_str() {
        Some(text) => message(text),
        None => message(&String::from_utf8_lossy(body)),
    };
    let status = json!({ "kind": "Status", "status": "Failure", "code": code.as_u16(), "message": text });
    Bytes::from(status.to_string())
}

fn looks_like_html(text: &str) -> bool {
    let start: String = text.trim_start().chars().take(15).collect::<String>().to_ascii_lowercase();
    start.starts_with("<html") || start.starts_with("<!doctype html") || start.starts_with("<head")
}

fn title_of(page: &str) -> String {
    let lower = page.to_ascii_lowercase();
    let title = lower.find("<title>").and_then(|start| {
        let start = start + "<title>".len();
        let end = lower[start..].find("</title>")? + start;
        page.get(start..end)
    });
    match title.map(str::trim).filter(|title| !title.is_empty()) {
        Some(title) => format!("a web page answered: {title}"),
        None => "a web page answered".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use kubesphere::known_secrets::learn;

    use super::*;

    #[test]
    fn a_secret_is_hidden_before_its_message_is_cut() {
        learn("Pz3secretOfTheMessage17");
        let text = format!("{}\r\nPz3secretOfTheMessage17\tat the end", "a".repeat(LONGEST_SHOWN - 5));
        assert_eq!(message(&text), format!("{}  ***…", "a".repeat(LONGEST_SHOWN - 5)));
    }

    #[test]
    fn a_web_page_shrinks_to_its_title() {
        let page = "<!DOCTYPE html><html><head><TITLE>502 Bad Gateway</TITLE></head><body>…</body></html>";
        assert_eq!(message(page), "a web page answered: 502 Bad Gateway");
        assert_eq!(message("<html><body>x</body></html>"), "a web page answered");
    }

    #[test]
    fn an_error_always_has_its_code() {
        let body = |text: &'static str| {
            let body = status_body(StatusCode::BAD_GATEWAY, &Bytes::from_static(text.as_bytes()));
            serde_json::from_slice::<Value>(&body).unwrap()
        };
        assert_eq!(body("{}")["code"], 502);
        assert_eq!(body(r#"{"message": "no route"}"#)["message"], "no route");
        assert_eq!(body("upstream\u{1b}")["message"], "upstream\u{1b}");
        assert_eq!(body(r#"{"kind": "Status", "code": 404}"#)["code"], 404);
    }

    #[test]
    fn a_long_message_is_cut() {
        assert_eq!(message(&"ä".repeat(1000)).chars().count(), LONGEST_SHOWN + 1);
    }
}
