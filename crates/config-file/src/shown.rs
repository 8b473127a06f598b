//! A file as it may be shown: its secrets replaced, its lines as they were.

use std::ops::Range;

use kubesphere::{
    confidential::{MASK, fingerprint, is_confidential},
    installer_log::mask,
    known_secrets::learn,
};

use super::{
    configuration_file::JWT_SECRET,
    splice::{Splice, spliced},
    tree::{Content, Node, Tree},
};

/// The text without its secrets: the jwtSecret of the ClusterConfiguration as its fingerprint, all others masked, also
/// where they stand in comments.
pub(super) fn shown(text: &str, tree: &Tree, configuration: &Node) -> String {
    let jwt_secret = configuration.find(&JWT_SECRET).map(|node| node.span.clone());
    let mut hidden = Hidden { text, jwt_secret, replacements: Vec::new() };
    tree.documents.iter().for_each(|document| hidden.visit(document, false));
    tree.comments.iter().for_each(|comment| hidden.mask_lines(comment));
    spliced(text, hidden.replacements)
}

struct Hidden<'text> {
    text: &'text str,
    /// The one secret whose fingerprint is worth seeing.
    jwt_secret: Option<Range<usize>>,
    replacements: Vec<Splice>,
}

impl Hidden<'_> {
    fn visit(&mut self, node: &Node, is_secret: bool) {
        match &node.content {
            Content::Mapping { entries, .. } => {
                let name = node.get("name").and_then(Node::text);
                let value_is_secret = name.is_some_and(is_confidential);
                for entry in entries {
                    let key = entry.key.text().unwrap_or_default();
                    let is_named = is_confidential(key) || key == "value" && value_is_secret;
                    self.visit(&entry.value, is_secret || is_named);
                }
            }
            Content::Sequence { items, .. } => items.iter().for_each(|item| self.visit(item, is_secret)),
            Content::Scalar { text, .. } if is_secret => self.hide(node, text),
            Content::Scalar { .. } => self.mask_lines(&node.span),
            Content::Alias => {}
        }
    }

    /// Hides a value, in its quotes; what is empty, true or false tells nothing.
    fn hide(&mut self, node: &Node, value: &str) {
        if node.is_null() || matches!(value, "" | "true" | "false") {
            return;
        }
        // It may stand elsewhere in the file, too.
        learn(value);
        let shown =
            if self.jwt_secret.as_ref() == Some(&node.span) { fingerprint(value) } else { MASK.to_owned() };
        let slice = &self.text[node.span.clone()];
        let quote =
            slice.chars().next().filter(|c| matches!(c, '"' | '\'')).map(String::from).unwrap_or_default();
        let hidden = if slice.contains('\n') {
            each_line(slice, |line| if line.trim().is_empty() { line.to_owned() } else { masked_line(line) })
        } else {
            format!("{quote}{shown}{quote}")
        };
        self.replacements.push((node.span.clone(), hidden));
    }

    /// Masks what looks like a secret in a comment or a text.
    fn mask_lines(&mut self, range: &Range<usize>) {
        let slice = &self.text[range.clone()];
        let masked = each_line(slice, |line| mask(line).into_owned());
        if masked != slice {
            self.replacements.push((range.clone(), masked));
        }
    }
}

/// Changes each line without its end.
fn each_line(text: &str, change: impl Fn(&str) -> String) -> String {
    let lines = text.split_inclusive('\n').map(|line| {
        let content = line.trim_end_matches(['\r', '\n']);
        change(content) + &line[content.len()..]
    });
    lines.collect()
}

fn masked_line(line: &str) -> String {
    let content = line.trim_start();
    format!("{}{MASK}", &line[..line.len() - content.len()])
}

#[cfg(test)]
mod tests {
    use kubesphere::jwt_secret::JwtSecret;

    use crate::configuration_file::ConfigurationFile;

    #[test]
    fn secrets_are_hidden_and_lines_stay() {
        let text = "apiVersion: installer.kubesphere.io/v1alpha1\nkind: ClusterConfiguration\nspec:\n  # adminPassword: hunter2\n  authentication: {adminPassword: hunter3, jwtSecret: \"s3cret\", a: b}\n  list:\n  - {name: TOKEN, value: t0ken}\n  key:\n    privateKey: |\n      line1\n\n      line2\n  url: http://me:hunter4@there/  # note\n  minioRootPassword: ''\n";
        let shown = ConfigurationFile::parse(text).unwrap().shown(&[]);
        let fingerprint = JwtSecret::new("s3cret").fingerprint();
        assert!(
            shown.contains(&format!("adminPassword: ***, jwtSecret: \"{fingerprint}\", a: b}}")),
            "{shown}"
        );
        for secret in ["hunter", "s3cret", "t0ken", "line1", "line2"] {
            assert!(!shown.contains(secret), "{secret}: {shown}");
        }
        assert!(shown.ends_with("  # note\n  minioRootPassword: ''\n"), "{shown}");
        assert_eq!(shown.lines().count(), text.lines().count());
    }
}
