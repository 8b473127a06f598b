//! What stands on the clusters, without what differs from one bed to the next: times, random names, addresses, secrets.

use std::{
    collections::{BTreeMap, HashMap},
    hash::{DefaultHasher, Hash, Hasher},
    iter,
    sync::{Arc, LazyLock, Mutex},
    thread,
    time::{Duration, Instant},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use kubesphere::kubesphere_config;
use regex::Regex;
use serde_json::{Map, Value};
use testbed::{Bed, bed::Cluster};

use super::listing;

/// Longer than a controller rests between two of its writes.
const RESTS_FOR: Duration = Duration::from_millis(500);
const SETTLES_WITHIN: Duration = Duration::from_secs(20);

/// What the server or a controller writes anew each time.
const OF_THE_MOMENT: [&str; 14] = [
    "uid",
    "resourceVersion",
    "creationTimestamp",
    "generation",
    "observedGeneration",
    "managedFields",
    "lastTransitionTime",
    "lastUpdateTime",
    "lastHeartbeatTime",
    "lastProbeTime",
    "startTime",
    "startedAt",
    "clusterIP",
    // Its writer gives up for good at a conflict (kubesphere `createClusterAdmin`, `cluster_controller.go@v4.1.3`).
    "kubesphere.io/initialized",
];
const CONFIDENTIAL: [&str; 5] = ["kubeconfig", "token", "ca.crt", "caBundle", "initAdminPassword"];
/// They tell what has happened, and end by themselves.
const OF_THE_PAST: [&str; 2] = ["events", "leases"];

static VARYING: LazyLock<[(Regex, &str); 11]> = LazyLock::new(|| {
    [
        (r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "UID"),
        (r"\d{4}-\d\d-\d\dT\d\d(:|%3A)\d\d(:|%3A)[0-9.]+(Z|[A-Z]{3})", "TIME"),
        (r"resourceVersion=\d+", "resourceVersion=N"),
        (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \+0000 UTC", "TIME"),
        (r"127\.0\.0\.1:\d+", "SERVER"),
        (r"(10\.0|198\.18)\.\d+\.\d+", "ADDRESS"),
        (r"-[0-9a-f]{8,10}-[a-z0-9]{5}\b", "-POD"),
        (r"-token-[a-z0-9]{5}\b", "-token-RANDOM"),
        (r"\b[a-z0-9]{32}\b", "RANDOM"),
        (r"[0-9a-f]{6,}", "HEX"),
        (r"[A-Za-z0-9+/=]{60,}", "DATA"),
    ]
    .map(|(pattern, name)| (Regex::new(pattern).unwrap(), name))
});

/// A text without what is random in it, or of the moment.
pub fn plain(text: &str) -> String {
    VARYING
        .iter()
        .fold(text.to_owned(), |text, (pattern, name)| pattern.replace_all(&text, *name).into_owned())
}

/// What stands on a bed: every object, one a line; of those that look alike, how many. Lines are long, and compared often:
/// each stands under what it hashes to.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Standing(BTreeMap<u64, (Arc<str>, usize)>);

impl Hash for Standing {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.iter().for_each(|(hash, (_, number))| (hash, number).hash(state));
    }
}

impl Standing {
    fn of(lines: impl Iterator<Item = Told>) -> Self {
        let mut standing = Self::default();
        for (hash, line) in lines {
            standing.0.entry(hash).or_insert((line, 0)).1 += 1;
        }
        standing
    }

    /// What stands here more often than there.
    fn beyond<'a>(&'a self, other: &'a Self, sign: &'a str) -> impl Iterator<Item = String> + 'a {
        let number = |of: &Self, hash| of.0.get(hash).map_or(0, |(_, number)| *number);
        self.0.iter().filter_map(move |(hash, (line, here))| {
            let there = number(other, hash);
            (*here > there).then(|| format!("{sign} {line} ({here} instead of {there})\n"))
        })
    }

    fn difference(&self, now: &Self) -> String {
        self.beyond(now, "-").chain(now.beyond(self, "+")).collect()
    }
}

/// What stands on the clusters. Of real control planes, which are asked for each object, without what is in it.
pub fn standing(bed: &Bed) -> Standing {
    let clusters = || iter::once(bed.host()).chain(bed.members());
    let known: Vec<_> = clusters().filter_map(secret).collect();
    let anonymous = |text: String| {
        known
            .iter()
            .fold(text, |text, (encoded, secret, name)| text.replace(encoded, name).replace(secret, name))
    };
    let among = hash(&known);
    let of = |cluster: &Cluster| {
        let Some(stored) = cluster.plane().stored() else {
            let listed = listing(cluster).into_iter();
            return listed.map(|line| told(plain(&format!("{} {line}", cluster.name())))).collect();
        };
        let (name, server) = (cluster.name(), cluster.server());
        let lasting =
            stored.into_iter().filter(|(key, _)| !OF_THE_PAST.iter().any(|past| key.starts_with(past)));
        let lines = lasting.map(|(key, object)| {
            let revision = object["metadata"]["resourceVersion"].as_str().unwrap_or_default();
            remembered(format!("{server} {key} {revision} {among}"), || {
                let lasting = without_moment(Value::clone(&object));
                plain(&anonymous(format!("{name} {key} {lasting}")))
            })
        });
        lines.collect::<Vec<_>>()
    };
    Standing::of(clusters().flat_map(of))
}

/// A cluster's jwtSecret, as it is and as Secrets have it, with what stands for it.
fn secret(cluster: &Cluster) -> Option<(String, String, String)> {
    let places = ["authentication.jwtSecret", "authentication.issuer.jwtSecret"];
    let secret = places.into_iter().find_map(|place| Some(cluster.configured(place).as_str()?.to_owned()))?;
    Some((STANDARD.encode(&secret), secret, format!("SECRET-OF-{}", cluster.name())))
}

/// A line, with what it hashes to.
type Told = (u64, Arc<str>);

fn hash(thing: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    thing.hash(&mut hasher);
    hasher.finish()
}

fn told(line: String) -> Told {
    (hash(&line), line.into())
}

/// What is made of the same thing again and again.
pub fn remembered(thing: String, make: impl FnOnce() -> String) -> Told {
    const MOST: usize = 50_000;
    static MADE: LazyLock<Mutex<HashMap<String, Told>>> = LazyLock::new(Mutex::default);
    if let Some(made) = MADE.lock().unwrap().get(&thing) {
        return made.clone();
    }
    let new = told(make());
    let mut all = MADE.lock().unwrap();
    if all.len() >= MOST {
        all.clear();
    }
    all.insert(thing, new.clone());
    new
}

/// As [`standing`], once controllers change nothing any more.
pub fn settled(bed: &Bed) -> Standing {
    let later = || (thread::sleep(RESTS_FOR), standing(bed)).1;
    let (mut end, mut again) = (standing(bed), later());
    while end != again {
        (end, again) = (again, later());
    }
    end
}

/// What stands there otherwise than at each of these ends; nothing, as soon as controllers have brought it to one of them.
pub fn other_than(bed: &Bed, ends: &[&Standing]) -> String {
    let begun = Instant::now();
    loop {
        let now = standing(bed);
        if ends.contains(&&now) {
            return String::new();
        }
        if begun.elapsed() > SETTLES_WITHIN {
            let differences: Vec<String> = ends.iter().map(|end| end.difference(&now)).collect();
            return differences.join("or\n");
        }
        thread::sleep(Duration::from_millis(100));
    }
}

/// Of kubesphere-config what a join is about. The rest is KubeSphere's own: its controllers write it anew in their own manner.
fn in_effect(text: &Value) -> Value {
    let config: Value = serde_yaml::from_str(text.as_str().unwrap_or_default()).unwrap_or_default();
    let names = [
        "/authentication/jwtSecret",
        "/authentication/issuer/jwtSecret",
        "/authentication/oauthOptions/accessTokenMaxAge",
        "/multicluster/enable",
        "/multicluster/clusterRole",
        "/multicluster/hostClusterName",
    ];
    names.iter().filter_map(|name| Some(((*name).to_owned(), config.pointer(name)?.clone()))).collect()
}

fn without_moment(value: Value) -> Value {
    match value {
        Value::Object(mut fields) => {
            if let Some(text) = fields.get_mut(kubesphere_config::KEY) {
                *text = in_effect(text);
            }
            let says_something = |name: &str, value: &Value| {
                !(value.is_null() || name == "labels" && value.as_object().is_some_and(Map::is_empty))
            };
            let lasting = fields.into_iter().filter(|(name, value)| {
                !OF_THE_MOMENT.contains(&name.as_str()) && says_something(name, value)
            });
            let told = lasting.map(|(name, value)| {
                let value = if CONFIDENTIAL.contains(&name.as_str()) && value.is_string() {
                    "CONFIDENTIAL".into()
                } else {
                    without_moment(value)
                };
                (name, value)
            });
            Value::Object(told.collect())
        }
        Value::Array(items) => items.into_iter().map(without_moment).collect(),
        other => other,
    }
}
