//! Which of the clusters something is about.

use std::fmt;

use super::{
    fleet_entry::{FleetEntry, Setting},
    given_options::{Choice, GivenOptions},
};

/// One of the clusters of a run, known by its kubeconfig context and by what else says how to reach it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Side {
    /// The cluster one steers from.
    Host {
        /// Name of the kubeconfig context.
        context: String,
        given: GivenOptions,
    },
    /// A cluster that is or becomes a member.
    Member {
        /// Name of the kubeconfig context.
        context: String,
        given: GivenOptions,
    },
}

impl Side {
    /// The host, reached by `context`.
    pub fn host(context: impl Into<String>) -> Self {
        Self::Host { context: context.into(), given: GivenOptions::default() }
    }

    /// A member, reached by `context`.
    pub fn member(context: impl Into<String>) -> Self {
        Self::Member { context: context.into(), given: GivenOptions::default() }
    }

    /// The same cluster, reached by these options.
    #[must_use]
    pub fn reached_by(self, given: GivenOptions) -> Self {
        match self {
            Self::Host { context, .. } => Self::Host { context, given },
            Self::Member { context, .. } => Self::Member { context, given },
        }
    }

    /// What the person gave to reach it, for the commands that are printed.
    pub fn given(&self) -> &GivenOptions {
        match self {
            Self::Host { given, .. } | Self::Member { given, .. } => given,
        }
    }

    /// Where a fleet file speaks of it.
    pub fn entry(&self) -> Option<&FleetEntry> {
        self.given().entry()
    }

    /// What says this of it: an option, or a field where a fleet file speaks of it.
    pub fn setting(&self, setting: Setting) -> String {
        match self.entry() {
            Some(entry) => format!("`{}` at {}", setting.field(), entry.place_of(setting.field())),
            None => format!("`{}`", setting.option()),
        }
    }

    /// The same, with a value.
    pub fn setting_to(&self, setting: Setting, value: &str) -> String {
        match self.entry() {
            Some(entry) => format!("`{}: {value}` at {}", setting.field(), entry.place_of(setting.field())),
            None => format!("`{} {value}`", setting.option()),
        }
    }

    /// An option of this program as it is typed for this cluster. For a member that a fleet file speaks of there is none: its field
    /// says it, or else its kubeconfig.
    pub fn option(&self, name: &str, value: &str) -> String {
        let words = format!("{name} {value}");
        match self {
            Self::Host { .. } => format!("`--{}`", words.trim_end()),
            Self::Member { .. } if self.entry().is_none() => format!("`--member-{}`", words.trim_end()),
            Self::Member { .. } if name == Choice::TlsServerName.name() => {
                self.setting_to(Setting::TlsServerName, value)
            }
            Self::Member { .. } => format!("`{name}` in its kubeconfig"),
        }
    }

    /// The name of the kubeconfig context; of a server that was given without a context, its address.
    pub fn context(&self) -> &str {
        match self {
            Self::Host { context, .. } | Self::Member { context, .. } => context,
        }
    }
}

impl fmt::Display for Side {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Contexts of several files may have one name.
        let name = self.entry().and_then(|entry| entry.name.as_deref()).unwrap_or(self.context());
        match self {
            Self::Host { .. } => write!(formatter, "host \"{name}\""),
            Self::Member { .. } => write!(formatter, "member \"{name}\""),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_side_says_its_role_and_context() {
        assert_eq!(Side::host("prod").to_string(), r#"host "prod""#);
        assert_eq!(Side::member("edge-1").to_string(), r#"member "edge-1""#);
        assert_eq!(Side::member("edge-1").context(), "edge-1");
        let options = [Side::host("prod"), Side::member("edge-1")].map(|side| side.option("token", "TOKEN"));
        assert_eq!(options, ["`--token TOKEN`", "`--member-token TOKEN`"]);
    }
    #[test]
    fn what_is_said_of_a_member_is_an_option_or_a_field_with_its_place() {
        let typed = Side::member("edge-1");
        assert_eq!(typed.setting(Setting::Server), "`--member-server`");
        assert_eq!(typed.setting_to(Setting::Name, "paris"), "`--name paris`");
        let entry = FleetEntry {
            file: "fleet.yaml".to_owned(),
            name: Some("edge-1".to_owned()),
            place: "fleet.yaml:4:3".to_owned(),
            skips: Vec::new(),
            fields: [("server".to_owned(), "fleet.yaml:5:3".to_owned())].into(),
        };
        let given = GivenOptions::default().in_fleet(entry);
        let filed = Side::member("kubernetes-admin@kubernetes").reached_by(given);
        assert_eq!(filed.setting(Setting::Server), "`server` at fleet.yaml:5:3");
        assert_eq!(filed.setting_to(Setting::Name, "paris"), "`name: paris` at fleet.yaml:4:3");
        assert_eq!(filed.option("tls-server-name", "NAME"), "`tlsServerName: NAME` at fleet.yaml:4:3");
        assert_eq!(filed.option("token", "TOKEN"), "`token` in its kubeconfig");
        assert_eq!(
            (filed.to_string().as_str(), filed.context()),
            (r#"member "edge-1""#, "kubernetes-admin@kubernetes"),
            "contexts of several files may have one name"
        );
    }
}
