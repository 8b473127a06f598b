//! Generated configuration files.

use std::slice;

use serde_json::json;

/// Writes a file of several documents by a list of choices: the same choices, the same file.
struct Writer<'a> {
    choices: slice::Iter<'a, u8>,
    text: String,
    keys: usize,
    step: usize,
}

/// What the fields below `spec` may have been.
const OLD_VALUES: [&str; 9] =
    ["none", "\"\"", "''", "host", "\"none\"", "'member'", "123", "true", "\"a b\""];
const NULLS: [&str; 4] = ["", " ~", " null", " NULL"];
/// What comments say, to mislead whoever reads line by line.
const COMMENTS: [&str; 4] = [
    "# note",
    "# clusterRole: none  # jwtSecret: \"\"",
    "#multicluster: {clusterRole: host}",
    "# a \"b\" | c，d",
];

impl Writer<'_> {
    fn pick(&mut self, count: usize) -> usize {
        self.choices.next().map_or(0, |choice| usize::from(*choice) % count)
    }

    fn write(&mut self, text: &str) {
        self.text.push_str(text);
    }

    fn line(&mut self, column: usize, content: &str) {
        let note = match self.pick(6) {
            4 => "  ".to_owned(),
            5 => format!("   {}", COMMENTS[self.pick(COMMENTS.len())]),
            _ => String::new(),
        };
        self.write(&format!("{}{content}{note}\n", " ".repeat(column)));
    }

    /// A key in one of its quotes, or in none.
    fn key(&mut self, name: &str) -> String {
        match self.pick(5) {
            3 => format!("'{name}'"),
            4 => format!("\"{name}\""),
            _ => name.to_owned(),
        }
    }

    /// Blank lines and comments at any column.
    fn noise(&mut self) {
        match self.pick(5) {
            3 => self.text.push('\n'),
            4 => {
                let blanks = " ".repeat(self.pick(9));
                let comment = COMMENTS[self.pick(COMMENTS.len())];
                self.write(&format!("{blanks}{comment}\n"));
            }
            _ => {}
        }
    }

    fn fillers(&mut self, column: usize, depth: usize) {
        for _ in 0..self.pick(3) {
            self.filler(column, depth);
        }
    }

    /// An entry that nobody asks for.
    fn filler(&mut self, column: usize, depth: usize) {
        self.noise();
        self.keys += 1;
        let key = format!("key{}", self.keys);
        let deeper = column + self.step;
        match self.pick(12) {
            0 => self.line(column, &format!("{key}: plain text")),
            1 => self.line(column, &format!("{key}: 'it''s # none'")),
            2 => self.line(column, &format!("{key}: \"a \\\" b\"")),
            3 => self.line(column, &format!("{key}: {{\"a/b\": \"\", c: [none, 'x']}}")),
            4 => self.line(column, &format!("{key}: []")),
            5 => self.line(column, &format!("{key}:")),
            6 => self.write(&format!("{0}{key}: |+\n{0}  # text\n\n{0}    text\n\n", " ".repeat(column))),
            7 => self.write(&format!("{0}{key}: >-\n{0} folded\n{0} text\n", " ".repeat(column))),
            8 => self.write(&format!("{0}{key}: \"over\n{0}  two lines\"\n", " ".repeat(column))),
            9 => {
                let shift = self.pick(2) * self.step;
                self.line(column, &format!("{key}:"));
                self.line(column + shift, "- none");
                self.line(column + shift, "- a: 1");
                self.line(column + shift, "  b: 2");
            }
            _ if depth > 0 => {
                self.line(column, &format!("{key}:"));
                self.filler(deeper, depth - 1);
                self.fillers(deeper, depth - 1);
            }
            _ => self.line(column, &format!("{key}: 1.5e3")),
        }
    }

    /// `multicluster` or `authentication`, in any form or missing.
    fn section(&mut self, column: usize, name: &str, fields: &[&str]) {
        self.noise();
        match self.pick(5) {
            0 => self.block_section(column, name, fields),
            1 => {
                let (key, fields) = (self.key(name), self.in_line(fields));
                self.line(column, &format!("{key}: {fields}"));
            }
            2 => {
                let (key, null) = (self.key(name), NULLS[self.pick(NULLS.len())]);
                self.line(column, &format!("{key}:{null}"));
            }
            3 => {
                let key = self.key(name);
                self.line(column, &format!("{key}: {{}}"));
            }
            _ => {}
        }
    }

    fn block_section(&mut self, column: usize, name: &str, fields: &[&str]) {
        let key = self.key(name);
        self.line(column, &format!("{key}:"));
        let deeper = column + self.step;
        self.filler(deeper, 1);
        for field in fields {
            self.noise();
            match self.pick(4) {
                0 => {}
                1 => {
                    let (key, null) = (self.key(field), NULLS[self.pick(NULLS.len())]);
                    self.line(deeper, &format!("{key}:{null}"));
                }
                _ => {
                    let (key, value) = (self.key(field), OLD_VALUES[self.pick(OLD_VALUES.len())]);
                    self.line(deeper, &format!("{key}: {value}"));
                }
            }
        }
        self.fillers(deeper, 1);
    }

    fn in_line(&mut self, fields: &[&str]) -> String {
        let mut entries = Vec::new();
        for field in fields.iter().chain(&["other"]) {
            let key = self.key(field);
            // A quoted key needs no blank, as JSON is often written.
            let blank = if key != *field && self.pick(2) == 1 { "" } else { " " };
            match self.pick(4) {
                0 => {}
                1 => entries.push(format!("{key}:{blank}")),
                _ => entries.push(format!("{key}:{blank}{}", OLD_VALUES[self.pick(OLD_VALUES.len())])),
            }
        }
        let end = ["", ", ", " "][self.pick(3)];
        if entries.is_empty() { "{ }".to_owned() } else { format!("{{{}{end}}}", entries.join(", ")) }
    }

    fn spec(&mut self) {
        const FIELDS: [(&str, &[&str]); 2] =
            [("authentication", &["jwtSecret"]), ("multicluster", &["clusterRole", "hostClusterName"])];
        let spec = self.key("spec");
        match self.pick(7) {
            5 => self.line(0, &format!("{spec}:")),
            6 => {
                let [first, second] =
                    FIELDS.map(|(name, fields)| format!("{name}: {}", self.in_line(fields)));
                self.line(0, &format!("{spec}: {{{first}, {second}}}"));
            }
            4 => {}
            turned => {
                self.line(0, &format!("{spec}:"));
                self.filler(self.step, 2);
                let [first, second] = if turned % 2 == 0 { [0, 1] } else { [1, 0] };
                self.section(self.step, FIELDS[first].0, FIELDS[first].1);
                self.fillers(self.step, 2);
                self.section(self.step, FIELDS[second].0, FIELDS[second].1);
                self.fillers(self.step, 1);
            }
        }
    }

    fn configuration(&mut self) {
        if self.pick(5) == 4 {
            return self.json();
        }
        let [version, kind] = ["apiVersion", "kind"].map(|name| self.key(name));
        self.line(0, &format!("{version}: installer.kubesphere.io/v1alpha1"));
        self.noise();
        self.line(0, &format!("{kind}: ClusterConfiguration"));
        self.line(0, "metadata:");
        self.line(self.step, "name: ks-installer");
        self.spec();
        self.fillers(0, 1);
        self.noise();
    }

    /// The ClusterConfiguration as JSON, in one line or in several.
    fn json(&mut self) {
        let spec = [
            json!(null),
            json!({"authentication": {}, "multicluster": null}),
            json!({"authentication": {"jwtSecret": ""}, "list": [1], "multicluster": {"clusterRole": "none"}}),
        ];
        let value = json!({
            "apiVersion": "installer.kubesphere.io/v1alpha1",
            "kind": "ClusterConfiguration",
            "spec": spec[self.pick(spec.len())],
        });
        let text = if self.pick(2) == 0 { value.to_string() } else { format!("{value:#}") };
        self.write(&format!("{text}\n"));
    }

    fn other(&mut self) {
        self.line(0, "apiVersion: kubekey.kubesphere.io/v1alpha2");
        self.line(0, "kind: Cluster");
        self.spec();
    }

    /// A document with the ClusterConfiguration: alone, or as an item of a list; nothing or the item's number.
    fn document(&mut self) -> Option<usize> {
        match self.pick(5) {
            3 => {
                self.line(0, "apiVersion: v1");
                self.line(0, "kind: List");
                self.line(0, "items:");
            }
            4 => {}
            _ => {
                self.configuration();
                return None;
            }
        }
        let (before, after) = (self.pick(3), self.pick(2));
        for number in 0..=before + after {
            self.item(if number == before { Self::configuration } else { Self::other });
        }
        Some(before)
    }

    /// An item of a list: its lines deeper by two, the first after a dash.
    fn item(&mut self, write: fn(&mut Self)) {
        let begin = self.text.len();
        write(self);
        let item = self.text.split_off(begin);
        for (number, line) in item.lines().enumerate() {
            let indent = if number == 0 { "- " } else { "  " };
            self.write(if line.is_empty() { "" } else { indent });
            self.write(&format!("{line}\n"));
        }
    }

    /// All documents, and where the ClusterConfiguration stands.
    fn file(&mut self) -> Place {
        self.step = [2, 4, 3][self.pick(3)];
        let (before, after) = (self.pick(3), self.pick(2));
        let mut item = None;
        for number in 0..=before + after {
            self.noise();
            if number > 0 || self.pick(2) == 1 {
                self.line(0, "---");
            }
            if number == before {
                item = self.document();
            } else {
                self.other();
            }
            if self.pick(4) == 3 {
                self.line(0, "...");
            }
        }
        Place { document: before, item }
    }
}

/// Where the ClusterConfiguration stands in a file.
pub struct Place {
    /// The number of its document.
    pub document: usize,
    /// Its number in the list that the document is.
    pub item: Option<usize>,
}

/// A file and where what is meant stands in it.
pub fn generated(choices: &[u8], is_crlf: bool, has_mark: bool, is_unended: bool) -> (String, Place) {
    let mut writer = Writer { choices: choices.iter(), text: String::new(), keys: 0, step: 2 };
    let place = writer.file();
    let mut text = writer.text;
    if is_unended {
        text.truncate(text.trim_end_matches('\n').len());
    }
    if is_crlf {
        text = text.replace('\n', "\r\n");
    }
    (if has_mark { format!("\u{feff}{text}") } else { text }, place)
}
