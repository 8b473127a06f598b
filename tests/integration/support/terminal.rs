//! The program on a terminal, as `script` makes one, with somebody who answers.

use std::{
    io::{Read as _, Write as _},
    process::{Child, Command, Stdio},
};

use super::kubectl_mc::{KubectlMc, Run, kill_if_it_hangs};

/// What is typed when the program asks.
pub const CTRL_C: &str = "\u{3}";
pub const CTRL_Z: &str = "\u{1a}";
/// How questions end.
const QUESTIONS: [&str; 2] = ["[y/N]", "type the name of the Cluster:"];

impl KubectlMc {
    /// Runs it on a terminal and types this at its question. What a terminal shows is one stream, [`Run::stdout`].
    #[must_use]
    pub fn answer(self, answer: &str) -> Run {
        self.answers(&[answer])
    }

    /// As [`Self::answer`], one after the other at its questions.
    #[must_use]
    pub fn answers(self, answers: &[&str]) -> Run {
        self.answers_after(|| {}, answers)
    }

    /// As [`Self::answers`], after something that happens while the first question stands.
    #[must_use]
    pub fn answers_after(self, meanwhile: impl FnOnce(), answers: &[&str]) -> Run {
        let mut child = self.on_terminal().env("TERM", "xterm").spawn().unwrap();
        let shown = kill_if_it_hangs(child.id(), || talk(&mut child, meanwhile, answers));
        let secrets: Vec<String> =
            self.secrets.into_iter().chain(self.made.iter().flat_map(|made| made())).collect();
        Run::shown(self.words, shown, child.wait().unwrap().code(), &secrets)
    }

    /// What starts it on a terminal, with its keyboard and its screen at the ends of pipes.
    pub(super) fn on_terminal(&self) -> Command {
        self.on_terminal_amid("", "")
    }

    /// As [`Self::on_terminal`], between what a shell does there first and last.
    pub(super) fn on_terminal_amid(&self, before: &str, after: &str) -> Command {
        let line = std::iter::once(self.command.get_program().to_string_lossy().into_owned())
            .chain(self.words.iter().cloned())
            .map(|word| format!("'{word}'"))
            .collect::<Vec<_>>()
            .join(" ");
        let line = format!("{before}{line}{after}");
        let mut script = Command::new("script");
        script.args(["--quiet", "--return", "--flush", "--command", &line, "/dev/null"]).env_clear();
        script.envs(self.command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        script.env("SHELL", "/bin/sh").stdin(Stdio::piped()).stdout(Stdio::piped());
        if let Some(folder) = self.command.get_current_dir() {
            script.current_dir(folder);
        }
        script
    }
}

fn talk(child: &mut Child, meanwhile: impl FnOnce(), answers: &[&str]) -> String {
    // Kept open: where it ends, `script` ends the terminal's input.
    let mut keyboard = child.stdin.take().unwrap();
    let mut screen = child.stdout.take().unwrap();
    let (mut shown, mut answers, mut buffer) =
        (String::new(), answers.iter().enumerate().peekable(), [0; 4096]);
    let mut meanwhile = Some(meanwhile);
    while let Ok(count @ 1..) = screen.read(&mut buffer) {
        shown.push_str(&String::from_utf8_lossy(&buffer[..count]));
        let asked: usize = QUESTIONS.iter().map(|question| shown.matches(question).count()).sum();
        if let Some((_, answer)) = answers.next_if(|(number, _)| *number < asked) {
            if let Some(meanwhile) = meanwhile.take() {
                meanwhile();
            }
            keyboard.write_all(answer.as_bytes()).unwrap();
        }
    }
    shown
}
