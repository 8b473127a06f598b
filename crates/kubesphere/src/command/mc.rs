//! Commands of this program.

use std::fmt;

use super::{context_option, push_option};
use crate::{
    fleet_entry::{FleetEntry, Setting},
    given_options::{Choice, GivenOption},
    shell_word::shell_word,
    side::Side,
};

/// Subcommands in which `--member-server` and `--member-certificate-authority` say what the host stores, and not how this
/// machine connects.
const STORING: [&str; 4] = ["join", "import", "renew", "check"];
/// Subcommands that take a fleet file in the place of what leads to a member.
const IN_FILES: [&str; 4] = ["check", "join", "renew", "unjoin"];

/// A command of this program. One about a member of a fleet file takes the file, where it takes files.
#[derive(Clone, Debug)]
#[must_use]
pub struct Mc {
    subcommand: String,
    parts: Vec<Part>,
}

#[derive(Clone, Debug)]
enum Part {
    Words(String),
    Host(Side),
    Member(Side),
    MemberContext(Side),
    MemberOptions(Side),
    /// What the fleet file says, where there is one.
    Setting(Setting, String),
    Skipping(Vec<String>),
    File(FleetEntry),
}

impl Mc {
    /// The beginning of `kubectl mc SUBCOMMAND`.
    pub fn new(subcommand: &str) -> Self {
        Self { subcommand: subcommand.to_owned(), parts: Vec::new() }
    }

    /// The command that shows the log of this cluster's installer.
    pub fn logs(side: &Side) -> Self {
        match side {
            Side::Host { .. } => Self::new("logs").host(side),
            Side::Member { .. } => Self::new("logs").member(side),
        }
    }

    /// With this host, where it is known.
    pub fn host<'a>(self, host: impl Into<Option<&'a Side>>) -> Self {
        match host.into() {
            Some(host) => self.and(Part::Host(host.clone())),
            None => self,
        }
    }

    /// With this cluster as MEMBER.
    pub fn member(self, member: &Side) -> Self {
        self.and(Part::Member(member.clone()))
    }

    /// With this cluster's context as an option.
    pub fn member_context(self, member: &Side) -> Self {
        self.and(Part::MemberContext(member.clone()))
    }

    /// With what reaches this member, whose context is named otherwise.
    pub fn member_options(self, member: &Side) -> Self {
        self.and(Part::MemberOptions(member.clone()))
    }

    /// With an option of a single member that a fleet file has as a field.
    pub fn setting(self, setting: Setting, value: &str) -> Self {
        self.and(Part::Setting(setting, value.to_owned()))
    }

    /// With the checks that were skipped, which would stop this command, too.
    pub fn skipping(self, checks: &[String]) -> Self {
        self.and(Part::Skipping(checks.to_vec()))
    }

    /// Of a fleet file that names the members by words.
    pub fn of_file(self, entry: &FleetEntry) -> Self {
        self.and(Part::File(entry.clone()))
    }

    /// Goes on with these words as they are.
    pub fn words(self, words: &str) -> Self {
        self.and(Part::Words(words.to_owned()))
    }

    /// Goes on with one word that is not ours, and so may have to be quoted.
    pub fn word(self, word: &str) -> Self {
        let word = shell_word(word);
        self.words(&word)
    }

    fn and(mut self, part: Part) -> Self {
        self.parts.push(part);
        self
    }

    /// The fleet file that says what it is about. What goes by another name than there goes by its context.
    fn entry(&self) -> Option<&FleetEntry> {
        let named = self.parts.iter().find_map(|part| match part {
            Part::Words(name) => Some(name.as_str()),
            _ => None,
        });
        let entry = self.parts.iter().find_map(|part| match part {
            Part::Member(member) => member.entry(),
            Part::File(entry) => Some(entry),
            Part::MemberContext(member) => member.entry().filter(|entry| entry.name.as_deref() == named),
            _ => None,
        });
        entry.filter(|_| IN_FILES.contains(&self.subcommand.as_str()))
    }

    /// The options of clusters that its fleet file says.
    fn in_file(&self) -> Vec<GivenOption> {
        let sides = self.parts.iter().filter_map(|part| match part {
            Part::Host(side) | Part::Member(side) | Part::MemberContext(side) => Some(side),
            _ => None,
        });
        let said = sides.filter_map(|side| Some((side, side.entry()?))).flat_map(|(side, entry)| {
            let is_said =
                |option: &&GivenOption| option.choice.field().is_some_and(|field| entry.says(field));
            side.given().iter().filter(is_said).cloned()
        });
        if self.entry().is_some() { said.collect() } else { Vec::new() }
    }
}

impl fmt::Display for Mc {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entry = self.entry();
        let mut line = Line {
            text: format!("kubectl mc {}", self.subcommand),
            entry,
            stores: STORING.contains(&self.subcommand.as_str()),
            said: self.in_file(),
        };
        if let Some(entry) = entry {
            line.push(&format!("-f {}", shell_word(&entry.file)));
        }
        self.parts.iter().for_each(|part| line.go_on(part));
        formatter.write_str(&line.text)
    }
}

/// A command of this program on its way to a text.
struct Line<'a> {
    text: String,
    /// The fleet file that says what it is about.
    entry: Option<&'a FleetEntry>,
    /// Whether the address of the member is one to be stored.
    stores: bool,
    /// What is said already: an option of both clusters stands once.
    said: Vec<GivenOption>,
}

impl Line<'_> {
    fn go_on(&mut self, part: &Part) {
        match part {
            Part::Words(words) => self.push(words),
            Part::Host(host) => {
                let says_context = |entry: &FleetEntry| self.entry.is_some() && entry.says("context");
                let is_named = host.given().has_context() && !host.entry().is_some_and(says_context);
                self.push_way(host, is_named.then(|| context_option(host)).as_deref());
            }
            Part::Member(member) => {
                let name = self.entry.and_then(|entry| entry.name.as_deref()).unwrap_or(member.context());
                self.push(&shell_word(name));
                self.push_way(member, None);
            }
            Part::MemberContext(member) => {
                let context = format!("--member-context {}", shell_word(member.context()));
                self.push_way(member, self.entry.is_none().then_some(context.as_str()));
            }
            Part::MemberOptions(member) => self.push_way(member, None),
            Part::Setting(setting, value) if self.entry.is_none() => {
                self.push(&format!("{} {}", setting.option(), shell_word(value)));
            }
            Part::Setting(..) | Part::File(_) => {}
            Part::Skipping(checks) => self.push_skipped(checks),
        }
    }

    /// As far as the file does not skip them.
    fn push_skipped(&mut self, checks: &[String]) {
        let in_file = |check: &&String| self.entry.is_some_and(|entry| entry.skips.contains(check));
        let checks: Vec<&str> = checks.iter().filter(|check| !in_file(check)).map(String::as_str).collect();
        if !checks.is_empty() {
            self.push(&format!("--skip-check {}", shell_word(&checks.join(","))));
        }
    }

    fn push(&mut self, words: &str) {
        self.text = format!("{} {words}", self.text);
    }

    /// The kubeconfig, the context, and the other options, as far as they are not said.
    fn push_way(&mut self, side: &Side, context: Option<&str>) {
        let is_stored = |option: &GivenOption| {
            option.is_for_member && matches!(option.choice, Choice::Server | Choice::CertificateAuthority)
        };
        let options = side.given().iter().filter(|option| !(self.stores && is_stored(option)));
        let unsaid = options.filter(|option| !self.said.contains(option)).cloned();
        let (first, others) = unsaid.partition(|option| option.choice == Choice::Kubeconfig);
        self.push_options(first);
        if let Some(context) = context {
            self.push(context);
        }
        self.push_options(others);
    }

    fn push_options(&mut self, options: Vec<GivenOption>) {
        for option in options {
            let name = option.choice.name();
            let name = if option.is_for_member { format!("member-{name}") } else { name.to_owned() };
            push_option(&mut self.text, &name, &option);
            self.said.push(option);
        }
    }
}
