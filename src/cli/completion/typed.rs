//! The words before the one that is to be completed, as far as they make sense.

use clap::{Arg, Args as _, Command, CommandFactory as _, FromArgMatches as _};

use crate::cli::{Cli, Global};

/// What was typed so far. What cannot be understood is passed over: the command that is typed in the end says it.
pub struct Typed<'a> {
    /// The command that the words lead to.
    pub(super) command: &'a Command,
    options: Vec<(&'a Arg, Option<String>)>,
    /// Its arguments that are no options.
    pub(super) positionals: Vec<String>,
    /// The option whose value comes next.
    pub(super) awaiting: Option<&'a Arg>,
    /// Whether there was a `--`, after which nothing is an option.
    pub(super) options_ended: bool,
}

impl<'a> Typed<'a> {
    /// Reads the words after the program's name. The program must be built.
    pub fn read(program: &'a Command, words: &[String]) -> Self {
        let mut typed = Self {
            command: program,
            options: Vec::new(),
            positionals: Vec::new(),
            awaiting: None,
            options_ended: false,
        };
        for word in words {
            typed.take(word);
        }
        typed
    }

    /// The options of every command among them. One that is wrong is as none, and the last of several counts: what
    /// the others say is known all the same.
    pub fn global(&self) -> Option<Global> {
        let words = self.options.iter().filter(|(argument, _)| argument.is_global_set());
        let words = words.filter_map(|(argument, value)| {
            let name = argument.get_long()?;
            Some(value.as_ref().map_or_else(|| format!("--{name}"), |value| format!("--{name}={value}")))
        });
        let command = Command::new("global").no_binary_name(true).args_override_self(true);
        let command = Global::augment_args(command);
        let words = words.filter(|word| command.clone().try_get_matches_from([word]).is_ok());
        Global::from_arg_matches(&command.clone().try_get_matches_from(words).ok()?).ok()
    }

    /// The option whose value adjoins its letter in this word, and that value.
    pub(super) fn adjoined<'w>(&self, word: &'w str) -> Option<(&'a Arg, &'w str)> {
        let letters = word.strip_prefix('-').filter(|letters| !letters.starts_with('-'))?;
        let (arguments, value) = self.letters(letters);
        arguments.last().copied().zip(value)
    }

    /// The values that this option was given.
    pub(super) fn values_of(&self, argument: &Arg) -> impl Iterator<Item = &str> {
        let given = self.options.iter().filter(|(given, _)| given.get_id() == argument.get_id());
        given.filter_map(|(_, value)| value.as_deref())
    }

    /// The fleet file that was named.
    pub fn file(&self) -> Option<&str> {
        let mut given = self.options.iter().filter(|(given, _)| given.get_long() == Some("filename"));
        given.next().and_then(|(_, value)| value.as_deref())
    }

    /// Whether this option was given.
    pub(super) fn has(&self, argument: &Arg) -> bool {
        self.options.iter().any(|(given, _)| given.get_id() == argument.get_id())
    }

    /// The option of this name, with its dashes.
    pub(super) fn option(&self, name: &str) -> Option<&'a Arg> {
        let short = name.strip_prefix('-').filter(|name| name.chars().count() == 1);
        self.command.get_arguments().find(|argument| match name.strip_prefix("--") {
            Some(long) => argument.get_long() == Some(long),
            None => short.is_some() && argument.get_short() == short.and_then(|name| name.chars().next()),
        })
    }

    fn take(&mut self, word: &str) {
        if let Some(argument) = self.awaiting.take() {
            self.options.push((argument, Some(word.to_owned())));
        } else if self.options_ended {
            self.positionals.push(word.to_owned());
        } else if word == "--" {
            self.options_ended = true;
        } else if word.starts_with("--") {
            self.take_long(word);
        } else if word.len() > 1 && word.starts_with('-') {
            self.take_short(&word[1..]);
        } else if let Some(command) = self.command.find_subcommand(word) {
            self.command = command;
        } else {
            self.positionals.push(word.to_owned());
        }
    }

    fn take_long(&mut self, word: &str) {
        let (name, value) = word.split_once('=').map_or((word, None), |(name, value)| (name, Some(value)));
        let Some(argument) = self.option(name) else { return };
        match value {
            None if awaits_value(argument) => self.awaiting = Some(argument),
            value => self.options.push((argument, value.map(str::to_owned))),
        }
    }

    fn take_short(&mut self, letters: &str) {
        let (mut arguments, value) = self.letters(letters);
        let last = value.and_then(|value| Some((arguments.pop()?, value)));
        self.options.extend(arguments.into_iter().map(|argument| (argument, None)));
        match last.map(|(argument, value)| (argument, value.strip_prefix('=').unwrap_or(value))) {
            Some((argument, "")) => self.awaiting = Some(argument),
            Some((argument, value)) => self.options.push((argument, Some(value.to_owned()))),
            None => {}
        }
    }

    /// The options of several letters at once, and what adjoins the last of them where that has a value.
    fn letters<'w>(&self, letters: &'w str) -> (Vec<&'a Arg>, Option<&'w str>) {
        let mut arguments = Vec::new();
        for (at, letter) in letters.char_indices() {
            let Some(argument) = self.option(&format!("-{letter}")) else { break };
            arguments.push(argument);
            if awaits_value(argument) {
                return (arguments, Some(&letters[at + letter.len_utf8()..]));
            }
        }
        (arguments, None)
    }
}

/// Which of the words after the program's name are arguments: neither commands, nor options, nor their values.
pub fn arguments(words: &[String]) -> Vec<bool> {
    let mut program = Cli::command();
    program.build();
    let mut typed = Typed::read(&program, &[]);
    let is_argument = |word: &String| {
        let before = typed.positionals.len();
        typed.take(word);
        typed.positionals.len() > before
    };
    words.iter().map(is_argument).collect()
}

/// Whether the option's value is the next word.
fn awaits_value(argument: &Arg) -> bool {
    argument.get_action().takes_values() && !argument.is_require_equals_set()
}
