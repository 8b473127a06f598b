//! What a command is about.

/// The kind of a run: what it decides stands in a file of its own below `operations`, and a check says to which of them it
/// applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    Join,
    /// The host's configuration alone.
    PrepareHost,
    /// The members' configurations; the host is only read, or not even that.
    PrepareMember,
    /// The Clusters, on configurations that others have prepared.
    Import,
    /// New kubeconfigs in the Clusters that stand.
    Renew,
    /// A fresh jwtSecret for the host and all its members.
    Rotate,
    Unjoin,
    /// Nothing is changed: a join is looked at, before or after it.
    Check,
}

impl Operation {
    pub const ALL: [Self; 8] = [
        Self::Check,
        Self::Join,
        Self::PrepareHost,
        Self::PrepareMember,
        Self::Import,
        Self::Renew,
        Self::Rotate,
        Self::Unjoin,
    ];

    /// Whether anything is changed at all.
    pub fn changes_clusters(self) -> bool {
        self != Self::Check
    }

    /// Whether Clusters that stand get another kubeconfig.
    pub fn replaces_kubeconfigs(self) -> bool {
        self == Self::Renew
    }

    /// Whether what the host has stored of members that it knows is to go on working.
    pub fn relies_on_stored_kubeconfigs(self) -> bool {
        matches!(self, Self::Join | Self::Import | Self::Check)
    }

    /// Whether a run of the host's installer may have kubefed to install: a rotation begins with a host.
    pub fn may_install_kubefed(self) -> bool {
        self != Self::Rotate
    }

    /// In messages: the join is done.
    pub fn noun(self) -> &'static str {
        match self {
            Self::Join => "join",
            Self::PrepareHost | Self::PrepareMember => "preparation",
            Self::Import => "import",
            Self::Renew => "renewal",
            Self::Rotate => "rotation",
            Self::Unjoin => "unjoin",
            Self::Check => "check",
        }
    }

    /// In sums: so many members are ready.
    pub fn achieved(self) -> &'static str {
        match self {
            Self::Join | Self::Import => "ready",
            Self::PrepareHost | Self::PrepareMember => "prepared",
            Self::Renew => "renewed",
            Self::Rotate => "rotated",
            Self::Unjoin => "removed",
            Self::Check => "checked",
        }
    }

    /// The `kind` of the object that `-o` prints.
    pub fn kind(self) -> &'static str {
        match self {
            Self::Join => "Join",
            Self::PrepareHost => "PrepareHost",
            Self::PrepareMember => "PrepareMember",
            Self::Import => "Import",
            Self::Renew => "Renew",
            Self::Rotate => "Rotate",
            Self::Unjoin => "Unjoin",
            Self::Check => "Check",
        }
    }
}
