//! Generated configuration files.

use std::slice;

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
                let fields = self.in_line(fields);
                self.line(column, &format!("{name}: {fields}"));
            }
            2 => {
                let null = NULLS[self.pick(NULLS.len())];
                self.line(column, &format!("{name}:{null}"));
            }
            3 => self.line(column, &format!("\"{name}\": {{}}")),
            _ => {}
        }
    }

    fn block_section(&mut self, column: usize, name: &str, fields: &[&str]) {
        self.line(column, &format!("{name}:"));
        let deeper = column + self.step;
        self.filler(deeper, 1);
        for field in fields {
            self.noise();
            match self.pick(4) {
                0 => {}
                1 => {
                    let null = NULLS[self.pick(NULLS.len())];
                    self.line(deeper, &format!("{field}:{null}"));
                }
                _ => {
                    let value = OLD_VALUES[self.pick(OLD_VALUES.len())];
                    self.line(deeper, &format!("{field}: {value}"));
                }
            }
        }
        self.fillers(deeper, 1);
    }

    fn in_line(&mut self, fields: &[&str]) -> String {
        let mut entries = Vec::new();
        for field in fields.iter().chain(&["other"]) {
            match self.pick(4) {
                0 => {}
                1 => entries.push(format!("{field}: ")),
                _ => entries.push(format!("{field}: {}", OLD_VALUES[self.pick(OLD_VALUES.len())])),
            }
        }
        let end = ["", ", ", " "][self.pick(3)];
        if entries.is_empty() { "{ }".to_owned() } else { format!("{{{}{end}}}", entries.join(", ")) }
    }

    fn spec(&mut self) {
        const FIELDS: [(&str, &[&str]); 2] =
            [("authentication", &["jwtSecret"]), ("multicluster", &["clusterRole", "hostClusterName"])];
        match self.pick(7) {
            5 => self.line(0, "spec:"),
            6 => {
                let [first, second] =
                    FIELDS.map(|(name, fields)| format!("{name}: {}", self.in_line(fields)));
                self.line(0, &format!("spec: {{{first}, {second}}}"));
            }
            4 => {}
            turned => {
                self.line(0, "spec:");
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
        self.line(0, "apiVersion: installer.kubesphere.io/v1alpha1");
        self.noise();
        self.line(0, "kind: ClusterConfiguration");
        self.line(0, "metadata:");
        self.line(self.step, "name: ks-installer");
        self.spec();
        self.fillers(0, 1);
        self.noise();
    }

    fn other(&mut self) {
        self.line(0, "apiVersion: kubekey.kubesphere.io/v1alpha2");
        self.line(0, "kind: Cluster");
        self.spec();
    }

    /// All documents; the ClusterConfiguration is the one with this number.
    fn file(&mut self) -> usize {
        self.step = [2, 4, 3][self.pick(3)];
        let (before, after) = (self.pick(3), self.pick(2));
        for number in 0..=before + after {
            self.noise();
            if number > 0 || self.pick(2) == 1 {
                self.line(0, "---");
            }
            if number == before { self.configuration() } else { self.other() }
        }
        before
    }
}

/// A file and the number of the document that is meant.
pub fn generated(choices: &[u8], is_crlf: bool, has_mark: bool, is_unended: bool) -> (String, usize) {
    let mut writer = Writer { choices: choices.iter(), text: String::new(), keys: 0, step: 2 };
    let number = writer.file();
    let mut text = writer.text;
    if is_unended {
        text.truncate(text.trim_end_matches('\n').len());
    }
    if is_crlf {
        text = text.replace('\n', "\r\n");
    }
    (if has_mark { format!("\u{feff}{text}") } else { text }, number)
}
