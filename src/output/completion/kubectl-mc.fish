# Completion of kubectl-mc for fish, loaded by: kubectl mc completion fish | source
# What completes `kubectl mc` is kubectl's own completion: see `kubectl mc completion --help`.

# A word with ~/ and variables as fish reads them. Nothing is run.
function __kubectl_mc_expanded
    set -l _word (string replace -r -- '^~/' "$HOME/" $argv[1])
    for _name in (string match -ar -- '\$[A-Za-z_][A-Za-z_0-9]*' $_word | string sub -s 2)
        set _word (string replace -- "\$$_name" "$$_name" $_word)
    end
    printf '%s\n' $_word
end

function __kubectl_mc_complete
    set -l words
    for word in (commandline -opc)
        set -a words (__kubectl_mc_expanded $word)
    end
    # The word up to the cursor, without a quote that is open.
    set -l typed (commandline -ct)
    set -l word (string unescape -- $typed; or string unescape -- "$typed'"; or string unescape -- "$typed\""; or string trim -rc '\\' -- $typed)
    set -l option (string match -r -- '^-[^=]*=' "$word")
    # No command has this name, so fish completes files behind it.
    set -l files "__kubectl_mc_files "(string replace -- "$option" '' "$typed")
    set -l lines ($words[1] __complete $words[2..-1] "$word" 2>/dev/null)
    set -l directive $lines[-1]
    set -e lines[-1]
    switch "$directive"
        case ':0'
            set lines (complete -C $files)
        case ':16'
            set lines (complete -C $files | string match -- '*/')
    end
    test (count $lines) -gt 0; and printf '%s\n' "$option"$lines
end

complete -c kubectl-mc -f -a '(__kubectl_mc_complete)'
