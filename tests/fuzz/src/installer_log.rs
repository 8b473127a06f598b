use jiff::{SignedDuration, Timestamp};
use kubesphere::installer_log::{InstallerLog, LineAssembler, mask, split_timestamp};
use serde_json::json;

pub(super) const WORDS: &[&str] = &[
    "2024-03-01T10:00:00.123456789Z ",
    "TASK [",
    "PLAY RECAP",
    "ERROR! ",
    "fatal: [localhost]: FAILED! => {",
    "Password: ",
    "jwtSecret: ",
    "--token ",
    "Welcome to KubeSphere!",
    "TASK_RUN HookRun@KUBE_EVENTS",
    "task multicluster status is failed",
    "failed=1",
    "eyJhbGciOiJIUzI1NiJ9.e30.x",
    "-----BEGIN PRIVATE KEY-----",
];

/// The same lines come of any chunks, each is masked once for all, and what stands after the banner's word or in JSON is
/// not seen.
pub(super) fn run(bytes: &[u8]) {
    let size = bytes.first().map_or(1, |byte| usize::from(*byte) % 64 + 1);
    let lines = lines_of([bytes].into_iter());
    assert!(lines_of(bytes.chunks(size)) == lines, "chunks make a difference");
    let mut log = InstallerLog::default();
    for line in &lines {
        let (at, text) = split_timestamp(line);
        log.push(at, text);
        let once = mask(line);
        assert_eq!(mask(&once), once, "masking is not stable");
    }
    log.verdict();
    log.activity(Timestamp::UNIX_EPOCH + SignedDuration::from_hours(500_000));
    if let Some(secret) = lines.iter().map(|line| secret_of(line)).find(|secret| secret.len() >= 8) {
        let (banner, object) = (format!("Password: {secret}"), json!({ "jwtSecret": secret }).to_string());
        assert_eq!(mask(&banner), "Password: ***");
        assert_eq!(mask(&object), r#"{"jwtSecret":"***"}"#);
    }
}

fn lines_of<'a>(chunks: impl Iterator<Item = &'a [u8]>) -> Vec<String> {
    let (mut assembler, mut lines) = (LineAssembler::default(), Vec::new());
    chunks.for_each(|chunk| assembler.push(chunk, |line| lines.push(line.to_owned())));
    lines.extend(assembler.finish());
    lines
}

/// What of a line can be a secret.
fn secret_of(line: &str) -> String {
    line.trim().chars().filter(|letter| !letter.is_control()).take(40).collect::<String>().trim().to_owned()
}
