//! The commands of ours in a line that somebody types into a shell.

/// The words of each `kubectl mc …` in a command line, which may be one of a pipeline or in parentheses, as the shell
/// hands them over.
pub fn typed_lines(line: &str) -> Vec<Vec<String>> {
    let commands = commands(line);
    let ours = commands.iter().filter_map(|words| {
        let begin = words.windows(2).position(|pair| pair == ["kubectl", "mc"])?;
        Some(words[begin + 2..].to_vec())
    });
    ours.collect()
}

/// The words of a line, taken apart at what ends a command; what it is redirected to is left out.
fn commands(line: &str) -> Vec<Vec<String>> {
    let mut commands = vec![Vec::new()];
    let mut is_target = false;
    for token in tokens(line) {
        match token {
            Token::End => commands.push(Vec::new()),
            Token::Redirection => is_target = true,
            Token::Word(_) if is_target => is_target = false,
            Token::Word(word) => commands.last_mut().unwrap().push(word),
        }
    }
    commands
}

enum Token {
    Word(String),
    Redirection,
    End,
}

fn tokens(line: &str) -> Vec<Token> {
    let (mut tokens, mut word, mut quote): (Vec<Token>, Option<String>, Option<char>) =
        (Vec::new(), None, None);
    let mut signs = line.chars().peekable();
    while let Some(sign) = signs.next() {
        match (sign, quote) {
            (_, Some(end)) if sign == end => quote = None,
            ('\'' | '"', None) => {
                quote = Some(sign);
                word.get_or_insert_default();
            }
            ('\\', None) => word.get_or_insert_default().extend(signs.next()),
            ('#', None) if word.is_none() => while signs.next_if(|sign| *sign != '\n').is_some() {},
            (' ' | '\n' | '|' | '&' | ';' | '(' | ')' | '<' | '>', None) => {
                // The number of a redirected stream is no word.
                let is_stream = matches!(sign, '<' | '>') && word.as_deref() == Some("2");
                tokens.extend(word.take().filter(|_| !is_stream).map(Token::Word));
                match sign {
                    ' ' => {}
                    '<' | '>' if signs.peek() != Some(&'(') => tokens.push(Token::Redirection),
                    _ => tokens.push(Token::End),
                }
            }
            _ => word.get_or_insert_default().push(sign),
        }
    }
    tokens.extend(word.map(Token::Word));
    tokens
}

#[test]
fn a_line_is_read_as_a_shell_reads_it() {
    let read = |line| typed_lines(line).into_iter().map(|words| words.join("_")).collect::<Vec<_>>();
    assert_eq!(read("kubectl mc logs edge-1 2> /dev/null | tail -n 3"), ["logs_edge-1"]);
    assert_eq!(read("kubectl mc import a --alias 'Paris 1'   # under a name"), ["import_a_--alias_Paris 1"]);
    assert_eq!(
        read("(umask 077 && kubectl mc configure - --role host < in > out)"),
        ["configure_-_--role_host"]
    );
    assert_eq!(
        read("kubectl mc jwt-secret --reveal | ssh edge kubectl mc prepare member a"),
        ["jwt-secret_--reveal", "prepare_member_a"]
    );
    assert_eq!(read("kubectl mc logs > a   # there\n  kubectl mc version"), ["logs", "version"]);
    assert_eq!(read("source <(kubectl mc completion bash)"), ["completion_bash"]);
    assert_eq!(read("kubectl get nodes"), Vec::<String>::new());
}
