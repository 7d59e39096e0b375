# bash completion for kanshiki
_kanshiki() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} command=${COMP_WORDS[1]}
    local all='--progress --json --quiet --help' source='--allow-in-use --identity --host-key --ssh-config --known-hosts --sudo --compress --timeout --transport --connections --source-hash --nice --retries --limit-rate'
    local seal='--sign --sign-pass-file --timestamp --tsa-ca --tsa-timeout'
    local browse='--volume --deleted --key-file'
    local options=
    if [ "$COMP_CWORD" -eq 1 ]; then
        mapfile -t COMPREPLY < <(compgen -W 'acquire verify convert seal transfer log prove check selftest info ls stat cat extract timeline mount triage --help --version' -- "$word")
        return
    fi
    [ "$command $before" = "ls --hash" ] && before= # there it takes no value
    case $before in
    --progress) options='auto bar line json none' ;;
    --transport) options='auto agent dd' ;;
    --format) options='bodyfile l2tcsv timesketch' ;;
    --connections) options='auto 1 2 4 8' ;;
    --plant) options='shift block stale unreported misplaced error-type tail bit leaf log-line room changed blind convert threads source' ;;
    --compress) options='auto none zstd lz4 gzip ssh' ;;
    --hash) options='sha256 md5 sha1 sha512 none sha256,md5' ;;
    --host-key | --timeout | --nice | --retries | --limit-rate | --level | --split | --threads | --expect-root | --case | --evidence | --examiner | --authority | --note | --timestamp | --tsa-timeout | --from | --to | --why | --where | --volume | --metadata-limit | --path) return ;;
    esac
    if [ -n "$options" ]; then
        mapfile -t COMPREPLY < <(compgen -W "$options" -- "$word")
        return
    fi
    if [[ $word != -* ]]; then
        compopt -o filenames
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
        return
    fi
    case $command in
    acquire) options="$all $source $seal --output --hash --level --split --resume --force --verify --triage --threads --case --evidence --examiner --authority --note" ;;
    verify) options="$all $source --explain --source --repair --output --expect-root --trust-key --trust-cert --require-signature --no-record --threads" ;;
    convert) options="$all --output --hash --level --split --force --threads" ;;
    seal) options="$seal --custody --force --json --quiet --help" ;;
    transfer) options="$all --from --to --why --where --received" ;;
    prove) options="$all --output --volume --metadata-limit --force" ;;
    check) options='--data --expect-root --trust-key --require-signature --extract --json --quiet --help' ;;
    selftest) options='--output --html --json --quiet --plant --help' ;;
    log) options="--html --json --help" ;;
    info) options="$all $source --key-file" ;;
    ls) options="$source $browse --long --recursive --inode --json --hash --xattrs --threads --quiet --help" ;;
    stat) options="$source $browse --inode --json --quiet --help" ;;
    cat) options="$source $browse --inode --raw --quiet --help" ;;
    extract) options="$all $source $browse --output --force --threads" ;;
    timeline) options="$source --key-file --volume --format --from --to --path --output --force --progress --quiet --help" ;;
    mount) options="$source $browse --foreground --no-symlinks --allow-other --quiet --help" ;;
    triage) options="$all $source --key-file --output --force --threads" ;;
    esac
    mapfile -t COMPREPLY < <(compgen -W "$options" -- "$word")
}
complete -F _kanshiki kanshiki
