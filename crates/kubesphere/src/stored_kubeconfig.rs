//! The kubeconfig that a host has stored of a member, as far as it may be looked into.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use secrecy::SecretString;
use serde_json::Value;

/// A kubeconfig of a Cluster. It is confidential: what is taken out of it as a secret stays one.
#[derive(Clone)]
pub struct StoredKubeconfig(Value);

impl StoredKubeconfig {
    /// Reads the text of a kubeconfig; anything but a mapping is none.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(text).ok()?;
        let kubeconfig = without_long_values(text).or_else(|| serde_yaml::from_str(text).ok());
        kubeconfig.filter(Value::is_object).map(Self)
    }

    /// The address of its server.
    pub fn server(&self) -> Option<&str> {
        self.entry("cluster")?["server"].as_str().filter(|server| !server.is_empty())
    }

    /// The authority that its server's certificate is verified by, as PEM.
    pub fn certificate_authority(&self) -> Option<String> {
        let data = self.entry("cluster")?["certificate-authority-data"].as_str()?;
        String::from_utf8(STANDARD.decode(data.trim()).ok()?).ok()
    }

    /// The name that is expected in its server's certificate, in place of the address.
    pub fn tls_server_name(&self) -> Option<&str> {
        self.entry("cluster")?["tls-server-name"].as_str().filter(|name| !name.is_empty())
    }

    /// What its user has under this key, as text.
    pub fn of_user(&self, key: &str) -> Option<SecretString> {
        let text = self.entry("user")?[key].as_str()?;
        (!text.is_empty()).then(|| SecretString::from(text))
    }

    /// Whether its user has anything under this key.
    pub fn user_has(&self, key: &str) -> bool {
        self.entry("user").is_some_and(|user| !user[key].is_null())
    }

    /// The cluster or the user of its current-context, as client-go takes them; without such a context the first one.
    fn entry(&self, kind: &str) -> Option<&Value> {
        let named = |list: &str, name: &Value| {
            let items = self.0[list].as_array()?;
            items.iter().find(|item| item["name"] == *name)
        };
        let list = format!("{kind}s");
        let context = named("contexts", &self.0["current-context"]);
        let chosen = context.and_then(|context| named(&list, &context["context"][kind]));
        Some(&chosen.or_else(|| self.0[&list].get(0))?[kind])
    }
}

/// From here on a value of one line is long: a certificate, a key or a token.
const LONG: usize = 100;
/// Stands for a long value, with its number; Unicode has left its meaning to us.
const MARK: char = '\u{e000}';

/// Reads a kubeconfig whose long values each stand on a line of their own, as kubectl writes it: a YAML parser reads every
/// letter of them several times, so it is given their numbers. Nothing where one of them turns out to be part of something
/// else.
fn without_long_values(text: &str) -> Option<Value> {
    let mut long = Vec::new();
    let mut short = String::new();
    for line in text.split_inclusive('\n') {
        match long_value(line) {
            Some((key, value)) => {
                short.extend([key, &format!("{MARK}{}\n", long.len())]);
                long.push(value);
            }
            None => short.push_str(line),
        }
    }
    if text.contains(MARK) {
        return None;
    }
    let mut kubeconfig = serde_yaml::from_str(&short).ok()?;
    let put_back = put_back(&mut kubeconfig, &long);
    (put_back == long.len()).then_some(kubeconfig)
}

/// The line up to its value, and the value.
fn long_value(line: &str) -> Option<(&str, &str)> {
    let (key, value) = line.trim_end().split_once(": ")?;
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"+/=-_.".contains(&byte);
    (value.len() >= LONG && value.bytes().all(is_plain)).then(|| (&line[..key.len() + 2], value))
}

/// Puts each long value in the place of its number; how many that were.
fn put_back(within: &mut Value, long: &[&str]) -> usize {
    match within {
        Value::String(text) => {
            let number = text.strip_prefix(MARK).and_then(|number| number.parse::<usize>().ok());
            let value = number.and_then(|number| long.get(number).copied());
            value.map(|value| value.clone_into(text)).map_or(0, |()| 1)
        }
        Value::Array(items) => items.iter_mut().map(|item| put_back(item, long)).sum(),
        Value::Object(fields) => fields.values_mut().map(|value| put_back(value, long)).sum(),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use secrecy::ExposeSecret as _;

    use super::{LONG, StoredKubeconfig, Value, without_long_values};

    const TWO: &str = "{clusters: [{name: a, cluster: {server: 'https://a'}}, {name: b, cluster: {server: 'https://b'}}], \
                       users: [{name: a, user: {token: ta}}, {name: b, user: {token: tb, exec: {command: x}}}], \
                       contexts: [{name: x, context: {cluster: b, user: b}}]";

    fn of(current: &str) -> StoredKubeconfig {
        StoredKubeconfig::parse(format!("{TWO}, current-context: {current}}}").as_bytes()).unwrap()
    }

    #[test]
    fn the_current_context_says_which_one_it_is() {
        let current = of("x");
        assert_eq!(current.server(), Some("https://b"));
        assert_eq!(current.of_user("token").unwrap().expose_secret(), "tb");
        assert!(current.user_has("exec") && !current.user_has("password"));
        let none = of("nobody");
        assert_eq!((none.server(), none.user_has("exec")), (Some("https://a"), false));
    }

    #[test]
    fn its_cluster_tells_by_what_the_servers_certificate_is_verified() {
        let of = |cluster: &str| {
            let text = format!("clusters: [{{name: a, cluster: {cluster}}}]");
            StoredKubeconfig::parse(text.as_bytes()).unwrap()
        };
        let both = of("{certificate-authority-data: Q0E=, tls-server-name: kube}");
        assert_eq!(
            (both.certificate_authority().as_deref(), both.tls_server_name()),
            (Some("CA"), Some("kube"))
        );
        let none = of("{certificate-authority-data: '%'}");
        assert_eq!((none.certificate_authority(), none.tls_server_name()), (None, None));
    }

    #[test]
    fn long_values_are_read_as_yaml_has_them() {
        let long = format!("{}/+-_.=", "Aa0".repeat(LONG));
        let read = |text: &str| StoredKubeconfig::parse(text.as_bytes()).unwrap().0;
        for (text, is_quick) in [
            (format!("users:\n- name: a\n  user:\n    client-key-data: {long}\n    token: {long}"), true),
            (format!("a: {long}  \r\nb: {long}\r\n"), true),
            (format!("a: |\n  b: {long}\n"), false),
            (format!("a: {long}\n  {long}\n"), false),
            (format!("# a: {long}\nb: c\n"), false),
            (format!("a: \"{long}\"\n"), true),
            (format!("a: !!binary {long}\n"), true),
            (format!("a: &x {long}\nb: *x\n"), true),
            (format!("a: {long}\nb: \u{e000}0\n"), false),
        ] {
            assert_eq!(read(&text), serde_yaml::from_str::<Value>(&text).unwrap(), "{text}");
            assert_eq!(without_long_values(&text).is_some(), is_quick, "{text}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_read_is_what_yaml_has(lines in proptest::collection::vec("( {0,4}(- )?[ab]: )?[|>a\"]?[a.]{0,2}#?", 0..8)) {
            let text = lines.join("\n").replace('.', &"Aa0".repeat(LONG));
            let read = StoredKubeconfig::parse(text.as_bytes()).map(|read| read.0);
            prop_assert_eq!(read, serde_yaml::from_str::<Value>(&text).ok().filter(Value::is_object));
        }
    }

    #[test]
    fn what_is_no_mapping_is_no_kubeconfig() {
        assert!(StoredKubeconfig::parse(b"plain").is_none());
        assert!(StoredKubeconfig::parse(b"{").is_none());
        assert!(StoredKubeconfig::parse(b"{}").unwrap().server().is_none());
    }
}
