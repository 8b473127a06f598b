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
        serde_yaml::from_slice::<Value>(text).ok().filter(Value::is_object).map(Self)
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

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::StoredKubeconfig;

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
    fn what_is_no_mapping_is_no_kubeconfig() {
        assert!(StoredKubeconfig::parse(b"plain").is_none());
        assert!(StoredKubeconfig::parse(b"{").is_none());
        assert!(StoredKubeconfig::parse(b"{}").unwrap().server().is_none());
    }
}
