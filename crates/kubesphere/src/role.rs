//! The part a cluster plays in a multi-cluster KubeSphere.

use std::fmt;

/// `spec.multicluster.clusterRole` of a ClusterConfiguration.
///
/// Nothing in KubeSphere validates the string, so any other text is kept as it was found
/// (ks-installer `deploy/cluster-configuration.yaml`, where the three values stand in a comment).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Role {
    /// A cluster of its own.
    None,
    /// The cluster that others are joined to.
    Host,
    /// A cluster that is managed by a host.
    Member,
    /// A text that KubeSphere does not know.
    Other(String),
}

impl Role {
    /// The role that a configuration's text means; an empty text is `none`, as the installer takes it.
    pub fn parse(text: &str) -> Self {
        match text {
            "" | "none" => Self::None,
            "host" => Self::Host,
            "member" => Self::Member,
            other => Self::Other(other.to_owned()),
        }
    }

    /// The text as it stands in a configuration.
    pub fn as_str(&self) -> &str {
        match self {
            Self::None => "none",
            Self::Host => "host",
            Self::Member => "member",
            Self::Other(text) => text,
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::Role;

    #[test]
    fn every_text_survives_a_round_trip() {
        for text in ["none", "host", "member", "Host", "solo"] {
            assert_eq!(Role::parse(text).as_str(), text);
        }
    }

    #[test]
    fn an_empty_role_is_none() {
        assert_eq!(Role::parse(""), Role::None);
    }
}
