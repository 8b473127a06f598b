//! What has changed among a host's Clusters.

use super::registration::Registration;

/// What is to be said now, after `before` was: whatever says something else than before or is new, and the last of what
/// is gone.
pub fn changes(before: &[Registration], now: &[Registration]) -> Vec<Registration> {
    let of_name = |all: &[Registration], name: &str| all.iter().find(|one| one.name == name).cloned();
    let gone = before.iter().filter(|one| of_name(now, &one.name).is_none()).cloned().map(Registration::gone);
    let changed = now
        .iter()
        .filter(|one| of_name(before, &one.name).is_none_or(|before| !one.says_the_same_as(&before)));
    gone.chain(changed.cloned()).collect()
}
