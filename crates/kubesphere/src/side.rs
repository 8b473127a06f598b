//! Which of the clusters something is about.

use std::fmt;

use super::given_options::GivenOptions;

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

    /// The same cluster, called by this name wherever it is not about its context.
    #[must_use]
    pub fn called(self, name: &str) -> Self {
        let given = self.given().clone().called(name);
        self.reached_by(given)
    }

    /// What the person gave to reach it, for the commands that are printed.
    pub fn given(&self) -> &GivenOptions {
        match self {
            Self::Host { given, .. } | Self::Member { given, .. } => given,
        }
    }

    /// An option of this program as it is typed for this cluster.
    pub fn option(&self, words: &str) -> String {
        match self {
            Self::Host { .. } => format!("--{words}"),
            Self::Member { .. } => format!("--member-{words}"),
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
        let name = self.given().name().unwrap_or(self.context());
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
        let called = Side::member("kubernetes-admin@kubernetes").called("edge-1");
        assert_eq!(
            (called.to_string().as_str(), called.context()),
            (r#"member "edge-1""#, "kubernetes-admin@kubernetes")
        );
        let options = [Side::host("prod"), Side::member("edge-1")].map(|side| side.option("token TOKEN"));
        assert_eq!(options, ["--token TOKEN", "--member-token TOKEN"]);
    }
}
