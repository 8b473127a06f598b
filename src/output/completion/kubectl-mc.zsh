#compdef kubectl-mc
# Completion of kubectl-mc for zsh, loaded by: source <(kubectl mc completion zsh)
# What completes `kubectl mc` is kubectl's own completion: see `kubectl mc completion --help`.

_kubectl_mc() {
    local _word _plain _line _directive _value
    local -a _words _lines _candidates
    # Quotes, ~/ and variables are read as zsh reads them. Nothing is run: what could run something stays what it is.
    for _word in "${(@)words[1,CURRENT-1]}"; do
        [[ $_word == '~/'* ]] && _word=$HOME${_word#'~'}
        _plain=${(Q)_word}
        [[ ${_word//\$([A-Za-z_][A-Za-z_0-9]#|\{[A-Za-z_][A-Za-z_0-9]#\})/} == *[][\'\`\$\\]* ]] || _plain=${(e)_plain}
        _words+=("$_plain")
    done
    # The word up to the cursor, without a quote that is open.
    _words=("${_words[1]}" __complete "${(@)_words[2,-1]}" "${(Q)PREFIX}")
    _lines=("${(@f)$("${(@)_words}" 2>/dev/null)}")
    _directive=${_lines[-1]}
    _lines[-1]=()
    # What stands before the value in the same word stays.
    [[ $PREFIX == -*=* ]] && compset -P 1 '*='
    case $_directive in
        :0) _files ;;
        :16) _files -/ ;;
        *)
            for _line in $_lines; do
                _value=${${${_line%%$'\t'*}//\\/\\\\}//:/\\:}
                [[ $_line == *$'\t'* ]] && _value+=":${_line#*$'\t'}"
                _candidates+=("$_value")
            done
            _describe -t values 'kubectl mc' _candidates
            ;;
    esac
}

compdef _kubectl_mc kubectl-mc
# Where this file is a function that zsh has just loaded for the first time.
[[ ${funcstack[1]} == _kubectl-mc ]] && _kubectl_mc "$@"
true
