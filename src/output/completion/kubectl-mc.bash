# Completion of kubectl-mc for bash, loaded by: source <(kubectl mc completion bash)
# What completes `kubectl mc` is kubectl's own completion: see `kubectl mc completion --help`.

# Reads a line as bash does: its words into _words, and the quote that is open at its end into _quote. Only ~/ and
# variables are expanded; nothing is run, and $( and ` stay what they are.
__kubectl_mc_read() {
    local _rest=${1#"${1%%[![:space:]]*}"} _last=0 _variable='^\$([A-Za-z_][A-Za-z_0-9]*|\{[A-Za-z_][A-Za-z_0-9]*\})'
    _words=('') _quote=''
    while [[ -n $_rest ]]; do
        local _sign=${_rest:0:1} _plain=''
        case $_quote:$_rest in
            :[[:space:]]*)
                _sign=${_rest%%[![:space:]]*}
                _words[++_last]=''
                ;;
            \':\'* | \":\"*) _quote='' ;;
            \':*) _plain=$_sign ;;
            :\'* | :\"*) _quote=$_sign ;;
            :\\* | \":\\[\\\"\$\`]*)
                _sign=${_rest:0:2}
                _plain=${_rest:1:1}
                ;;
            *)
                _plain=$_sign
                if [[ $_rest =~ $_variable ]]; then
                    _sign=${BASH_REMATCH[0]}
                    _plain=${BASH_REMATCH[1]//[\{\}]/}
                    _plain=${!_plain-}
                elif [[ -z $_quote${_words[_last]} && $_rest == '~/'* ]]; then
                    _plain=$HOME
                fi
                ;;
        esac
        _words[_last]+=$_plain
        _rest=${_rest#"$_sign"}
    done
}

__kubectl_mc_complete() {
    # bash replaces its second argument alone, which begins behind a quote, or a = or : in the word; the rest is kept.
    local _words _quote _word _kept _line=${COMP_LINE:0:COMP_POINT} _option=''
    __kubectl_mc_read "${_line%"$2"}"
    _kept=${_words[${#_words[@]} - 1]}
    local _open=$_quote
    __kubectl_mc_read "$_line"
    _word=${_words[${#_words[@]} - 1]}
    [[ $_word == -*=* ]] && _option=${_word%%=*}=

    # The last line says whether there are files to complete; those before it are values.
    local _value _directive='' _values=() IFS=$'\n'
    while read -r _line; do
        [[ -n $_directive ]] && _values+=("$_option${_directive%%$'\t'*}")
        _directive=$_line
    done < <("${_words[0]}" __complete "${_words[@]:1}" 2>/dev/null)
    COMPREPLY=()
    case $_directive in
        :0) compopt -o default 2>/dev/null || COMPREPLY=($(compgen -f -- "$2")) ;;
        :16) compopt -o dirnames 2>/dev/null || COMPREPLY=($(compgen -d -- "$2")) ;;
        :*)
            for _value in "${_values[@]}"; do
                [[ $_value == "$_word"* ]] && __kubectl_mc_quoted "${_value#"$_kept"}" && COMPREPLY+=("$_value")
            done
            ;;
    esac
}

# Writes a value into _value as it has to be typed behind the quote _open.
__kubectl_mc_quoted() {
    case $_open in
        \') _value=${1//\'/\'\\\'\'} ;;
        \")
            _value=${1//\\/\\\\}
            _value=${_value//\"/\\\"}
            _value=${_value//\$/\\\$}
            _value=${_value//\`/\\\`}
            ;;
        *)
            printf -v _value %q "$1"
            _value=${_value//\\,/,}
            ;;
    esac
}

complete -F __kubectl_mc_complete kubectl-mc
