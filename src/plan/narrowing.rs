//! Letting a dead member's Cluster go although KubeSphere's webhook denies its update: the webhook is narrowed for a
//! moment, and one field is all that is changed of it.
//!
//! What was changed stands in an annotation of the same patch, so that whoever comes next can restore it.

use jiff::Timestamp;
use kubesphere::{
    cluster_webhook::{ClusterWebhook, UPDATE, WEBHOOK, covers_updates},
    versions::Version,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::guarded_patch::Guarded;

/// Keeps what was changed, until it is restored.
pub const ANNOTATION: &str = "kubectl-mc/narrowed-webhook";
/// The name of our match condition.
pub const CONDITION: &str = "kubectl-mc-unjoin";
/// The first Kubernetes that keeps match conditions unless they are switched off (KEP-3716).
const KEEPS_CONDITIONS: Version = Version { major: 1, minor: 28, patch: 0 };
/// What `*` means besides updates.
const OTHER_OPERATIONS: [&str; 3] = ["CREATE", "DELETE", "CONNECT"];

/// The one field of the webhook by which it is narrowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Field {
    /// Not for this Cluster.
    #[serde(rename = "matchConditions")]
    MatchConditions,
    /// For no Cluster at all: older API servers drop match conditions silently.
    #[serde(rename = "rules")]
    Rules,
}

impl Field {
    /// Its name in the API.
    pub fn name(self) -> &'static str {
        match self {
            Self::MatchConditions => "matchConditions",
            Self::Rules => "rules",
        }
    }

    /// What a Kubernetes of this version takes, as far as its version tells.
    pub fn foretold_by(kubernetes: &str) -> Self {
        let keeps = Version::parse(kubernetes).is_some_and(|version| version >= KEEPS_CONDITIONS);
        if keeps { Self::MatchConditions } else { Self::Rules }
    }
}

/// What was changed, as it stands in the annotation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    pub webhook: String,
    pub field: Field,
    /// What it was; absent where there was none.
    pub original: Option<Vec<Value>>,
    pub set: Vec<Value>,
    pub cluster: String,
    /// When, by the server's clock.
    pub since: Timestamp,
}

/// The patch that narrows, and what it leaves in the annotation.
#[derive(Clone, Debug, PartialEq)]
pub struct Narrowing {
    /// What is changed.
    pub record: Record,
    pub patch: Guarded,
}

impl Narrowing {
    /// Whether a server that has answered with this configuration has kept what was set.
    pub fn is_kept_by(&self, answer: &ClusterWebhook) -> bool {
        let position = answer.position(&self.record.webhook);
        position.is_some_and(|position| answer.list(position, self.record.field.name()) == self.record.set)
    }

    /// What it will take to restore `webhook` after this patch.
    pub fn restoration(&self, webhook: &ClusterWebhook) -> Option<Restoration> {
        let operations: json_patch::Patch = serde_json::from_value(json!(self.patch.operations)).ok()?;
        let mut object = webhook.object().clone();
        json_patch::patch(&mut object, &operations).ok()?;
        standing(&ClusterWebhook::new(object)).into_restoration()
    }
}

/// Why a webhook is not narrowed.
#[derive(Clone, Debug, PartialEq)]
pub enum NotNarrowed {
    /// It looks at no update of Clusters.
    DoesNotStand,
    /// It is narrowed for this very Cluster.
    Already(Record),
    /// An earlier narrowing has to be restored first.
    Left(Box<Restoration>),
    /// The annotation is not one of ours.
    Malformed(String),
}

/// What `webhook` needs so that an update of `cluster` passes it.
pub fn narrow(
    webhook: &ClusterWebhook,
    cluster: &str,
    field: Field,
    now: Timestamp,
) -> Result<Narrowing, NotNarrowed> {
    match standing(webhook) {
        Standing::Untouched => {}
        Standing::Malformed(why) => return Err(NotNarrowed::Malformed(why)),
        Standing::Narrowed(restoration) if restoration.serves(cluster) => {
            return Err(NotNarrowed::Already(restoration.record));
        }
        Standing::Narrowed(restoration) => return Err(NotNarrowed::Left(restoration)),
    }
    let position = webhook.position(WEBHOOK).filter(|_| webhook.looks_at_updates());
    let position = position.ok_or(NotNarrowed::DoesNotStand)?;
    let present = webhook.raw(position, field.name());
    let set = match field {
        Field::MatchConditions => with_condition(webhook.list(position, field.name()), cluster),
        Field::Rules => without_updates(webhook.list(position, field.name())),
    };
    let record = Record {
        webhook: WEBHOOK.to_owned(),
        field,
        original: present.map(|_| without_condition(webhook.list(position, field.name()))),
        set,
        cluster: cluster.to_owned(),
        since: now,
    };
    let mut patch = Guarded::of_webhook(position, WEBHOOK);
    // A patch that arrives after anybody's write, when nobody waits for it any more, is refused.
    let seen = webhook.object().pointer("/metadata/resourceVersion");
    patch.test("/metadata/resourceVersion", seen);
    let place = record.path(position);
    patch.test(&place, present);
    patch.set(&place, &json!(record.set));
    annotate(&mut patch, webhook, &record);
    Ok(Narrowing { record, patch })
}

fn with_condition(present: &[Value], cluster: &str) -> Vec<Value> {
    // The name of a Cluster has no character that an expression's text would have to escape.
    let ours = json!({"name": CONDITION, "expression": format!("request.name != \"{cluster}\"")});
    without_condition(present).into_iter().chain([ours]).collect()
}

/// One of our name that nobody answers for is nothing to go back to.
fn without_condition(present: &[Value]) -> Vec<Value> {
    present.iter().filter(|entry| entry["name"] != CONDITION).cloned().collect()
}

/// The rules as they are, without updates of Clusters.
fn without_updates(present: &[Value]) -> Vec<Value> {
    let rules = present.iter().map(|rule| {
        let operations = rule["operations"].as_array().filter(|_| covers_updates(rule));
        let Some(operations) = operations else { return rule.clone() };
        let others: Vec<Value> = if operations.iter().any(|operation| operation == "*") {
            OTHER_OPERATIONS.map(Value::from).to_vec()
        } else {
            operations.iter().filter(|operation| *operation != UPDATE).cloned().collect()
        };
        let mut rule = rule.clone();
        rule["operations"] = json!(others);
        rule
    });
    rules.filter(|rule| rule["operations"] != json!([])).collect()
}

fn annotate(patch: &mut Guarded, webhook: &ClusterWebhook, record: &Record) {
    let text = json!(record.text());
    if webhook.has_annotations() {
        patch.test(&annotation_path(), None);
        patch.set(&annotation_path(), &text);
    } else {
        patch.test("/metadata/annotations", None);
        patch.set("/metadata/annotations", &json!({ANNOTATION: text}));
    }
}

fn annotation_path() -> String {
    format!("/metadata/annotations/{}", ANNOTATION.replace('~', "~0").replace('/', "~1"))
}

impl Record {
    fn text(&self) -> String {
        serde_json::to_string(self).expect("a record is plain data")
    }

    fn path(&self, position: usize) -> String {
        format!("/webhooks/{position}/{}", self.field.name())
    }

    fn original(&self) -> &[Value] {
        self.original.as_deref().unwrap_or_default()
    }
}

/// How the webhook stands.
#[derive(Clone, Debug, PartialEq)]
pub enum Standing {
    /// As KubeSphere or others have set it.
    Untouched,
    /// Narrowed by a command that is running, or was killed.
    Narrowed(Box<Restoration>),
    /// With an annotation of our name that is not ours.
    Malformed(String),
}

impl Standing {
    /// What it takes to restore it, where it is narrowed.
    pub fn into_restoration(self) -> Option<Restoration> {
        match self {
            Self::Narrowed(restoration) => Some(*restoration),
            Self::Untouched | Self::Malformed(_) => None,
        }
    }
}

/// What it takes to restore a narrowed webhook.
#[derive(Clone, Debug, PartialEq)]
pub struct Restoration {
    /// What was changed.
    pub record: Record,
    /// What becomes of the field.
    pub outcome: Outcome,
    /// The patch; it takes the annotation away in any case.
    pub patch: Guarded,
}

/// What a restoration makes of the field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It gets its original value back.
    Restored,
    /// It has its original value already: the installer has rendered it anew.
    AlreadyOriginal,
    /// Somebody has changed it meanwhile; our condition goes and theirs stay.
    OursTaken,
    /// Somebody has made something else of it, which stays.
    LeftToOthers,
    /// There is no such webhook any more.
    WebhookGone,
}

/// What is to be known of a restoration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Remark {
    /// As [`Outcome::AlreadyOriginal`].
    AlreadyOriginal(Field),
    /// As [`Outcome::OursTaken`].
    OursTaken(Field),
    /// As [`Outcome::LeftToOthers`].
    LeftToOthers(Field),
    /// As [`Outcome::WebhookGone`].
    WebhookGone,
    /// Somebody else has restored it.
    OthersFaster,
    /// Somebody else has rewritten the annotation that tells how, and what is wrong with it.
    AnnotationRewritten(String),
}

/// How the webhook stands, and what it takes to restore it.
pub fn standing(webhook: &ClusterWebhook) -> Standing {
    let Some(text) = webhook.annotation(ANNOTATION) else { return Standing::Untouched };
    match serde_json::from_str::<Record>(text) {
        Ok(record) => Standing::Narrowed(Box::new(restoration(webhook, record, text))),
        Err(error) => Standing::Malformed(error.to_string()),
    }
}

fn restoration(webhook: &ClusterWebhook, record: Record, text: &str) -> Restoration {
    let position = webhook.position(&record.webhook);
    let mut patch =
        position.map_or(Guarded::default(), |position| Guarded::of_webhook(position, &record.webhook));
    let outcome = position
        .map_or(Outcome::WebhookGone, |position| restore_field(&mut patch, webhook, position, &record));
    patch.test(&annotation_path(), Some(&json!(text)));
    patch.remove(&annotation_path());
    Restoration { record, outcome, patch }
}

fn restore_field(patch: &mut Guarded, webhook: &ClusterWebhook, position: usize, record: &Record) -> Outcome {
    let place = record.path(position);
    let list = webhook.list(position, record.field.name());
    let others: Vec<Value> = list.iter().filter(|entry| !record.has_set(entry)).cloned().collect();
    let (outcome, value) = if list == record.original() {
        (Outcome::AlreadyOriginal, None)
    } else if list == record.set {
        (Outcome::Restored, Some(record.original().to_vec()))
    } else if others.len() < list.len() {
        (Outcome::OursTaken, Some(others))
    } else {
        (Outcome::LeftToOthers, None)
    };
    let Some(value) = value else { return outcome };
    let present = webhook.raw(position, record.field.name());
    patch.test(&place, present);
    if !value.is_empty() {
        patch.set(&place, &json!(value));
    } else if present.is_some() {
        patch.remove(&place);
    }
    outcome
}

impl Record {
    /// Whether an entry of the list is the condition that this narrowing has added.
    fn has_set(&self, entry: &Value) -> bool {
        self.field == Field::MatchConditions && entry["name"] == CONDITION && self.set.contains(entry)
    }
}

impl Restoration {
    /// Whether the narrowing is in force, and for this Cluster.
    pub fn serves(&self, cluster: &str) -> bool {
        self.record.cluster == cluster && self.is_in_force()
    }

    /// Whether updates of this Cluster pass because of it.
    pub fn concerns(&self, cluster: &str) -> bool {
        self.is_in_force() && (self.record.cluster == cluster || self.record.field == Field::Rules)
    }

    fn is_in_force(&self) -> bool {
        matches!(self.outcome, Outcome::Restored | Outcome::OursTaken)
    }

    /// What became of the field, where that is worth a word.
    pub fn remark(&self) -> Option<Remark> {
        let field = self.record.field;
        match self.outcome {
            Outcome::Restored => None,
            Outcome::AlreadyOriginal => Some(Remark::AlreadyOriginal(field)),
            Outcome::OursTaken => Some(Remark::OursTaken(field)),
            Outcome::LeftToOthers => Some(Remark::LeftToOthers(field)),
            Outcome::WebhookGone => Some(Remark::WebhookGone),
        }
    }
}

#[cfg(test)]
#[path = "narrowing_tests.rs"]
mod tests;
