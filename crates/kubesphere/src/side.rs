//! Which of the clusters something is about.

use std::fmt;

/// One of the clusters of a run, known by its kubeconfig context.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Side {
    /// The cluster one steers from.
    Host {
        /// Name of the kubeconfig context.
        context: String,
    },
    /// A cluster that is or becomes a member.
    Member {
        /// Name of the kubeconfig context.
        context: String,
    },
}

impl Side {
    /// The host, reached by `context`.
    pub fn host(context: impl Into<String>) -> Self {
        Self::Host { context: context.into() }
    }

    /// A member, reached by `context`.
    pub fn member(context: impl Into<String>) -> Self {
        Self::Member { context: context.into() }
    }

    /// The name of the kubeconfig context.
    pub fn context(&self) -> &str {
        match self {
            Self::Host { context } | Self::Member { context } => context,
        }
    }
}

impl fmt::Display for Side {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host { context } => write!(formatter, "host \"{context}\""),
            Self::Member { context } => write!(formatter, "member \"{context}\""),
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
    }
}
