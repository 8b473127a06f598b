//! What a closer look adds, where something is to change or all is to be checked.

use kubesphere::{cluster::RegisteredCluster, jwt_secret::JwtSecret};

use super::Look;
use crate::{
    checks::Silent,
    commands::{
        changing::{Changes, Changing},
        connect::Clusters,
        reachability::Left,
    },
    live::{
        account::{account, earlier},
        closer_look::{denied, look_at_installer, look_at_user, still_needed},
        connection::Connection,
        endpoint::look_at_endpoint,
        identify::probe_all,
        request_error::RequestError,
        surroundings::look_around,
    },
    plan::{
        access::Access,
        credential::HostUid,
        observed::{Denied, Observed},
        registered_name::is_members,
        surroundings::ReadScope,
    },
};

/// What a closer look has asked of a cluster.
struct Asked {
    accesses: Vec<Access>,
    scope: ReadScope,
    denied: Vec<Denied>,
    silent: Vec<Silent>,
}

/// Looks at all that the first decision makes worth a look, at once.
async fn look_at_what_changes(changing: Changing<'_>, host: (Option<&Connection>, HostUid)) -> Asked {
    let Changing { connection, observed, accesses, scope, cluster, .. } = changing;
    let around = look_around(connection, host.0, (observed.storage_class(), observed.generation()), scope);
    let installer = async {
        if changing.runs_installer {
            look_at_installer(connection, observed, changing.is_in_effect).await;
        }
    };
    let credential = async {
        let Some((_, kind)) = cluster else { return Ok((None, None)) };
        let earlier =
            async { Ok(if changing.renews { Some(earlier(connection, host.1).await?) } else { None }) };
        tokio::try_join!(account(connection, kind, host.1), earlier)
    };
    let endpoint = async {
        match cluster {
            Some((cluster, _)) => Some(look_at_endpoint(connection, cluster).await),
            None => None,
        }
    };
    // Boxed, because many requests are more state than a stack should carry around.
    let looks = Box::pin(async {
        tokio::join!(installer, credential, endpoint, around, denied(connection, &accesses))
    });
    let ((), credential, endpoint, surroundings, denied) = looks.await;
    (observed.endpoint, observed.surroundings) = (endpoint, surroundings);
    let mut silent = Vec::new();
    let mut told = |error: RequestError| silent.push(super::silent(connection, &error));
    let credential = credential.map_err(&mut told).unwrap_or_default();
    let denied = denied.map_err(told).unwrap_or_default();
    (observed.account, observed.earlier) = credential;
    Asked { accesses, scope, denied, silent }
}

/// Looks at what only the second decision makes worth a look: mostly nothing.
async fn look_at_the_rest(changing: Changing<'_>, host: Option<&Connection>, asked: Asked) -> Vec<Silent> {
    let Changing { connection, observed, accesses, scope, .. } = changing;
    if scope != asked.scope {
        let around =
            Box::pin(look_around(connection, host, (observed.storage_class(), observed.generation()), scope));
        observed.surroundings = around.await;
    }
    let unasked: Vec<Access> =
        accesses.iter().filter(|access| !asked.accesses.contains(access)).cloned().collect();
    let mut silent = asked.silent;
    let denied = denied(connection, &unasked).await;
    let denied = denied.map_err(|error| silent.push(super::silent(connection, &error))).unwrap_or_default();
    observed.denied = still_needed(asked.denied, &accesses);
    observed.denied.extend(denied);
    look_at_user(connection, observed).await;
    silent
}

impl Look {
    /// The installers and accounts decide which steps, and so which rights, are needed: the plan is made again, and what is
    /// needed then and was not asked is asked.
    pub(super) async fn look_closer(&mut self, clusters: &Clusters, is_first: bool) {
        let uid = HostUid::new(self.host.as_ref().map_or("", |host| host.uid.as_str()));
        let host = clusters.host.as_ref();
        let all = self.checks_only();
        let concerns = |side| self.decision.as_ref().is_ok_and(|decision| decision.plan.concerns(side));
        let tidied = host.filter(|host| self.host.is_some() && (all || concerns(&host.side)));
        let left = async {
            match tidied {
                Some(host) => Some(Left::on(host).await),
                None => None,
            }
        };
        let places = &clusters.places;
        let stored = if is_first { self.registered() } else { Vec::new() };
        let hosts = self.secret_of_members().cloned();
        let stored = Box::pin(probe_all(stored, hosts.as_ref(), places));
        let looks = places.each(self.changing(clusters), async |changing| {
            let _stay = places.stay(changing.connection);
            Box::pin(look_at_what_changes(changing, (host, uid))).await
        });
        let (left, asked, stored) = tokio::join!(left, looks, stored);
        self.left = left;
        if let Some(host) = &mut self.host {
            host.stored = stored;
        }
        self.decide();
        let looks = self.changing(clusters).into_iter().zip(asked);
        let failures = places.each(looks, async |(changing, asked)| {
            let _stay = places.stay(changing.connection);
            Box::pin(look_at_the_rest(changing, host, asked)).await
        });
        let failures = failures.await;
        self.silent.extend(failures.into_iter().flatten());
    }

    /// The Clusters through whose kubeconfigs the host has to reach the members, or all members where none is named.
    fn registered(&self) -> Vec<RegisteredCluster> {
        if !self.intent.operation.relies_on_stored_kubeconfigs() {
            return Vec::new();
        }
        let clusters = self.host.iter().filter_map(|host| host.clusters.present()).flatten();
        let asked = clusters.filter(|cluster| {
            let is_asked = !cluster.is_host() && cluster.is_direct() && !cluster.is_being_deleted();
            is_asked && (self.intent.members.is_empty() || self.concerns_member(cluster))
        });
        asked.cloned().collect()
    }

    /// What the members of the host are to have, where they are not asked themselves.
    fn secret_of_members(&self) -> Option<&JwtSecret> {
        let is_for_all = self.checks_only() && self.intent.members.is_empty();
        self.host.as_ref().filter(|_| is_for_all)?.signs_with()
    }

    fn concerns_member(&self, cluster: &RegisteredCluster) -> bool {
        let mut members = self.intent.members.iter().zip(&self.members);
        members.any(|(intent, member)| is_members(cluster, intent, member.as_ref()))
    }

    /// What the plan changes, with its connections; all clusters where all are to be checked.
    fn changing<'a>(&'a mut self, clusters: &'a Clusters) -> Vec<Changing<'a>> {
        let known: Vec<bool> = self.members.iter().map(|member| self.knows(member.as_ref())).collect();
        let changes = Changes {
            operation: self.intent.operation,
            decision: self.decision.as_ref().ok(),
            host: self.host.as_ref().and_then(Observed::generation),
        };
        let host = clusters.host.iter().zip(&mut self.host);
        let host = host.map(|(connection, observed)| changes.of_host(connection, observed));
        let members = self.intent.members.iter().zip(&mut self.members).zip(known);
        let members = members.filter_map(|((intent, observed), known)| {
            let connection = clusters.members.iter().find(|member| member.side == intent.side)?;
            Some(changes.of_member(intent, known, connection, observed.as_mut()?))
        });
        host.chain(members).collect()
    }

    /// Whether the host has this member as a Cluster.
    fn knows(&self, member: Option<&Observed>) -> bool {
        let (Some(host), Some(member)) = (&self.host, member) else { return false };
        host.clusters_with_uid(&member.uid).next().is_some()
    }
}
