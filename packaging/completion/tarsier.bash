# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# Bash completion for tarsier. The names of the events come from the program itself, so that they
# are right for the version that is installed. Needs nothing but bash.

# Offers those of the words "$@" that begin with what has been typed.
_tarsier_offer() {
	mapfile -t COMPREPLY < <(compgen -W "$*" -- "$_tarsier_typed")
}

# Offers files and folders.
_tarsier_files() {
	compopt -o filenames 2>/dev/null
	mapfile -t COMPREPLY < <(compgen -f -- "$_tarsier_typed")
}

_tarsier_pids() {
	local pids=(/proc/[0-9]*)

	_tarsier_offer "${pids[@]#/proc/}"
}

# The events, as the program lists them: the first word of each line.
_tarsier_events() {
	"${COMP_WORDS[0]}" events 2>/dev/null </dev/null | sed -n 's/^ *\([a-z][a-z0-9_]*\)\( .*\)\?$/\1/p'
}

# Offers what can follow in a list with commas: -e fork,ex<TAB>
_tarsier_event_list() {
	local before='' names

	if [[ $_tarsier_typed == *,* ]]; then
		before=${_tarsier_typed%,*},
	fi
	mapfile -t names < <(_tarsier_events)
	names+=(process all)
	_tarsier_offer "${names[@]/#/$before}"
	compopt -o nospace 2>/dev/null
}

# What follows `--scope`. Bash takes `=` for a word of its own: $1 is the key before it, if any.
_tarsier_scope() {
	case $1 in
	exe) _tarsier_files ;;
	pid | descendants-of) _tarsier_pids ;;
	uid) mapfile -t COMPREPLY < <(getent passwd | cut -d: -f3 | grep "^$_tarsier_typed") ;;
	comm) ;;
	*)
		_tarsier_offer uid= 'uid!=' pid= comm= exe= descendants-of=
		compopt -o nospace 2>/dev/null
		;;
	esac
}

# The options of a command.
_tarsier_options() {
	local select='-e -o --scope --duration --latency --ring-size --ancestors --no-scrub --env'

	case $1 in
	run | record) echo "$select -w" ;;
	replay) echo '-e -o --ancestors --no-scrub --env' ;;
	tree) echo '--at --format' ;;
	events | probe) echo '-o' ;;
	esac
	echo --help
}

# The value of an option: $1 the command, $2 the option, $3 what stands between it and `=`.
# Fails where the option takes no value.
_tarsier_value() {
	case $1,$2 in
	*,-e) _tarsier_event_list ;;
	*,-w) _tarsier_files ;;
	events,-o) _tarsier_offer json md schema ;;
	probe,-o) _tarsier_offer json ;;
	*,-o)
		_tarsier_offer table json json-pretty none
		# A file can follow: json:FILE
		compopt -o nospace 2>/dev/null
		;;
	*,--scope) _tarsier_scope "$3" ;;
	*,--env) _tarsier_offer names values ;;
	*,--format) _tarsier_offer text json dot ;;
	*,--duration) _tarsier_offer 10s 1m 10m 1h ;;
	*,--latency) _tarsier_offer 10ms 100ms 1s ;;
	*,--ring-size | *,--ancestors | *,--at) ;;
	*) return 1 ;;
	esac
}

_tarsier() {
	local _tarsier_typed=${COMP_WORDS[COMP_CWORD]} at=$COMP_CWORD command=${COMP_WORDS[1]-}
	local option key=

	COMPREPLY=()
	if ((COMP_CWORD == 1)); then
		_tarsier_offer run record replay tree events probe version --help --version
		return
	fi

	# `:` and `=` are words of their own to bash: what is typed begins after the last of them.
	case $_tarsier_typed in
	: | = | '!=') _tarsier_typed='' at=$((at + 1)) ;;
	esac
	case ${COMP_WORDS[at - 1]} in
	:)
		_tarsier_files
		return
		;;
	= | '!=')
		key=${COMP_WORDS[at - 2]%!}
		# --option=value, or --scope key=value
		if [[ $key == --* ]]; then
			option=$key key=
		else
			option=${COMP_WORDS[at - 3]}
			[[ $option != = ]] || option=${COMP_WORDS[at - 4]}
		fi
		;;
	*) option=${COMP_WORDS[at - 1]} ;;
	esac

	if ((at > 2)) && _tarsier_value "$command" "$option" "$key"; then
		return
	fi
	if [[ $_tarsier_typed == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$(_tarsier_options "$command")" -- "$_tarsier_typed")
		return
	fi
	case $command in
	replay | tree) _tarsier_files ;;
	events)
		mapfile -t COMPREPLY < <(compgen -W "$(_tarsier_events)" -- "$_tarsier_typed")
		;;
	esac
}

complete -F _tarsier tarsier
