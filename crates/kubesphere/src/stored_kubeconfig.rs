//! The kubeconfig that a host has stored of a member, as far as it may be looked into.

use secrecy::SecretString;
use serde_json::Value;

use super::{
    go_base64,
    known_secrets::learn,
    kubeconfig_document::{Entry, KubeconfigDocument, SECRETS},
};

/// A kubeconfig of a Cluster. It is confidential: what is taken out of it as a secret stays one.
#[derive(Clone)]
pub struct StoredKubeconfig(KubeconfigDocument);

impl StoredKubeconfig {
    /// Reads the text of a kubeconfig, as KubeSphere does by client-go.
    pub fn parse(text: &[u8]) -> Option<Self> {
        without_long_values(text).or_else(|| KubeconfigDocument::parse(text).ok()).map(Self)
    }

    /// The address of its server.
    pub fn server(&self) -> Option<&str> {
        self.of_cluster("server")
    }

    /// The authority that its server's certificate is verified by, as PEM.
    pub fn certificate_authority(&self) -> Option<String> {
        String::from_utf8(go_base64::decoded(self.of_cluster("certificate-authority-data")?)?).ok()
    }

    /// The name that is expected in its server's certificate, in place of the address.
    pub fn tls_server_name(&self) -> Option<&str> {
        self.of_cluster("tls-server-name")
    }

    /// What its user has under this key, as text.
    pub fn of_user(&self, key: &str) -> Option<SecretString> {
        text_in(self.user()?, key).map(SecretString::from)
    }

    /// What each of its users has under this key, as text.
    pub fn of_each_user(&self, key: &str) -> impl Iterator<Item = SecretString> {
        self.0.users.iter().filter_map(move |user| text_in(&user.fields, key)).map(SecretString::from)
    }

    /// Whether its user has anything under this key.
    pub fn user_has(&self, key: &str) -> bool {
        self.user().is_some_and(|user| !user[key].is_null())
    }

    fn of_cluster(&self, key: &str) -> Option<&str> {
        text_in(self.current("cluster", &self.0.clusters)?, key)
    }

    fn user(&self) -> Option<&Value> {
        self.current("user", &self.0.users)
    }

    /// The cluster or the user of its current-context, as client-go takes them; without such a context the first one.
    fn current<'a>(&self, kind: &str, entries: &'a [Entry]) -> Option<&'a Value> {
        let named = |entries: &'a [Entry], name: &str| entries.iter().find(|entry| entry.name == name);
        let current = self.0.current_context.as_deref().unwrap_or_default();
        let context = self.0.contexts.iter().find(|context| context.name == current);
        let chosen = context.and_then(|context| named(entries, text_in(&context.fields, kind)?));
        chosen.or(entries.first()).map(|entry| &*entry.fields)
    }
}

/// From now on nothing that is printed has the secrets of this kubeconfig, though nobody looks into it: of what stands on
/// lines of their own, as in all that kubectl and KubeSphere write. What is read is learned whatever its form is.
pub(super) fn learn_secrets(text: &[u8]) {
    let fields =
        text.split(|byte| *byte == b'\n').filter_map(|line| std::str::from_utf8(line).ok()?.split_once(':'));
    let secrets = fields.filter(|(key, _)| SECRETS.contains(&key.trim_start_matches([' ', '-'])));
    secrets.for_each(|(_, value)| learn(value.trim().trim_matches(['"', '\''])));
}

fn text_in<'a>(fields: &'a Value, key: &str) -> Option<&'a str> {
    fields[key].as_str().filter(|text| !text.is_empty())
}

/// From here on a value of one line is long: a certificate, a key or a token.
const LONG: usize = 100;
/// Stands for a long value, with its number; Unicode has left its meaning to us.
const MARK: char = '\u{e000}';

/// Reads a kubeconfig whose long values each stand on a line of their own, as kubectl writes it: a YAML parser reads every
/// letter of them several times, so it is given their numbers. Nothing where one of them turns out to be part of something
/// else.
fn without_long_values(text: &[u8]) -> Option<KubeconfigDocument> {
    let text = std::str::from_utf8(text).ok().filter(|text| !text.contains(MARK))?;
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
    let mut kubeconfig = KubeconfigDocument::parse(short.as_bytes()).ok()?;
    let KubeconfigDocument { clusters, users, contexts, .. } = &mut kubeconfig;
    let entries = [clusters, users, contexts].into_iter().flatten();
    let put_back: usize = entries.map(|entry| put_back(&mut entry.fields, &long)).sum();
    kubeconfig.users.iter().for_each(Entry::learn_secrets);
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

    use super::{KubeconfigDocument, LONG, StoredKubeconfig, Value, without_long_values};

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

    /// What a text of a user's fields is read as.
    fn fields(kubeconfig: Option<KubeconfigDocument>) -> Option<Value> {
        kubeconfig.map(|mut it| Value::clone(&it.users.remove(0).fields))
    }

    fn of_user(text: &str) -> String {
        text.lines().fold("users:\n- name: a\n  user:\n".to_owned(), |all, line| format!("{all}    {line}\n"))
    }

    #[test]
    fn long_values_are_read_as_yaml_has_them() {
        let long = format!("{}/+-_.=", "Aa0".repeat(LONG));
        for (text, is_quick) in [
            (format!("client-key-data: {long}\ntoken: {long}"), true),
            (format!("a: {long}  \nb: {long}"), true),
            (format!("a: |\n  b: {long}"), false),
            (format!("a: {long}\n  {long}"), false),
            (format!("# a: {long}\nb: c"), false),
            (format!("a: \"{long}\""), true),
            (format!("a: &x {long}\nb: *x"), true),
            (format!("a: {long}\nb: \u{e000}0"), false),
        ] {
            let text = of_user(&text);
            let quick = without_long_values(text.as_bytes());
            assert_eq!(quick.is_some(), is_quick, "{text}");
            let whole = fields(KubeconfigDocument::parse(text.as_bytes()).ok());
            assert_eq!(
                fields(quick.or_else(|| Some(StoredKubeconfig::parse(text.as_bytes())?.0))),
                whole,
                "{text}"
            );
        }
    }

    proptest! {
        #[test]
        fn whatever_is_read_is_what_yaml_has(lines in proptest::collection::vec("( {0,4}(- )?[ab]: )?[|>a\"]?[a.]{0,2}#?", 0..8)) {
            let text = of_user(&lines.join("\n").replace('.', &"Aa0".repeat(LONG)));
            let read = fields(StoredKubeconfig::parse(text.as_bytes()).map(|read| read.0));
            prop_assert_eq!(read, fields(KubeconfigDocument::parse(text.as_bytes()).ok()));
        }
    }

    #[test]
    fn what_client_go_reads_is_read() {
        let wrapped =
            "clusters:\n- name: a\n  cluster:\n    certificate-authority-data: |\n      Q0\n      E=\n";
        for text in [wrapped, &wrapped.replace("|\n      Q0\n      E=", "!!binary UTBFPQ==")] {
            let read = StoredKubeconfig::parse(text.as_bytes()).unwrap();
            assert_eq!(read.certificate_authority().as_deref(), Some("CA"), "{text}");
        }
    }

    #[test]
    fn what_client_go_refuses_is_no_kubeconfig() {
        for text in ["plain", "{", "users: [{name: a}, {name: a}]", "kind: Secret"] {
            assert!(StoredKubeconfig::parse(text.as_bytes()).is_none(), "{text}");
        }
        assert!(StoredKubeconfig::parse(b"{}").unwrap().server().is_none());
    }
}
