//! Somebody who types into a shell on a terminal, and presses Tab.

use std::{
    io::{Read as _, Write as _},
    process::{Child, ChildStdin, ChildStdout},
};

use super::kubectl_mc::{KubectlMc, Run, kill_if_it_hangs};

const PROMPT: &str = "ready> ";
/// The key by which a shell tells its line, between these two.
const TELL: char = '\u{f}';
const BEGIN: char = '\u{1}';
const END: char = '\u{2}';
const CTRL_U: char = '\u{15}';
const CTRL_D: char = '\u{4}';

/// A shell with the program's completion, made to tell what stands on its line.
#[derive(Clone, Copy, Debug)]
pub enum TypedShell {
    Bash,
    Zsh,
}

impl TypedShell {
    /// How it is started, the file that it reads then, and what stands there.
    fn settings(self) -> (&'static [&'static str], &'static str, &'static str) {
        match self {
            Self::Bash => (
                &["bash", "--noprofile", "-i"],
                ".bashrc",
                r#"
bind 'set bell-style none'
bind 'set completion-query-items 0'
bind 'set page-completions off'
bind 'set enable-bracketed-paste off'
bind -x '"\C-o": printf "\001%s\002" "$READLINE_LINE"'
source <(kubectl-mc completion bash)
PS1='ready> '
"#,
            ),
            Self::Zsh => (
                &["zsh", "--no-globalrcs", "-i"],
                ".zshrc",
                r#"
unsetopt beep
autoload -U compinit && compinit -u -D
tell() { printf '\001%s\002' "$BUFFER" }
zle -N tell
bindkey -e
bindkey '^O' tell
LISTMAX=1000
source <(kubectl-mc completion zsh)
PS1='ready> '
"#,
            ),
        }
    }
}

impl KubectlMc {
    /// Types these lines into a shell at home, where ⇥ is the Tab key and ⌫ is Backspace; what stands there afterwards.
    pub fn typed_into(self, shell: TypedShell, lines: &[&str]) -> Vec<String> {
        let (command, file, settings) = shell.settings();
        let program = self.called("kubectl-mc").file(file, settings).instead(command[0]).at_home();
        let program = program.args(&command[1..]);
        let mut terminal = program.on_terminal();
        let mut child = terminal.env("TERM", "dumb").env("LC_ALL", "C.UTF-8").spawn().unwrap();
        let (typed, shown) = kill_if_it_hangs(child.id(), || {
            let mut session = Session::of(&mut child);
            let typed = lines.iter().map(|line| session.type_in(line)).collect();
            session.press(CTRL_D);
            child.wait().unwrap();
            (typed, session.shown)
        });
        let _ = Run::shown(program.words, shown, None, &program.secrets);
        typed
    }
}

struct Session {
    keyboard: ChildStdin,
    screen: ChildStdout,
    shown: String,
}

impl Session {
    fn of(child: &mut Child) -> Self {
        let (keyboard, screen) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let mut session = Self { keyboard, screen, shown: String::new() };
        session.until(PROMPT);
        session
    }

    fn type_in(&mut self, line: &str) -> String {
        let keys = line.replace('⇥', "\t").replace('⌫', "\u{7f}");
        self.keyboard.write_all(format!("{keys}{TELL}").as_bytes()).unwrap();
        let shown = self.until(&END.to_string());
        self.press(CTRL_U);
        shown.rsplit(BEGIN).next().unwrap().to_owned()
    }

    fn press(&mut self, key: char) {
        self.keyboard.write_all(key.to_string().as_bytes()).unwrap();
    }

    /// What is shown from now on up to this text.
    fn until(&mut self, text: &str) -> String {
        let (mut new, mut buffer) = (Vec::new(), [0; 4096]);
        loop {
            let count = self.screen.read(&mut buffer).unwrap();
            new.extend_from_slice(&buffer[..count]);
            let shown = String::from_utf8_lossy(&new);
            if let Some((before, _)) = shown.split_once(text) {
                self.shown.push_str(&shown);
                return before.to_owned();
            }
            assert!(count > 0, "does not show {text:?}\n{}{shown}", self.shown);
        }
    }
}
